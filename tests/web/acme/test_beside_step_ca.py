"""Answers of ACME's beside those of step-ca, as recorded: the same but where that is meant."""

import json
from typing import Any

import pytest
import trio

from tests.support.acme_by_hand import DIRECTORY, AcmeWorld
from tests.web import record_acme
from tests.web.acme_exchanges import GOLDEN, run

_ERROR = "urn:ietf:params:acme:error:"
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
    ours = await run(AcmeWorld().send, DIRECTORY)
    assert ours == {name: changed(each, MEANT.get(name, {})) for name, each in recorded.items()}


@pytest.mark.reference
async def test_the_record_is_what_step_ca_answers() -> None:
    recorded = await trio.to_thread.run_sync(record_acme.recorded)
    assert recorded == json.loads(GOLDEN.read_text())
