"""What the network around this machine says: its own addresses and names, and what is free."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import trio

from appliance.model.founding import Check, Mark

_LOOKUP: Final = 4.0  # seconds for a name
_ELSEWHERE: Final = (  # RFC 5737, RFC 3849: nobody is asked, the routes alone tell
    (socket.AF_INET, "192.0.2.1"),
    (socket.AF_INET6, "2001:db8::1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a name is here: its addresses, and the names of those that are ours."""

    addresses: Sequence[str]
    back: Sequence[str]


def own_addresses() -> tuple[str, ...]:
    """Give the addresses from which this machine reaches others."""
    return tuple(dict.fromkeys(_sending()))


def _sending() -> Iterator[str]:
    for family, target in _ELSEWHERE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            yield str(probe.getsockname()[0])


def own_name() -> str:
    """Give the name of this machine, with a domain where it has one."""
    name = socket.getfqdn().rstrip(".").lower()
    if "." in name and not name.startswith("localhost"):
        return name
    host = socket.gethostname().partition(".")[0].lower() or "ca"
    return f"{'ca' if host == 'localhost' else host}.home.arpa"  # RFC 8375


async def look_up(name: str) -> Answer:
    """Ask for a name as every program here does, and for the names of its addresses."""
    addresses: list[str] = []
    back: list[str] = []
    with trio.move_on_after(_LOOKUP), contextlib.suppress(OSError, UnicodeError):
        found = await trio.socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    for each in addresses:
        with trio.move_on_after(_LOOKUP), contextlib.suppress(OSError, UnicodeError):
            host, _ = await trio.socket.getnameinfo((each, 0), socket.NI_NAMEREQD)
            back.append(host.rstrip(".").lower())
    return Answer(addresses=addresses, back=back)


def is_own(address: str) -> bool:
    """Say whether an address is of this machine: only then can it be listened on."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def judge_name(name: str, answer: Answer, own: Callable[[str], bool] = is_own) -> Check:
    """Say whether clients that ask as we do would find us by a name, and we them."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        if own(name):
            return Check(mark=Mark.GOOD, text=f"{name} is this machine's", field="dns_names")
        text = f"{name} is no address of this machine"
        return Check(mark=Mark.LOOK, text=text, field="dns_names")
    if not answer.addresses:
        text = f"{name} cannot be looked up here: clients need it in DNS (or /etc/hosts)"
        return Check(mark=Mark.LOOK, text=text, field="dns_names")
    shown = ", ".join(answer.addresses)
    if not all(own(each) for each in answer.addresses):
        text = f"{name} is at {shown}, which is not this machine"
        return Check(mark=Mark.LOOK, text=text, field="dns_names")
    if name.rstrip(".").lower() not in answer.back:
        others = f", but back to {', '.join(dict.fromkeys(answer.back))}" if answer.back else ""
        text = f"{name} leads here ({shown}){others or '; no name leads back'}: good enough"
        return Check(mark=Mark.GOOD, text=text, field="dns_names")
    return Check(mark=Mark.GOOD, text=f"{name} leads here ({shown}) and back", field="dns_names")


def judge_address(address: str, field: str) -> Check:
    """Say whether it can be listened on, by doing so for an instant."""
    host, _, port = address.rpartition(":")
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare or not bare else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bare, int(port)))
    except PermissionError:
        text = f"port {port} needs root or a service with the right to it: take one above 1023"
        return Check(mark=Mark.ACT, text=text, field=field)
    except OSError as error:
        text = f"{address} cannot be listened on: {(error.strerror or str(error)).lower()}"
        return Check(mark=Mark.ACT, text=text, field=field)
    return Check(mark=Mark.GOOD, text=f"{address} is free", field=field)


def usual_address() -> str:
    """Give the usual port if this user may have it, or the next best."""
    wanted = (":443", ":8443", ":9443")
    free = (each for each in wanted if judge_address(each, "").mark is Mark.GOOD)
    return next(free, wanted[1])
