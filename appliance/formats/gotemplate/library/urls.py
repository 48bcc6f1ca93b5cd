"""sprig's urlParse and urlJoin, and getHostByName, which asks no name server here."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_from_bytes

from appliance.formats import gourl
from appliance.formats.gotemplate.library import lists
from appliance.formats.gotemplate.library.declaring import plain
from appliance.formats.gotemplate.signatures import (
    DICT,
    STRING,
    Function,
    FunctionError,
    Kind,
)
from appliance.formats.gotemplate.values import octets, type_of
from appliance.model.errors import FormatError

_HOST: Final = "!$&'()*+,;=:[]<>\""
_PATH: Final = "$&+,/:;=@"
_FRAGMENT: Final = "$&+,/:;=?@!()*"


def _parsed(text: str, problem: str) -> gourl.Uri:
    try:
        return gourl.parse(text)
    except FormatError as error:
        raise FunctionError(f"{problem}: {error.public}") from None


def _host_name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    bare = name if colon and (not port or (port.isascii() and port.isdigit())) else host
    return bare[1:-1] if bare.startswith("[") and bare.endswith("]") else bare


def _parse(text: str) -> dict[str, str]:
    uri = _parsed(text, "unable to parse url")
    return {
        "scheme": uri.scheme,
        "host": uri.host,
        "hostname": _host_name(uri.host),
        "path": uri.path,
        "query": uri.raw_query,
        "opaque": uri.opaque,
        "fragment": uri.fragment,
        "userinfo": uri.user or "",
    }


def _part(parts: dict[str, Any], key: str) -> str:
    if key not in parts:
        return ""
    value = parts[key]
    if value is None:
        raise FunctionError(lists.NIL_POINTER)
    kind = type_of(value).kind
    if kind is not Kind.STRING:
        raise FunctionError(
            f"unable to parse {key} key, must be of type string, but {kind.value} found"
        )
    return str(value)


def _escaped(text: str, safe: str) -> str:
    return quote_from_bytes(octets(text), safe)


def _join(parts: dict[str, Any]) -> str:
    scheme, host, path, query, opaque, fragment, user = (
        _part(parts, key)
        for key in ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo")
    )
    info: str | None = None
    if user:
        info = _parsed(f"proto://{user}@host", "unable to parse userinfo in dict").user
    whole = f"{scheme}:" if scheme else ""
    if opaque:
        whole += opaque
    else:
        whole += _place(whole, info, host, path)
    whole += f"?{query}" if query else ""
    return f"{whole}#{_escaped(fragment, _FRAGMENT)}" if fragment else whole


def _place(scheme: str, info: str | None, host: str, path: str) -> str:
    """Write everything between the scheme and the query."""
    authority = ""
    if (scheme or host or info is not None) and (host or path or info is not None):
        named = "" if info is None else f"{info}@"
        authority = f"//{named}{_escaped(host, _HOST)}"
    shown = path if path == "*" else _escaped(path, _PATH)
    if host and path and not path.startswith("/"):
        shown = f"/{shown}"
    if not scheme and not authority and ":" in shown.partition("/")[0]:
        shown = f"./{shown}"  # else its begin would be taken for a scheme (RFC 3986 section 4.2)
    return authority + shown


def _host_by_name(name: str) -> str:
    raise FunctionError(f"templates cannot look up {name}: they have no network")


FUNCTIONS: Final[Mapping[str, Function]] = {
    "urlParse": plain(_parse, STRING),
    "urlJoin": plain(_join, DICT),
    "getHostByName": plain(_host_by_name, STRING),
}
