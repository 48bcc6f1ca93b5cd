"""`hearth ca renew`: once, or as a daemon."""

from collections.abc import Mapping
from typing import Any

import click

from appliance.cli import acme_flags, renewal_flags
from appliance.cli.acme_renewing import AcmeRenewer, Adviser, acme_provisioner
from appliance.cli.ca_acme import known_roots, provisioner_directory, tls_for
from appliance.cli.command import StepCommand
from appliance.cli.files import may_write, read_file
from appliance.cli.keys import kms_flag, read_private_key
from appliance.cli.online import ca_flags, required_url
from appliance.cli.prompts import say
from appliance.cli.reach import ca_password_flag, offline_flags
from appliance.cli.renewing import Renewer, run_daemon
from appliance.client.identity import Identity, load_identity
from appliance.model.errors import BadRequest


@click.command("renew", cls=StepCommand)
@click.argument("crt_file", metavar="<crt-file>")
@click.argument("key_file", metavar="<key-file>")
@click.option(
    "--mtls",
    is_flag=True,
    default=True,
    help="Show the certificate in TLS (the default); --mtls=false sends a signed token instead.",
)
@click.option(
    "--out", "--output-file", "out", metavar="<file>", help="Where to; default <crt-file>."
)
@renewal_flags.renewal_flags("renew", "after a renewal")
@click.option("--password-file", metavar="<file>", help="The password of the private key.")
@click.option("-f", "--force", is_flag=True, help="Overwrite files without asking.")
@acme_flags.acme_flags
@ca_flags
@ca_password_flag
@offline_flags
@kms_flag
def renew(*, crt_file: str, key_file: str, mtls: bool, **flags: Any) -> None:
    """Renew a certificate: same names, same key, new dates.

    The new certificate overwrites <crt-file>, or goes to --out. An expired certificate is renewed
    with a token, if the CA allows it.

    With --daemon it stays, and renews when about two thirds of the certificate's life are over;
    a little chance keeps many machines from coming at once. After a failure it tries again every
    minute. SIGHUP makes it renew at once. Where the CA says when it wishes to be asked (ACME's
    renewal information), that counts.

    A certificate whose key is on a token (--kms) is renewed by a token that the key signs: TLS
    takes keys from files only.

    With --acme the certificate is renewed by a new order for its names, from any CA.

    \b
    Examples:
      $ hearth ca renew internal.crt internal.key
      $ hearth ca renew --force --expires-in 8h internal.crt internal.key
      certificate not renewed: expires in 10h52m5s
      $ hearth ca renew --daemon --exec "systemctl reload nginx" internal.crt internal.key
      $ hearth ca renew --kms 'yubikey:?pin-source=/run/pin' internal.crt 'yubikey:slot-id=9a'
      $ hearth ca renew --daemon --acme https://acme.example.com/directory internal.crt internal.key
    """  # fmt: skip
    acme = acme_flags.take(flags)
    asked = renewal_flags.take(flags)
    after = renewal_flags.after(asked)
    password_file: str | None = flags["password_file"]
    schedule = renewal_flags.schedule(asked, "renew")
    identity = load_identity(
        read_file(crt_file), lambda: read_private_key(key_file, password_file=password_file)
    )
    validity = identity.leaf.validity
    renewal_flags.check_length(schedule, validity.length, "renew")
    out = flags["out"] or crt_file
    renewer = _renewer(flags, asked, acme, identity, mtls=mtls, out=out)
    if asked.daemon:
        run_daemon(renewer, schedule, after, _adviser(flags, acme, identity))
        return
    if renewal_flags.is_too_early(schedule, validity, "renewed"):
        return
    may_write(out, force=flags["force"])
    renewer.run()
    say(f"Your certificate has been saved in {out}.")
    after.run()


def _renewer(
    flags: Mapping[str, Any],
    asked: renewal_flags.RenewalFlags,
    acme: acme_flags.AcmeFlags,
    identity: Identity,
    *,
    mtls: bool,
    out: str,
) -> Renewer | AcmeRenewer:
    """Say how it is renewed: by itself, or by a new order from the CA of --acme."""
    if acme.acme:
        if flags["offline"]:
            raise BadRequest("offline mode and ACME are mutually exclusive")
        acme.answering()  # what is wrong is told now, not in sixteen hours
        acme.external_account()
        tls = tls_for(roots=known_roots(flags["root"]), system_roots=True)
        return AcmeRenewer(identity=identity, directory=acme.acme, tls=tls, flags=acme, out=out)
    reach, url = renewal_flags.way(
        flags,
        daemon=asked.daemon,
        password_file=flags["ca_password_file"] or flags["password_file"],
    )
    return Renewer(identity=identity, reach=reach, url=url, out=out, mtls=mtls)


def _adviser(
    flags: Mapping[str, Any], acme: acme_flags.AcmeFlags, identity: Identity
) -> Adviser | None:
    """Say who knows when it is time: the CA of --acme, or of the certificate's provisioner."""
    roots = known_roots(flags["root"])
    if acme.acme:
        return Adviser(directory=acme.acme, tls=tls_for(roots=roots, system_roots=True))
    name = acme_provisioner(identity.leaf)
    if name is None:
        return None
    directory = provisioner_directory(required_url(flags["ca_url"]), name)
    return Adviser(directory=directory, tls=tls_for(roots=roots, system_roots=False))
