"""What was issued, and what to do with it next, in words."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from appliance.model.overview import Overview
from appliance.operator.issued_files import Written
from appliance.operator.wishes import FileForm, Subject, Wish
from tui.widgets.sheet import Field, Section
from tui.wording import printable

_SOON: Final = timedelta(days=3)
_WEAK: Final = (
    "The encryption of this form is weak, so that old devices can read it: bring the file to the "
    "device, and remove it here."
)
_NEXT: Final = {
    FileForm.PEM: "Give both files to the device or service; keep the key from everybody else.",
    FileForm.ONE_PEM: "Give the file to the device or service. The key is in it: remove it here.",
    FileForm.P12: (
        "Import it at the device's web page (security, HTTPS, certificates), with the passphrase. "
        "The key is in it: remove it here afterwards."
    ),
    FileForm.OLD_P12: (
        "Import it at the device's web page (security, HTTPS, certificates), with the passphrase."
    ),
}


def explained(wish: Wish, written: Written, overview: Overview) -> tuple[Section, ...]:
    """Give the sections of a sheet."""
    until = written.not_after.strftime("%Y-%m-%d %H:%M UTC")
    left = (written.not_after - overview.now).days
    files = [
        Field(name="File" if not number else "", value=printable(str(each)), part="good")
        for number, each in enumerate(written.files)
    ]
    return (
        Section(
            title="● Issued",
            fields=(
                Field(name="Subject", value=printable(written.subject)),
                Field(name="Serial", value=str(written.serial)),
                Field(name="Valid until", value=f"{until} ({left} days)" if left > 1 else until),
                *files,
            ),
        ),
        Section(title="What to do next", text="\n".join(_steps(wish, written, overview))),
    )


def _steps(wish: Wish, written: Written, overview: Overview) -> Iterable[str]:
    match wish.subject:
        case Subject.NAMES:
            yield _NEXT[wish.form]
            if wish.form is FileForm.OLD_P12:
                yield _WEAK
            yield from _afterwards(wish, written, overview)
        case Subject.REQUEST:
            yield (
                "Upload the file where the request came from, or paste it there (c copies it). The "
                "intermediate is in it, behind the certificate."
            )
            yield from _afterwards(wish, written, overview)
        case Subject.SSH_USER:
            yield (
                "Put it beside the private key: for ~/.ssh/id_ed25519 as "
                "~/.ssh/id_ed25519-cert.pub. ssh finds it there."
            )
            yield "Servers take it that trust this CA: hearth ssh config --roots"
        case Subject.SSH_HOST:
            yield (
                "Put it beside the host's key, name it in sshd_config as HostCertificate, and have "
                "sshd reload."
            )
            yield "Clients take it that trust this CA: hearth ssh config --host --roots"


def _afterwards(wish: Wish, written: Written, overview: Overview) -> Iterator[str]:
    """Say who has to trust what, and how it goes on before the end."""
    yield ""
    yield f"Who connects has to trust the root, once: {overview.url}/roots.pem, or"
    yield f"hearth ca bootstrap --ca-url {overview.url} --install \\"
    yield f"  --fingerprint {overview.fingerprint}"
    if written.not_after - overview.now < _SOON:
        yield ""
        yield (
            "It ends soon. For devices that cannot renew by themselves, raise the lifetimes of the "
            f"provisioner {printable(wish.provisioner)} (4, Lifetimes)."
        )
    if wish.makes_key and wish.form is FileForm.PEM:
        certificate, key = (printable(each.name) for each in written.files)
        yield ""
        yield f"Before it ends: hearth ca renew {certificate} {key}"
