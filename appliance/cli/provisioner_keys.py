"""The keys of a provisioner of type JWK: made here, or brought in files."""

import json
import secrets
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from appliance.cli.files import read_file
from appliance.cli.keys import refuse_kms
from appliance.cli.online import required
from appliance.cli.prompts import read_password, selected
from appliance.config.provisioner_edits import Edit, Put
from appliance.formats import jwe, jwk, keyfile, public_keys
from appliance.formats.keyfile import PasswordNeeded
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest, FormatError
from appliance.model.secret import Password

_PUBLIC: Final = ("use", "kty", "kid", "crv", "alg", "x", "y", "n", "e", "x5c", "x5t", "x5t#S256")
_QUESTION: Final = (
    "Please enter a password to encrypt the provisioner private key [leave empty and one is made]"
)


def key_edits(
    *, create: bool, public_key: str | None, private_key: str | None, password_file: str | None
) -> list[Edit]:
    """Say what the flags change in an entry of type JWK; private_key "" removes it.

    Raises BadRequest.
    """
    if create:
        for name, value in (("public-key", public_key), ("private-key", private_key)):
            if value is not None:
                raise BadRequest(f"flag '--create' is incompatible with '--{name}'")
        key = ec.generate_private_key(ec.SECP256R1())
        return [
            Put(path=("key",), value=jwk.public_jwk(key.public_key())),
            Put(path=("encryptedKey",), value=_encrypted(jwk.private_jwk(key), password_file)),
        ]
    found: list[Edit] = []
    public = None
    if public_key is not None:
        public = _public(public_key, password_file)
        found.append(Put(path=("key",), value=public))
    if private_key is not None:
        encrypted = _private(private_key, public, password_file) if private_key else None
        found.append(Put(path=("encryptedKey",), value=encrypted))
    return found


def require_key(*, create: bool, public_key: str | None) -> None:
    """Hold that a new provisioner gets a key. Raises click.UsageError."""
    if not create and not public_key:
        raise required("public-key", ", or --create to make a new key")


def _public(name: str, password_file: str | None) -> dict[str, Any]:
    """Read a public key as a JWK; of a private one, only its public half."""
    members = _members(name, password_file)
    if members.get("kty") == "oct":
        raise BadRequest(f"{name} is a symmetric key, which everybody would see: give a public key")
    try:
        key = jwk.public_key(members)
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    kept = {each: members[each] for each in _PUBLIC if each in members}
    return {"kid": jwk.thumbprint(members), "alg": jwk.algorithm(key)} | kept


def _private(name: str, public: dict[str, Any] | None, password_file: str | None) -> str:
    """Read a private key, encrypted already or to be encrypted here."""
    text = read_file(name).decode("utf-8", "replace").strip()
    if jwe.is_encrypted(text):
        return jwe.compact(text)
    members = _members(name, password_file)
    if "d" not in members:
        raise BadRequest(f"{name} is a public key: give the private one")
    try:
        key = jwk.private_key(members)
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    if public is not None:
        if not _belongs(key, public):
            raise BadRequest(f"the private key in {name} is not that of the public key")
        members |= {"kid": public["kid"]}
    return _encrypted(jwk.private_jwk(key) | members, password_file)


def _members(name: str, password_file: str | None) -> dict[str, Any]:
    """Read a key of any form as the members of a JWK. Raises BadRequest."""
    refuse_kms(name)
    content = read_file(name)
    text = content.decode("utf-8", "replace").strip()
    try:
        if jwe.is_encrypted(text):
            password = read_password(
                f"Please enter the password to decrypt {name}", file=password_file
            )
            text = jwe.decrypt(text, password).decode("utf-8", "replace")
        if text.startswith("{"):
            members = json.loads(text)
            return dict(members)
        return _of_pem(name, content, password_file)
    except FormatError as error:
        raise BadRequest(f"error reading {name}: {error.public}") from error
    except ValueError:
        raise BadRequest(f"error reading {name}: it is not JSON") from None


def _of_pem(name: str, content: bytes, password_file: str | None) -> dict[str, Any]:
    if b"PRIVATE KEY-----" not in content:
        keys = public_keys.read_all(content)
        if not keys:
            raise BadRequest(f"error reading {name}: it is neither a JWK nor a key in PEM")
        return jwk.public_members(keys[0])
    try:
        key = keyfile.load_private_key(content, None)
    except PasswordNeeded:
        password = read_password(f"Please enter the password to decrypt {name}", file=password_file)
        key = keyfile.load_private_key(content, password)
    return jwk.private_jwk(key)


def _belongs(key: PrivateKey, public: dict[str, Any]) -> bool:
    mine = jwk.public_members(key.public_key())
    return all(public.get(name) == value for name, value in mine.items())


def _encrypted(members: dict[str, Any], password_file: str | None) -> str:
    """Encrypt a private key under a password that is asked for, or made and shown."""
    password = read_password(_QUESTION, file=password_file)
    if not password:
        if password_file:
            raise BadRequest(f"{password_file} is empty: the key needs a password")
        password = Password(secrets.token_urlsafe(24).encode())
        selected("Password", password.reveal().decode())
    secret = json.dumps(members, separators=(",", ":")).encode()
    return jwe.encrypt(secret, password, entropy=secrets.token_bytes(jwe.ENTROPY))
