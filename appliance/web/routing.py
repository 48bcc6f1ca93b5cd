"""Which hot route a request is for: a step for each segment of its path, however many there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from appliance.web.http import Route

Found: TypeAlias = tuple[Route, Mapping[str, str]]
"""A route, and the parameters of the path by name."""

_NONE: Final[Mapping[str, str]] = {}


@dataclass(slots=True)
class _Segment:
    """Where a path has come to, and how it may go on."""

    literal: dict[str, "_Segment"] = field(default_factory=dict)
    parameter: "_Segment | None" = None
    route: Route | None = None
    names: tuple[str, ...] = ()


class HotRoutes:
    """The hot ones of a table. GET answers HEAD too, unless HEAD has a route of its own."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Raises ValueError for a hot route that takes all of a path's rest."""
        self._whole: dict[tuple[str, str], Found] = {}
        self._trees: dict[str, _Segment] = {}
        hot = [each for each in routes if each.hot]
        for route in hot:
            self._add(route.method, route)
        for route in hot:
            if route.method == "GET" and self.find("HEAD", route.path) is None:
                self._add("HEAD", route)

    def find(self, method: str, path: str) -> Found | None:
        """Give the route for a path; literal segments come before parameters."""
        found = self._whole.get((method, path))
        tree = self._trees.get(method)
        if found is not None or tree is None:
            return found
        return _followed(tree, path.split("/"))

    def _add(self, method: str, route: Route) -> None:
        if "{" not in route.path:
            self._whole[method, route.path] = route, _NONE
            return
        if "...}" in route.path:
            raise ValueError(f"{route.path} takes all of a path's rest, so it cannot be hot")
        place, names = self._trees.setdefault(method, _Segment()), []
        for each in route.path.split("/"):
            if each.startswith("{"):
                names.append(each.strip("{}"))
                place.parameter = place.parameter or _Segment()
                place = place.parameter
            else:
                place = place.literal.setdefault(each, _Segment())
        place.route, place.names = route, tuple(names)


def _followed(start: _Segment, path: list[str]) -> Found | None:
    """Go on a segment at a time, wherever one may lead; an empty one is no parameter's value."""
    places: list[tuple[_Segment, tuple[str, ...]]] = [(start, ())]
    for segment in path:
        before, places = places, []
        for place, values in before:
            literal, parameter = place.literal.get(segment), place.parameter
            if literal is not None:
                places.append((literal, values))
            if parameter is not None and segment:
                places.append((parameter, (*values, segment)))
    for place, values in places:
        if place.route is not None:
            return place.route, dict(zip(place.names, values, strict=True))
    return None
