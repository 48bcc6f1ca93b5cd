"""`hearth ssh certificate`: a certificate for a new key, or for one that there is."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from appliance.cli.command import StepCommand
from appliance.cli.credentials import credential_flags, x5c_flags
from appliance.cli.files import NewFile, may_write, read_file, write_together
from appliance.cli.keys import kms_flag, read_private_key
from appliance.cli.new_keys import asked_kind, kind_flags
from appliance.cli.prompts import read_password, say, selected
from appliance.cli.provisioning import SshWish
from appliance.cli.ssh_agent import hold
from appliance.cli.ssh_flags import (
    certificate_flags,
    force_flag,
    ssh_ca_flags,
    wanted,
    which_ca,
)
from appliance.cli.ssh_issuing import make_token, order, place_for, public_line
from appliance.client.csr import KeyKind, generate_key
from appliance.client.ssh import principals
from appliance.client.ssh.requests import SshIssued, SshSignOrder
from appliance.formats.keys import PrivateKey
from appliance.formats.ssh import authorized, keys, private_keys
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import BadRequest, FormatError
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType

_MACHINE_ID: Final = Path("/etc/machine-id")
_MACHINE: Final = "machine"
_PROMPT: Final = "Please enter the password to encrypt the private key"


@click.command("certificate", cls=StepCommand)
@click.argument("key_id", metavar="<key-id>")
@click.argument("key_file", metavar="<key-file>")
@click.option("--host", is_flag=True, help="Get a host's certificate instead of a user's.")
@click.option(
    "--host-id",
    metavar="<uuid>",
    help="With --host: which host it is; 'machine' makes the UUID of /etc/machine-id.",
)
@click.option("--sign", is_flag=True, help="<key-file> is a public key: sign that.")
@click.option(
    "--private-key", metavar="<file>", help="With --sign: its private key, for the SSH agent."
)
@click.option("--password-file", metavar="<file>", help="The password to encrypt the new key with.")
@click.option(
    "--min-password-length",
    type=int,
    default=0,
    metavar="<length>",
    help="Refuse shorter passwords for the new key.",
)
@click.option("--no-password", is_flag=True, help="Do not encrypt the key; requires --insecure.")
@click.option("--no-agent", is_flag=True, help="Do not put it into the SSH agent.")
@certificate_flags
@kind_flags
@x5c_flags
@credential_flags
@force_flag
@ssh_ca_flags
@kms_flag
def certificate(key_id: str, key_file: str, **flags: Any) -> None:
    """Get an SSH certificate, for a new key or (--sign) for a public key.

    The new key goes to <key-file>, its public half to <key-file>.pub and the certificate to
    <key-file>-cert.pub; a user's is put into the SSH agent as well. Without --principal it is for
    <key-id>; of jane@example.com also for jane.

    \b
    Examples:
      $ hearth ssh certificate jane@example.com id_ecdsa
      $ hearth ssh certificate jane@example.com id_ed25519 --kty OKP --not-after 8h --no-agent
      $ hearth ssh certificate --sign jane@example.com id_ecdsa.pub --private-key id_ecdsa
      $ hearth ssh certificate --host host.example.com ssh_host_ecdsa_key
      $ hearth ssh certificate --host --sign host.example.com ssh_host_ecdsa_key.pub
    """
    _check(flags)
    what, ca = wanted(flags), which_ca(flags)
    kind = asked_kind(flags["kty"], flags["curve"], flags["size"], insecure=flags["insecure"])
    host_id = _host_id(flags["host_id"])
    key, public_key = _keys(key_file, kind, flags)
    files = _Files.of(key_file, sign=flags["sign"])
    for file in files.written(sign=flags["sign"]):
        may_write(file, force=flags["force"])
    certificate_type = CertificateType.HOST if flags["host"] else CertificateType.USER
    wish = SshWish(
        type=certificate_type,
        principals=what.principals or _principals(certificate_type, key_id),
        valid_after=what.valid_after,
        valid_before=what.valid_before,
    )
    token = make_token(ca, key_id, "sign", wish)
    place = place_for(ca, token)
    password = None if flags["sign"] else _password(flags)
    new_user = generate_key(kind) if flags["add_user"] else None
    wished = SshSignOrder(
        key=public_key,
        token=token.raw,
        type=certificate_type,
        key_id=key_id,
        principals=wish.principals,
        valid_after=wish.valid_after,
        valid_before=wish.valid_before,
        add_user_key=keys.of_key(new_user.public_key()) if new_user else None,
        template_data=what.template_data,
    )
    issued = order(place, wished, host_id)
    outputs = [
        NewFile(path=files.certificate, data=public_line(issued.certificate, key_id), mode=0o644)
    ]
    if key is not None and not flags["sign"]:
        outputs[:0] = _key_files(files, key, password, key_id)
    adding = _add_user_files(files, new_user, issued, key_id)
    write_together([*outputs, *adding])
    if not flags["sign"]:
        selected("Private Key", files.key)
        selected("Public Key", files.public_key)
    selected("Certificate", files.certificate)
    if key is not None and certificate_type is CertificateType.USER and not flags["no_agent"]:
        hold(key, issued.certificate, flags["comment"] or key_id, name="SSH Agent")
    names = ("Add User Private Key", "Add User Public Key", "Add User Certificate")
    for name, added in zip(names, adding, strict=False):
        selected(name, added.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """Where everything goes."""

    key: str
    public_key: str
    certificate: str

    @classmethod
    def of(cls, name: str, *, sign: bool) -> "_Files":
        base = name.removesuffix(".pub") if sign else name
        return cls(key=base, public_key=f"{base}.pub", certificate=f"{base}-cert.pub")

    def written(self, *, sign: bool) -> tuple[str, ...]:
        """Name those that are written in any case."""
        return (self.certificate,) if sign else (self.key, self.public_key, self.certificate)


def _check(flags: dict[str, Any]) -> None:
    """Refuse what does not go together. Raises BadRequest."""
    if flags["no_password"] and not flags["insecure"]:
        raise BadRequest("flag '--no-password' requires the '--insecure' flag")
    for other in ("min_password_length", "password_file"):
        if flags["no_password"] and flags[other]:
            name = other.replace("_", "-")
            raise BadRequest(f"flag '--no-password' is incompatible with '--{name}'")
    if flags["token"] and flags["provisioner_password_file"]:
        raise BadRequest("flag '--token' is incompatible with '--provisioner-password-file'")
    if flags["host"] and flags["add_user"]:
        raise BadRequest("flag '--host' is incompatible with '--add-user'")
    if flags["host_id"] and not flags["host"]:
        raise BadRequest("flag '--host-id' requires the '--host' flag")
    if flags["add_user"] and len(flags["principals"]) > 1:
        raise BadRequest("flag '--add-user' is incompatible with more than one principal")


def _keys(
    key_file: str, kind: KeyKind, flags: dict[str, Any]
) -> tuple[PrivateKey | None, SshPublicKey]:
    """Read the key to sign, or make one. Raises BadRequest, FormatError."""
    if not flags["sign"]:
        key = generate_key(kind)
        return key, keys.of_key(key.public_key())
    try:
        found, _ = authorized.read(read_file(key_file))
    except FormatError as error:
        raise FormatError(f"error parsing ssh public key {key_file}: {error.public}") from error
    if not isinstance(found, SshPublicKey):
        raise BadRequest(f"{key_file} is a certificate: name the file of its public key")
    if not flags["private_key"]:
        return None, found
    private = read_private_key(flags["private_key"])
    if keys.of_key(private.public_key()) != found:
        raise BadRequest(f"{flags['private_key']} is not the private key of {key_file}")
    return private, found


def _principals(kind: CertificateType, key_id: str) -> tuple[str, ...]:
    if kind is CertificateType.HOST:
        return (key_id,)
    return tuple(principals.of_subject(key_id))


def _password(flags: dict[str, Any]) -> Password | None:
    """Get the password of the new key. Raises BadRequest."""
    if flags["no_password"]:
        return None
    file, least = flags["password_file"], max(flags["min_password_length"], 1)
    hint = f" (must be at least {least} characters)" if least > 1 else ""
    while True:
        password = read_password(_PROMPT + hint, file=file)
        if len(password.reveal().decode("utf-8", "replace")) >= least:
            return password
        short = f"the password must have at least {least} characters"
        if file:
            raise BadRequest(f"{short}: {file} holds a shorter one")
        say(f"{short[0].upper()}{short[1:]}.")


def _key_files(
    files: _Files, key: PrivateKey, password: Password | None, comment: str
) -> list[NewFile]:
    entropy = secrets.token_bytes(private_keys.ENTROPY)
    text = private_keys.dump(key, password, entropy=entropy)
    line = public_line(keys.of_key(key.public_key()), comment)
    return [
        NewFile(path=files.key, data=text, mode=0o600),
        NewFile(path=files.public_key, data=line, mode=0o644),
    ]


def _add_user_files(
    files: _Files, key: PrivateKey | None, issued: SshIssued, key_id: str
) -> list[NewFile]:
    """Give the key that creates the user, when the CA made a certificate for it."""
    if key is None or issued.add_user is None:
        return []
    named, comment = (
        _Files.of(f"{files.key}-provisioner", sign=False),
        f"{principals.account(key_id)}-provisioner",
    )
    line = public_line(issued.add_user, comment)
    written = NewFile(path=named.certificate, data=line, mode=0o644)
    return [*_key_files(named, key, None, comment), written]


def _host_id(text: str | None) -> str:
    """Give the host's id as a URN; empty when none is given. Raises BadRequest."""
    if not text:
        return ""
    if text != _MACHINE:
        try:
            return uuid.UUID(text).urn
        except ValueError:
            raise BadRequest(
                f"invalid value '{text}' for flag '--host-id'; options are [ machine | <UUID> ]"
            ) from None
    content = read_file(str(_MACHINE_ID))
    digest = hashlib.blake2b(content, digest_size=16, key=b"man moon machine").digest()
    return uuid.UUID(bytes=digest, version=4).urn
