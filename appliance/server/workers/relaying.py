"""Which requests a worker answers, and how the others reach the main process.

A worker answers what costs cryptography and is decided by the store: there, transactions of all
processes meet. Whatever depends on what one process alone has (challenges in work, lists, answers
about revocations, how the box is) is relayed, and so is every route that is not named here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from msgspec import structs

from appliance.server.workers.asking import Asking
from appliance.server.workers.messages import Relay, Relayed
from appliance.web import answers
from appliance.web.http import Request, Response, Route
from appliance.web.visits import run

_PREFIXES: Final = ("/1.0", "/2.0")
_REST: Final = "...}"  # of a path, which no hot route takes
_ACME: Final = "/acme/{provisioner}"
ANSWERED_HERE: Final = frozenset(
    {
        ("POST", "/sign"),
        ("POST", "/renew"),
        ("POST", "/re-sign"),
        ("POST", "/rekey"),
        ("POST", "/ssh/sign"),
        ("POST", "/sign-ssh"),
        ("POST", "/ssh/renew"),
        ("POST", "/ssh/rekey"),
        ("GET", "/version"),
        ("GET", "/root/{sha}"),
        ("GET", "/roots"),
        ("GET", "/roots.pem"),
        ("GET", "/provisioners"),
        ("GET", f"{_ACME}/directory"),
        ("GET", f"{_ACME}/new-nonce"),
        ("POST", f"{_ACME}/directory"),
        ("POST", f"{_ACME}/new-nonce"),
        ("POST", f"{_ACME}/new-account"),
        ("POST", f"{_ACME}/account/{{id}}"),
        ("POST", f"{_ACME}/account/{{id}}/orders"),
        ("POST", f"{_ACME}/key-change"),
        ("POST", f"{_ACME}/new-authz"),
        ("POST", f"{_ACME}/new-order"),
        ("POST", f"{_ACME}/order/{{id}}"),
        ("POST", f"{_ACME}/order/{{id}}/finalize"),
        ("POST", f"{_ACME}/authz/{{id}}"),
        ("POST", f"{_ACME}/certificate/{{id}}"),
        ("POST", f"{_ACME}/certificate/{{id}}/{{chain}}"),
    }
)

Routes: TypeAlias = Callable[[], Sequence[Route]]
"""Gives those of the configuration at work."""


def is_answered_here(route: Route) -> bool:
    """Say whether a worker answers a route by itself."""
    path = route.path
    for prefix in _PREFIXES:
        path = path.removeprefix(prefix)
    return (route.method, path) in ANSWERED_HERE


def divided(routes: Iterable[Route], asking: Asking) -> list[Route]:
    """Give the routes as a worker serves them: some answered, the others relayed.

    All are hot that can be, so that a worker need not have a framework in its memory.
    """
    found = [each if is_answered_here(each) else _relayed(each, asking) for each in routes]
    return [replace(each, hot=_REST not in each.path) for each in found]


def _relayed(route: Route, asking: Asking) -> Route:
    async def endpoint(request: Request) -> Response:
        whole = structs.replace(
            request, parameters=dict(request.parameters), headers=dict(request.headers)
        )
        found: Relayed = await asking.ask(
            lambda number: Relay(number, route.method, route.path, whole)
        )
        request.log.update(found.log)
        return found.response

    return replace(route, endpoint=endpoint)


class RelayedRoutes:
    """The main process's side: its routes, found by method and path as they are written."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._of: Sequence[Route] = ()
        self._table: Mapping[tuple[str, str], Route] = {}

    async def answer(self, number: int, relay: Relay) -> Relayed:
        """Answer a request as if it had come here."""
        routes = self._routes()
        if routes is not self._of:
            self._of = routes
            self._table = {(each.method, each.path): each for each in routes}
        route, request = self._table.get((relay.method, relay.path)), relay.request
        found = answers.NOT_FOUND if route is None else await run(route, request)
        return Relayed(number=number, response=found, log=_plain(request.logged()))


def _plain(fields: Mapping[str, object]) -> dict[str, object]:
    """Give what the log says in types that a message can carry."""
    return {
        name: value if isinstance(value, str | bool | None) else str(value)
        for name, value in fields.items()
    }
