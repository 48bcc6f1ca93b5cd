"""`hearth ca rekey`: a new key for a certificate, once or as a daemon."""

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import click

from appliance.cli import renewal_flags
from appliance.cli.command import StepCommand, was_given
from appliance.cli.files import may_write, read_file
from appliance.cli.keys import kms_flag, read_private_key, read_protected_key
from appliance.cli.new_keys import asked_kind, kind_flags
from appliance.cli.online import (
    ca_flags,
    now,
)
from appliance.cli.prompts import selected
from appliance.cli.reach import ca_password_flag, offline_flags
from appliance.cli.renewing import Rekeyer, run_daemon
from appliance.cli.token_keys import is_on_token
from appliance.client.csr import generate_key
from appliance.client.identity import load_identity
from appliance.formats import keyfile
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest, NotSupported
from appliance.model.secret import Password


@click.command("rekey", cls=StepCommand)
@click.argument("crt_file", metavar="<crt-file>")
@click.argument("key_file", metavar="<key-file>")
@click.option("--out-cert", metavar="<file>", help="The new certificate; default <crt-file>.")
@click.option("--out-key", metavar="<file>", help="The new key; default <key-file>.")
@click.option("--private-key", metavar="<file>", help="Use this key, do not make one.")
@kind_flags
@renewal_flags.renewal_flags("rekey", "when it is rekeyed")
@click.option("--password-file", metavar="<file>", help="The password of the private keys.")
@click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")
@ca_flags
@ca_password_flag
@offline_flags
@kms_flag
def rekey(*, crt_file: str, key_file: str, **flags: Any) -> None:
    """Renew a certificate for a new key: same names, new dates.

    Certificate and key overwrite <crt-file> and <key-file>, or go to --out-cert and --out-key. A
    key that had a password gets a successor with the same one. A key of --private-key stays where
    it is, unless --out-key is given.

    With --daemon it stays, and rekeys when about two thirds of the certificate's life are over,
    with a new key each time.

    \b
    Examples:
      $ hearth ca rekey internal.crt internal.key
      $ hearth ca rekey --out-cert out.crt --out-key out.key internal.crt internal.key
      $ hearth ca rekey --force --expires-in 8h internal.crt internal.key
      $ hearth ca rekey --daemon --exec "systemctl reload nginx" internal.crt internal.key
    """
    asked = renewal_flags.take(flags)
    if flags["private_key"] and asked.daemon:
        raise BadRequest("flag '--private-key' is incompatible with '--daemon', which makes keys")
    next_key = _next_key(flags)
    after = renewal_flags.after(asked)
    password_file: str | None = flags["password_file"]
    reach, _ = renewal_flags.way(
        flags, daemon=asked.daemon, password_file=flags["ca_password_file"] or password_file
    )
    schedule = renewal_flags.schedule(asked, "rekey")
    key, password = read_protected_key(key_file, password_file=password_file)
    if is_on_token(key) and not flags["offline"]:
        raise NotSupported(
            "the key to be replaced is on a token, and TLS, which this uses, takes no keys but "
            "those of files: get a new certificate with 'ca sign', or use --offline at the CA"
        )
    identity = load_identity(read_file(crt_file), lambda: key)
    validity = identity.leaf.validity
    if validity.not_after < now():
        raise BadRequest("cannot rekey an expired certificate: get a new one")
    renewal_flags.check_length(schedule, validity.length, "rekey")
    writes_key = not flags["private_key"] or was_given("out_key")
    rekeyer = Rekeyer(
        identity=identity,
        reach=reach,
        out=flags["out_cert"] or crt_file,
        key_out=(flags["out_key"] or key_file) if writes_key else "",
        make_key=next_key,
        key_text=partial(_text, password=password),
    )
    if asked.daemon:
        run_daemon(rekeyer, schedule, after)
        return
    if renewal_flags.is_too_early(schedule, validity, "rekeyed"):
        return
    for file in filter(None, (rekeyer.out, rekeyer.key_out)):
        may_write(file, force=flags["force"])
    rekeyer.run()
    selected("Certificate", rekeyer.out)
    if rekeyer.key_out:
        selected("Private Key", rekeyer.key_out)
    after.run()


def _next_key(flags: Mapping[str, Any]) -> Callable[[], PrivateKey]:
    """Say where new keys come from. Raises BadRequest."""
    kind = asked_kind(flags["kty"], flags["curve"], flags["size"], insecure=False)
    if given := flags["private_key"]:
        return partial(read_private_key, given, password_file=flags["password_file"])
    return partial(generate_key, kind)


def _text(key: PrivateKey, *, password: Password | None) -> bytes:
    """Write a key as the one before was: under its password, or open."""
    return keyfile.dump_private_key(
        key, password, entropy=secrets.token_bytes(keyfile.ENTROPY) if password else b""
    )
