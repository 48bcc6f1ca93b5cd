"""OCSP over HTTP: RFC 6960 appendix A, and the caching of RFC 5019."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest

from appliance.authority.crl import CrlPublisher
from appliance.authority.trust import fingerprint
from appliance.formats import ocsp, ocsp_reading
from appliance.formats.ocsp import ResponseStatus, Status
from appliance.stores.memory import MemoryStore
from appliance.web.application import build_application
from appliance.web.publish.routes import publish_routes
from tests.support.authority import START, SystemChance
from tests.support.ocsp import OcspWorld, named
from tests.support.web import Pki, Served, kept_in, serving
from tests.web.test_application import ask

SLASHES = 0xFFFFFFFFFFFFFFFFFFFF  # a serial number whose base64 is mostly slashes


@asynccontextmanager
async def running(world: OcspWorld, pki: Pki) -> AsyncIterator[Served]:
    await world.responder.renew()
    routes = publish_routes(
        certificates=[world.pkis[0].issuer.certificate],
        responder=world.responder,
        lists=CrlPublisher(MemoryStore(), world.clock),
        clock=world.clock,
    )
    lines: list[Mapping[str, object]] = []
    application = build_application(routes, chance=SystemChance(), access_log=kept_in(lines))
    async with serving(application, pki) as server:
        yield server


def request(world: OcspWorld, serial: int, nonce: bytes | None = None) -> bytes:
    return ocsp.write_request([named(serial, world.pkis[0].issuer)], nonce)


def told(body: bytes) -> Status:
    basic = ocsp_reading.read_response(body).basic
    assert basic is not None
    return basic.answers[0].state.status


def text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@pytest.mark.parametrize("path", ["/ocsp", "/1.0/ocsp"])
async def test_a_request_in_the_body(path: str, pki: Pki) -> None:
    world = OcspWorld()
    await world.issue(7)
    async with running(world, pki) as server:
        status, headers, body = await ask(server, path, "POST", request(world, 7))
    assert (status, headers["content-type"]) == (200, "application/ocsp-response")
    assert told(body) is Status.GOOD


@pytest.mark.parametrize("path", ["/ocsp", "/1.0/ocsp"])
async def test_a_request_in_the_path_with_slashes_escaped_or_not(path: str, pki: Pki) -> None:
    world = OcspWorld()
    await world.issue(SLASHES)
    encoded = text(request(world, SLASHES))
    assert "//" in encoded
    async with running(world, pki) as server:
        for written in (
            encoded,
            quote(encoded, safe=""),
            quote(encoded, safe="/"),
            encoded.rstrip("="),
            "".join(f"%{ord(each):02x}" for each in encoded),
        ):
            status, headers, body = await ask(server, f"{path}/{written}")
            assert (status, headers["content-type"]) == (200, "application/ocsp-response")
            assert told(body) is Status.GOOD


async def test_an_answer_is_kept_by_caches_until_a_newer_one_is_made(pki: Pki) -> None:
    """RFC 5019 section 6.2."""
    world = OcspWorld()
    await world.issue(7)
    async with running(world, pki) as server:
        path = f"/ocsp/{text(request(world, 7))}"
        _, first, body = await ask(server, path)
        assert first["cache-control"] == "max-age=7199,public,no-transform,must-revalidate"
        assert told_date(first["last-modified"]) == START.replace(microsecond=0)
        assert told_date(first["expires"]) == datetime(2026, 3, 1, 16, tzinfo=UTC)
        world.clock.advance(3600)
        _, second, again = await ask(server, path)
        assert (again, second["etag"]) == (body, first["etag"])
        assert second["cache-control"].startswith("max-age=3599,")
        for sent in (first["etag"], f'"x", W/{first["etag"]}'):
            status, headers, nothing = await ask(server, path, If_None_Match=sent)
            assert (status, nothing) == (304, b"")
            assert headers["etag"] == first["etag"]
            assert headers["cache-control"].startswith("max-age=3599,")
        status, head, nothing = await ask(server, path, "HEAD")
        assert (status, head["etag"], nothing) == (200, first["etag"], b"")
        await world.revoke(7)
        status, third, revoked = await ask(server, path, If_None_Match=first["etag"])
        assert (status, told(revoked)) == (200, Status.REVOKED)
        assert third["etag"] != first["etag"]


def told_date(text: str) -> datetime:
    assert text.lower().endswith(" gmt")
    return parsedate_to_datetime(text)


async def test_what_is_for_one_asker_only_is_not_kept(pki: Pki) -> None:
    """Answers to a nonce, about what is not known, and errors."""
    world = OcspWorld()
    await world.issue(7)
    async with running(world, pki) as server:
        for octets in (request(world, 7, b"n" * 32), request(world, 8), b"\x30\0"):
            status, headers, _ = await ask(server, f"/ocsp/{text(octets)}")
            assert (status, headers["cache-control"]) == (200, "no-store")
            assert "etag" not in headers


@pytest.mark.parametrize("written", ["MA", "MA==", "no_base64", "M%00", "a%20b"])
async def test_what_is_no_request_in_a_path_is_answered_so(written: str, pki: Pki) -> None:
    async with running(OcspWorld(), pki) as server:
        status, _, body = await ask(server, f"/ocsp/{written}")
    assert (status, body) == (200, ocsp.write_error(ResponseStatus.MALFORMED_REQUEST))


async def test_what_is_no_request_in_a_body_is_answered_so(pki: Pki) -> None:
    async with running(OcspWorld(), pki) as server:
        for octets in (b"", b"hello"):
            status, _, body = await ask(server, "/ocsp", "POST", octets)
            assert (status, body) == (200, ocsp.write_error(ResponseStatus.MALFORMED_REQUEST))
        assert (await ask(server, "/ocsp/"))[0] == 404
        assert (await ask(server, "/ocsp"))[0] == 405


async def test_the_issuers_certificate_is_found_by_its_fingerprint(pki: Pki) -> None:
    world = OcspWorld()
    certificate = world.pkis[0].issuer.certificate
    async with running(world, pki) as server:
        for path in (f"/intermediates/{fingerprint(certificate)}",
                     f"/1.0/intermediates/{fingerprint(certificate).upper()}"):  # fmt: skip
            status, headers, body = await ask(server, path)
            assert (status, headers["content-type"]) == (200, "application/pkix-cert")
            assert body == certificate
        assert (await ask(server, f"/intermediates/{'0' * 64}"))[0] == 404
