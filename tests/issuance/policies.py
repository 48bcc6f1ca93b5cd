"""Name policies, and requests that they allow or not: for step-ca and for ours.

`record_policies.py` plays them against step-ca; the tests hold ours against what it answered.
Every request has the common name `ok`, if nothing else is said, which each policy lets pass.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Request: TypeAlias = tuple[str, Sequence[str]]
"""Common name and alternative names."""

DNS = (
    "host.example", "HOST.Example", "a.host.example", "example", "other.test", "*.example",
    "*.host.example", "a_b.example", "-a.example", "ab--cd.example", "xn--bcher-kva.example",
    "a.xn--bcher-kva.example", "xn--zzzzzz99999.example", "localhost",
)  # fmt: skip
IP = ("10.0.0.1", "10.200.0.1", "11.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.1")
EMAIL = ("root@example.com", "ROOT@example.com", "joe@EXAMPLE.com", "joe@sub.example.com",
         "joe@xn--bcher-kva.example", "joe@other.test")  # fmt: skip
URI = ("https://example.com/x", "https://a.example.com:8443", "https://a.b.example.com",
       "https://u@EXAMPLE.com", "https://10.0.0.1", "https://[::1]:443/", "urn:a:b",
       "spiffe://example.com/x", "https://other.test")  # fmt: skip
COMMON = ("Some Name", "some name", "Other Name", "host.example", "bücher.example",
          "faß.example", "BÜCHER.example", "10.0.0.1", "root@example.com",
          "https://example.com", "*.example", "a_b.example", "x.", "ΣΊΣΥΦΟΣ", "10.0.0.1:80",
          "joe@", "joe@@x", '"joe doe"@example.com')  # fmt: skip
SOME = ("host.example", "10.0.0.1", "root@example.com", "https://example.com/x")


def _each(*names: str) -> list[Request]:
    return [("ok", [name]) for name in names]


def _common(*names: str) -> list[Request]:
    return [(name, ["ok"]) for name in names]


POLICIES: Mapping[str, tuple[Mapping[str, Any], Sequence[Request]]] = {
    "no rules": ({"allow": {}, "allowWildcardNames": False}, [*_each(*SOME), *_common("a b")]),
    "allow a host": ({"allow": {"dns": ["host.Example", "ok"]}}, _each(*DNS, *SOME)),
    "allow below a domain": (
        {"allow": {"dns": ["*.example", "*.bücher.example", "ok"]}}, _each(*DNS),
    ),
    "allow below a domain, and wildcards": (
        {"allow": {"dns": ["*.example", "*.host.example", "ok"]}, "allowWildcardNames": True},
        _each(*DNS),
    ),
    "deny a host": ({"deny": {"dns": ["host.example"]}}, _each(*DNS, *SOME)),
    "deny below a domain": ({"deny": {"dns": ["*.example"]}}, _each(*DNS)),
    "deny below a domain, wildcards allowed": (
        {"deny": {"dns": ["*.example"]}, "allowWildcardNames": True}, _each(*DNS),
    ),
    "allow below, deny one": (
        {"allow": {"dns": ["*.example", "ok"]}, "deny": {"dns": ["host.example"]}},
        _each(*DNS, *SOME),
    ),
    "allow addresses": (
        {"allow": {"ip": ["10.0.0.0/9", "::1"], "cn": ["ok"]}}, _each(*IP, *SOME),
    ),
    "allow mapped addresses": (
        {"allow": {"ip": ["::ffff:10.0.0.0/104", "fd00::/8"], "cn": ["ok"]}}, _each(*IP),
    ),
    "deny an address": ({"deny": {"ip": ["10.0.0.1"]}}, _each(*IP, *SOME)),
    "allow emails of a domain": (
        {"allow": {"email": ["@example.com", "@bücher.example"], "cn": ["ok"]}},
        _each(*EMAIL, *SOME),
    ),
    "allow one email": ({"allow": {"email": ["root@example.com"], "cn": ["ok"]}}, _each(*EMAIL)),
    "allow one email in capitals": (
        {"allow": {"email": ["ROOT@example.com"], "cn": ["ok"]}}, _each(*EMAIL),
    ),
    "deny an email": ({"deny": {"email": ["root@example.com"]}}, _each(*EMAIL, *SOME)),
    "deny emails of a domain": ({"deny": {"email": ["example.com"]}}, _each(*EMAIL)),
    "allow URIs of a host": (
        {"allow": {"uri": ["example.com", "*.example.com"], "cn": ["ok"]}}, _each(*URI, *SOME),
    ),
    "deny URIs of a host": ({"deny": {"uri": ["*.example.com"]}}, _each(*URI, *SOME)),
    "allow a common name": (
        {"allow": {"cn": ["Some Name"], "dns": ["ok"]}}, _common(*COMMON),
    ),
    "deny a common name": ({"deny": {"cn": ["Some Name", "host.example"]}}, _common(*COMMON)),
    "deny a common name, allow others": (
        {"allow": {"dns": ["*.example", "ok"]}, "deny": {"cn": ["Some Name"]}}, _common(*COMMON),
    ),
    "deny a common name that a DNS rule allows": (
        {"allow": {"dns": ["*.example", "ok"]}, "deny": {"cn": ["host.example"]}},
        _common(*COMMON),
    ),
    "allow what common names look like": (
        {"allow": {"dns": ["ok", "*.example", "xn--bcher-kva.example", "faß.example"],
                   "ip": ["10.0.0.1"], "email": ["@example.com"], "uri": ["example.com"]}},
        _common(*COMMON),
    ),
    "deny what common names look like": (
        {"deny": {"dns": ["*.example"], "ip": ["10.0.0.1"], "email": ["@example.com"],
                  "uri": ["example.com"]}},
        _common(*COMMON),
    ),
    "several names": (
        {"allow": {"dns": ["*.example", "ok"], "ip": ["10.0.0.0/8"]},
         "deny": {"dns": ["bad.example"]}},
        [
            ("ok", ["a.example", "10.0.0.1"]), ("ok", ["a.example", "bad.example"]),
            ("ok", ["a.example", "11.0.0.1"]), ("a.example", ["a.example"]),
            ("bad.example", ["a.example"]), ("11.0.0.1", ["a.example"]),
        ],
    ),
}  # fmt: skip

PATTERNS: Mapping[str, Sequence[str]] = {
    "cn": ["Some Name", "*", "", " x ", "*.example"],
    "dns": ["host.example", "*.example", "*", ".x", "a..b", "*.*.x", "x*.y", "*x.y", "a_b.c",
            "x.", "-a.b", "ab--cd.e", "*.", "a b", "bücher.example", "xn--zzzzzz99999", "",
            "10.0.0.1", " Host.Example "],
    "ip": ["10.0.0.1", "10.1.2.3/8", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "x", "::1", "fd00::/8",
           "fe80::1%eth0", "010.0.0.1", "10.0.0.0/", "1.2.3", " 10.0.0.1", ""],
    "email": ["root@example.com", "@example.com", "example.com", "*@x.y", ".example.com", "@.x",
              "a@b@c", "@@x", "bücher.example", "m@bücher.example", '"a b"@x.y', "a_b.c", "a@-b",
              ""],
    "uri": ["example.com", "*.example.com", "https://x.y", "10.0.0.1", "::1", "[::1]", "x:80",
            "*", "*x.y", "x*.y", "a..b", ".x", "bücher.example", "a_b.c", ""],
}  # fmt: skip
"""Patterns, good and bad, by the kind of name."""
