"""Signatures of requests to S3 and what speaks like it (AWS Signature Version 4)."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote

ALGORITHM: Final = "AWS4-HMAC-SHA256"
EMPTY: Final = hashlib.sha256(b"").hexdigest()
"""The digest of a request without a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Credentials:
    """An access key. `session` is of one that is lent for a time."""

    key_id: str
    secret: str = field(repr=False)
    session: str = field(default="", repr=False)


def path(text: str) -> str:
    """Write a path as it is signed and sent: each segment escaped once."""
    return quote(text, safe="/~")


def query(parameters: Mapping[str, str]) -> str:
    """Write a query as it is signed and sent: in order, all escaped."""
    pairs = sorted(
        (quote(name, safe="~"), quote(each, safe="~")) for name, each in parameters.items()
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def headers(  # noqa: PLR0913 - the parts of a request
    *,
    method: str,
    host: str,
    path: str,
    query: str,
    digest: str,
    now: datetime,
    region: str,
    credentials: S3Credentials,
    others: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Give the headers that a request gets, Host left out; `digest` is SHA-256 of the body in hex.

    `path` and `query` are escaped already; `others` are headers to be signed, too.
    """
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    signed = {
        **{name.lower(): value for name, value in (others or {}).items()},
        "host": host,
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
    }
    if credentials.session:
        signed["x-amz-security-token"] = credentials.session
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
    canonical = "\n".join((method, path, query, lines, names, digest))
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    asked = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((ALGORITHM, moment, scope, asked))
    key = f"AWS4{credentials.secret}".encode()
    for part in (moment[:8], region, "s3", "aws4_request"):
        key = _mac(key, part)
    signature = _mac(key, text).hex()
    authorization = (
        f"{ALGORITHM} Credential={credentials.key_id}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return {**signed, "authorization": authorization}


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
