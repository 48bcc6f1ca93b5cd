"""Who an OpenID Connect provider vouches for gets a certificate, as with step-ca; nobody else."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio

from appliance.formats import jwt
from appliance.issuance.grants import DefaultTemplate, Grant, NameRule
from appliance.model.errors import FormatError, Unauthorized
from appliance.model.validity import Validity
from appliance.provisioners import tokens
from appliance.provisioners.oidc import OidcProvisioner
from appliance.upstream.http import HttpOutbound
from tests.support.authority import SystemChance, provisioner_settings
from tests.support.idp import CLIENT, Idp, Mood, idp
from tests.support.requests import key_of

EMAIL = "jane@example.com"
OUTBOUND = HttpOutbound()  # reading the roots of the system takes a while
TENANT = "5c8d5b9e-3f5c-4a39-9f2d-0d2a3b1f7e11"


@pytest.fixture
def provider() -> Iterator[Idp]:
    with idp() as running:
        yield running


def provisioner(provider: Idp, **members: Any) -> OidcProvisioner:
    settings = provisioner_settings(provider.entry(**members))
    return OidcProvisioner(settings, outbound=OUTBOUND, chance=SystemChance())


def now() -> datetime:
    return datetime.now(UTC)


async def signed(oidc: OidcProvisioner, token: str) -> Grant:
    return await oidc.authorize_sign(*tokens.read(token), now())


async def remembered(oidc: OidcProvisioner, token: str) -> str:
    used = (await signed(oidc, token)).token
    assert used is not None
    return used.reuse_key


def names(grant: Grant) -> list[tuple[str, str]]:
    return [(str(san.kind), san.value) for san in grant.sans]


async def test_a_token_grants_its_own_subject_and_names_whatever_is_requested(
    provider: Idp,
) -> None:
    token = provider.token(groups=["dev"])
    grant = await signed(provisioner(provider), token)
    assert grant.subject == "1234"
    assert names(grant) == [("email", EMAIL), ("uri", f"{provider.url}#1234")]
    assert (grant.common_names, grant.name_rule) == (None, NameRule.ANY)
    assert grant.default is DefaultTemplate.LEAF
    assert grant.claims["groups"] == ["dev"]
    assert (grant.provisioner.id, grant.provisioner.credential_id) == (CLIENT, CLIENT)


async def test_without_an_email_address_the_uri_remains(provider: Idp) -> None:
    grant = await signed(provisioner(provider), provider.token(email=None))
    assert names(grant) == [("uri", f"{provider.url}#1234")]


@pytest.mark.parametrize(
    ("subject", "fragment"),
    [
        ("auth0|5f7c", "#auth0%7C5f7c"),  # Go escapes what RFC 3986 does not allow
        ("a b%c", "#a%20b%25c"),
        ("o'neill(1)!*?/@:", "#o%27neill(1)!*?/@:"),
        ("é", "#%C3%A9"),
        (None, ""),
    ],
)
async def test_a_subject_is_escaped_as_in_go(
    provider: Idp, subject: str | None, fragment: str
) -> None:
    grant = await signed(provisioner(provider), provider.token(sub=subject, email=None))
    assert names(grant) == [("uri", provider.url + fragment)]
    assert grant.subject == (subject or "")


async def test_an_issuer_that_is_no_url_makes_no_name(provider: Idp) -> None:
    """Google once was `accounts.google.com`."""
    provider.issuer = "accounts.google.com"
    grant = await signed(provisioner(provider), provider.token())
    assert names(grant) == [("email", EMAIL)]


@pytest.mark.parametrize(
    ("admins", "person"),
    [
        (["jane@EXAMPLE.com"], {"email": "jane@Example.COM"}),  # domains have no capitals
        (["ops"], {"groups": ["dev", "ops"]}),  # a group may be an admin as well
    ],
)
async def test_an_admin_gets_what_the_request_names(
    provider: Idp, admins: list[str], person: dict[str, Any]
) -> None:
    grant = await signed(provisioner(provider, admins=admins), provider.token(**person))
    assert grant.default is DefaultTemplate.ADMIN_LEAF


@pytest.mark.parametrize("email", ["Jane@example.com", "jane@example.org", None, ""])
async def test_the_part_before_the_at_sign_has_to_be_the_same(
    provider: Idp, email: str | None
) -> None:
    grant = await signed(provisioner(provider, admins=[EMAIL]), provider.token(email=email))
    assert grant.default is DefaultTemplate.LEAF


def timely(claims: dict[str, Any]) -> dict[str, Any]:
    """Put times where distances from now are."""
    seconds = int(time.time())
    return {
        name: seconds + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in claims.items()
    }


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://idp.example"},
    "no issuer": {"iss": None},
    "another client": {"aud": "someone-else"},
    "no audience": {"aud": None},
    "given to another client": {"azp": "someone-else"},
    "expired": {"exp": timedelta(seconds=-120)},
    "not yet valid": {"nbf": timedelta(seconds=120)},
    "from the future": {"iat": timedelta(seconds=120)},
    "an email that is no text": {"email": 7},
    "groups that are no list": {"groups": "dev"},
    "a nonce that is no text": {"nonce": 7},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
async def test_what_a_token_has_to_say(provider: Idp, claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        await signed(provisioner(provider), provider.token(**timely(claims)))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["other", CLIENT]},
        {"azp": CLIENT},
        {"azp": None},
        {"exp": None, "iat": None},
        {"exp": timedelta(seconds=-30)},
        {"email_verified": False},
        {"email_verified": "yes"},
    ],
    ids=str,
)
async def test_what_it_may_say(provider: Idp, claims: dict[str, Any]) -> None:
    await signed(provisioner(provider), provider.token(**timely(claims)))


DOMAINS = {"domains": ["Example.com", "example.net"]}


@pytest.mark.parametrize(
    ("members", "claims", "allowed"),
    [
        (DOMAINS, {"email": "x@EXAMPLE.com"}, True),
        (DOMAINS, {"email": "x@example.net"}, True),
        (DOMAINS, {"email": "x@sub.example.com"}, False),
        (DOMAINS, {"email": "x@badexample.com"}, False),
        (DOMAINS, {"email": None}, True),  # as with step-ca: only an address can be a wrong one
        ({**DOMAINS, "admins": ["x@other.example"]}, {"email": "x@other.example"}, True),
        ({"groups": ["dev"]}, {"groups": ["ops", "dev"]}, True),
        ({"groups": ["dev"]}, {"groups": ["ops"]}, False),
        ({"groups": ["dev"]}, {}, False),
        ({"groups": ["dev"], "admins": [EMAIL]}, {"groups": ["ops"]}, False),
        ({"groups": [], "domains": None}, {}, True),
    ],
    ids=str,
)
async def test_domains_and_groups(
    provider: Idp, members: dict[str, Any], claims: dict[str, Any], *, allowed: bool
) -> None:
    oidc, token = provisioner(provider, **members), provider.token(**claims)
    if allowed:
        await signed(oidc, token)
    else:
        with pytest.raises(Unauthorized):
            await signed(oidc, token)


async def test_a_login_counts_once_by_its_nonce(provider: Idp) -> None:
    oidc = provisioner(provider)
    assert await remembered(oidc, provider.token(nonce="n", jti="j")) == "n"
    unnamed = [provider.token(nonce=None, jti="j", n=number) for number in (1, 2)]
    keys = [await remembered(oidc, token) for token in unnamed]
    assert len(set(keys)) == 2
    assert all(len(key) == 64 for key in keys)


async def test_only_admins_revoke(provider: Idp) -> None:
    oidc = provisioner(provider, admins=[EMAIL])
    grant = await oidc.authorize_revoke(*tokens.read(provider.token()), now())
    assert grant.subject == "1234"
    with pytest.raises(Unauthorized):
        await oidc.authorize_revoke(*tokens.read(provider.token(email="x@y.z")), now())


@pytest.mark.parametrize("kind", ["P-256", "P-384", "P-521", "RSA-2048"])
async def test_keys_of_every_kind_that_providers_sign_with(provider: Idp, kind: str) -> None:
    provider.rotate(kind)
    await signed(provisioner(provider), provider.token())


async def test_a_signature_of_another_key_is_refused(provider: Idp) -> None:
    other = key_of("P-256")
    with pytest.raises(Unauthorized):
        await signed(provisioner(provider), provider.token(key=other))  # type: ignore[arg-type]


async def test_keys_that_are_no_use_are_passed_over(provider: Idp) -> None:
    """A public key set may hold what is for encryption, and what nobody knows; no shared secret."""
    kid = next(iter(provider.keys))
    provider.published = [
        {"kty": "oct", "kid": kid, "k": "c2VjcmV0"},
        {"kty": "EC", "crv": "secp256k1", "kid": "odd", "x": "AA", "y": "AA"},
        {"kty": "AKP", "kid": "future"},
        {"kid": 7},
        {},
    ]
    oidc = provisioner(provider)
    await signed(oidc, provider.token())
    stolen = jwt.split(provider.token())
    forged = f"eyJhbGciOiJub25lIiwia2lkIjoiIn0.{stolen.raw.split('.')[1]}."
    with pytest.raises(Unauthorized):
        await signed(oidc, forged)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no client": ({"clientID": ""}, "clientID cannot be empty"),
    "no endpoint": ({"configurationEndpoint": ""}, "configurationEndpoint cannot be empty"),
    "no URL": ({"configurationEndpoint": "idp.example"}, "is not an http or https URL"),
    "a file": ({"configurationEndpoint": "file:///etc/passwd"}, "is not an http or https URL"),
    "a port that is none": ({"configurationEndpoint": "http://a:b/"}, "is not a URL"),
    "no port to listen on": ({"listenAddress": "localhost"}, "listenAddress"),
    "brackets missing": ({"listenAddress": "::1:80"}, "listenAddress"),
    "admins that are no list": ({"admins": "jane"}, "admins"),
}


@pytest.mark.parametrize(("members", "reason"), BROKEN.values(), ids=BROKEN)
def test_an_entry_that_cannot_work(provider: Idp, members: dict[str, Any], reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        provisioner(provider, **members)


@pytest.mark.parametrize("address", [":10000", "127.0.0.1:10000", "[::1]:0", "localhost:http"])
def test_listen_addresses(provider: Idp, address: str) -> None:
    provisioner(provider, listenAddress=address)


async def test_a_tenant_takes_its_place_in_the_issuer(provider: Idp) -> None:
    """Microsoft's common endpoint says {tenantid} where each token has its tenant."""
    provider.issuer = "https://login.microsoftonline.com/{tenantid}/v2.0"
    real = provider.issuer.replace("{tenantid}", TENANT)
    grant = await signed(provisioner(provider, tenantID=TENANT), provider.token(iss=real))
    assert names(grant)[1] == ("uri", f"{real}#1234")
    with pytest.raises(Unauthorized):
        await signed(provisioner(provider), provider.token(iss=real))


