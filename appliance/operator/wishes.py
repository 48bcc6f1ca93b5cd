"""A certificate as a person at the console wishes for it, and the order that comes of it.

The key is made here, in the process of who asks, and never goes to the server.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from appliance.client import csr
from appliance.client.csr import KeyKind
from appliance.formats import timeorduration
from appliance.formats.goduration import format_duration
from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import authorized
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance import requests
from appliance.issuance.requests import SigningRequest
from appliance.model.errors import BadRequest, FormatError
from appliance.model.issuing import CertificateOrder, SshOrder
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType
from appliance.operator.reading import path_of

_LARGEST: Final = 64 << 10  # octets of a file with a request or a key
_DAYS: Final = {"d": 1, "w": 7, "y": 365}
_LONG: Final = re.compile(r"(\d{1,5})([dwy])")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


class Subject(enum.StrEnum):
    """What a certificate is asked for."""

    NAMES = "names"
    REQUEST = "request"
    SSH_USER = "ssh user"
    SSH_HOST = "ssh host"

    @property
    def ssh(self) -> CertificateType | None:
        """The type, of one that is for SSH."""
        return {Subject.SSH_USER: CertificateType.USER, Subject.SSH_HOST: CertificateType.HOST}.get(
            self
        )


class FileForm(enum.StrEnum):
    """How certificate and key are written; a request's and an SSH certificate have one form."""

    PEM = "pem"
    ONE_PEM = "one pem"
    P12 = "p12"
    OLD_P12 = "old p12"

    @property
    def is_p12(self) -> bool:
        """Say whether it is PKCS #12, which is nothing without a passphrase."""
        return self in (FileForm.P12, FileForm.OLD_P12)


KEYS: Final[Mapping[str, KeyKind]] = {
    "EC P-256": KeyKind(kty="EC", curve="P-256"),
    "EC P-384": KeyKind(kty="EC", curve="P-384"),
    "RSA 2048": KeyKind(kty="RSA", size=2048),
    "RSA 3072": KeyKind(kty="RSA", size=3072),
    "Ed25519": KeyKind(kty="OKP", curve="Ed25519"),
}
"""The keys that are made here; the first is the usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was typed and chosen. `request` and `ssh_key` are the thing itself or its file."""

    subject: Subject = Subject.NAMES
    names: str = ""  # or principals
    request: str = ""
    ssh_key: str = ""
    key_id: str = ""
    provisioner: str = ""
    profile: str = ""
    lifetime: str = ""
    data: str = ""
    key: str = next(iter(KEYS))
    form: FileForm = FileForm.PEM
    path: str = ""
    passphrase: Password = field(default_factory=lambda: Password(b""))
    again: Password = field(default_factory=lambda: Password(b""))

    @property
    def listed(self) -> tuple[str, ...]:
        """The names, each once."""
        return tuple(dict.fromkeys(self.names.replace(",", " ").split()))

    @property
    def makes_key(self) -> bool:
        """Say whether a key is made here."""
        return self.subject is Subject.NAMES

    @property
    def files(self) -> tuple[Path, ...]:
        """What is written: with a key in a file of its own, that one last. Raises BadRequest."""
        path = path_of(self.path).absolute()
        if not self.makes_key or self.form is not FileForm.PEM or not path.name:
            return (path,)
        stem = path.with_suffix("") if path.suffix in (".crt", ".pem", ".cer") else path
        return path, stem.with_name(f"{stem.name}.key")


# ---- reading


def read_request(wish: Wish) -> SigningRequest:
    """Read the request, pasted or from its file, in PEM or DER. Raises BadRequest."""
    content = _content(wish.request, "-----BEGIN", "a certificate request (CSR)")
    if b"-----BEGIN" in content:
        return requests.read(content)
    return requests.read_der(content)


