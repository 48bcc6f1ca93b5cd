"""Which routes a worker answers, and what becomes of the others."""

from pathlib import Path
from types import MappingProxyType

from appliance.model.errors import Forbidden
from appliance.server.workers import relaying
from appliance.server.workers.relaying import divided, is_answered_here
from appliance.web.http import PeerCertificate, Request, Response, Route
from tests.support.workers import joined
from tests.web import ours
from tests.web.exchanges import World


async def echo(request: Request) -> Response:
    request.log["seen"] = request.path
    peer = request.peer.certificate if request.peer else b""
    headers = tuple(request.headers.items())
    return Response(status=203, body=request.body + peer, content_type="a/b", headers=headers)


async def refuse(request: Request) -> Response:
    raise Forbidden("not you", detail="for the log alone")


ROUTES = [
    Route(method="POST", path="/crl/{issuer}", endpoint=echo),
    Route(method="GET", path="/ocsp/{request...}", endpoint=echo),
    Route(method="POST", path="/revoke", endpoint=refuse, hot=True),
    Route(method="POST", path="/1.0/sign", endpoint=refuse, hot=True),
]


def request(path: str, **changes: object) -> Request:
    fields: dict[str, object] = {
        "method": "POST",
        "path": path,
        "parameters": MappingProxyType({"issuer": "first"}),
        "query": "a=b",
        "headers": {"x-one": "1"},
        "body": b"\0body",
        "client": "192.0.2.1",
        "peer": PeerCertificate(certificate=b"leaf", chain=(b"leaf", b"issuer")),
        "request_id": "7",
        **changes,
    }
    return Request(**fields)  # type: ignore[arg-type]


async def test_a_relayed_request_arrives_whole_and_so_does_its_answer() -> None:
    async with joined(routes=ROUTES) as joint:
        first, *_ = divided(ROUTES, joint.asking)
        asked = request("/crl/first")
        answer = await first.endpoint(asked)
    assert answer == await echo(request("/crl/first"))
    assert asked.log == {"seen": "/crl/first"}


async def test_a_refusal_is_made_an_answer_where_it_arises() -> None:
    async with joined(routes=ROUTES) as joint:
        relayed = divided(ROUTES, joint.asking)[2]
        asked = request("/revoke", peer=None)
        answer = await relayed.endpoint(asked)
    assert answer.status == 403
    assert b"for the log alone" not in answer.body
    assert "for the log alone" in str(asked.log["error"])


async def test_a_route_that_a_reload_has_taken_away_is_not_found() -> None:
    async with joined(routes=[]) as joint:
        answer = await divided(ROUTES, joint.asking)[0].endpoint(request("/crl/first"))
    assert answer.status == 404


async def test_all_but_those_that_take_the_rest_of_a_path_do_without_a_framework() -> None:
    async with joined() as joint:
        assert [each.hot for each in divided(ROUTES, joint.asking)] == [True, False, True, True]
        assert divided(ROUTES, joint.asking)[3].endpoint is refuse


def test_each_route_that_is_answered_here_is_one_of_the_table(tmp_path: Path) -> None:
    """A name that is mistyped would have its requests relayed, and nobody would see it."""
    table = [each for each in ours.routes(World(tmp_path)) if is_answered_here(each)]
    found = {(each.method, bare(each.path)) for each in table}
    assert found == relaying.ANSWERED_HERE
    assert not any("revoke" in each.path or "challenge" in each.path for each in table)


def bare(path: str) -> str:
    return path.removeprefix("/1.0").removeprefix("/2.0")
