"""`hearth crypto keypair`: a new key, or one out of a JWK, in PEM."""

from typing import Any

import click
import msgspec

from appliance.cli.command import StepCommand
from appliance.cli.files import may_write, read_file, write_file
from appliance.cli.new_keys import Protection, asked_kind, kind_flags, protected, save_key
from appliance.cli.prompts import read_password, say
from appliance.client.csr import generate_key
from appliance.formats import jwe, jwk, keyfile
from appliance.formats.keys import PrivateKey, PublicKey
from appliance.model.errors import BadRequest, FormatError


@click.command("keypair", cls=StepCommand)
@click.argument("pub_file", metavar="<pub-file>")
@click.argument("priv_file", metavar="<priv-file>")
@kind_flags
@click.option("--from-jwk", metavar="<jwk-file>", help="Write the key of a JWK, not a new one.")
@click.option("--password-file", metavar="<file>", help="The password to encrypt the key with.")
@click.option("--no-password", is_flag=True, help="Write the key as it is; needs --insecure.")
@click.option("--insecure", is_flag=True, help="Allow --no-password, and RSA keys that are short.")
@click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")
def keypair(*, pub_file: str, priv_file: str, from_jwk: str | None, **flags: Any) -> None:
    """Make a key, and write its public and its private half in PEM.

    The private half is encrypted with a password that is asked for.

    \b
    Examples:
      $ hearth crypto keypair foo.pub foo.key
      $ hearth crypto keypair foo.pub foo.key --kty RSA --size 4096
      $ hearth crypto keypair foo.pub foo.key --kty OKP --curve Ed25519 --no-password --insecure
    """
    if pub_file == priv_file:
        raise BadRequest("positional arguments <pub-file> and <priv-file> cannot be equal")
    protection = Protection(
        **{name: flags[name] for name in ("password_file", "no_password", "insecure")}
    )
    protection.check()
    choice = {name: flags[name] for name in ("kty", "curve", "size")}
    private: PrivateKey | None
    if from_jwk:
        for name, value in choice.items():
            if value is not None:
                raise BadRequest(f"flag '--from-jwk' is incompatible with '--{name}'")
        public, private = _of_jwk(from_jwk)
    else:
        private = generate_key(asked_kind(**choice, insecure=protection.insecure))
        public = private.public_key()
    may_write(pub_file, force=flags["force"])
    if private is not None:
        may_write(priv_file, force=flags["force"])
        save_key(priv_file, protected(private, protection))
    write_file(pub_file, keyfile.dump_public_key(public), 0o600, force=True)
    say(f"Your public key has been saved in {pub_file}.")
    if private is not None:
        say(f"Your private key has been saved in {priv_file}.")
    else:
        say("Only the public PEM was generated.")
        say("Cannot retrieve a private key from a public one.")


def _of_jwk(name: str) -> tuple[PublicKey, PrivateKey | None]:
    """Read a JWK, encrypted or not. Raises BadRequest."""
    text = read_file(name).decode("utf-8", "replace")
    try:
        if jwe.is_encrypted(text):
            password = read_password(f"Please enter the password to decrypt {name}")
            text = jwe.decrypt(text, password).decode("utf-8", "replace")
        members = msgspec.json.decode(text, type=dict[str, Any])
        return jwk.public_key(members), jwk.private_key(members) if "d" in members else None
    except (FormatError, msgspec.MsgspecError) as error:
        reason = error.public if isinstance(error, FormatError) else "unsupported format"
        raise BadRequest(f"error reading {name}: {reason}") from error