def ssh_key(wish: Wish) -> tuple[SshPublicKey, str]:
    """Read the public key, pasted or from its file, and its comment. Raises BadRequest."""
    content = _content(wish.ssh_key, " ", "a public key")
    if b"PRIVATE KEY" in content:
        raise BadRequest("that is a private key: give the public one, from the file ending in .pub")
    try:
        key, comment = authorized.read(content)
    except FormatError as error:
        raise BadRequest(f"{error.public}: paste a line such as ssh-ed25519 AAAA… name") from error
    if not isinstance(key, SshPublicKey):
        raise BadRequest("that is a certificate already: give the public key")
    return key, comment


def _content(typed: str, mark: str, what: str) -> bytes:
    """Give what was pasted, which has the mark in it, or what is in the file that was named."""
    text = typed.strip()
    if not text:
        raise BadRequest(f"paste {what}, or type the path of its file")
    if mark in text and not text.startswith(("/", "~", "./")):
        return text.encode()
    path = path_of(text)
    try:
        with path.open("rb") as stream:
            return stream.read(_LARGEST)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadRequest(f"{path} cannot be read: {(reason or '').lower()}") from error


def lifetime(text: str) -> str:
    """Write a lifetime as orders do: days, weeks and years are known too, and dates.

    Raises BadRequest.
    """
    typed = text.strip()
    if match := _LONG.fullmatch(typed):
        return format_duration(timedelta(days=int(match[1]) * _DAYS[match[2]]))
    if _DATE.fullmatch(typed):
        typed = f"{typed}T00:00:00Z"
    try:
        timeorduration.parse(typed)
    except FormatError as error:
        raise BadRequest(
            f"{typed} is no time: write 90d, 24h, 1y, or a date as 2027-01-31"
        ) from error
    if typed.startswith("-"):
        raise BadRequest("that is in the past")
    return typed


def template_data(text: str) -> dict[str, str]:
    """Read pairs for a template: `key=value`, apart by commas. Raises BadRequest."""
    found = {}
    for pair in filter(None, (each.strip() for each in text.split(","))):
        name, sign, value = pair.partition("=")
        if not (sign and name.strip()):
            raise BadRequest(f"{pair}: write key=value, several apart by commas")
        found[name.strip()] = value.strip()
    return found


def suggested(wish: Wish, directory: str = "~") -> str:
    """Name a file after what it is for."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", next(iter(wish.listed), "").removeprefix("*."))
    endings = {FileForm.PEM: "crt", FileForm.ONE_PEM: "pem"}
    ending = endings.get(wish.form, "p12") if wish.makes_key else "crt"
    if wish.subject.ssh is not None:
        return f"{directory}/{stem or 'ssh'}-cert.pub"
    return f"{directory}/{stem.strip('-') or 'certificate'}.{ending}"


# ---- ordering


def x509_order(wish: Wish) -> tuple[CertificateOrder, PrivateKey | None]:
    """Make the key and its request, or read the request. Takes a moment for RSA."""
    order = CertificateOrder(
        provisioner=wish.provisioner,
        csr=b"",
        names=wish.listed,
        profile=wish.profile,
        not_after=lifetime(wish.lifetime),
        template_data=template_data(wish.data) or None,
    )
    if not wish.makes_key:
        return replace(order, csr=read_request(wish).der), None
    key = csr.generate_key(KEYS[wish.key])
    request = csr.signing_request(key, wish.listed[0], wish.listed)
    return replace(order, csr=request), key


def ssh_order(wish: Wish) -> SshOrder:
    """Read the public key, and name the certificate after its comment where no name is given."""
    key, comment = ssh_key(wish)
    return SshOrder(
        provisioner=wish.provisioner,
        type=wish.subject.ssh or CertificateType.USER,
        public_key=key.line,
        key_id=wish.key_id.strip() or comment or wish.listed[0],
        principals=wish.listed,
        not_after=lifetime(wish.lifetime),
        template_data=template_data(wish.data) or None,
    )
