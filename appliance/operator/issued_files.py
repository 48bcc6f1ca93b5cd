"""An issued certificate into files of who asked for it, with the key that was made there."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from appliance.config.placing import NewFile, place
from appliance.formats import keyfile, pem, pkcs12
from appliance.formats.keys import PrivateKey
from appliance.issuance import parsed
from appliance.model.errors import BadRequest, ConfigError
from appliance.model.issuing import SshMade
from appliance.operator.wish_checks import check_free
from appliance.operator.wishes import FileForm, Wish

_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was issued, and where it is. `text` is the certificate's, to be pasted elsewhere."""

    subject: str
    serial: int
    not_after: datetime
    files: tuple[Path, ...]
    text: str


def write_chain(wish: Wish, chain: Sequence[bytes], key: PrivateKey | None) -> Written:
    """Write a chain (DER), and the key where one was made. Raises BadRequest; then nothing is."""
    seen = parsed.parse(chain[0])
    text = "".join(pem.encode("CERTIFICATE", each) for each in chain)
    _place(_contents(wish, chain, text, key), wish.files)
    return Written(
        subject=seen.common_name or next((each.value for each in seen.sans), ""),
        serial=seen.serial,
        not_after=seen.validity.not_after,
        files=wish.files,
        text=text,
    )


def write_line(wish: Wish, made: SshMade, key_id: str) -> Written:
    """Write an SSH certificate. Raises BadRequest."""
    text = f"{made.line} {key_id}\n"
    _place([text.encode()], wish.files)
    return Written(
        subject=key_id, serial=made.serial, not_after=made.not_after, files=wish.files, text=text
    )


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
