"""`hearth crypto key format`: a key in another form."""

import secrets
import stat
from pathlib import Path
from typing import Any, Final

import click

from appliance.cli.any_key import of_content
from appliance.cli.command import StepCommand
from appliance.cli.files import read_file, write_file
from appliance.cli.keys import refuse_kms
from appliance.cli.new_keys import new_password
from appliance.cli.prompts import say
from appliance.formats import jwe, key_forms, keyfile
from appliance.formats.key_forms import AnyKey, Form
from appliance.formats.ssh import private_keys
from appliance.model.errors import BadRequest
from appliance.model.secret import Password

_FORMS: Final = {"pem": Form.PEM, "der": Form.DER, "ssh": Form.SSH, "jwk": Form.JWK}


@click.command("format", cls=StepCommand)
@click.argument("key_file", metavar="[<key-file>]", default="-")
@click.option("--pkcs8", is_flag=True, help="Write private keys as PKCS #8.")
@click.option("--pem", is_flag=True, help="Write PEM: the default for what is not PEM.")
@click.option("--der", is_flag=True, help="Write DER: the default for PEM.")
@click.option("--ssh", is_flag=True, help="Write as OpenSSH does.")
@click.option("--jwk", is_flag=True, help="Write a JSON Web Key.")
@click.option("--out", metavar="<file>", help="Write to this file, not to standard output.")
@click.option(
    "--password-file", metavar="<file>", help="The password of the key, and of what is written."
)
@click.option("--no-password", is_flag=True, help="Write the key as it is; needs --insecure.")
@click.option("--insecure", is_flag=True, help="Allow --no-password.")
@click.option("-f", "--force", is_flag=True, help="Overwrite the file without asking.")
def convert(*, key_file: str, out: str | None, force: bool, **flags: Any) -> None:
    """Write a key in another form: PEM becomes DER, everything else becomes PEM.

    A private key in PEM, of OpenSSH or as a JWK gets a password, which is asked for. DER has none.

    \b
    Examples:
      $ hearth crypto key format key.pem --out key.der
      $ hearth crypto key format --pem --pkcs8 rsa.pem --out rsa-pkcs8.pem
      $ jq -r '.authority.provisioners[0].encryptedKey' ca.json |
          hearth crypto key format --pkcs8 > provisioner.key
    """
    chosen = [name for name in _FORMS if flags[name]]
    if len(chosen) > 1:
        raise BadRequest(f"flag '--{chosen[0]}' is incompatible with '--{chosen[1]}'")
    if flags["no_password"] and not flags["insecure"]:
        raise BadRequest("flag '--no-password' requires the '--insecure' flag")
    refuse_kms(key_file)
    content = read_file(key_file)
    form = _FORMS[chosen[0]] if chosen else _other(key_forms.form_of(content))
    key = of_content(content, key_file, password_file=flags["password_file"])
    made = _written(key, form, flags)
    if not out:
        click.echo(made, nl=False)
        return
    write_file(out, made, _mode(key_file), force=force)
    say(f"Your key has been saved in {out}.")


def _other(form: Form) -> Form:
    return Form.DER if form is Form.PEM else Form.PEM


def _written(key: AnyKey, form: Form, flags: dict[str, Any]) -> bytes:
    """Write the key, asking for a password where there is something to protect."""
    if form is Form.DER:
        return key_forms.to_der(key, pkcs8=flags["pkcs8"])
    private = key_forms.private_of(key)
    if private is None:
        return _public(key, form)
    password = None if flags["no_password"] else _password(flags["password_file"])
    match form:
        case Form.PEM:
            entropy = secrets.token_bytes(keyfile.ENTROPY)
            return keyfile.dump_private_key(
                private, password, entropy=entropy, pkcs8=flags["pkcs8"]
            )
        case Form.SSH:
            entropy = secrets.token_bytes(private_keys.ENTROPY)
            return private_keys.dump(private, password, entropy=entropy)
        case Form.JWK:
            text = key_forms.to_jwk(private)
            if password is None:
                return text
            sealed = jwe.encrypt(text, password, entropy=secrets.token_bytes(jwe.ENTROPY))
            return jwe.to_json(sealed, indent=None).encode()


def _public(key: AnyKey, form: Form) -> bytes:
    public = key_forms.public_half(key)
    if form is Form.PEM:
        return keyfile.dump_public_key(public)
    return key_forms.to_ssh(public) if form is Form.SSH else key_forms.to_jwk(public)


def _password(file: str | None) -> Password:
    return new_password("Please enter the password to encrypt the private key", file=file)


def _mode(name: str) -> int:
    """Give the new file the mode of the old one."""
    try:
        return stat.S_IMODE(Path(name).stat().st_mode) if name != "-" else 0o600
    except OSError:
        return 0o600
