"""What anybody may fetch from a URL: revocation lists, and what OCSP responders answer."""

import ssl
from collections.abc import Sequence
from typing import Final

import httpx

from appliance.client.failures import reason
from appliance.client.tls import trusting
from appliance.model.errors import Unavailable
from appliance.model.version import program

_TIMEOUT: Final = 20.0  # seconds, of each step
_LARGEST: Final = 64 << 20  # octets; lists of a million entries are below


def fetch(url: str, *, roots: Sequence[bytes] | None = None) -> bytes:
    """Download what is at a URL; redirects are followed. Waits.

    For https the roots (DER) are trusted, or those of the system when it is None. Raises
    Unavailable, also for a status that is not a success.
    """
    return _exchange("GET", url, roots, b"", {})


def post(
    url: str, body: bytes, *, content_type: str, roots: Sequence[bytes] | None = None
) -> bytes:
    """Send something to a URL and give the answer. Waits. Raises as `fetch` does."""
    return _exchange("POST", url, roots, body, {"Content-Type": content_type})


def _exchange(
    method: str, url: str, roots: Sequence[bytes] | None, body: bytes, headers: dict[str, str]
) -> bytes:
    context = trusting(roots) if roots is not None else ssl.create_default_context()
    headers = {"User-Agent": program(), **headers}
    try:
        with (
            httpx.Client(verify=context, timeout=_TIMEOUT, follow_redirects=True) as http,
            http.stream(method, url, content=body, headers=headers) as response,
        ):
            if response.status_code >= 300:
                raise Unavailable(f"{method} {url} failed: status code {response.status_code}")
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > _LARGEST:
                    raise Unavailable(
                        f"{method} {url} failed: the answer is larger than {_LARGEST >> 20} MiB"
                    )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Unavailable(f"{method} {url} failed: {reason(error)}") from error
    return bytes(content)
