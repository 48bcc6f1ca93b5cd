"""What a person answers to `hearth ca init`: judged alike, whether by a flag or at the terminal."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from appliance.cli.prompts import ask, confirm, say
from appliance.config.answers import NotGood, address, plain_address
from appliance.config.creation import Wishes
from appliance.model.errors import BadRequest

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


def published(
    wishes: Wishes, *, crl: bool, ocsp: bool, insecure_address: str, asking: bool
) -> Wishes:
    """Add what is published, and where: as the flags say, else asked where `asking` is wanted."""
    usual = plain_address(wishes.address)
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
