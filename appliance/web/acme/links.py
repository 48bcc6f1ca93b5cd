"""Where ACME's resources are found: below the host that the client itself asked."""

from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs, quote

from msgspec import Struct

from appliance.web.http import Request

PREFIX: Final = "/acme"
PREFIXES: Final = (PREFIX, "/2.0/acme")
"""Where the routes are; links are always below the first."""

_LONGEST_CURSOR: Final = 100
_IN_SEGMENT: Final = "$&+=:@-._~"  # what Go leaves as it is in a segment of a path


class Links(Struct, frozen=True):
    """The URLs of a provisioner's resources; `base` is where they are, without a slash."""

    base: str

    @property
    def directory(self) -> str:
        """The directory."""
        return f"{self.base}/directory"

    @property
    def accounts(self) -> str:
        """What the URLs of accounts begin with."""
        return f"{self.base}/account/"

    def at(self, name: str) -> str:
        """Give the URL of a resource that there is one of, such as new-order."""
        return f"{self.base}/{name}"

    def account(self, key: str) -> str:
        """Give an account's."""
        return self.accounts + key

    def orders(self, account: str, after: str = "") -> str:
        """Give that of an account's orders, or of a page of them."""
        return f"{self.accounts}{account}/orders{f'?cursor={after}' if after else ''}"

    def order(self, key: str) -> str:
        """Give an order's."""
        return f"{self.base}/order/{key}"

    def finalize(self, order: str) -> str:
        """Give that by which an order is finalized."""
        return f"{self.base}/order/{order}/finalize"

    def authorization(self, key: str) -> str:
        """Give an authorization's."""
        return f"{self.base}/authz/{key}"

    def challenge(self, authorization: str, key: str) -> str:
        """Give a challenge's."""
        return f"{self.base}/challenge/{authorization}/{key}"

    def certificate(self, key: str) -> str:
        """Give a certificate's."""
        return f"{self.base}/certificate/{key}"

    def alternate(self, certificate: str, number: int) -> str:
        """Give that of one of a certificate's other chains, which count from 1."""
        return f"{self.certificate(certificate)}/{number}"

    def explanation(self, certificate: str) -> str:
        """Give that of the words on when to renew a certificate."""
        return f"{self.base}/renewal-info/{certificate}/explanation"


def links(request: Request, provisioner: str, host: str) -> Links:
    """Give the links for who sent a request; `host` is ours, where it names none."""
    return _links(named_host(request, host), provisioner)


@lru_cache(maxsize=100)
def _links(host: str, provisioner: str) -> Links:
    return Links(f"https://{host}{PREFIX}/{quote(provisioner, _IN_SEGMENT)}")


def requested_url(request: Request, host: str) -> str:
    """Give the URL that a request was sent to, as its `url` must have it (RFC 8555 6.4)."""
    query = f"?{request.query}" if request.query else ""
    return f"https://{named_host(request, host)}{request.path}{query}"


def cursor(query: str) -> str:
    """Read where a page of a list begins; what is none begins at the start."""
    return (parse_qs(query).get("cursor") or [""])[0][:_LONGEST_CURSOR]


def named_host(request: Request, host: str) -> str:
    """Give the host that a client asked."""
    return request.headers.get("host") or host
