"""Keys, tokens and encrypted keys of the JOSE family; vectors are those of the RFCs."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from jwt.algorithms import ECAlgorithm

from appliance.formats import base64url, jwe, jwk, jwt
from appliance.formats.keyfile import WrongPassword
from appliance.formats.keys import PrivateKey
from appliance.model.errors import FormatError
from appliance.model.secret import Password

# RFC 7638 section 3.1
RSA_JWK = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
    "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Qvzq"
    "Y368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM"
    "4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
# RFC 8037 appendix A
OKP_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
EC_JWK = {  # RFC 7515 appendix A.3
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
}
GOLDEN = Path(__file__).parent / "golden"
PASSWORD = Password(b"entrap_o_peter_long_credit_tun")

KEYS: dict[str, PrivateKey] = {
    "ES256": generate_private_key(SECP256R1()),
    "ES384": generate_private_key(SECP384R1()),
    "ES512": generate_private_key(SECP521R1()),
    "EdDSA": Ed25519PrivateKey.generate(),
    "RS256": generate_rsa(65537, 2048),
}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (RSA_JWK, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (OKP_JWK, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ],
)
def test_thumbprints_of_the_rfcs(members: dict[str, Any], expected: str) -> None:
    assert jwk.thumbprint(members) == expected


@pytest.mark.parametrize("name", KEYS)
def test_keys_come_back_from_their_jwk(name: str) -> None:
    key = KEYS[name]
    private, public = jwk.private_jwk(key), jwk.public_jwk(key.public_key())
    assert public == {k: v for k, v in private.items() if k in public}
    assert (public["use"], public["alg"]) == ("sig", name)
    assert public["kid"] == jwk.thumbprint(private)
    assert jwk.public_key(private) == jwk.public_key(public) == key.public_key()
    assert jwk.private_jwk(jwk.private_key(private)) == private


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"kty": "oct", "k": "AAAA"},
        EC_JWK | {"crv": "secp256k1"},
        EC_JWK | {"x": EC_JWK["x"][:-4]},
        EC_JWK | {"x": EC_JWK["x"] + "="},
        EC_JWK | {"x": 5},
        EC_JWK | {"y": EC_JWK["x"]},
        EC_JWK | {"d": "A" * 43},
        OKP_JWK | {"x": "AAAA"},
        OKP_JWK | {"x": "A" * 43},
        OKP_JWK | {"crv": "X25519"},
        RSA_JWK | {"d": "AQAB"},
        RSA_JWK | {"d": "AQAB", "p": "AQAB", "q": "AQAB"},
        RSA_JWK | {"d": "AQAB", "p": "AQ", "q": "AQAB"},
        RSA_JWK | {"n": "A" * 30_000, "d": "AQAB", "p": "AQAB", "q": "AQAB"},
        RSA_JWK,
    ],
)
def test_what_is_no_private_key_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        jwk.private_key(members)


@pytest.mark.parametrize("members", [{}, EC_JWK | {"y": EC_JWK["x"]}, RSA_JWK | {"e": "Ag"}])
def test_what_is_no_public_key_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        jwk.public_key(members)


def test_a_thumbprint_needs_its_members() -> None:
    for members in ({"kty": "oct"}, {"kty": "EC"}):
        with pytest.raises(FormatError):
            jwk.thumbprint(members)


# ---- JWT


@pytest.mark.parametrize("name", KEYS)
def test_a_signed_token_verifies(name: str) -> None:
    key = KEYS[name]
    token = jwt.split(jwt.sign({"sub": "x", "aud": ["a"]}, key, {"kid": "k"}))
    assert token.header == {"alg": name, "kid": "k", "typ": "JWT"}
    assert token.claims == {"sub": "x", "aud": ["a"]}
    jwt.verify(token, key.public_key(), name)


def test_tokens_may_use_the_other_rsa_algorithms() -> None:
    key = KEYS["RS256"]
    for name in ("RS384", "RS512", "PS256", "PS384", "PS512"):
        token = jwt.split(jwt.sign({}, key, {"alg": name}))
        jwt.verify(token, key.public_key(), name)


def test_the_token_of_rfc_7515_verifies() -> None:
    """Appendix A.3, whose payload has white space and a number."""
    token = jwt.split(
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
        "NvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmW"
        "QxfKTUJqPP3-Kg6NU1Q"
    )
    jwt.verify(token, jwk.public_key(EC_JWK), "ES256")
    assert token.claims["exp"] == 1300819380


def test_a_signature_holds_for_its_key_and_text_only() -> None:
    key = KEYS["ES256"]
    raw = jwt.sign({"sub": "x"}, key)
    other = generate_private_key(SECP256R1()).public_key()
    head, _, signature = raw.rpartition(".")
    changed = f"{head.partition('.')[0]}.{base64url.encode(b'{}')}.{signature}"
    for text, public in (
        (raw, other),
        (changed, key.public_key()),
        (f"{head}.", key.public_key()),
        (f"{head}.{base64url.encode(bytes(64))}", key.public_key()),
    ):
        with pytest.raises(jwt.WrongSignature):
            jwt.verify(jwt.split(text), public, "ES256")


def test_the_verifier_chooses_the_algorithm() -> None:
    key = KEYS["ES256"]
    unsigned = base64url.encode(b'{"alg":"none"}') + "." + base64url.encode(b"{}") + "."
    token = jwt.split(jwt.sign({}, key))
    hmac = jwt.split(unsigned.replace(base64url.encode(b"none"), base64url.encode(b"HS256")))
    for given, name in (
        (jwt.split(unsigned), "ES256"),
        (jwt.split(unsigned), "none"),
        (token, "RS256"),
        (token, "ES384"),
        (hmac, "HS256"),
    ):
        with pytest.raises(jwt.WrongSignature):
            jwt.verify(given, key.public_key(), name)
    with pytest.raises(jwt.WrongSignature):
        jwt.sign({}, key, {"alg": "HS256"})


def test_critical_headers_are_refused() -> None:
    """RFC 7515 section 4.1.11."""
    key = KEYS["ES256"]
    token = jwt.split(jwt.sign({}, key, {"crit": ["b64"], "b64": False}))
    with pytest.raises(FormatError, match="critical"):
        jwt.verify(token, key.public_key(), "ES256")


@pytest.mark.parametrize(
    "text",
    ["", "a", "a.b", "a.b.c", "a.b.c.d", "e30.e30", "e30.e30.e30.e30", "e30.W10.", "e30=.e30.", "é"]
    + ["bnVsbA.e30.", "e30.e30.A", "e30.e30.AB", "e30.e30.+A", "e30.e30.A A", "e30\n.e30."]
    + ["A" * 2_000_000, base64url.encode(b"[" * 5000) + ".e30."]
    + [
        base64url.encode(b'{"a":' + b"[" * 5000) + ".e30.",
        base64url.encode(b'{"\xff":1}') + ".e30.",
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        jwt.split(text)


# ---- JWE


def test_what_was_encrypted_decrypts_in_both_forms() -> None:
    compact = jwe.encrypt(b'{"k":1}', PASSWORD, entropy=os.urandom(60), iterations=1000)
    header = json.loads(base64url.decode(compact.partition(".")[0]))
    assert list(header) == ["alg", "cty", "enc", "p2c", "p2s"]
    assert (header["alg"], header["enc"]) == ("PBES2-HS256+A128KW", "A256GCM")
    assert (header["cty"], header["p2c"]) == ("jwk+json", 1000)
    for text in (compact, jwe.to_json(compact), f" {compact}\n"):
        assert jwe.is_encrypted(text)
        assert jwe.decrypt(text, PASSWORD) == b'{"k":1}'
        with pytest.raises(WrongPassword):
            jwe.decrypt(text, Password(b"other"))


def test_a_content_type_can_be_left_out() -> None:
    compact = jwe.encrypt(b"", PASSWORD, entropy=bytes(60), iterations=1, content_type="")
    assert b"cty" not in base64url.decode(compact.partition(".")[0])
    assert jwe.decrypt(compact, PASSWORD) == b""


def test_entropy_is_of_the_right_size() -> None:
    with pytest.raises(ValueError, match="60 octets"):
        jwe.encrypt(b"", PASSWORD, entropy=b"")


@pytest.mark.parametrize("path", sorted((GOLDEN / "jwe").iterdir()), ids=lambda path: path.stem)
def test_what_step_encrypted_decrypts(path: Path) -> None:
    """Every algorithm and encryption that step offers with a password."""
    opened = jwe.decrypt(path.read_text(), Password(b"pass123"))
    assert opened.decode() == "hello " + path.stem.replace(",", " ")


@pytest.mark.parametrize("name", ["A128CBC-HS256", "A256GCM"])
def test_changed_content_does_not_decrypt(name: str) -> None:
    members = json.loads((GOLDEN / "jwe" / f"PBES2-HS256+A128KW,{name}.json").read_text())
    for member in ("ciphertext", "tag"):
        changed = bytes(octet ^ 1 for octet in base64url.decode(members[member]))
        text = json.dumps(members | {member: base64url.encode(changed)})
        with pytest.raises(FormatError, match="changed"):
            jwe.decrypt(text, Password(b"pass123"))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"alg": "dir"}, "alg"),
        ({"alg": "A128KW"}, "alg"),
        ({"p2c": 1_000_001}, "count"),
        ({"p2c": 0}, "count"),
        ({"p2c": "1"}, "count"),
        ({"p2s": None}, "salt"),
        ({"enc": "none"}, "enc"),
        ({"enc": "A128GCM"}, "does not fit"),
        ({"enc": "A128CBC-HS256"}, "does not fit"),
        ({"crit": ["x"]}, "crit"),
        ({"zip": "DEF"}, "zip"),
        ({"cty": "x"}, "changed"),
    ],
)
def test_changed_or_strange_headers_are_refused(change: dict[str, Any], what: str) -> None:
    compact = jwe.encrypt(b"x", PASSWORD, entropy=bytes(60), iterations=1)
    protected, _, rest = compact.partition(".")
    header = json.loads(base64url.decode(protected)) | change
    text = base64url.encode(json.dumps(header).encode()) + "." + rest
    with pytest.raises(FormatError, match=what):
        jwe.decrypt(text, PASSWORD)


def test_the_general_json_form_and_its_aad() -> None:
    """RFC 7516 section 7.2.1, with one recipient; aad belongs to what is authenticated."""
    members = json.loads(jwe.to_json(jwe.encrypt(b"x", PASSWORD, entropy=bytes(60), iterations=1)))
    key = members.pop("encrypted_key")
    general = members | {"recipients": [{"encrypted_key": key}], "unprotected": {"note": 1}}
    assert jwe.decrypt(json.dumps(general), PASSWORD) == b"x"
    with pytest.raises(FormatError, match="changed"):
        jwe.decrypt(json.dumps(general | {"aad": "AA"}), PASSWORD)
    with pytest.raises(FormatError):
        jwe.decrypt(json.dumps(general | {"header": 5}), PASSWORD)


def test_an_encryption_that_is_no_text_is_refused() -> None:
    protected, _, rest = jwe.encrypt(b"", PASSWORD, entropy=bytes(60), iterations=1).partition(".")
    header = json.loads(base64url.decode(protected)) | {"enc": 5}
    with pytest.raises(FormatError, match="without enc"):
        jwe.decrypt(f"{base64url.encode(json.dumps(header).encode())}.{rest}", PASSWORD)


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c.d.e", "e30.e30.e30.e30.e30", "{", "{}", "[]", '{"protected":5}', "é"]
)
def test_what_is_no_jwe_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        jwe.decrypt(text, PASSWORD)


@pytest.mark.parametrize(
    ("name", "curve", "theirs"),
    [
        ("ES256", SECP256R1(), ECAlgorithm(ECAlgorithm.SHA256)),
        ("ES384", SECP384R1(), ECAlgorithm(ECAlgorithm.SHA384)),
        ("ES512", SECP521R1(), ECAlgorithm(ECAlgorithm.SHA512)),
    ],
)
def test_ecdsa_is_judged_as_pyjwt_judges_it(
    name: str, curve: EllipticCurve, theirs: ECAlgorithm
) -> None:
    key = generate_private_key(curve)
    good = theirs.sign(b"message", key)
    half = len(good) // 2
    algorithm, public = jwt.fitting(name, key.public_key()), key.public_key()
    assert algorithm.verify(b"message", public, good)
    for wrong in (
        b"",
        good[:-1],
        good + b"\0",
        bytes(2 * half),
        good[half:] + good[:half],
        bytes(half) + good[half:],
        b"\xff" * 2 * half,
    ):
        assert not algorithm.verify(b"message", public, wrong)
        assert not theirs.verify(b"message", public, wrong)
    assert not algorithm.verify(b"another", public, good)
