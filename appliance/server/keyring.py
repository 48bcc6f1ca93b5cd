"""What signs what: the keys of the configuration at work, where each lives, and until when.

Nothing here opens a key or asks a token; what is told of a token is how it was last seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from appliance.authority.trust import fingerprint
from appliance.config.settings import IssuerState, KeyPlace, Settings, TokenKey
from appliance.formats import certificates
from appliance.formats.keys import CURVE_NAMES
from appliance.issuance import parsed, subjects
from appliance.model.errors import ConfigError, FormatError
from appliance.model.signing_keys import KeyHolding, KeyRole
from appliance.model.ssh import CertificateType
from appliance.server import material
from appliance.server.assembly import Assembly
from appliance.server.keys import Tokens

ROOT_KEY: Final = "root_ca_key"  # its file, where it is kept on the box
_MEMORY: Final = "in memory"
_SSH_ROLES: Final = {
    CertificateType.USER: KeyRole.SSH_USER,
    CertificateType.HOST: KeyRole.SSH_HOST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The keys of a configuration. `own` is the server's own certificate in DER."""

    assembly: Assembly
    tokens: Tokens
    own: bytes | None = None

    def holdings(self) -> list[KeyHolding]:
        """Describe all keys, what signs most first."""
        return [
            *self._roots(),
            *self._intermediates(),
            *self._ssh(),
            *self._delegates(),
            *self._server(),
        ]

    @property
    def _settings(self) -> Settings:
        return self.assembly.settings

    def _roots(self) -> Iterator[KeyHolding]:
        kept = root_key(self._settings)
        for der in self.assembly.trust.roots:
            yield _certified(
                der,
                role=KeyRole.ROOT,
                state="on this box" if kept else "kept away",
                place=self._shown(kept) if kept else "not here",
                signs="intermediates",
            )

    def _intermediates(self) -> Iterator[KeyHolding]:
        settings = self._settings
        yield self._intermediate("", settings.certificate, settings.key, IssuerState.ACTIVE)
        for each in settings.issuers:
            yield self._intermediate(each.name, each.certificate, each.key, each.state)

    def _intermediate(
        self, name: str, certificate: Path, key: KeyPlace | None, state: IssuerState
    ) -> KeyHolding:
        signing = state in (IssuerState.ACTIVE, IssuerState.RETIRING)
        settings = self._settings
        lists = [*(["CRL"] if settings.crl else []), *(["OCSP delegates"] if settings.ocsp else [])]
        what = "certificates" if state is IssuerState.ACTIVE else "renewals"
        try:
            der = material.chain(certificate)[0]
        except ConfigError as error:  # removed since it was loaded
            return KeyHolding(
                role=KeyRole.INTERMEDIATE,
                state=state.value,
                kind="",
                place=error.public,
                signs="",
                name=name,
            )
        return _certified(
            der,
            role=KeyRole.INTERMEDIATE,
            state="signing" if state is IssuerState.ACTIVE else state.value,
            place=self._place(key),
            signs=", ".join([what, *lists]) if signing else "nothing",
            name=name,
            token=self._token(key),
            uri=_uri(key),
        )

    def _ssh(self) -> Iterator[KeyHolding]:
        ssh = self._settings.ssh
        for kind, role in _SSH_ROLES.items():
            key = self.assembly.ssh_keys.of_type(kind)
            if key is None or ssh is None:
                continue
            place = ssh.user_key if kind is CertificateType.USER else ssh.host_key
            yield KeyHolding(
                role=role,
                state="signing",
                kind=kind_of(key.signer.public_key),
                place=self._place(place),
                signs=f"certificates of SSH {kind.label}s",
                token=self._token(place),
                uri=_uri(place),
                fingerprint=key.public_key.fingerprint,
            )

    def _delegates(self) -> Iterator[KeyHolding]:
        if (responder := self.assembly.responder) is None:
            return
        for name, der in responder.certificates():
            yield _certified(
                der,
                role=KeyRole.OCSP,
                state="signing",
                place=_MEMORY,
                signs="answers of OCSP, renewed by itself",
                name=name,
            )

    def _server(self) -> Iterator[KeyHolding]:
        if self.own is not None:
            yield _certified(
                self.own,
                role=KeyRole.SERVER,
                state="in use",
                place=_MEMORY,
                signs="its TLS connections, renewed by itself",
            )

    def _place(self, key: KeyPlace | None) -> str:
        if key is None:
            return "not here"
        if isinstance(key, Path):
            return self._shown(key)
        slot, label = key.uri.get("slot-id"), key.uri.get("object")
        where = f"slot {slot}" if slot else label or f"id {key.uri.get('id')}"
        return f"{self._token(key)} {where}"

    def _token(self, key: KeyPlace | None) -> str:
        return self.tokens.name_of(key) if isinstance(key, TokenKey) else ""

    def _shown(self, file: Path) -> str:
        """Give a file as it is found from the step path, if it is below that."""
        base = self._settings.file.parent.parent
        return str(file.relative_to(base)) if file.is_relative_to(base) else str(file)


def root_key(settings: Settings) -> Path | None:
    """Find the root's key where `init` leaves it; None: it is not on this box."""
    beside = settings.key.parent if isinstance(settings.key, Path) else None
    for directory in (beside, settings.file.parent.parent / "secrets"):
        if directory is not None and (file := directory / ROOT_KEY).exists():
            return file
    return None


def kind_of(key: object) -> str:
    """Say what kind of key it is."""
    match key:
        case EllipticCurvePublicKey():
            return f"EC {CURVE_NAMES.get(key.curve.name, key.curve.name)}"
        case RSAPublicKey():
            return f"RSA {key.key_size}"
        case Ed25519PublicKey():
            return "Ed25519"
        case _:
            return "other"


def _certified(
    der: bytes,
    *,
    role: KeyRole,
    state: str,
    place: str,
    signs: str,
    name: str = "",
    token: str = "",
    uri: str = "",
) -> KeyHolding:
    certificate = parsed.parse(der)
    return KeyHolding(
        role=role,
        state=state,
        kind=_kind(der),
        place=place,
        signs=signs,
        name=name,
        subject=_subject(certificate),
        token=token,
        uri=uri,
        not_before=certificate.validity.not_before,
        not_after=certificate.validity.not_after,
        fingerprint=fingerprint(der),
    )


def _subject(certificate: parsed.ParsedCertificate) -> str:
    return subjects.common_name(certificate.subject)


def _kind(der: bytes) -> str:
    try:
        return kind_of(certificates.load(der).public_key())
    except (FormatError, ValueError):
        return "other"


def _uri(key: KeyPlace | None) -> str:
    return str(key.uri) if isinstance(key, TokenKey) else ""


def ends_soon(not_before: datetime, not_after: datetime, now: datetime) -> bool:
    """Say whether less than a fifth of a certificate's time is left."""
    return not_after - now < (not_after - not_before) / 5
