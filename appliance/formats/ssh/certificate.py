"""OpenSSH certificates (PROTOCOL.certkeys), version 1 of every key type.

Written and read by hand: the builder of `cryptography` signs with a private key at hand only, and
knows no security keys; ours signs wherever the CA's key lives.
"""

import base64
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from appliance.formats.ssh import keys, signatures, wire
from appliance.formats.ssh.keys import SshPublicKey
from appliance.formats.ssh.signatures import SshSignature
from appliance.formats.ssh.wire import Reader
from appliance.model.errors import FormatError
from appliance.model.ssh import CertificateType

FOREVER: Final = 2**64 - 1
"""`valid_before` of a certificate that does not expire."""

_VERSION: Final = "-cert-v01@openssh.com"
_AT: Final = "@openssh.com"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class SshCertificate(Struct, frozen=True, kw_only=True, dict=True):  # what is written is kept
    """A certificate; before it is signed, `signature` is None. Times are seconds since 1970."""

    nonce: bytes
    key: SshPublicKey
    serial: int
    type: CertificateType
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical_options: Mapping[str, str] = _NOTHING
    extensions: Mapping[str, str] = _NOTHING
    reserved: bytes = b""
    signature_key: SshPublicKey
    signature: SshSignature | None = None

    @property
    def type_name(self) -> str:
        """Name the type as it is written: `ssh-ed25519-cert-v01@openssh.com`."""
        return certificate_type_name(self.key.type)

    @cached_property
    def to_be_signed(self) -> bytes:
        """Give everything before the signature."""
        kind = wire.string(self.key.type)
        return b"".join(
            (
                wire.string(self.type_name),
                wire.string(self.nonce),
                self.key.blob.removeprefix(kind),
                wire.uint64(self.serial),
                wire.uint32(self.type),
                wire.string(self.key_id),
                wire.string(wire.strings(self.principals)),
                wire.uint64(self.valid_after),
                wire.uint64(self.valid_before),
                wire.string(_options(self.critical_options)),
                wire.string(_options(self.extensions)),
                wire.string(self.reserved),
                wire.string(self.signature_key.blob),
            )
        )

    @cached_property
    def blob(self) -> bytes:
        """Write it whole. Raises FormatError when it is not signed."""
        if self.signature is None:
            raise FormatError("an SSH certificate without a signature")
        return self.to_be_signed + wire.string(self.signature.octets)

    @property
    def line(self) -> str:
        """Give type and blob as a `-cert.pub` file has them, without comment."""
        return f"{self.type_name} {base64.b64encode(self.blob).decode('ascii')}"

    def signed(self, signature: SshSignature) -> "SshCertificate":
        """Give it with a signature."""
        made = replace(self, signature=signature)
        vars(made)["to_be_signed"] = self.to_be_signed  # which is the same
        return made

    def is_signed_by(self, authorities: Iterable[SshPublicKey]) -> bool:
        """Say whether one of these keys signed it."""
        if self.signature is None:
            return False
        message = self.to_be_signed
        return any(signatures.is_signed(message, self.signature, key) for key in authorities)


def certificate_type_name(key_type: str) -> str:
    """Name the certificates of a type of key."""
    return key_type.removesuffix(_AT) + _VERSION


def is_certificate(blob: bytes) -> bool:
    """Say whether a blob begins as a certificate's does."""
    try:
        return Reader(blob).text().endswith(_VERSION)
    except FormatError:
        return False


def parse(blob: bytes) -> SshCertificate:
    """Read a certificate; whether its signature holds is not looked at. Raises FormatError."""
    reader = Reader(blob)
    name = reader.text()
    if not name.endswith(_VERSION):
        raise FormatError(f"{name[:60]!r} is no type of SSH certificate")
    nonce = reader.string()
    certificate = _body(nonce, keys.read_body(_key_type(name), reader), reader)
    reader.finish("the certificate")
    return certificate


def read_line(line: str) -> tuple[SshCertificate, str]:
    """Read `TYPE BASE64 COMMENT` and give the certificate and the comment. Raises FormatError."""
    kind, _, rest = line.strip().partition(" ")
    encoded, _, comment = rest.strip().partition(" ")
    certificate = parse(keys.of_base64(encoded))
    if certificate.type_name != kind:
        raise FormatError(f"a line that says {kind[:60]!r} and holds {certificate.type_name}")
    return certificate, comment.strip()


def _key_type(name: str) -> str:
    plain = name.removesuffix(_VERSION)
    return plain + _AT if plain.startswith("sk-") else plain


def _body(nonce: bytes, key: SshPublicKey, reader: Reader) -> SshCertificate:
    serial, kind = reader.uint64(), reader.uint32()
    try:
        certificate_type = CertificateType(kind)
    except ValueError:
        raise FormatError(f"an SSH certificate of unknown type {kind}") from None
    key_id = reader.text()
    principals = _texts(reader.string())
    valid_after, valid_before = reader.uint64(), reader.uint64()
    return SshCertificate(
        nonce=nonce,
        key=key,
        serial=serial,
        type=certificate_type,
        key_id=key_id,
        principals=principals,
        valid_after=valid_after,
        valid_before=valid_before,
        critical_options=_read_options(reader.string()),
        extensions=_read_options(reader.string()),
        reserved=reader.string(),
        signature_key=keys.parse(reader.string()),
        signature=signatures.parse(reader.string()),
    )


def _texts(octets: bytes) -> tuple[str, ...]:
    reader, found = Reader(octets), []
    while not reader.is_done:
        found.append(reader.text())
    return tuple(found)


def _options(options: Mapping[str, str]) -> bytes:
    """Write names in order, each with nothing or with a string in a string."""
    return _written(tuple(sorted(options.items())))


@lru_cache(maxsize=64)  # nearly all certificates have the same
def _written(pairs: tuple[tuple[str, str], ...]) -> bytes:
    return b"".join(
        wire.string(name) + wire.string(wire.string(value) if value else b"")
        for name, value in pairs
    )


def _read_options(octets: bytes) -> dict[str, str]:
    reader, found, last = Reader(octets), dict[str, str](), b""
    while not reader.is_done:
        name, value = reader.text(), Reader(reader.string())
        if found and name.encode() <= last:
            raise FormatError("options of an SSH certificate that are not in order")
        last = name.encode()
        found[name] = "" if value.is_done else value.text()
        value.finish(f"the option {name[:60]!r}")
    return found
