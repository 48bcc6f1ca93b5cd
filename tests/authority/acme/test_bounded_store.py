"""Daily renewals by many clients leave a bounded store, and two servers on it do not race."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import trio

from appliance.authority.acme import housekeeping, renewal_info, replacing
from appliance.authority.acme.orders import NewOrder
from appliance.formats import pem
from appliance.issuance.acme import certificate_ids
from appliance.issuance.parsed import parse
from appliance.model.acme import Identifier, IdentifierType
from appliance.provisioners.acme import AcmeProvisioner
from tests.support.acme_by_hand import AcmeWorld, Client, PrivateKey, csr, new_key
from tests.support.authority import CONTEXT

BUCKETS = (
    "acme_orders", "acme_authzs", "acme_challenges", "acme_certs", "acme_serial_certs_index",
    "hearth_acme_expiry", "hearth_acme_held", "hearth_acme_used_nonces", "hearth_acme_profiles",
    replacing.REPLACES, replacing.REPLACED, renewal_info.GOING,
)  # fmt: skip
REQUESTS = 8  # nonces of one renewal
T = TypeVar("T")

KEPT = 9  # days: one that an order, an authorization, a certificate lives, and a week


async def counted(world: AcmeWorld) -> Counter[str]:
    """Rows of each bucket."""
    found: Counter[str] = Counter()
    for bucket in BUCKETS:
        start = b""
        while rows := await world.store.scan(bucket, start=start, limit=1000):
            found[bucket] += len(rows)
            start = rows[-1][0] + b"\0"
    return found


async def renewals(world: AcmeWorld, clients: int, days: int) -> list[Counter[str]]:
    """Let clients renew each day, each replacing its certificate; give the rows of each evening."""
    provisioner = world.endpoints.registry.by_name("acme")
    assert isinstance(provisioner, AcmeProvisioner)
    accounts = [(await world.client()).kid.rpartition("/")[2] for _ in range(clients)]
    names = [f"host{each}.home.arpa" for each in range(clients)]
    requests = [csr(each) for each in names]
    last = [""] * clients
    evenings = []
    for _ in range(days):
        for each in range(clients):
            last[each] = await renewed(
                world, provisioner, accounts[each], names[each], requests[each], last[each]
            )
        world.clock.advance(timedelta(days=1).total_seconds())
        await housekeeping.forget(world.store, world.clock.now())
        evenings.append(await counted(world))
    return evenings


async def renewed(
    world: AcmeWorld,
    provisioner: AcmeProvisioner,
    account: str,
    name: str,
    request: bytes,
    replaces: str,
) -> str:
    """Go the whole way behind the door; give the identifier of the certificate."""
    door = world.endpoints
    for _ in range(REQUESTS):
        await door.nonces.spend(await door.nonces.check(await door.nonces.give()))
    asked = NewOrder(
        identifiers=(Identifier(type=IdentifierType.DNS, value=name),), replaces=replaces
    )
    order = await door.orders.create(provisioner, account, asked)
    (authorization,) = order.authorizations
    await door.authorizations.respond(
        provisioner, account, authorization.row.id, authorization.row.challenge_ids[0],
        thumbprint="t", account_url="u", payload=b"{}",
    )  # fmt: skip
    done = await door.finalization.finalize(provisioner, account, order.row.id, request, CONTEXT)
    row = await door.finalization.certificate(account, done.row.certificate)
    return certificate_ids.write(parse(pem.first(row.leaf, "CERTIFICATE")))


async def test_daily_renewals_by_many_clients_leave_a_bounded_store() -> None:
    """From the tenth day on a day leaves as much as it takes away; the inventory stays."""
    world = AcmeWorld()
    clients, days = 20, KEPT + 3
    evenings = await renewals(world, clients, days)
    assert evenings[-1] == evenings[-2] == evenings[-3]
    most = {
        "acme_orders": KEPT, "acme_authzs": KEPT, "acme_challenges": 3 * KEPT,
        "acme_certs": KEPT, "acme_serial_certs_index": KEPT, "hearth_acme_held": 2 * KEPT,
        replacing.REPLACES: KEPT, replacing.REPLACED: KEPT, "hearth_acme_used_nonces": REQUESTS,
    }  # fmt: skip
    for bucket, each in most.items():
        assert evenings[-1][bucket] <= clients * each, bucket
    assert evenings[-1]["hearth_acme_expiry"] <= clients * 11 * KEPT
    assert len(await world.store.scan("x509_certs", limit=10_000)) == clients * days
    world.clock.advance(timedelta(days=KEPT).total_seconds())
    await housekeeping.forget(world.store, world.clock.now())
    assert await counted(world) == Counter()


def instances() -> tuple[AcmeWorld, AcmeWorld]:
    """Two servers on one store."""
    first = AcmeWorld()
    return first, AcmeWorld(store=first.store, clock=first.clock)


async def at_once(worlds: Sequence[AcmeWorld], ask: Callable[[AcmeWorld], Awaitable[T]]) -> list[T]:
    """Ask each server twice, all at the same time."""
    answers: list[T] = []

    async def one(world: AcmeWorld) -> None:
        answers.append(await ask(world))

    async with trio.open_nursery() as nursery:
        for world in (*worlds, *worlds):
            nursery.start_soon(one, world)
    return answers


def known(client: Client, world: AcmeWorld) -> Client:
    """The same client at another server."""
    return Client(world.send, key=client.key, kid=client.kid, directory=client.directory)


async def test_a_nonce_is_good_once_whichever_server_gave_it() -> None:
    worlds = instances()
    client = await worlds[0].client()
    for _ in range(10):
        nonce = await client.fresh_nonce()

        async def ask(world: AcmeWorld, nonce: str = nonce) -> int:
            return (await known(client, world).post(client.kid, header={"nonce": nonce})).status

        assert sorted(await at_once(worlds, ask)) == [200, 400, 400, 400]


async def test_an_order_gets_one_certificate_whichever_server_finalizes_it() -> None:
    worlds = instances()
    client = await worlds[0].client()
    for turn in range(10):
        name = f"a{turn}.example"
        order = (await client.order(name)).json
        await client.authorize(order)

        async def ask(
            world: AcmeWorld, order: Any = order, request: bytes = csr(name)
        ) -> tuple[int, str]:
            answer = await known(client, world).finalize(order, request)
            return answer.status, str(answer.json.get("certificate"))

        ((status, url),) = set(await at_once(worlds, ask))
        assert (status, url.startswith("https://")) == (200, True)
    assert len(await worlds[0].store.scan("x509_certs")) == 10


async def test_a_key_gets_one_account_whichever_server_makes_it() -> None:
    worlds = instances()
    for _ in range(10):

        async def ask(world: AcmeWorld, key: PrivateKey = new_key()) -> str:  # noqa: B008
            client = Client(world.send, key=key)
            await client.register()
            return client.kid

        (kid,) = set(await at_once(worlds, ask))
        assert kid
