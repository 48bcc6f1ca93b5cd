"""Answers of ACME's beside those of step-ca, as recorded: the same but where that is meant."""

import json
from typing import Any

import pytest
import trio

from tests.support.acme_by_hand import DIRECTORY, AcmeWorld
from tests.web import record_acme
from tests.web.acme_exchanges import GOLDEN, run

_ERROR = "urn:ietf:params:acme:error:"
_LOCATED = ["replay-nonce", "cache-control", "location", "link"]


def _refused(status: int, kind: str) -> dict[str, Any]:
    """A problem where step-ca has none."""
    return {
        "status": status,
        "headers": ["replay-nonce", "cache-control", "link"],
        "members": ["detail", "type"],
        "type": _ERROR + kind,
    }


MEANT: dict[str, dict[str, Any]] = {
    # RFC 8555 7.4.1, RFC 9773: there are two resources more
    "directory": {
        "members": [
            "keyChange",
            "newAccount",
            "newAuthz",
            "newNonce",
            "newOrder",
            "renewalInfo",
            "revokeCert",
        ]
    },
    "wrong content type": {"status": 415},  # RFC 8555 6.2
    "wrong url": {"status": 401, "type": f"{_ERROR}unauthorized"},  # 6.4
    # 7.3.2: any other status is passed over
    "account status": {
        "status": 200,
        "headers": ["replay-nonce", "cache-control", "location", "link"],
        "members": ["contact", "orders", "status"],
        "type": None,
    },
    # 7.1.4: there is no `wildcard` but of wildcards
    "authorization": {"members": ["challenges", "expires", "identifier", "status"]},
    "proven authorization": {"members": ["challenges", "expires", "identifier", "status"]},
    # 7.4: every name is compared, of whichever kind
    "finalize with a registered id": _refused(400, "badCSR"),
    "finalize by the account's key": _refused(400, "badCSR"),  # 11.1
    # 7.4: only a repeated request is answered again
    "finalize for another key": _refused(403, "orderNotReady"),
    "revoke for reason text": {"status": 400, "type": f"{_ERROR}malformed"},  # 6.7
    "revoke as who has proven the name": {"status": 200, "members": None, "type": None},  # 7.6
    # 7.3.5: step-ca has no key change
    "key change of another": {"status": 400, "type": f"{_ERROR}malformed"},
    "key change to a key in use": {
        "status": 409,
        "headers": _LOCATED,
        "type": f"{_ERROR}malformed",
    },
    "key change": {
        "status": 200,
        "headers": _LOCATED,
        "members": ["orders", "status"],
        "type": None,
    },
    "the old key": _refused(400, "malformed"),
    # 7.5.2: step-ca cannot deactivate authorizations
    "another's to deactivate": {"status": 401, "type": f"{_ERROR}unauthorized"},
    "authorization deactivated": {
        "status": 200,
        "headers": _LOCATED,
        "members": ["challenges", "expires", "identifier", "status"],
        "type": None,
    },
    # 7.1.3: why it is invalid
    "its order": {
        "members": [
            "authorizations",
            "error",
            "expires",
            "finalize",
            "id",
            "identifiers",
            "notAfter",
            "notBefore",
            "status",
        ]
    },
    "bad type": {"type": f"{_ERROR}unsupportedIdentifier"},  # RFC 8555 7.4
    "finalize too early": {"status": 403},  # RFC 8555 7.4
    "no such order": {"status": 404},
    # step-ca shows who asks its own account
    "another's account": {
        "status": 401,
        "headers": ["replay-nonce", "cache-control", "link"],
        "members": ["detail", "type"],
        "type": f"{_ERROR}unauthorized",
    },
}


def changed(recorded: dict[str, Any], meant: dict[str, Any]) -> dict[str, Any]:
    """Put what is meant to differ into an answer; None takes out."""
    return {name: each for name, each in (recorded | meant).items() if each is not None}


async def test_answers_are_step_ca_s_but_where_that_is_meant() -> None:
    recorded = json.loads(GOLDEN.read_text())
    ours = await run(AcmeWorld().send, DIRECTORY, {})
    assert ours == {name: changed(each, MEANT.get(name, {})) for name, each in recorded.items()}


@pytest.mark.reference
async def test_the_record_is_what_step_ca_answers() -> None:
    recorded = await trio.to_thread.run_sync(record_acme.recorded)
    assert recorded == json.loads(GOLDEN.read_text())
