"""Used tokens are forgotten only when their own expiry keeps them from being used."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from appliance.authority import housekeeping, records
from appliance.formats import base64url
from appliance.model.grants import TokenUse
from appliance.stores.memory import MemoryStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEEWAY = timedelta(minutes=1)


def token(**claims: object) -> str:
    parts = ({"alg": "ES256"}, claims)
    return ".".join([*(base64url.encode(msgspec.json.encode(part)) for part in parts), "AAAA"])


async def remaining(**raw: str) -> set[str]:
    store = MemoryStore()
    await store.commit([
        records.token_used(TokenUse(reuse_key=name, raw=text)) for name, text in raw.items()
    ])  # fmt: skip
    removed = await housekeeping.prune_tokens(store, NOW, leeway=LEEWAY)
    rows = await store.scan(records.USED_TOKENS)
    assert removed == len(raw) - len(rows)
    return {key.decode() for key, _ in rows}


async def test_a_token_goes_when_its_expiry_and_the_leeway_are_past() -> None:
    assert await remaining(
        future=token(exp=NOW.timestamp() + 1),
        just_expired=token(exp=NOW.timestamp() - 59),
        at_the_leeway=token(exp=int(NOW.timestamp()) - 60),
        long_ago=token(exp=int(NOW.timestamp()) - 61),
        fraction=token(exp=NOW.timestamp() - 60.5),
    ) == {"future", "just_expired", "at_the_leeway"}


async def test_what_says_no_expiry_stays() -> None:
    kept = {
        "none": token(), "text": token(exp="0"), "null": token(exp=None), "true": token(exp=True),
        "not_a_token": "x", "junk": "a.b.c",
    }  # fmt: skip
    assert await remaining(**kept) == set(kept)


async def test_many_tokens_go_in_bounded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_BATCH", 10)
    tokens = {f"{number:03}": token(exp=0 if number % 3 else 2**40) for number in range(101)}
    assert await remaining(**tokens) == {f"{number:03}" for number in range(0, 101, 3)}
