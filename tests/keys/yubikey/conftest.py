"""Virtual YubiKeys behind a real pcscd."""

from tests.support.yubikey.fixtures import machine, port, ports

__all__ = ["machine", "port", "ports"]
