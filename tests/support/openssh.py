"""Keys as OpenSSH has them, and ssh-keygen as a judge."""

import subprocess
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from appliance.formats.ssh import keys, wire
from tests.support.requests import key_of


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_blob(kind: str) -> bytes:
    """Make a public key of a kind; those of security keys and DSA by hand."""
    if kind.startswith("sk-ecdsa"):
        inner = keys.of_key(new_key().public_key()).blob
        point = inner[len(wire.strings(("ecdsa-sha2-nistp256", "nistp256"))) :]
        return wire.strings((keys.SK_ECDSA, "nistp256")) + point + wire.string("ssh:")
    if kind.startswith("sk-ed25519"):
        inner = keys.of_key(key_of("Ed25519").public_key()).blob  # type: ignore[arg-type]
        return (
            wire.string(keys.SK_ED25519)
            + inner[len(wire.string(keys.ED25519)) :]
            + (wire.string("ssh:"))
        )
    if kind.startswith("DSA"):
        key = key_of(kind)
        assert isinstance(key, dsa.DSAPrivateKey)
        numbers = key.public_key().public_numbers()
        parts = numbers.parameter_numbers
        values = (parts.p, parts.q, parts.g, numbers.y)
        return wire.string(keys.DSA) + b"".join(map(wire.mpint, values))
    if kind == "RSA-1024":
        return _small_rsa()
    return keys.of_key(key_of(kind).public_key()).blob  # type: ignore[arg-type]


def _small_rsa() -> bytes:
    modulus = rsa.generate_private_key(65537, 2048).private_numbers().p  # of 1024 bits
    return wire.string(keys.RSA) + wire.mpint(65537) + wire.mpint(modulus)


def keygen(*arguments: str | Path, check: bool = True) -> str:
    """Run ssh-keygen and give what it says."""
    ended = subprocess.run(
        ["ssh-keygen", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=30, env={"TZ": "UTC"},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if check:
        assert ended.returncode == 0, ended.stderr
    return ended.stdout


def shown(line: str, folder: Path) -> dict[str, Any]:
    """Let ssh-keygen -L read a certificate; give its fields, lists as lists."""
    file = folder / "shown-cert.pub"
    file.write_text(line + "\n")
    found: dict[str, Any] = {}
    name = ""
    for each in keygen("-L", "-f", file).splitlines()[1:]:
        if each.startswith(" " * 16):
            found[name].append(each.strip())
            continue
        name, _, value = each.strip().partition(":")
        found[name] = value.strip() or []
    return found
