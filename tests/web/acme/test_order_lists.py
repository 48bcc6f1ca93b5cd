"""The list of an account's orders (RFC 8555 7.1.2.1), and how soon to look again."""

import pytest

from tests.support.acme_by_hand import AcmeWorld, Answer, Client, csr


async def listed(client: Client) -> list[str]:
    """All pages."""
    found: list[str] = []
    url = f"{client.kid}/orders"
    for _ in range(20):
        answer = await client.post(url)
        assert len(answer.json["orders"]) <= 100
        found += answer.json["orders"]
        following = [each for each in answer.all("link") if 'rel="next"' in each]
        if not following:
            return found
        url = following[0].partition(">")[0].removeprefix("<")
    raise AssertionError("the list does not end")


async def test_a_long_list_comes_by_pages_each_order_once() -> None:
    world = AcmeWorld()
    client, other = await world.client(), await world.client()
    await other.order("other.example")
    made = [(await client.order("a.example")).header("location") for _ in range(205)]
    found = await listed(client)
    assert sorted(found) == sorted(made)
    assert len(await listed(other)) == 1


async def test_orders_that_are_finished_are_not_listed() -> None:
    """RFC 8555 7.1.2.1: pending ones should be, invalid ones should not."""
    world = AcmeWorld()
    world.validator.failing.add("b.example")
    client = await world.client()
    assert await listed(client) == []
    refused = (await client.order("b.example")).json
    await client.authorize(refused)
    done = (await client.order("a.example")).json
    await client.authorize(done)
    await client.finalize(done, csr("a.example"))
    ready = await client.order("c.example")
    await client.authorize(ready.json)
    pending = await client.order("d.example")
    wanted = {each.header("location") for each in (ready, pending)}
    assert set(await listed(client)) == wanted
    world.clock.advance(86401)
    client.nonce = ""
    assert await listed(client) == []


@pytest.mark.parametrize("cursor", ["x", "%00", "~", "z" * 500, ""])
async def test_a_cursor_that_is_none_is_no_fault(cursor: str) -> None:
    client = await AcmeWorld().client()
    await client.order("a.example")
    answer = await client.post(f"{client.kid}/orders?cursor={cursor}")
    assert (answer.status, set(answer.json)) == (200, {"orders"})


def soon(answer: Answer) -> str:
    return answer.header("retry-after")


async def test_who_waits_for_a_proof_is_told_when_to_look_again() -> None:
    """RFC 8555 7.5.1; what waits for the client says nothing."""
    world = AcmeWorld()
    world.validator.hanging.add("a.example")
    client = await world.client()
    made = await client.order("a.example")
    order, authorization = made.header("location"), made.json["authorizations"][0]
    assert (soon(await client.post(order)), soon(await client.post(authorization))) == ("", "")
    await client.authorize(made.json)
    for url in (
        order,
        authorization,
        (await client.post(authorization)).json["challenges"][1]["url"],
    ):
        assert soon(await client.post(url)) == "1"


async def test_what_is_settled_says_nothing() -> None:
    client = await AcmeWorld().client()
    made = await client.order("a.example")
    await client.authorize(made.json)
    assert soon(await client.post(made.json["authorizations"][0])) == ""
    assert soon(await client.post(made.header("location"))) == ""
    assert soon(await client.finalize(made.json, csr("a.example"))) == ""
