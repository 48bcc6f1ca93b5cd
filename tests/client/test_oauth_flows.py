"""People log in by a browser, by a typed code and on another device; nobody else does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt as pyjwt
import pytest
import trio

from appliance.client import oauth_flows
from appliance.client.callback import Callback
from appliance.client.oauth import Endpoints, Proof, Registration, Tokens
from appliance.model.errors import BadRequest, Broken, Unauthorized, Unavailable
from appliance.upstream.http import HttpOutbound
from tests.support.idp import CLIENT, SECRET, Idp, Mood, idp
from tests.support.requests import key_of

OUTBOUND = HttpOutbound()
WHO = Registration(client_id=CLIENT, client_secret=SECRET)
PROOF = Proof.of(bytes(range(96)))


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Idp]:
    monkeypatch.setattr("appliance.client.oauth_flows._INTERVAL", 0.02)
    with idp() as running:
        running.interval = 0
        yield running


class Browser:
    """Opens what it is shown, as a person would, and remembers the page that it ends at."""

    def __init__(self, change: Callable[[str], str] = lambda url: url) -> None:
        self.change = change
        self.pages: list[httpx.Response] = []
        self.urls: list[str] = []

    def show(self, url: str) -> None:
        self.urls.append(url)
        self.thread = threading.Thread(target=self._visit, args=(self.change(url),))
        self.thread.start()

    def _visit(self, url: str) -> None:
        with httpx.Client(follow_redirects=True, timeout=10) as client:
            self.pages.append(client.get(url))

    def page(self) -> httpx.Response:
        self.thread.join(10)
        return self.pages[-1]


async def by_browser(
    provider: Idp, browser: Browser, who: Registration = WHO, callback: Callback | None = None
) -> Tokens:
    endpoints = await oauth_flows.discover(OUTBOUND, provider.url)
    with trio.fail_after(60):
        return await oauth_flows.by_browser(
            OUTBOUND, endpoints, who, PROOF, callback=callback or Callback(), show=browser.show
        )


async def test_a_browser_comes_back_with_a_code_that_becomes_tokens(provider: Idp) -> None:
    browser = Browser()
    who = Registration(
        client_id=CLIENT, client_secret=SECRET, scope="openid groups", prompt="login",
        login_hint="jane@example.com", parameters=[("access_type", "offline")],
    )  # fmt: skip
    tokens = await by_browser(provider, browser, who)
    assert pyjwt.decode(tokens.id_token, options={"verify_signature": False})["sub"] == "1234"
    assert (tokens.access_token, tokens.expires_in) == ("access", 300)
    page = await trio.to_thread.run_sync(browser.page)
    assert (page.status_code, "Success" in page.text) == (200, True)
    assert page.headers["referrer-policy"] == "no-referrer"
    asked = {name: values[0] for name, values in parse_qs(urlsplit(browser.urls[0]).query).items()}
    assert asked == {
        "client_id": CLIENT,
        "redirect_uri": asked["redirect_uri"],
        "response_type": "code",
        "code_challenge_method": "S256",
        "code_challenge": PROOF.challenge,
        "scope": "openid groups",
        "prompt": "login",
        "state": PROOF.state,
        "nonce": PROOF.nonce,
        "login_hint": "jane@example.com",
        "access_type": "offline",
    }
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")


async def test_a_refused_login_ends_it_and_the_browser_says_why(provider: Idp) -> None:
    provider.refusal = "access_denied"
    browser = Browser()
    with pytest.raises(Unauthorized, match="Failed to authenticate: access_denied"):
        await by_browser(provider, browser)
    page = await trio.to_thread.run_sync(browser.page)
    assert (page.status_code, "access_denied" in page.text) == (400, True)


async def test_an_answer_with_another_state_is_refused(provider: Idp) -> None:
    browser = Browser(lambda url: url.replace(PROOF.state, "forged"))
    with pytest.raises(Unauthorized, match="invalid state"):
        await by_browser(provider, browser)


async def test_what_is_not_about_a_login_is_turned_away_and_waited_past(provider: Idp) -> None:
    visits: list[tuple[str, str, int]] = []

    def stray(url: str) -> str:
        redirect = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        for method, path in (
            ("GET", "/favicon.ico"), ("GET", "/"), ("POST", "/"), ("OPTIONS", "/"), ("HEAD", "/"),
            ("GET", "/?code=1"),
        ):  # fmt: skip
            visits.append((method, path, httpx.request(method, redirect + path).status_code))
        return url

    browser = Browser()

    def show(url: str) -> None:
        threading.Thread(target=lambda: browser.show(stray(url))).start()

    endpoints = await oauth_flows.discover(OUTBOUND, provider.url)
    tokens = await oauth_flows.by_browser(
        OUTBOUND, endpoints, WHO, PROOF, callback=Callback(), show=show
    )
    assert tokens.id_token
    statuses = [404, 400, 404, 200, 404, 400]
    assert [status for _, _, status in visits] == statuses


async def test_what_speaks_no_http_does_no_harm(provider: Idp) -> None:
    browser = Browser()

    async def disturb(url: str) -> None:
        port = urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0]).port
        assert port is not None
        for octets in (b"\x16\x03\x01", b"GET / HTTP/1.1\r\n" + b"a" * 70000, b""):
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            with trio.move_on_after(0.2), suppress(trio.BrokenResourceError):
                await stream.send_all(octets)
                await stream.send_eof()
                await stream.receive_some(100)
            await trio.aclose_forcefully(stream)
        browser.show(url)

    async with trio.open_nursery() as nursery:
        endpoints = await oauth_flows.discover(OUTBOUND, provider.url)
        tokens = await oauth_flows.by_browser(
            OUTBOUND, endpoints, WHO, PROOF, callback=Callback(),
            show=lambda url: nursery.start_soon(disturb, url),
        )  # fmt: skip
    assert tokens.id_token


async def test_an_identity_token_of_another_login_is_refused(provider: Idp) -> None:
    browser = Browser(lambda url: url.replace(PROOF.nonce, "0" * 64))
    with pytest.raises(Unauthorized, match="another log-in"):
        await by_browser(provider, browser)


async def test_a_wrong_client_secret_is_told(provider: Idp) -> None:
    who = Registration(client_id=CLIENT, client_secret="wrong")
    with pytest.raises(Unauthorized, match="invalid_client"):
        await by_browser(provider, Browser(), who)
    assert "wrong" not in repr(who)


async def test_the_browser_may_be_sent_onward(provider: Idp) -> None:
    browser = Browser()
    onward = f"{provider.url}/keys"
    await by_browser(provider, browser, callback=Callback(onward=onward))
    page = await trio.to_thread.run_sync(browser.page)
    assert str(page.url) == onward


async def test_the_provider_may_know_another_address_than_we_listen_on(provider: Idp) -> None:
    port = await free_port()
    callback = Callback.of(f":{port}", f"http://localhost:{port}/login/done")
    browser = Browser()
    assert (await by_browser(provider, browser, callback=callback)).id_token
    assert provider.authorizations[0]["redirect_uri"] == f"http://localhost:{port}/login/done"


async def free_port() -> int:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port: int = listener.socket.getsockname()[1]
    await listener.aclose()
    return port


async def test_a_port_that_is_taken_is_named(provider: Idp) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
        await by_browser(provider, Browser(), callback=Callback.of(f":{port}"))
    await listener.aclose()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("", "127.0.0.1", 0), (":10000", "127.0.0.1", 10000), ("localhost:0", "localhost", 0),
     ("[::1]:8080", "::1", 8080), ("0.0.0.0:1", "0.0.0.0", 1)],
)  # fmt: skip
def test_addresses_to_listen_on(text: str, host: str, port: int) -> None:
    callback = Callback.of(text)
    assert (callback.host, callback.port) == (host, port)


@pytest.mark.parametrize("text", ["localhost", "8080", ":http", ":99999", "a:-1"])
def test_what_is_no_address_to_listen_on(text: str) -> None:
    with pytest.raises(BadRequest, match="--listen"):
        Callback.of(text)


async def test_nobody_logs_in(provider: Idp, autojump_clock: trio.testing.MockClock) -> None:
    endpoints = Endpoints(authorization=f"{provider.url}/authorize", token=f"{provider.url}/token")
    with pytest.raises(Unavailable, match="nobody logged in"):
        await oauth_flows.by_browser(
            OUTBOUND, endpoints, WHO, PROOF, callback=Callback(), show=lambda _: None
        )


async def test_a_code_can_be_typed_in(provider: Idp) -> None:
    shown: list[str] = []

    def person() -> str:
        return str(httpx.get(shown[0]).json()["code"]) + "\n"

    endpoints = await oauth_flows.discover(OUTBOUND, provider.url)
    tokens = await oauth_flows.by_code(
        OUTBOUND, endpoints, WHO, PROOF, show=shown.append, ask=person
    )
    assert tokens.id_token
    with pytest.raises(Unauthorized, match="invalid_grant: no such code"):
        await oauth_flows.by_code(
            OUTBOUND, endpoints, WHO, PROOF, show=shown.append, ask=lambda: "guessed"
        )


# ---- on another device


async def by_device(provider: Idp, who: Registration = WHO) -> tuple[Tokens, list[str]]:
    told: list[str] = []
    endpoints = await oauth_flows.discover(OUTBOUND, provider.url)
    return await oauth_flows.by_device(OUTBOUND, endpoints, who, tell=told.append), told


async def test_a_device_is_asked_after_until_it_is_done(provider: Idp) -> None:
    provider.pending = 1
    tokens, told = await by_device(provider)
    assert told == [f"Visit {provider.url}/verify and enter the code:", "WDJB-MJHT"]
    assert tokens.id_token
    assert provider.asked("/token") == 2


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"verification_uri_complete": "https://idp/x?c=1"}, ["Visit https://idp/x?c=1:"]),
        (
            {"verification_uri": "", "verification_url": "https://google/device"},
            ["Visit https://google/device and enter the code:", "WDJB-MJHT"],
        ),
    ],
)
async def test_a_device_is_told_where_to_go(
    provider: Idp, members: dict[str, str], told: list[str]
) -> None:
    provider.discovery["device"] = members
    assert (await by_device(provider))[1] == told


async def test_a_device_that_is_refused_does_not_wait_for_the_end(provider: Idp) -> None:
    provider.refusal = "access_denied"
    with pytest.raises(Unauthorized, match="access_denied"):
        await by_device(provider)


async def test_a_device_that_is_nobodys_client(provider: Idp) -> None:
    with pytest.raises(Unauthorized, match="invalid_client"):
        await by_device(provider, Registration(client_id="other"))


async def test_a_device_code_expires(provider: Idp) -> None:
    provider.pending = 100
    provider.discovery["device"] = {"expires_in": 1}
    with pytest.raises(Unavailable, match="expired"):
        await by_device(provider)


async def test_a_provider_without_devices_says_so(provider: Idp) -> None:
    provider.discovery["device_authorization_endpoint"] = None
    with pytest.raises(BadRequest, match="no device_authorization_endpoint"):
        await by_device(provider)


# ---- what a provider says wrongly


@pytest.mark.parametrize(
    ("mood", "kind"), [(Mood.FAILING, Broken), (Mood.TALKING, Broken), (Mood.DOWN, Unavailable)]
)
async def test_a_provider_that_is_not_well(provider: Idp, mood: Mood, kind: type) -> None:
    provider.mood = mood
    with pytest.raises(kind, match=provider.url):
        await oauth_flows.discover(OUTBOUND, provider.url)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("token_endpoint", None),
        ("token_endpoint", "http://idp.example/token"),
        ("authorization_endpoint", None),
        ("authorization_endpoint", "file:///etc/passwd"),
        ("authorization_endpoint", "--help"),
    ],
)
async def test_endpoints_that_no_secret_may_go_to(
    provider: Idp, member: str, value: str | None
) -> None:
    provider.discovery[member] = value
    browser = Browser()
    with pytest.raises(BadRequest, match=member):
        await by_browser(provider, browser)
    assert browser.urls == []


@pytest.mark.parametrize("url", ["http://idp.example", "idp.example", "facebook", "https://"])
async def test_providers_that_cannot_be_asked(url: str) -> None:
    with pytest.raises(BadRequest, match="--provider"):
        await oauth_flows.discover(OUTBOUND, url)


@pytest.mark.parametrize("name", ["google", "github"])
async def test_providers_known_by_name_need_not_be_asked(name: str) -> None:
    endpoints = await oauth_flows.discover(OUTBOUND, name)
    assert all(url.startswith("https://") for url in (endpoints.token, endpoints.device))


async def test_a_service_account_signs_for_itself(provider: Idp) -> None:
    key = key_of("RSA-2048")
    now = datetime(2026, 3, 1, tzinfo=UTC)
    account = {"issuer": "robot@example.com", "key": key, "key_id": "k1", "now": now}
    tokens = await oauth_flows.for_account(
        OUTBOUND,
        f"{provider.url}/token",
        scope="a b",
        **account,  # type: ignore[arg-type]
    )
    assert tokens.access_token == "for the account"
    asserted = provider.assertions[0]
    assert asserted == {
        "aud": f"{provider.url}/token", "scope": "a b", "iss": "robot@example.com",
        "iat": 1772323200, "nbf": 1772323200, "exp": 1772326800,
    }  # fmt: skip
    own = oauth_flows.account_token(scope="https://api", **account)  # type: ignore[arg-type]
    claims = pyjwt.decode(own.access_token, options={"verify_signature": False})
    assert (claims["aud"], claims["sub"]) == ("https://api", "robot@example.com")