@pytest.mark.parametrize(
    ("added", "path"),
    [
        ("", "/.well-known/openid-configuration"),
        ("/", "/.well-known/openid-configuration"),
        ("/realms//x/", "/realms/x/.well-known/openid-configuration"),
        ("/.well-known/openid-configuration?p=a", "/.well-known/openid-configuration?p=a"),
    ],
)
def test_the_discovery_document_has_its_place(provider: Idp, added: str, path: str) -> None:
    oidc = provisioner(provider, configurationEndpoint=provider.url + added)
    assert oidc.provider.url == provider.url + path


# ---- the provider is down, and comes back


MOODS = {
    Mood.DOWN: "disconnected",
    Mood.FAILING: "status 500",
    Mood.TALKING: "error reading",
}


@pytest.mark.parametrize(("mood", "reason"), MOODS.items(), ids=str)
async def test_a_provider_that_is_down_shows_and_heals(
    provider: Idp, mood: Mood, reason: str, autojump_clock: trio.testing.MockClock
) -> None:
    provider.mood = mood
    oidc = provisioner(provider)
    await in_real_time(autojump_clock, oidc.prepare)
    assert oidc.entry["state"] == "Uninitialized"
    assert reason in str(oidc.entry["stateReason"]).lower()
    with pytest.raises(Unauthorized, match="disabled due to an initialization error"):
        await signed(oidc, provider.token())
    oidc.authorize_renewal(Validity(not_before=now(), not_after=now().replace(year=2100)), now())
    provider.mood = Mood.WELL
    await trio.sleep(16)
    await in_real_time(autojump_clock, lambda: signed(oidc, provider.token()))
    assert "state" not in oidc.entry


