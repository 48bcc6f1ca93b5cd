"""`hearth kms create`: a key that is made on a token."""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import click
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.cli.command import StepCommand, was_given
from appliance.cli.files import write_file
from appliance.cli.kms_flags import chosen, is_file, kms_uri, public_text
from appliance.cli.token_places import Place, file_of, place
from appliance.cli.token_thread import use_token
from appliance.client import csr
from appliance.formats import keyfile, pem
from appliance.formats.keys import PublicKey
from appliance.model.errors import BadRequest, NotSupported
from appliance.model.tokens import KeyKind, KeyPolicies, PinPolicy, TouchPolicy
from appliance.ports.keys import KeyManager

_CURVES: Final = {
    "P256": KeyKind.EC_P256,
    "P384": KeyKind.EC_P384,
    "P521": KeyKind.EC_P521,
}
_SIZES: Final = {
    2048: KeyKind.RSA_2048,
    3072: KeyKind.RSA_3072,
    4096: KeyKind.RSA_4096,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """The flags as given."""

    kty: str
    crv: str
    size: int
    alg: str
    protection_level: str
    pin_policy: str
    touch_policy: str
    pss: bool
    extractable: bool
    format: str
    json: bool
    force: bool


@click.command("create", cls=StepCommand, no_context=True)
@click.argument("uri", metavar="<uri>")
@kms_uri
@click.option("--kty", default="EC", metavar="<kty>", help="EC (default), RSA or OKP.")
@click.option(
    "--crv", default="P256", metavar="<curve>", help="P256 (default), P384, P521; Ed25519 of OKP."
)
@click.option(
    "--size", type=int, default=3072, metavar="<size>", help="The bits of an RSA key: 3072."
)
@click.option(
    "--alg", default="SHA256", metavar="<alg>", help="The hash of an RSA key; tokens take any."
)
@click.option(
    "--protection-level", default="SOFTWARE", metavar="<level>", help="Of cloud services only."
)
@click.option(
    "--pin-policy",
    default="",
    metavar="<policy>",
    help="When a YubiKey wants its PIN: ALWAYS (default), ONCE or NEVER. ONCE is fastest for a CA.",
)
@click.option(
    "--touch-policy",
    default="",
    metavar="<policy>",
    help="When a YubiKey wants to be touched: NEVER (default), CACHED or ALWAYS.",
)
@click.option("--pss", is_flag=True, help="An RSA key for PSS; tokens take any.")
@click.option("--extractable", is_flag=True, help="Let the key leave a PKCS#11 token: for backups.")
@click.option("--format", default="PKIX", metavar="<format>", help="PKIX (default) or PKCS1.")
@click.option("--json", is_flag=True, help="Print the key's name and its public key as JSON.")
@click.option("-f", "--force", is_flag=True, help="Destroy a key that is there by this name.")
def create(*, uri: str, kms: str | None, **given: Any) -> None:
    """Make a key that never leaves the token, and print its public key.

    A key on a PKCS#11 token needs an id (hexadecimal) and a name (object). A key that is there by
    that name, or in that slot, stays, unless --force is given.

    \b
    Examples:
      $ hearth kms create --json 'yubikey:slot-id=82'
      $ hearth kms create --kty RSA --size 2048 --pin-policy once 'yubikey:slot-id=83'
      $ hearth kms create --kty EC --crv P-384 \\
          --kms 'pkcs11:module-path=/usr/lib/softhsm/libsofthsm2.so;token=ca?pin-source=/run/pin' \\
          'pkcs11:id=7331;object=root-ca'
    """
    flags = _Flags(**given)
    kind = _kind(flags)
    form = chosen("format", flags.format, ("PKIX", "PKCS1", "TSS2"))
    if form == "TSS2":
        raise NotSupported("the format TSS2 is of TPMs, which are reached by PKCS#11 here")
    if is_file(uri, kms):
        _show(file_of(uri), _in_file(file_of(uri), kind, flags), flags, form)
        return
    where = place(uri, kms)
    made = use_token(where, partial(_make, where, kind, flags))
    _show(_name(where, uri), made, flags, form)


def _kind(flags: _Flags) -> KeyKind:
    """Read the flags that choose what key to make. Raises BadRequest."""
    kty = chosen("kty", flags.kty, ("EC", "RSA", "OKP"))
    chosen("alg", flags.alg, ("SHA256", "SHA384", "SHA512"))
    chosen("protection-level", flags.protection_level, ("SOFTWARE", "HSM"))
    if flags.pss and was_given("kty") and kty != "RSA":
        raise BadRequest(f"flag --pss is incompatible with --kty {kty}")
    if flags.pss or kty == "RSA":
        if flags.size not in _SIZES:
            raise BadRequest(f"invalid value '{flags.size}' for flag '--size': 2048, 3072 or 4096")
        return _SIZES[flags.size]
    if kty == "OKP":
        if was_given("crv"):
            chosen("crv", flags.crv, ("Ed25519",))
        return KeyKind.ED25519
    return _CURVES[chosen("crv", flags.crv, tuple(_CURVES))]


async def _make(where: Place, kind: KeyKind, flags: _Flags, manager: KeyManager) -> PublicKey:
    pin = chosen("pin-policy", flags.pin_policy, ("", "NEVER", "ALWAYS", "ONCE"))
    touch = chosen("touch-policy", flags.touch_policy, ("", "NEVER", "ALWAYS", "CACHED"))
    on_card = where.token.scheme == "yubikey"
    policies = KeyPolicies(
        pin=PinPolicy(pin.lower() or ("always" if on_card else "")),
        touch=TouchPolicy(touch.lower() or ("never" if on_card else "")),
        extractable=flags.extractable,
    )
    return await manager.create_key(where.key, kind, policies, replace=flags.force)


def _in_file(file: str, kind: KeyKind, flags: _Flags) -> PublicKey:
    family, _, rest = kind.value.partition("-")
    match family:
        case "RSA":
            wanted = csr.KeyKind(kty="RSA", size=int(rest))
        case "Ed25519":
            wanted = csr.KeyKind(kty="OKP", curve="Ed25519")
        case _:
            wanted = csr.KeyKind(kty="EC", curve=kind.value)
    made = csr.generate_key(wanted)
    write_file(file, keyfile.dump_private_key(made, None), 0o600, force=flags.force)
    return made.public_key()


def _name(where: Place, uri: str) -> str:
    """Name the key as the plugin does: a YubiKey's by its slot alone."""
    if where.key.scheme == "yubikey":
        return f"yubikey:slot-id={where.key.get('slot-id').lower()}"
    return str(where.key) if "pin-value" in uri or "module-path" in uri else uri


def _show(name: str, public: PublicKey, flags: _Flags, form: str) -> None:
    text = public_text(public)
    if form == "PKCS1" and isinstance(public, RSAPublicKey):
        text = pem.encode("RSA PUBLIC KEY", public.public_bytes(Encoding.DER, PublicFormat.PKCS1))
    if flags.json:
        text = json.dumps({"name": name, "publicKey": text}, indent=2) + "\n"
    click.echo(text, nl=False)
