"""Signatures of requests to S3, held to the examples of AWS's own handbook.

"Authenticating Requests: Using the Authorization Header", Amazon S3 API reference.
"""

import hashlib
from datetime import UTC, datetime

import pytest

from appliance.formats import sigv4
from appliance.formats.sigv4 import S3Credentials

CREDENTIALS = S3Credentials(
    key_id="AKIAIOSFODNN7EXAMPLE", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)
NOW = datetime(2013, 5, 24, tzinfo=UTC)
EXAMPLES = [
    ("GET", "/test.txt", {}, b"", {"Range": "bytes=0-9"},
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    ("PUT", "/test$file.text", {}, b"Welcome to Amazon S3.",
     {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    ("GET", "/", {"lifecycle": ""}, b"", {},
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    ("GET", "/", {"prefix": "J", "max-keys": "2"}, b"", {},
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "query", "body", "others", "signature"), EXAMPLES)
def test_the_examples_of_the_handbook(
    method: str, path: str, query: dict[str, str], body: bytes, others: dict[str, str],
    signature: str,
) -> None:  # fmt: skip
    found = sigv4.headers(
        method=method,
        host="examplebucket.s3.amazonaws.com",
        path=sigv4.path(path),
        query=sigv4.query(query),
        digest=hashlib.sha256(body).hexdigest(),
        now=NOW,
        region="us-east-1",
        credentials=CREDENTIALS,
        others=others,
    )
    assert found["authorization"].endswith(f"Signature={signature}")
    assert (
        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
        in (found["authorization"])
    )


def test_a_lent_key_is_signed_with_its_session() -> None:
    lent = S3Credentials(key_id="k", secret="s", session="lent for a time")
    found = sigv4.headers(
        method="GET", host="h", path="/", query="", digest=sigv4.EMPTY, now=NOW, region="r",
        credentials=lent,
    )  # fmt: skip
    assert found["x-amz-security-token"] == "lent for a time"
    assert "x-amz-date;x-amz-security-token" in found["authorization"]


def test_a_secret_is_in_no_representation() -> None:
    assert CREDENTIALS.secret not in repr(CREDENTIALS)


def test_paths_and_queries_are_escaped_once() -> None:
    assert sigv4.path("/a b/~c%+é") == "/a%20b/~c%25%2B%C3%A9"
    assert sigv4.query({"prefix": "a/b c", "list-type": "2"}) == "list-type=2&prefix=a%2Fb%20c"
