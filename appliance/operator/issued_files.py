"""An issued certificate into files of who asked for it, with the key that was made there."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from appliance.config.placing import NewFile, place
from appliance.formats import keyfile, pem, pkcs12
from appliance.formats.keys import PrivateKey
from appliance.issuance import parsed
from appliance.model.errors import BadRequest, ConfigError
from appliance.model.issuing import CertificateOrder, SshMade, SshOrder
from appliance.operator.interface import Issuing
from appliance.operator.wish_checks import check_free
from appliance.operator.wishes import FileForm, Wish, ssh_order, x509_order

_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was issued, and where it is. `text` is the certificate's, to be pasted elsewhere."""

    subject: str
    serial: int
    not_after: datetime
    files: tuple[Path, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What came for an order: a chain (DER), with the key where one was made, or one for SSH."""

    chain: Sequence[bytes] = ()
    key: PrivateKey | None = field(default=None, repr=False)
    ssh: SshMade | None = None
    key_id: str = ""

    def write(self, wish: Wish) -> Written:
        """Write it as wished. Raises BadRequest, and then nothing is; it can be tried again."""
        if self.ssh is not None:
            return self._write_line(self.ssh, wish)
        seen = parsed.parse(self.chain[0])
        text = "".join(pem.encode("CERTIFICATE", each) for each in self.chain)
        _place(_contents(wish, self.chain, text, self.key), wish.files)
        return Written(
            subject=seen.common_name or next((each.value for each in seen.sans), ""),
            serial=seen.serial,
            not_after=seen.validity.not_after,
            files=wish.files,
            text=text,
        )

    def _write_line(self, made: SshMade, wish: Wish) -> Written:
        text = f"{made.line} {self.key_id}\n"
        _place([text.encode()], wish.files)
        return Written(
            subject=self.key_id,
            serial=made.serial,
            not_after=made.not_after,
            files=wish.files,
            text=text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An order, and the key that was made for it."""

    order: CertificateOrder | SshOrder
    key: PrivateKey | None = field(default=None, repr=False)

    async def ask(self, operator: Issuing) -> Issued:
        """Have it issued. Raises HearthError."""
        if isinstance(self.order, SshOrder):
            made = await operator.issue_ssh_certificate(self.order)
            return Issued(ssh=made, key_id=self.order.key_id)
        return Issued(chain=await operator.issue_certificate(self.order), key=self.key)


def prepare(wish: Wish) -> Prepared:
    """Make of a wish what is asked for, with its key; RSA takes a moment. Raises BadRequest."""
    if wish.subject.ssh is not None:
        return Prepared(order=ssh_order(wish))
    order, key = x509_order(wish)
    return Prepared(order=order, key=key)


def _contents(
    wish: Wish, chain: Sequence[bytes], text: str, key: PrivateKey | None
) -> Sequence[bytes]:
    if key is None:
        return [text.encode()]
    password = wish.passphrase or None
    if wish.form.is_p12:
        legacy = wish.form is FileForm.OLD_P12
        return [pkcs12.identity_store(key, chain, password, legacy=legacy)]
    entropy = secrets.token_bytes(keyfile.ENTROPY) if password else b""
    written = keyfile.dump_private_key(key, password, entropy=entropy, pkcs8=True)
    if wish.form is FileForm.ONE_PEM:
        return [text.encode() + written]
    return [text.encode(), written]


def _place(contents: Sequence[bytes], files: Sequence[Path]) -> None:
    for file in files:
        check_free(file)
    try:
        place(
            [
                NewFile(path=file, content=content, mode=_PRIVATE)
                for file, content in zip(files, contents, strict=True)
            ]
        )
    except ConfigError as error:
        raise BadRequest(f"{error.file} {error.problem}") from error
