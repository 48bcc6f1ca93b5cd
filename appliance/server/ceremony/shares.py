"""Secrets in shares, some of which together open them: an envelope, whose key is shared.

    secrets ──JSON, JWE (PBES2)──> envelope, on the recovery sheet, worth nothing alone
    its key, 16 octets ──SLIP-39──> shares of 20 words, of which a number give the key again

Other programs open both: any for SLIP-39, and any for JWE with the key in hexadecimal as password.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import shamir_mnemonic
from shamir_mnemonic.share import Share

from appliance.formats import jwe
from appliance.formats.keyfile import WrongPassword
from appliance.model.errors import BadRequest, FormatError
from appliance.model.secret import Password

KEY: Final = 16  # octets
_MOST: Final = 16
_ITERATIONS: Final = 10_000  # the key is no word that could be guessed


def check(threshold: int, count: int) -> None:
    """Refuse numbers of shares that cannot be, or help nobody. Raises BadRequest."""
    if not 2 <= threshold <= count <= _MOST:
        raise BadRequest(
            f"{threshold} of {count} shares cannot be: take two or more, of at most {_MOST}"
        )


def split(key: bytes, threshold: int, count: int) -> list[str]:
    """Give the shares of a key, each as words; the library takes chance from the system."""
    check(threshold, count)
    (group,) = shamir_mnemonic.generate_mnemonics(1, [(threshold, count)], key)
    return [str(share) for share in group]


def needed(share: str) -> int:
    """Say how many shares are needed. Raises BadRequest for what is no share."""
    try:
        return int(Share.from_mnemonic(share).member_threshold)
    except shamir_mnemonic.MnemonicError as error:
        raise BadRequest(f"these words are no share: {_reason(error)}") from error


def join(shares: Sequence[str]) -> bytes:
    """Give the key again. Raises BadRequest for shares that do not go together."""
    try:
        return bytes(shamir_mnemonic.combine_mnemonics(shares))
    except shamir_mnemonic.MnemonicError as error:
        raise BadRequest(f"these shares do not give the key: {_reason(error)}") from error


def seal(secrets: Mapping[str, str], key: bytes, entropy: bytes) -> str:
    """Put secrets in an envelope; `entropy` is jwe.ENTROPY fresh random octets."""
    return jwe.encrypt(
        msgspec.json.encode(secrets),
        _password(key),
        entropy=entropy,
        iterations=_ITERATIONS,
        content_type="json",
    )


def unseal(envelope: str, key: bytes) -> dict[str, str]:
    """Open an envelope. Raises BadRequest for a key that is not its own."""
    try:
        content = jwe.decrypt("".join(envelope.split()), _password(key))
        return msgspec.json.decode(content, type=dict[str, str])
    except WrongPassword as error:
        raise BadRequest("these shares are of another envelope") from error
    except (FormatError, msgspec.DecodeError) as error:
        raise BadRequest(f"this is no envelope: {error}") from error


def _password(key: bytes) -> Password:
    return Password(key.hex().encode())


def _reason(error: Exception) -> str:
    return str(error).rstrip(".")