async def in_real_time(clock: trio.testing.MockClock, ask: Callable[[], Any]) -> None:
    """Wait for the network, on which the mock clock knows no time."""
    threshold, clock.autojump_threshold = clock.autojump_threshold, float("inf")
    clock.rate = 1
    try:
        await ask()
    finally:
        clock.rate = 0
        clock.autojump_threshold = threshold


@pytest.mark.parametrize("member", ["issuer", "jwks_uri"])
async def test_a_discovery_document_has_to_be_whole(provider: Idp, member: str) -> None:
    provider.discovery[member] = None
    oidc = provisioner(provider)
    await oidc.prepare()
    assert f"{member} cannot be empty" in str(oidc.entry["stateReason"])


async def test_a_hanging_provider_is_not_waited_for_long_or_twice(
    provider: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.provisioners.identity_provider._TIMEOUT", 0.2)
    provider.mood = Mood.HANGING
    oidc = provisioner(provider)
    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(oidc.prepare)
    assert trio.current_time() - begun < 2
    assert len(provider.seen) == 1
    assert "no answer within" in str(oidc.entry["stateReason"])


async def test_who_gives_up_waiting_does_not_stop_the_others(provider: Idp) -> None:
    oidc = provisioner(provider)
    with trio.move_on_after(0.001):
        await oidc.prepare()
    await oidc.prepare()
    assert oidc.provider.known is not None
    assert len(provider.seen) == 2


# ---- keys come and go


async def test_a_rotated_key_is_fetched_when_the_first_token_of_it_comes(
    provider: Idp, autojump_clock: trio.testing.MockClock
) -> None:
    oidc = provisioner(provider)
    await in_real_time(autojump_clock, lambda: signed(oidc, provider.token()))
    old = provider.token()
    provider.rotate()
    await trio.sleep(6)
    await in_real_time(autojump_clock, lambda: signed(oidc, provider.token()))
    assert provider.asked("/keys") == 2
    with pytest.raises(Unauthorized):
        await signed(oidc, old)


async def test_made_up_key_ids_do_not_hammer_the_provider(provider: Idp) -> None:
    oidc = provisioner(provider)
    for number in range(30):
        with pytest.raises(Unauthorized):
            await signed(oidc, provider.token(header={"kid": f"made-up-{number}"}))
    assert provider.asked("/keys") == 1


@pytest.mark.parametrize(
    ("cache_control", "shortest", "longest"),
    [
        ("max-age=900", 600, 900),
        ("public, max-age=20839, must-revalidate", 20839 - 3600, 20839),
        ("", 11 * 3600, 12 * 3600),
        ("no-store", 11 * 3600, 12 * 3600),
        ("max-age=soon", 11 * 3600, 12 * 3600),
        ("max-age=0", 0, 0),
    ],
)
async def test_keys_hold_as_long_as_the_provider_says_less_a_random_part(
    provider: Idp, cache_control: str, shortest: float, longest: float
) -> None:
    provider.cache_control = cache_control
    oidc = provisioner(provider)
    await oidc.prepare()
    assert oidc.provider.known is not None
    left = oidc.provider.known.keys.until - trio.current_time()
    assert shortest - 5 <= left <= longest


async def test_an_outdated_key_set_is_fetched_again_and_kept_when_that_fails(
    provider: Idp, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    oidc = provisioner(provider)
    await in_real_time(autojump_clock, lambda: signed(oidc, provider.token()))
    await trio.sleep(3601)
    provider.mood = Mood.FAILING
    await in_real_time(autojump_clock, lambda: signed(oidc, provider.token()))
    assert "could not be fetched again" in caplog.text
    assert provider.asked("/keys") == 2
    old = provider.token()
    provider.mood = Mood.WELL
    provider.rotate()
    await trio.sleep(16)
    with pytest.raises(Unauthorized):
        await in_real_time(autojump_clock, lambda: signed(oidc, old))


async def test_after_a_reload_a_silent_provider_is_who_it_was(provider: Idp) -> None:
    former = provisioner(provider)
    await former.prepare()
    provider.mood = Mood.DOWN
    later = provisioner(provider)
    await later.prepare()
    later.resume(former)
    assert "state" not in later.entry
    await signed(later, provider.token())
    other = provisioner(provider, tenantID=TENANT)
    other.resume(former)
    assert other.entry["state"] == "Uninitialized"
