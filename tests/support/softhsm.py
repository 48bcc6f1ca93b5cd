"""Tokens in software: SoftHSM 2, in a directory of the test's own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.formats.keyuri import KeyUri, parse
from appliance.keys.pins import PinGuard
from appliance.keys.pkcs11.driver import Pkcs11Token
from appliance.model.secret import Password

MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
)
PIN = "1234"
SO_PIN = "12345678"


class SoftHsm:
    """A token directory; the module finds it by an environment variable, as its workers do."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.module = next((each for each in MODULES if each.exists()), None)
        if self.module is None or shutil.which("softhsm2-util") is None:
            if os.environ.get("CI"):
                pytest.fail("packaging/setup.sh test installs softhsm2, and it is not here")
            pytest.skip("needs softhsm2")
        self.tokens = directory / "tokens"
        self.tokens.mkdir(parents=True)
        file = directory / "softhsm2.conf"
        file.write_text(
            f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        monkeypatch.setenv("SOFTHSM2_CONF", str(file))

    def initialise(self, label: str) -> "SoftHsm":
        """Make a token."""
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", label]
            + ["--so-pin", SO_PIN, "--pin", PIN],
            check=True,
            capture_output=True,
        )
        return self

    def take_away(self) -> None:
        """Make all tokens vanish; the module notices when it is loaded anew."""
        self.tokens.rename(self.tokens.with_name("away"))
        self.tokens.mkdir()

    def bring_back(self) -> None:
        """Undo that."""
        self.tokens.rmdir()
        self.tokens.with_name("away").rename(self.tokens)

    def uri(self, label: str, rest: str = "") -> str:
        """Write the URI of a token."""
        return f"pkcs11:module-path={self.module};token={label}{rest}"

    def token(
        self, label: str, pin: str | None = PIN, guard: PinGuard | None = None
    ) -> Pkcs11Token:
        """Make the driver for a token; it works once it runs."""
        uri: KeyUri = parse(self.uri(label))
        secret = None if pin is None else Password(pin.encode())
        return Pkcs11Token(uri, pin=secret, guard=guard or PinGuard(None), looking=0.2)
