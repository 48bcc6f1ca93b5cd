"""What `crypto jwt sign` and `crypto jws sign` share: the key, its headers, its certificates."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from cryptography import x509

from appliance.cli.certificate_sources import certificates_of
from appliance.cli.files import read_file
from appliance.cli.jose_input import KeyChoice, algorithm_flag, key_flags
from appliance.formats import jose_keys, key_forms
from appliance.formats.certificates import UNREADABLE, load
from appliance.formats.jose_keys import Asked, JoseKey
from appliance.formats.keys import checked_public
from appliance.model.errors import BadRequest, FormatError

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningFlags:
    """The flags that both have."""

    key: str | None
    jwks: str | None
    kid: str
    alg: str
    password_file: str | None
    x5c_cert: str | None
    x5t_cert: str | None
    no_kid: bool
    subtle: bool


def signing_flags(function: F) -> F:
    """Add them."""
    for option in (
        click.option("--subtle", is_flag=True, hidden=True),
        click.option("--no-kid", is_flag=True, hidden=True),
        click.option(
            "--x5t-cert", metavar="<file>", help="Name this certificate by its hash (x5t)."
        ),
        click.option("--x5c-cert", metavar="<chain>", help="Put this chain into the header (x5c)."),
        click.option("--password-file", metavar="<file>", help="The password of the key."),
        algorithm_flag("ES256, RS256, PS256, EdDSA, HS256, …; default: that of the key."),
    ):
        function = option(function)
    return key_flags("--x5c-key", "--x5t-key")(function)


def take(flags: dict[str, Any]) -> SigningFlags:
    """Take these flags out of all those of a command."""
    return SigningFlags(**{name: flags.pop(name) for name in SigningFlags.__slots__})


def signing_key(flags: SigningFlags) -> JoseKey:
    """Read the key, and check that it can sign. Raises BadRequest."""
    choice = _choice(flags)
    key = choice.read(Asked(use="sig", algorithm=flags.alg, kid=flags.kid, subtle=flags.subtle))
    if key.is_public:
        raise BadRequest("cannot use a public key for signing")
    if key.use not in ("sig", ""):
        raise BadRequest(f"invalid jwk use: found '{key.use}', expecting 'sig' (signature)")
    if not key.algorithm:
        raise BadRequest("flag '--alg' is required with the given key")
    jose_keys.check(key)
    return key


def headers(flags: SigningFlags, key: JoseKey, *, insecure_chain: bool = False) -> dict[str, Any]:
    """Give what the header says of the key. Raises BadRequest."""
    found: dict[str, Any] = {}
    if key.kid and not flags.no_kid:
        found["kid"] = key.kid
    if flags.x5c_cert:
        chain = _chain(flags.x5c_cert, key)
        found["x5cInsecure" if insecure_chain else "x5c"] = [
            base64.b64encode(each).decode() for each in chain
        ]
    if flags.x5t_cert:
        leaf = _chain(flags.x5t_cert, key)[0]
        found["x5t"] = base64.urlsafe_b64encode(
            hashlib.sha1(leaf, usedforsecurity=False).digest()
        ).decode()
    return found


def _choice(flags: SigningFlags) -> KeyChoice:
    """Say which key is meant. Raises BadRequest."""
    if flags.x5c_cert and flags.x5t_cert:
        raise BadRequest("flag '--x5c-cert' and flag '--x5t-cert' are mutually exclusive")
    choice = KeyChoice(key=flags.key, jwks=flags.jwks, password_file=flags.password_file)
    for kind, certificate in (("x5c", flags.x5c_cert), ("x5t", flags.x5t_cert)):
        if certificate and flags.jwks:
            raise BadRequest(f"flag '--{kind}-cert' and flag '--jwks' are mutually exclusive")
        if certificate and not flags.key:
            raise BadRequest(f"flag '--{kind}-cert' requires the '--key' or '--{kind}-key' flag")
    choice.check(flags.kid)
    return choice


def _chain(name: str, key: JoseKey) -> list[bytes]:
    """Read a chain whose leaf may sign with the key. Raises BadRequest."""
    try:
        chain = certificates_of(read_file(name))
        leaf = load(chain[0])
        certified = checked_public(leaf.public_key())
        may_sign = _may_sign(leaf)
    except (FormatError, *UNREADABLE) as error:
        raise BadRequest(f"error reading {name}: {error}") from error
    if isinstance(key.key, bytes) or key_forms.public_half(key.key) != certified:
        raise BadRequest(f"the certificate {name} and the private key do not belong together")
    if not may_sign:
        raise BadRequest(f"the certificate {name} is not approved for digital signature")
    return chain


def _may_sign(leaf: x509.Certificate) -> bool:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.digital_signature
