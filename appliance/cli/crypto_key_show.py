"""`hearth crypto key fingerprint|inspect|public`: what a key is."""

import hashlib

import click

from appliance.cli.any_key import read_any, read_public
from appliance.cli.command import StepCommand
from appliance.cli.digest_text import encoding
from appliance.cli.files import write_file
from appliance.cli.prompts import say
from appliance.formats import der, inspect_keys, key_forms, keyfile
from appliance.model.errors import BadRequest


@click.command("inspect", cls=StepCommand)
@click.argument("key_file", metavar="[<key-file>]", default="-")
@click.option("--password-file", metavar="<file>", help="The password of the key.")
def inspect(*, key_file: str, password_file: str | None) -> None:
    """Show the numbers of a key, in PEM, DER, as a JWK or of OpenSSH.

    Those of a private key are its secret.

    \b
    Examples:
      $ hearth crypto key inspect pub.pem
      $ hearth crypto key inspect priv.pem --password-file password.txt
    """
    click.echo(inspect_keys.text(read_any(key_file, password_file=password_file)), nl=False)


@click.command("public", cls=StepCommand)
@click.argument("key_file", metavar="[<key-file>]", default="-")
@click.option("--out", metavar="<file>", help="Write here, not to standard output.")
@click.option("--password-file", metavar="<file>", help="The password of the key.")
@click.option("-f", "--force", is_flag=True, help="Overwrite the file without asking.")
def public(*, key_file: str, out: str | None, password_file: str | None, force: bool) -> None:
    """Print the public half of a private key, or the key of a certificate, in PEM.

    \b
    Examples:
      $ hearth crypto key public priv.pem
      $ hearth crypto key public internal.crt --out pub.pem
    """
    text = keyfile.dump_public_key(read_public(key_file, password_file=password_file))
    if not out:
        click.echo(text, nl=False)
        return
    write_file(out, text, 0o600, force=force)
    say(f"The public key has been saved in {out}.")


@click.command("fingerprint", cls=StepCommand)
@click.argument("key_file", metavar="[<key-file>]", default="-")
@click.option("--sha1", is_flag=True, help="Use SHA-1, in hex.")
@click.option("--pkix", is_flag=True, help="Hash the whole SubjectPublicKeyInfo.")
@click.option("--ssh", is_flag=True, help="Hash the key as OpenSSH writes it.")
@click.option("--password-file", metavar="<file>", help="The password of the key.")
@click.option("--raw", is_flag=True, help="Print what would be hashed.")
@click.option(
    "--format",
    "form",
    metavar="<format>",
    help="base64 (default), hex, base64-url, base64-raw or base64-url-raw.",
)
def fingerprint(
    *,
    key_file: str,
    sha1: bool,
    pkix: bool,
    ssh: bool,
    password_file: str | None,
    raw: bool,
    form: str | None,
) -> None:
    """Print the fingerprint of a public key: the SHA-256 of its bits, as in key identifiers.

    \b
    Examples:
      $ hearth crypto key fingerprint pub.pem
      $ hearth crypto key fingerprint --ssh id_ed25519.pub
      $ hearth crypto key fingerprint --sha1 --format base64 internal.crt
    """
    if pkix and ssh:
        raise BadRequest("flag '--pkix' and flag '--ssh' are mutually exclusive")
    encode = encoding(form or ("hex" if sha1 else "base64"))
    key = read_public(key_file, password_file=password_file)
    if ssh:
        octets = key_forms.ssh_octets(key)
    else:
        octets = key_forms.to_der(key)
        if not pkix:
            octets = der.items(octets)[1].value[1:]  # the BIT STRING without its count of spares
    if raw:
        click.echo(octets, nl=False)
        return
    digest = (hashlib.sha1 if sha1 else hashlib.sha256)(octets).digest()
    click.echo(f"{'SHA1' if sha1 else 'SHA256'}:{encode(digest)}")
