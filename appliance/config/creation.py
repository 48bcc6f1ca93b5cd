"""The files of a new authority, however its keys were made: all of them in memory first.

Names, modes and forms are step's, so that step and step-ca find themselves at home; only `db` names
our embedded store.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.config import hierarchy, ssh_templates
from appliance.config.hierarchy import Occasion
from appliance.config.location import Location, context_files
from appliance.config.placing import NewFile
from appliance.formats import jwe, jwk, keyfile, pem
from appliance.formats.keys import PrivateKey, PublicKey
from appliance.issuance.certificates import Prepared
from appliance.model.secret import Password

CIPHER_SUITES: Final = (
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
)

Octets = Callable[[int], bytes]
SignWith = Callable[[PrivateKey, Prepared], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What was asked for. `ca_url` "" is made of the first DNS name and the port.

    Whoever wishes for `crl` or `ocsp` gets certificates that say where these are.
    """

    name: str
    dns_names: tuple[str, ...] = ()
    address: str = ""
    provisioner: str = ""
    ssh: bool = False
    acme: bool = False
    database: bool = True
    pki_only: bool = False
    ca_url: str = ""
    crl: bool = False
    ocsp: bool = False
    insecure_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A root to sign the intermediate with; a brought one's key is not written anywhere."""

    certificate: bytes  # DER
    key: PrivateKey = field(repr=False)
    brought: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPlaces:
    """Where ca.json finds keys that are not in their usual files, by the names of these."""

    uris: Mapping[str, str] = field(default_factory=dict)  # or paths
    kms: Mapping[str, str] = field(default_factory=dict)  # `kms` of ca.json


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKeys:
    """Keys that were made on tokens, and only sign."""

    places: KeyPlaces = field(default_factory=KeyPlaces)
    keys: Mapping[str, PrivateKey] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Everything that was made; keys are here already encrypted."""

    wishes: Wishes
    root: bytes
    intermediate: bytes
    keys: Mapping[str, bytes] = field(repr=False)  # file name below secrets/ to PEM
    ssh_public_keys: Mapping[str, str]  # file name below certs/ to its line
    provisioner: Mapping[str, object] | None
    places: KeyPlaces = field(default_factory=KeyPlaces)


async def make_root(
    name: str, sign: SignWith, now: datetime, octets: Octets, key: PrivateKey | None = None
) -> Root:
    """Make a root of our own, with a new key where none is given."""
    key = key or _key()

    async def sign_it(prepared: Prepared) -> bytes:
        return await sign(key, prepared)

    occasion = Occasion(now=now, serial=octets(16))
    certificate = await hierarchy.root(name, key.public_key(), sign_it, occasion)
    return Root(certificate=certificate, key=key, brought=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """That of the CA's keys, and that of the first provisioner."""

    keys: Password
    provisioner: Password


async def make_authority(
    wishes: Wishes,
    root: Root,
    passwords: Passwords,
    *,
    sign: SignWith,
    now: datetime,
    octets: Octets,
    tokens: HeldKeys,
) -> Authority:
    """Make intermediate, keys and provisioner below a root. Raises FormatError.

    Keys that are on a token are used, and not written.
    """
    held = tokens.keys
    key = held.get("intermediate_ca_key") or _key()

    async def sign_it(prepared: Prepared) -> bytes:
        return await sign(root.key, prepared)

    intermediate = await hierarchy.intermediate(
        wishes.name,
        key.public_key(),
        root.certificate,
        sign_it,
        Occasion(now=now, serial=octets(16)),
    )
    keys: dict[str, PrivateKey] = {} if root.brought else {"root_ca_key": root.key}
    keys["intermediate_ca_key"] = key
    if wishes.ssh:
        for name in ("ssh_host_ca_key", "ssh_user_ca_key"):
            keys[name] = held.get(name) or _key()
    made = assembled(
        wishes,
        (root.certificate, intermediate),
        {name: each.public_key() for name, each in keys.items()},
        passwords.provisioner,
        octets,
    )
    return replace(
        made,
        places=tokens.places,
        keys={
            name: keyfile.dump_private_key(each, passwords.keys, entropy=octets(keyfile.ENTROPY))
            for name, each in keys.items()
            if name not in held
        },
    )


def assembled(
    wishes: Wishes,
    certificates: tuple[bytes, bytes],
    keys: Mapping[str, PublicKey],
    password: Password,
    octets: Octets,
) -> Authority:
    """Join root, intermediate and keys to an authority, and make its first provisioner."""
    root, intermediate = certificates
    return Authority(
        wishes=wishes,
        root=root,
        intermediate=intermediate,
        keys={},
        ssh_public_keys={
            f"{name}.pub": ssh_line(key) for name, key in keys.items() if name.startswith("ssh_")
        },
        provisioner=None if wishes.pki_only else first_provisioner(wishes, password, octets),
    )


def files(made: Authority, location: Location) -> list[NewFile]:
    """Give every file of the authority, in the order in which they are put in place."""
    certificates = {
        "root_ca.crt": pem.encode("CERTIFICATE", made.root),
        "intermediate_ca.crt": pem.encode("CERTIFICATE", made.intermediate),
    } | dict(made.ssh_public_keys)
    found = [_file(location.certs / name, text, 0o600) for name, text in certificates.items()]
    found += [
        NewFile(path=location.secrets / name, content=key, mode=0o600)
        for name, key in made.keys.items()
    ]
    if made.wishes.pki_only:
        return found
    if made.wishes.ssh:
        found += [
            _file(location.templates / "ssh" / name, text, 0o644)
            for name, text in ssh_templates.TEMPLATES.items()
        ]
    defaults = to_json(defaults_json(made, location, fingerprint(made.root)))
    return [
        *found,
        _file(location.defaults_json, defaults, 0o644),
        _file(location.ca_json, to_json(ca_json(made, location)), 0o644),
        *_context_files(location),
    ]


