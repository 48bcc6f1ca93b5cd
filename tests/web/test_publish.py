"""The revocation list over HTTP: step-ca's headers, and few octets for who has it already."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from appliance.authority.issuers import Issuers
from appliance.formats import crl, pem
from appliance.formats.prometheus import Family
from appliance.web.application import Application, build_application, mounted
from appliance.web.publish.crl import crl_routes
from appliance.web.publish.metrics import metrics_routes
from tests.support.authority import SystemChance, hierarchy, shared_hierarchy
from tests.support.lists import Lists
from tests.support.web import Pki, serving
from tests.web.test_application import ask


def application(lists: Lists) -> Application:
    routes = mounted(crl_routes(lists.publisher), "", "/1.0")
    return build_application(routes, chance=SystemChance(), access_log=lambda line: None)


@pytest.fixture
async def lists() -> AsyncIterator[Lists]:
    """Lists of two issuers, published."""
    first, second = shared_hierarchy(), replace(hierarchy().issuing().first, name="next")
    made = Lists(issuers=Issuers(first.issuing().first, [second]))
    async with made.published() as publisher:
        await publisher.publish()
        yield made


@pytest.mark.parametrize("path", ["/crl", "/1.0/crl", "/crl?x=1", "/crl?Pem"])
async def test_the_list_in_der(path: str, lists: Lists, pki: Pki) -> None:
    published = await lists.publisher.current()
    async with serving(application(lists), pki) as server:
        status, headers, body = await ask(server, path)
    assert status == 200
    assert body == published.der
    assert headers["content-type"] == "application/pkix-crl"
    assert headers["content-disposition"] == 'attachment; filename="crl.crl"'
    assert headers["expires"] == "mon, 02 mar 2026 12:00:00 utc"  # as step-ca writes it
    assert headers["last-modified"] == "sun, 01 mar 2026 12:00:00 gmt"
    assert headers["content-length"] == str(len(published.der))


@pytest.mark.parametrize("path", ["/crl?pem", "/crl?pem=", "/1.0/crl?a=b&pem=false"])
async def test_the_list_in_pem(path: str, lists: Lists, pki: Pki) -> None:
    published = await lists.publisher.current()
    async with serving(application(lists), pki) as server:
        status, headers, body = await ask(server, path)
    assert status == 200
    assert body.startswith(b"-----BEGIN X509 CRL-----\n")
    assert pem.first(body, crl.LABEL) == published.der
    assert headers["content-type"] == "application/x-pem-file"
    assert headers["content-disposition"] == 'attachment; filename="crl.pem"'


async def test_another_issuers_list(lists: Lists, pki: Pki) -> None:
    published = await lists.publisher.current("next")
    async with serving(application(lists), pki) as server:
        status, _, body = await ask(server, "/crl/next")
        assert (status, body) == (200, published.der)
        for path in ("/crl/other", "/1.0/crl/other"):
            status, _, body = await ask(server, path)
            assert status == 404
            assert body == b'{"status":404,"message":"there is no issuer \'other\'"}\n'
        assert (await ask(server, "/crl/"))[0] == 404


async def test_head_has_the_lists_length(lists: Lists, pki: Pki) -> None:
    published = await lists.publisher.current()
    async with serving(application(lists), pki) as server:
        status, headers, body = await ask(server, "/crl", "HEAD")
        assert (status, body) == (200, b"")
        assert headers["content-length"] == str(len(published.der))
        status, headers, _ = await ask(server, "/crl", "POST")
        assert (status, headers["allow"]) == (405, "get")


@pytest.mark.parametrize("form", ["", "?pem"])
async def test_who_has_the_list_is_told_so(form: str, lists: Lists, pki: Pki) -> None:
    """RFC 9110 13.1.2: tags are compared weakly, and one of several is enough."""
    async with serving(application(lists), pki) as server:
        _, headers, _ = await ask(server, f"/crl{form}")
        tag = headers["etag"]
        for seen in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            status, again, body = await ask(server, f"/crl{form}", if_none_match=seen)
            assert (status, body) == (304, b"")
            assert again["etag"] == tag
            assert {"content-length", "content-type"}.isdisjoint(again)  # RFC 9110 15.4.5
        assert (await ask(server, f"/crl{form}", if_none_match='"other"'))[0] == 200


async def test_forms_have_tags_of_their_own(lists: Lists, pki: Pki) -> None:
    async with serving(application(lists), pki) as server:
        _, headers, _ = await ask(server, "/crl")
        status, _, _ = await ask(server, "/crl?pem", if_none_match=headers["etag"])
        assert status == 200


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (timedelta(), 304),
        (timedelta(hours=1), 304),
        (timedelta(seconds=-1), 200),
    ],
)
async def test_the_date_of_what_somebody_has_counts(
    since: timedelta, status: int, lists: Lists, pki: Pki
) -> None:
    held = format_datetime((await lists.publisher.current()).made_at + since, usegmt=True)
    async with serving(application(lists), pki) as server:
        assert (await ask(server, "/crl", if_modified_since=held))[0] == status
        # A tag is looked at first, and then alone (RFC 9110 13.2.2).
        answer = await ask(server, "/crl", if_modified_since=held, if_none_match='"other"')
        assert answer[0] == 200


@pytest.mark.parametrize("since", ["yesterday", "", "Sun, 01 Mar 2026 12:00:00 -0000", "0"])
async def test_a_date_that_is_none_is_passed_over(since: str, lists: Lists, pki: Pki) -> None:
    async with serving(application(lists), pki) as server:
        assert (await ask(server, "/crl", if_modified_since=since))[0] == 200


async def test_the_next_list_is_another(lists: Lists, pki: Pki) -> None:
    async with serving(application(lists), pki) as server:
        _, headers, body = await ask(server, "/crl?pem")
        await lists.publisher.publish()
        status, _, fresh = await ask(server, "/crl?pem", if_none_match=headers["etag"])
        assert status == 200
        assert fresh != body


async def test_without_lists_the_answer_says_so(pki: Pki) -> None:
    async with serving(application(Lists()), pki) as server:
        status, headers, body = await ask(server, "/1.0/crl")
        assert status == 404
        assert headers["content-type"] == "application/json"
        assert b"certificate revocation lists are not enabled" in body


async def test_metrics_are_text_of_prometheus(pki: Pki) -> None:
    async def none() -> list[Family]:
        return []

    made = build_application(
        metrics_routes(none), chance=SystemChance(), access_log=lambda line: None
    )
    async with serving(made, replace(pki, plain=True)) as server:
        status, headers, body = await ask(server, "/metrics")
        assert (status, body) == (200, b"")
        assert headers["content-type"].startswith("text/plain; version=0.0.4; charset=utf-8")
        assert (await ask(server, "/"))[0] == 404
