"""From a person's wish to an SSH certificate: the token, the request, the identity beside it."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from appliance.cli.command import location
from appliance.cli.files import NewFile, write_together
from appliance.cli.new_keys import Protection, new_password
from appliance.cli.online import (
    now,
    octets,
    read_roots,
    required_url,
    root_file,
    split_token,
    talk,
    trust_for_token,
)
from appliance.cli.provisioning import (
    KeySource,
    SshWish,
    TokenWish,
    one_of_flags,
    online_token,
)
from appliance.cli.ssh_flags import CaFlags
from appliance.client.address import ca_url as complete
from appliance.client.ca import CaClient
from appliance.client.csr import KeyKind, generate_key, signing_request
from appliance.client.identity import Identity, default_identity, identity
from appliance.client.identity import written as written_identity
from appliance.client.ssh import requests
from appliance.client.ssh.requests import SshAuthorities, SshIssued, SshSignOrder
from appliance.formats.jwt import UnverifiedToken
from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import private_keys
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import HearthError
from appliance.model.ssh import CertificateType

T = TypeVar("T")


def make_token(
    flags: CaFlags, subject: str, operation: str, ssh: SshWish | None = None
) -> UnverifiedToken:
    """Take the token that is given, or make one for immediate use. Raises BadRequest."""
    if flags.token:
        return split_token(flags.token)
    if not flags.ca_url:
        raise one_of_flags("ca-url", "token")
    if not flags.root and not location().root_certificate.exists():
        raise one_of_flags("root", "token")
    source = KeySource(
        name=flags.provisioner or "",
        password_file=flags.password_file,
        console=flags.console,
        credentials=flags.credentials,
    )
    wish = TokenWish(operation=f"ssh/{operation}", subject=subject, ssh=ssh)
    return split_token(online_token(wish, source, complete(flags.ca_url), root_file(flags.root)))


def with_token(
    flags: CaFlags, token: UnverifiedToken, call: Callable[[CaClient], Awaitable[T]]
) -> T:
    """Ask the CA that a token is for."""
    url, roots = place_for(flags, token)
    return talk(url, roots, call)


def place_for(flags: CaFlags, token: UnverifiedToken) -> tuple[str, tuple[bytes, ...]]:
    """Find, and tell, the CA that a token is for: its URL, and whom to trust there."""
    return trust_for_token(token, flags.ca_url, flags.root)


def order(
    place: tuple[str, tuple[bytes, ...]], wished: SshSignOrder, host_id: str = ""
) -> SshIssued:
    """Have a certificate made; where the CA wants to know its clients, an identity with it."""

    async def ask(ca: CaClient) -> tuple[SshIssued, PrivateKey | None]:
        version = await ca.version()
        if not version.require_client_authentication:
            return await requests.sign(ca.connection, wished), None
        key = _identity_key()
        names = [wished.key_id]
        if wished.type is CertificateType.HOST:
            names.insert(0, host_id or _known_host() or uuid.uuid4().urn)
        csr = signing_request(key, wished.key_id, names)
        return await requests.sign(ca.connection, replace(wished, identity_csr=csr)), key

    url, roots = place
    issued, key = talk(url, roots, ask)
    if key is not None and issued.identity:
        save_identity(identity(issued.identity, key))
    return issued


def authorities(flags: CaFlags) -> SshAuthorities | None:
    """Ask which keys sign; None where the CA does not say."""
    url, roots = required_url(flags.ca_url), read_roots(root_file(flags.root))

    async def ask(ca: CaClient) -> SshAuthorities:
        return await requests.roots(ca.connection)

    try:
        return talk(url, roots, ask)
    except HearthError:
        return None


def save_identity(shown: Identity) -> None:
    """Show this certificate from now on."""
    place = location()
    folder = place.path / "identity"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place.config.mkdir(parents=True, exist_ok=True, mode=0o700)
    crt, key = folder / "identity.crt", folder / "identity_key"
    texts = written_identity(shown, str(crt), str(key))
    files = zip((crt, key, place.identity_json), texts, strict=True)
    write_together([NewFile(path=str(file), data=data, mode=0o600) for file, data in files])


def save_renewed_identity(chain: tuple[bytes, ...]) -> None:
    """Show a renewed certificate with the key that there is, when the CA sent one."""
    shown = default_identity(location().identity_json, now())
    if chain and shown is not None:
        save_identity(shown.renewed(chain))


def public_line(held: SshPublicKey | SshCertificate, comment: str) -> bytes:
    """Write a `.pub` file."""
    return f"{held.line} {comment}\n".encode()


def sealed_key(key: PrivateKey, protection: Protection) -> bytes:
    """Write a key in OpenSSH's form, asking for the password if need be. Raises BadRequest."""
    password = None
    if not protection.no_password:
        password = new_password(
            "Please enter the password to encrypt the private key", file=protection.password_file
        )
    return private_keys.dump(key, password, entropy=octets(private_keys.ENTROPY))


def _identity_key() -> PrivateKey:
    """Give the key of the identity that there is, or a new one."""
    shown = default_identity(location().identity_json, now())
    return shown.key if shown else generate_key(KeyKind(kty="EC", curve="P-256"))


def _known_host() -> str:
    """Give the host's id in the identity that there is."""
    shown = default_identity(location().identity_json, now())
    if shown is None:
        return ""
    found = (name.value for name in shown.leaf.sans if name.value.startswith("urn:uuid:"))
    return next(found, "")
