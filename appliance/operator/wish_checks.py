"""A wish for a certificate, judged: what is wrong is said beside its field, before it is ordered.

The server judges it again, by policy and template; what it refuses is told as it says it.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from appliance.config import answers
from appliance.formats import goduration, names, timeorduration
from appliance.model.errors import BadRequest, HearthError
from appliance.model.founding import Check, Mark
from appliance.model.issuing import Offer, Span
from appliance.model.names import SanKind
from appliance.operator import wishes
from appliance.operator.wishes import FileForm, Subject, Wish

_SHORT: Final = 8  # characters of a passphrase that is easily guessed
_PORT: Final = re.compile(r"[^/:]+:\d+")


def judged(wish: Wish, offers: Sequence[Offer], now: datetime) -> list[Check]:
    """Say what is wrong, beside its field, and what is unwise. Reads the files that are named."""
    found = list(_of_subject(wish))
    offer = next((each for each in offers if each.name == wish.provisioner), None)
    span = span_of(wish, offer) if offer else None
    if span is None:
        found.append(_wrong("provisioner", "choose one that issues such certificates"))
    else:
        found += _problems("lifetime", lambda: _check_lifetime(wish.lifetime, span, now))
    found += _problems("data", lambda: wishes.template_data(wish.data))
    found += _of_files(wish)
    return found


def span_of(wish: Wish, offer: Offer) -> Span | None:
    """Give how long what is wished for may be valid; None where it is not to be had."""
    if wish.subject.ssh is not None:
        return offer.ssh(wish.subject.ssh)
    return (offer.profiles or {}).get(wish.profile, offer.x509) if wish.profile else offer.x509


def _of_subject(wish: Wish) -> Iterator[Check]:
    match wish.subject:
        case Subject.NAMES:
            yield from _problems("names", lambda: _check_names(wish.listed))
        case Subject.REQUEST:
            yield from _of_request(wish)
        case Subject.SSH_USER | Subject.SSH_HOST:
            yield from _problems("ssh_key", lambda: wishes.ssh_key(wish))
            if not wish.listed:
                whom = "users" if wish.subject is Subject.SSH_USER else "host names"
                yield _wrong("names", f"name the {whom} for whom it holds")
            if wish.subject is Subject.SSH_HOST and any("*" in each for each in wish.listed):
                yield _wrong("names", "OpenSSH takes no wildcard as a host's name")


def _of_request(wish: Wish) -> Iterator[Check]:
    try:
        request = wishes.read_request(wish)
    except HearthError as error:
        yield _wrong("request", error.public)
        return
    if wish.listed:
        yield from _problems("names", lambda: _check_names(wish.listed))
    elif not request.sans and not request.common_name:
        yield _wrong("names", "the request has no names: say which the certificate is for")
    else:
        shown = ", ".join(each.value for each in request.sans) or request.common_name
        yield Check(mark=Mark.GOOD, text=f"a sound request, for {shown}", field="request")


def _check_names(listed: Sequence[str]) -> None:
    if not listed:
        raise BadRequest("give a name: DNS, IP address, e-mail or URI; several apart by blanks")
    for each in listed:
        san = names.classify(each)
        if _PORT.fullmatch(each):
            raise BadRequest(f"{each}: a port is no part of a name")
        names.canonical(san.kind, san.value)
        if san.kind is SanKind.DNS:
            answers.dns_names(each.removeprefix("*."))
        if san.kind is SanKind.EMAIL and not all(each.rpartition("@")[::2]):
            raise BadRequest(f"{each} is no e-mail address")


def _check_lifetime(text: str, span: Span, now: datetime) -> None:
    asked = wishes.lifetime(text)
    if not asked:
        return
    moment = timeorduration.moment(asked, now=now)
    length = moment - now if moment else span.usual
    if length <= timedelta():
        raise BadRequest("that is in the past")
    if not span.shortest <= length <= span.longest + timedelta(minutes=1):
        raise BadRequest(
            f"the provisioner's claims allow {shown(span.shortest)} to {shown(span.longest)}"
        )


def _of_files(wish: Wish) -> Iterator[Check]:
    try:
        for file in wish.files if wish.path.strip() else ():
            check_free(file)
    except BadRequest as error:
        yield _wrong("path", error.public)
    if not wish.path.strip():
        yield _wrong("path", "name a file")
    if not wish.makes_key:
        return
    if wish.passphrase != wish.again:
        yield _wrong("again", "the two are not the same: type it again")
    elif wish.form.is_p12 and not wish.passphrase:
        yield _wrong("passphrase", "PKCS #12 needs one: whoever imports the file types it")
    elif wish.form is FileForm.OLD_P12 and not wish.passphrase.reveal().isascii():
        yield _wrong("passphrase", "old devices read only letters without accents")
    elif 0 < len(wish.passphrase.reveal()) < _SHORT:
        text = f"shorter than {_SHORT} characters: whoever gets the file can guess it"
        yield Check(mark=Mark.LOOK, text=text, field="passphrase")


def check_free(file: Path) -> None:
    """See that a file can be made, and replaces none. Raises BadRequest."""
    if file.is_dir():
        raise BadRequest(f"{file} is a directory: name a file in it")
    if file.exists():
        raise BadRequest(f"{file} is there already: choose another name")
    if not file.parent.is_dir():
        raise BadRequest(f"{file.parent} is no directory")
    if not os.access(file.parent, os.W_OK):
        raise BadRequest(f"this user may not write to {file.parent}")


def _problems(name: str, judge: Callable[[], object]) -> Iterator[Check]:
    try:
        judge()
    except HearthError as error:
        yield _wrong(name, error.public)


def _wrong(name: str, text: str) -> Check:
    return Check(mark=Mark.ACT, text=text, field=name)


def shown(span: timedelta) -> str:
    """Write a span as a person types it."""
    if span and span % timedelta(days=1) == timedelta() and span >= timedelta(days=2):
        return f"{span.days}d"
    text = goduration.format_duration(span)
    return re.sub(r"(?<=[hm])0[ms](0s)?$", "", text)