def _context_files(location: Location) -> Iterator[NewFile]:
    """Give what makes the authority's context known, where contexts are used."""
    if location.context is None:
        return
    for path, text, mode in context_files(location.base, location.context):
        yield _file(path, text, mode)
    if not location.profile_defaults_json.exists():
        yield _file(location.profile_defaults_json, "{}", 0o600)


def directories(made: Authority, location: Location) -> list[Path]:
    """Give the directories that an authority has, even while nothing is in them."""
    found = [location.config, location.templates]
    return [*found, location.db] if made.wishes.database and not made.wishes.pki_only else found


def ca_json(made: Authority, location: Location) -> dict[str, object]:
    """Give the configuration of the server."""
    wishes = made.wishes
    document: dict[str, object] = {
        "root": str(location.certs / "root_ca.crt"),
        "federatedRoots": None,
        "crt": str(location.certs / "intermediate_ca.crt"),
        "key": str(location.secrets / "intermediate_ca_key"),
        "address": wishes.address,
        "insecureAddress": wishes.insecure_address,
        "dnsNames": list(wishes.dns_names),
    }
    if wishes.ssh:
        document["ssh"] = {
            "hostKey": str(location.secrets / "ssh_host_ca_key"),
            "userKey": str(location.secrets / "ssh_user_ca_key"),
        }
    document["logger"] = {"format": "text"}
    if wishes.database:
        document["db"] = {"type": "leveldb", "dataSource": str(location.db)}
    document["authority"] = {"provisioners": provisioners(made)}
    document["tls"] = {
        "cipherSuites": list(CIPHER_SUITES),
        "minVersion": 1.2,
        "maxVersion": 1.3,
        "renegotiation": False,
    }
    if wishes.ssh:
        document["templates"] = ssh_templates.ca_json()
    return document | _elsewhere(made) | publishing(wishes)


def _elsewhere(made: Authority) -> dict[str, object]:
    """Name the keys that are on a token, or in other files."""
    uris, named = made.places.uris, dict[str, object]()
    if made.places.kms:
        named["kms"] = dict(made.places.kms)
    if "intermediate_ca_key" in uris:
        named["key"] = uris["intermediate_ca_key"]
    if made.wishes.ssh and "ssh_host_ca_key" in uris:
        named["ssh"] = {"hostKey": uris["ssh_host_ca_key"], "userKey": uris["ssh_user_ca_key"]}
    return named


def publishing(wishes: Wishes) -> dict[str, object]:
    """Give the blocks of what is to be published; none by default."""
    blocks: dict[str, object] = {}
    if wishes.crl:
        blocks["crl"] = {
            "enabled": True,
            "generateOnRevoke": True,
            "includeInCertificates": True,
        }
    if wishes.ocsp:
        blocks["ocsp"] = {"enabled": True, "includeInCertificates": True}
    return blocks


def provisioners(made: Authority) -> list[Mapping[str, object]]:
    """List the first provisioner and those that --acme and --ssh ask for."""
    wishes = made.wishes
    listed: list[Mapping[str, object]] = [made.provisioner] if made.provisioner else []
    if wishes.acme:
        name = "acme-1" if wishes.provisioner == "acme" else "acme"
        listed.append({"type": "ACME", "name": name})
    if wishes.ssh:
        listed.append({"type": "SSHPOP", "name": "sshpop", "claims": {"enableSSHCA": True}})
    return listed


def defaults_json(made: Authority, location: Location, root: str) -> dict[str, object]:
    """Give what clients on this machine need."""
    return {
        "ca-url": made.wishes.ca_url or url(made.wishes),
        "ca-config": str(location.ca_json),
        "fingerprint": root,
        "root": str(location.certs / "root_ca.crt"),
    }


def url(wishes: Wishes) -> str:
    """Make the URL of the first name and the port, which is left out when it is 443."""
    host = wishes.dns_names[0]
    port = wishes.address.rpartition(":")[2]
    shown = f"[{host}]" if ":" in host else host
    return f"https://{shown}" if port in {"443", "https"} else f"https://{shown}:{port}"


def fingerprint(certificate: bytes) -> str:
    """Give the lower-case hex of SHA-256 over the DER."""
    return hashlib.sha256(certificate).hexdigest()


def to_json(document: object) -> str:
    """Write JSON as step's files have it: indented by tabs."""
    return json.dumps(document, indent="\t", ensure_ascii=False)


def first_provisioner(wishes: Wishes, password: Password, octets: Octets) -> dict[str, object]:
    """Make the JWK provisioner, its key under a password of its own."""
    key = _key()
    secret = json.dumps(jwk.private_jwk(key), separators=(",", ":")).encode()
    entry: dict[str, object] = {
        "type": "JWK",
        "name": wishes.provisioner,
        "key": jwk.public_jwk(key.public_key()),
        "encryptedKey": jwe.encrypt(secret, password, entropy=octets(jwe.ENTROPY)),
    }
    return entry | {"claims": {"enableSSHCA": True}} if wishes.ssh else entry


def ssh_line(key: PublicKey) -> str:
    """Write an SSH key's public half, as its file has it."""
    public = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return f"{public.decode()}\n"


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _file(path: Path, text: str, mode: int) -> NewFile:
    return NewFile(path=path, content=text.encode(), mode=mode)
