"""Where the keys of a ceremony live: on tokens that come and go, or in encrypted files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, final

import trio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.formats import keyfile, pem
from appliance.formats.keys import PrivateKey
from appliance.formats.keyuri import KeyUri
from appliance.keys.file import read_signer
from appliance.model.errors import Broken, NotFound, NotSupported
from appliance.model.secret import Password
from appliance.model.tokens import KeyKind, KeyPolicies
from appliance.ports.keys import KeyManager
from appliance.ports.signer import IssuerKey, Signer
from appliance.server.ceremony.journal import write_whole

_CURVES: Final[dict[KeyKind, Callable[[], ec.EllipticCurve]]] = {
    KeyKind.EC_P256: ec.SECP256R1,
    KeyKind.EC_P384: ec.SECP384R1,
    KeyKind.EC_P521: ec.SECP521R1,
}
_RSA: Final = {KeyKind.RSA_2048: 2048, KeyKind.RSA_3072: 3072, KeyKind.RSA_4096: 4096}


class Home(Protocol):
    """Where one key lives."""

    async def find(self) -> Signer | None:
        """Give the key if it is there."""
        ...

    async def make(self, kind: KeyKind, policies: KeyPolicies) -> None:
        """Make the key, in no other's place."""
        ...

    async def vouch(self) -> Sequence[bytes]:
        """Have the device say that the key was made in it. Raises NotSupported."""
        ...

    async def store(self, certificate: bytes) -> None:
        """Keep a certificate beside the key."""
        ...

    async def load(self) -> bytes:
        """Give the certificate back. Raises NotFound."""
        ...


@final
class TokenHome:
    """A key on a token that is open."""

    def __init__(self, manager: KeyManager, uri: KeyUri) -> None:
        self._manager = manager
        self._uri = uri

    async def find(self) -> Signer | None:
        """Give the key if it is there."""
        try:
            return await self._manager.open_signer(self._uri)
        except NotFound:
            return None

    async def make(self, kind: KeyKind, policies: KeyPolicies) -> None:
        """Have the token make the key."""
        await self._manager.create_key(self._uri, kind, policies)

    async def vouch(self) -> Sequence[bytes]:
        """Have the token attest the key."""
        return await self._manager.attest(self._uri)

    async def store(self, certificate: bytes) -> None:
        """Keep a certificate on the token."""
        await self._manager.store_certificate(self._uri, certificate)

    async def load(self) -> bytes:
        """Give the certificate on the token."""
        return await self._manager.load_certificate(self._uri)

    async def remove(self) -> None:
        """Have the token forget both."""
        for forget in (self._manager.delete_certificate, self._manager.delete_key):
            try:
                await forget(self._uri)
            except NotFound:
                continue


@final
class FileHome:
    """A key in an encrypted file, its certificate in another one beside it."""

    def __init__(
        self, file: Path, password: Password, certificate: Path, octets: Callable[[int], bytes]
    ) -> None:
        self._file = file
        self._password = password
        self._certificate = certificate
        self._octets = octets
        self._signer: Signer | None = None  # deriving a key from the password takes a while

    async def find(self) -> Signer | None:
        """Read the key, once. Raises WrongPassword."""
        if self._signer is None and self._file.exists():
            self._signer = await trio.to_thread.run_sync(read_signer, self._file, self._password)
        return self._signer

    async def make(self, kind: KeyKind, policies: KeyPolicies) -> None:
        """Make the key, write it, and see that it can be read again."""
        if policies != KeyPolicies():
            raise NotSupported("files know no policies of touch or PIN")
        await trio.to_thread.run_sync(self._make, kind)

    def _make(self, kind: KeyKind) -> None:
        key = _generated(kind)
        entropy = self._octets(keyfile.ENTROPY)
        content = keyfile.dump_private_key(key, self._password, entropy=entropy, pkcs8=True)
        write_whole(self._file, content)
        self._signer = read_signer(self._file, self._password)
        if encoded(self._signer.public_key) != encoded(key.public_key()):
            raise Broken("the key file is not what was written: is the medium sound?")

    async def vouch(self) -> Sequence[bytes]:
        """Say that nobody can."""
        raise NotSupported("a file does not vouch for its key")

    async def store(self, certificate: bytes) -> None:
        """Write the certificate."""
        content = pem.encode("CERTIFICATE", certificate).encode()
        write_whole(self._certificate, content, 0o644)

    async def load(self) -> bytes:
        """Read the certificate."""
        try:
            return pem.certificates(self._certificate.read_bytes())[0]
        except OSError as error:
            raise NotFound(f"{self._certificate} cannot be read") from error


def encoded(key: IssuerKey) -> bytes:
    """Write a public key as SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _generated(kind: KeyKind) -> PrivateKey:
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind]())
    if kind in _RSA:
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA[kind])
    return ed25519.Ed25519PrivateKey.generate()
