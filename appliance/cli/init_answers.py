"""What a person answers to `hearth ca init`: judged alike, whether by a flag or at the terminal."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar, final

from appliance.cli.prompts import ask, confirm, say
from appliance.config.creation import Wishes
from appliance.model.errors import BadRequest

_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_PLAIN: Final = {"443": "80", "8080": "8081"}  # the usual port for plain HTTP, by that of TLS
T = TypeVar("T")


def given(
    value: str | None, flag: str, question: str, judged: Callable[[str], T], *, usual: str = ""
) -> T:
    """Judge what the flag says, or ask until an answer is good; an empty one is the usual."""
    if value:
        return judged(value)
    while True:
        try:
            return judged(ask(question, usual, flag=flag))
        except NotGood as error:
            say(f"{error}")


@final
class NotGood(BadRequest):
    """A value that a person can give again."""


def dns_names(text: str) -> tuple[str, ...]:
    """Read names and addresses, separated by commas or spaces."""
    names = [each.strip() for each in text.replace(" ", ",").split(",") if each.strip()]
    if not names:
        raise NotGood("the CA needs a DNS name or IP address: give it with --dns")
    return tuple(_host(name) for name in names)


def _host(name: str) -> str:
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        if _HOST.fullmatch(name) and len(name) <= 253:
            return name
    raise NotGood(f"{name} is not a valid DNS name or IP address")


def address(text: str) -> str:
    """Read where to listen."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or (":" in bare and bare == host) or not port.isdecimal() or int(port) > 65535:
        raise NotGood(f"{text} is not an address to listen on: give HOST:PORT, such as :443")
    return text


def published(
    wishes: Wishes, *, crl: bool, ocsp: bool, insecure_address: str, asking: bool
) -> Wishes:
    """Add what is published, and where: as the flags say, else asked where `asking` is wanted."""
    host, _, port = wishes.address.rpartition(":")
    usual = f"{host}:{_PLAIN.get(port, '8080')}"
    where = insecure_address or usual
    if asking and not (crl or ocsp):
        crl = ocsp = confirm(
            "Publish which certificates are revoked (CRL and OCSP, by plain HTTP)", flag="--crl"
        )
        if crl:
            question = "What address and port will plain HTTP listen on?"
            where = given(None, "--insecure-address", question, address, usual=usual)
    if not (crl or ocsp):
        return wishes
    if address(where) == wishes.address:
        raise BadRequest(f"{where} cannot serve both TLS and plain HTTP: give --insecure-address")
    return replace(wishes, crl=crl, ocsp=ocsp, insecure_address=where)
