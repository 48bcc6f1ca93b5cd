"""Who gets which SSH certificate: requests with every kind of token, templates, policies, webhooks.

`record_ssh_grants.py` plays them against step-ca and keeps what it answers, and what it asks
webhooks.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.authority import credential_scenarios as credentials
from tests.authority.ssh_cases import (
    ADMIN,
    ANY,
    BOUNDS,
    FREE,
    Case,
    Group,
    oidc,
    says,
    template,
)
from tests.authority.ssh_scenarios import URL, host, user
from tests.authority.ssh_template_cases import templated
from tests.authority.webhook_cases import BOTH, NOPE, authorizing, enriching

UUID: Final = "urn:uuid:12345678-1234-5678-1234-567812345678"

# ---- by the kind of token


def _of_type_alone() -> dict[str, Case]:
    found: dict[str, Case] = {
        "x5c, a user": Case(kind="X5C"),
        "x5c, a host": Case(kind="X5C", ssh=host()),
        "x5c, nothing named": Case(kind="X5C", ssh={}),
        "x5c, no ssh": Case(kind="X5C", ssh=None),
        "x5c, a type in capitals": Case(kind="X5C", ssh=user(certType="USER")),
        "x5c, a type that is none": Case(kind="X5C", ssh=user(certType="root")),
        "x5c, other principals asked for": Case(kind="X5C", body={"principals": ["root"]}),
        "x5c, another type asked for": Case(kind="X5C", body={"certType": "host"}),
        "x5c, another key id asked for": Case(kind="X5C", body={"keyID": "joe"}),
        "x5c, clipped": Case(kind="X5C", ages=(-3600, 3600)),
        "x5c, a host, clipped": Case(kind="X5C", ssh=host(), ages=(-3600, 3600)),
        "x5c, beyond its end": Case(kind="X5C", ages=(-3600, 3600), body={"validBefore": "2h"}),
        "x5c, from beyond its end": Case(kind="X5C", ages=(-3600, 3600), body={"validAfter": "2h"}),
        "x5c, beyond its end by the token": Case(
            kind="X5C", ages=(-3600, 3600), ssh=user(validBefore="2h")
        ),
        "x5c, to its end": Case(kind="X5C", ages=(-3600, 3600), body={"validBefore": "30m"}),
        "x5c, clipped below the least": Case(kind="X5C", ages=(-3600, 120)),
        "x5c, of bounds": Case(kind="X5C", entry=BOUNDS),
        "x5c, of bounds, too long": Case(kind="X5C", entry=BOUNDS, body={"validBefore": "4h"}),
        "x5c, for another operation": Case(
            kind="X5C", claims={"aud": f"{URL}/1.0/ssh/renew#x5c/p"}
        ),
        "x5c, SSH is off": Case(kind="X5C", entry={"claims": {}}),
        "x5c, no subject": Case(kind="X5C", claims={"sub": None}),
        "nebula, nothing named": Case(kind="Nebula", ssh={}),
        "nebula, no ssh": Case(kind="Nebula", ssh=None),
        "nebula, no ssh, a user asked for": Case(
            kind="Nebula", ssh=None, body={"certType": "user"}
        ),
        "nebula, no ssh, other principals asked for": Case(
            kind="Nebula", ssh=None, body={"principals": ["x"]}
        ),
        "nebula, its name": Case(kind="Nebula", ssh=host(principals=["host.example"])),
        "nebula, its address": Case(kind="Nebula", ssh=host(principals=["10.1.2.3"])),
        "nebula, another name": Case(kind="Nebula", ssh=host(principals=["x.example"])),
        "nebula, its name and another": Case(
            kind="Nebula", ssh=host(principals=["host.example", "x.example"])
        ),
        "nebula, another address": Case(kind="Nebula", ssh=host(principals=["10.1.2.4"])),
        "nebula, its name in capitals": Case(
            kind="Nebula", ssh=host(principals=["HOST.example"])
        ),
        "nebula, a user": Case(kind="Nebula", ssh=user(principals=[])),
        "nebula, a type in capitals": Case(kind="Nebula", ssh=host(certType="Host", principals=[])),
        "nebula, no type, a user asked for": Case(
            kind="Nebula", ssh={"keyID": "x"}, body={"certType": "user"}
        ),
        "nebula, clipped": Case(kind="Nebula", ssh={}, ages=(-3600, 3600)),
        "nebula, beyond its end": Case(
            kind="Nebula", ssh={}, ages=(-3600, 3600), body={"validBefore": "2h"}
        ),
        "nebula, dates in the token": Case(kind="Nebula", ssh={"validBefore": "2h"}),
        "nebula, version 2": Case(
            kind="Nebula", ssh={},
            holder={**credentials.V2, "authority": credentials.NEBULA_CA_V2,
                    "networks": ["10.1.2.3/24", "fd00::7/64"]},
        ),
        "nebula, IPv6 in the token": Case(
            kind="Nebula", ssh=host(principals=["FD00:0::7"]),
            holder={**credentials.V2, "authority": credentials.NEBULA_CA_V2,
                    "networks": ["10.1.2.3/24", "fd00::7/64"]},
        ),
        "nebula, SSH is off": Case(kind="Nebula", entry={"claims": {}}, ssh={}),
        "k8ssa, a host": Case(kind="K8sSA", body=ANY),
        "k8ssa, a user": Case(kind="K8sSA", body=FREE),
        "k8ssa, no type": Case(kind="K8sSA", body={**ANY, "certType": ""}),
        "k8ssa, no key id": Case(kind="K8sSA", body={**ANY, "keyID": ""}),
        "k8ssa, no principals": Case(kind="K8sSA", body={**ANY, "principals": []}),
        "k8ssa, an empty principal": Case(kind="K8sSA", body={**ANY, "principals": [""]}),
        "k8ssa, dates": Case(kind="K8sSA", body={**FREE, "validBefore": "1h"}),
        "k8ssa, template data that nobody reads": Case(
            kind="K8sSA", body={**FREE, "templateData": {"Extensions": {"x": "y"}}}
        ),
        "k8ssa, no account": Case(
            kind="K8sSA", body=ANY,
            claims={"kubernetes.io/serviceaccount/service-account.name": None},
        ),
        "oidc, a user": oidc(),
        "oidc, a user asked for": oidc({"certType": "user"}),
        "oidc, a host asked for": oidc({"certType": "host"}),
        "oidc, other principals asked for": oidc({"principals": ["root"], "keyID": "root"}),
        "oidc, dates": oidc({"validAfter": "10m", "validBefore": "1h"}),
        "oidc, too long": oidc({"validBefore": "25h"}),
        "oidc, no email": oidc(claims={"email": None}),
        "oidc, no email and no subject": oidc(claims={"email": None, "sub": None}),
        "oidc, no subject": oidc(claims={"sub": None}),
        "oidc, of another domain": oidc(entry={"domains": ["other.test"]}),
        "oidc, SSH is off": oidc(entry={"claims": {}}),
        "oidc, admin, a host": oidc(ANY, entry=ADMIN),
        "oidc, admin, a user": oidc(FREE, entry=ADMIN),
        "oidc, admin, nothing named": oidc(entry=ADMIN),
        "oidc, admin, no key id": oidc({**FREE, "keyID": ""}, entry=ADMIN),
        "oidc, admin by group": oidc(FREE, entry={"admins": ["ops"]}, claims={"groups": ["ops"]}),
        "oidc, a preferred name": oidc(claims={"preferred_username": "root"}),
        "no provisioner of the token": Case(claims={"iss": "nobody"}),
    }  # fmt: skip
    for number, email in enumerate(
        (
            "joe.doe+x@b.c", "Jane@EXAMPLE.com", "a@b@c", "@x.y", "jane", ".@x", "O'Neill@x.y",
            "josé@x.y", "JOSÉ@x.y", "İx@x.y", "\u017f@x.y", "a_b-c@x.y", "1@x.y", "root@x.y",
            "a b@x", "jane@example.com@",
        )
    ):  # fmt: skip
        found[f"oidc, email {number}, {email}"] = oidc(claims={"email": email})
    return found


# ---- webhooks, accounts, identities

ENRICHED: Final = says(
    keyId="{{ toJson .Webhooks.people.id }}", principals="{{ toJson .Webhooks.people.names }}"
)
RICH: Final = says(
    criticalOptions='{"force-command": "x"}', extensions="{{ toJson .Extensions }}",
    nonce='"bm9uY2U="', serial="7", reserved='"AAEC"',
)  # fmt: skip


def _beside() -> dict[str, Case]:
    people = {"allow": True, "data": {"id": "found", "names": ["a", "b"]}}
    return {
        "webhooks, plain": Case(hooks=BOTH),
        "webhooks, a host": Case(hooks=BOTH, ssh=host()),
        "webhooks, everything asked for": Case(
            hooks=BOTH, body={"certType": "user", "keyID": "k", "principals": ["jane"]}
        ),
        "webhooks, RSA": Case(hooks=BOTH, key="RSA-2048"),
        "webhooks, x5c": Case(hooks=BOTH, kind="X5C"),
        "webhooks, nebula": Case(hooks=BOTH, kind="Nebula", ssh={}),
        "webhooks, oidc": oidc(hooks=BOTH),
        "webhooks, a template": Case(hooks=BOTH, options=template(RICH)),
        "webhooks, data for the template": Case(
            hooks=(enriching("/people"), authorizing()),
            replies={"/people": [people]},
            options=template(ENRICHED),
        ),
        "webhooks, denied before": Case(hooks=BOTH, replies={"/enrich": [NOPE]}),
        "webhooks, denied": Case(hooks=BOTH, replies={"/authorize": [NOPE]}),
        "webhooks, only for X.509": Case(
            hooks=(enriching(certType="X509"), authorizing(certType="SSH"))
        ),
        "webhooks, URL with what is granted": Case(
            hooks=(enriching("/{{ .KeyID | upper }}/{{ .Type }}/{{ index .Principals 0 }}"),)
        ),
        "webhooks, and an account": Case(hooks=BOTH, account="P-256"),
        "account, of a user": Case(account="P-256"),
        "account, another kind of key": Case(account="Ed25519"),
        "account, dates": Case(account="P-256", body={"validAfter": "10m", "validBefore": "1h"}),
        "account, of a host": Case(ssh=host(), account="P-256"),
        "account, no principals": Case(
            account="P-256", options=template(says(principals="[]"))
        ),
        "account, two principals": Case(ssh=user(principals=["a", "b"]), account="P-256"),
        "account, an address": Case(ssh=user(principals=["a", "a@b"]), account="P-256"),
        "account, an address first": Case(ssh=user(principals=["a@b", "a"]), account="P-256"),
        "account, an odd address": Case(ssh=user(principals=["a", "@b"]), account="P-256"),
        "account, three principals": Case(ssh=user(principals=["a", "b", "a@b"]), account="P-256"),
        "account, oidc": oidc(account="P-256"),
        "account, oidc of a plain address": oidc(account="P-256", claims={"email": "jane@x.y"}),
        "account, no key": Case(body={"addUserPublicKey": None}),
        "account, a bad key": Case(body={"addUserPublicKey": "AAAA"}),
        "identity, no names": Case(identity=()),
        "identity, a machine": Case(ssh=host(), identity=(UUID,)),
        "identity, a machine in capitals": Case(
            identity=("urn:uuid:ABCDEF78-1234-5678-1234-567812345678",)
        ),
        "identity, another URI": Case(identity=("https://a.example/",)),
        "identity, another name": Case(identity=("other.example",)),
        "identity, its name": Case(identity=("jane",)),
        "identity, dates": Case(identity=(), body={"validBefore": "2h"}),
        "identity, x5c": Case(kind="X5C", identity=()),
        "identity, oidc": oidc(identity=()),
        "identity, k8ssa": Case(kind="K8sSA", body=FREE, identity=("any.example",)),
        "identity, null": Case(body={"identityCSR": None}),
        "identity, empty": Case(body={"identityCSR": ""}),
        "identity, no CSR": Case(body={"identityCSR": "x"}),
        "identity, of the wrong kind": Case(body={"identityCSR": 5}),
    }  # fmt: skip


# ---- policies

NAMES: Final[Mapping[str, Sequence[str]]] = {
    "user": (
        "jane", "JANE", "root", "jane@example.com", "Jane@example.com", "jane@sub.example.com",
        "joe@other.test", "10.0.0.1", "https://example.com/", "joe:doe", "jane doe", "*", "jä@",
        "h.example",
    ),
    "host": (
        "h.example", "H.Example", "a.h.example", "other.test", "10.0.0.1", "11.0.0.1", "::1",
        "jane@example.com", "https://example.com/", "a_b.example", "a b", "localhost",
    ),
}  # fmt: skip


def _named() -> dict[str, Case]:
    """Ask for each name, and for some together."""
    found = {}
    for kind, listed in NAMES.items():
        for name in listed:
            ssh = {"certType": kind, "keyID": "k", "principals": [name]}
            found[f"{kind} {name}"] = Case(ssh=ssh)
        pair = {"certType": kind, "keyID": "k", "principals": list(listed[:2])}
        found[f"{kind}, the first two"] = Case(ssh=pair)
    return found


RULES: Final[Mapping[str, Mapping[str, Any]]] = {
    "users by name": {"user": {"allow": {"principal": ["jane", "joe"]}}},
    "all users": {"user": {"allow": {"principal": ["*"]}}},
    "users by address": {"user": {"allow": {"email": ["@example.com"]}}},
    "users but some": {"user": {"deny": {"principal": ["Root"], "email": ["joe@other.test"]}}},
    "all users but some": {
        "user": {"allow": {"principal": ["*"], "email": ["@example.com"]},
                 "deny": {"principal": ["root"]}},
    },
    "hosts by name": {"host": {"allow": {"dns": ["*.example"]}}},
    "hosts by address": {"host": {"allow": {"ip": ["10.0.0.0/8"]}}},
    "hosts but some": {"host": {"deny": {"dns": ["h.example"], "ip": ["11.0.0.1"]}}},
    "hosts by principal": {"host": {"allow": {"principal": ["h.example"]}}},
    "hosts by email": {"host": {"allow": {"email": ["jane@example.com"]}}},
    "both": {"user": {"allow": {"principal": ["jane"]}}, "host": {"allow": {"dns": ["h.example"]}}},
}  # fmt: skip

GROUPS: Final[Mapping[str, Group]] = {
    "types": Group(cases=_of_type_alone()),
    "templates": Group(
        cases=templated(),
        accounts={"ssh": {"templateData": {"Extensions": {"permit-pty": ""}}}},
    ),
    "beside": Group(cases=_beside()),
    **{name: Group(cases=_named(), policy=policy) for name, policy in RULES.items()},
}
