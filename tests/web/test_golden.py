"""What step-ca answered to exchanges.CASES, ours answers, but where the table says why not."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio

from appliance.web.limits import Limits
from tests.support.web import SETTINGS, serving
from tests.web import ours, record
from tests.web.exchanges import CASES, GOLDEN, Client, World

ERROR = {"error": ["status", "message"]}
JSON = {"content-type": "application/json"}
TEXT = {"content-type": "text/plain; charset=utf-8"}
NOT_FOUND = TEXT | {"x-content-type-options": "nosniff"}


def answer(status: int, headers: Mapping[str, str] = JSON, body: Any = ERROR) -> dict[str, Any]:
    return {"status": status, "headers": dict(headers), "request id": True, "body": body}


DIFFERENT: Mapping[str, tuple[dict[str, Any], str]] = {
    "GET /version": (answer(200, body={"version": "0.1.0"}), "it is our version"),
    "GET /1.0/version": (answer(200, body={"version": "0.1.0"}), "it is our version"),
    "GET /provisioners//encrypted-key": (
        answer(404, NOT_FOUND, "404 page not found\n"),
        "a path without an id is no route; step-ca looks for the empty id",
    ),
    "FOO /health": (
        answer(405, {"allow": "GET"}, ""),
        "RFC 9110 15.5.6: a 405 says what is allowed, for methods that we do not know, too",
    ),
    "get /health": (
        answer(405, {"allow": "GET"}, ""),
        "RFC 9110 15.5.6, and methods are case-sensitive here as there",
    ),
    "renew: by token with another audience": (
        answer(401),
        "a token that does not hold is 401, not a fault of the CA (500)",
    ),
    "renew: by token with another issuer": (
        answer(401),
        "the body has the form of every other error of this API, which clients parse",
    ),
    "renew: by token with no chain": (
        answer(401),
        "step-ca's handler fails and drops the connection",
    ),
}
"""Case to our answer and the reason."""


async def test_answers_as_recorded(tmp_path: Path) -> None:
    """Status, headers, JSON members and certificates are those of step-ca."""
    golden = json.loads(GOLDEN.read_text())
    assert set(golden) == set(CASES), "record again: python -m tests.web.record"
    world = World(tmp_path / "ca")
    application = ours.application(world, ours.discard)
    async with serving(application, world.pki, Limits(drain=1)) as server:
        client = Client(server.port, tmp_path, world.pki.root)
        results = await trio.to_thread.run_sync(client.run, world)
    expected = golden | {name: each for name, (each, _) in DIFFERENT.items()}
    wrong = {
        name: {"ours": results[name], "wanted": expected[name]}
        for name in CASES
        if results[name] != expected[name]
    }
    assert not wrong, json.dumps(wrong, indent=1)


def test_differences_are_differences() -> None:
    """No case is excused that step-ca answers alike."""
    golden = json.loads(GOLDEN.read_text())
    for name, (ours_is, reason) in DIFFERENT.items():
        assert golden[name] != ours_is, name
        assert reason


def test_tls_options_are_recorded() -> None:
    """A sign answer tells the server's TLS settings."""
    recorded = json.loads(GOLDEN.read_text())["sign: good"]["body"]["tlsOptions"]
    assert recorded["cipherSuites"] == list(SETTINGS.cipher_suites)


@pytest.mark.reference
@pytest.mark.skipif(shutil.which("step-ca") is None, reason="step-ca is not on PATH")
def test_the_reference_still_answers_so() -> None:
    """Golden files are what the reference on PATH says."""
    assert record.recorded() == json.loads(GOLDEN.read_text())
