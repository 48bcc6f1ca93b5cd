"""Each function gives what sprig 3.3.0 and step's crypto library give, as real Go programs did."""

import base64
import json
import re
import string
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.formats import phc
from appliance.formats.gotemplate import budget, functions, template
from appliance.formats.gotemplate.budget import Budget
from appliance.formats.gotemplate.errors import BudgetError, TemplateError, TemplateFailure
from appliance.formats.gotemplate.library.context import FunctionContext

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
GOLDEN = Path(__file__).parents[1] / "golden" / "gotemplate" / "functions.jsonl"
DATA = {"f": 12.5}


def entropy() -> Iterator[bytes]:
    """Give the same octets in every run."""
    number = 0
    while True:
        number = (number * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        yield bytes((number >> 56,))


class Chance:
    """A source that can be asked for any count."""

    def __init__(self) -> None:
        self._octets = entropy()

    def __call__(self, count: int) -> bytes:
        return b"".join(next(self._octets) for _ in range(count))


FUNCTIONS = functions.standard(FunctionContext(now=NOW, entropy=Chance()))


def render(text: str, data: Any = None, *, steps: int = budget.DEFAULT.steps) -> str:
    parsed = template.parse(text, FUNCTIONS)
    return parsed.render(DATA if data is None else data, Budget(steps=steps))


def call(text: str) -> str:
    return render(f"{{{{ {text} }}}}")


def cases() -> list[dict[str, str]]:
    return [json.loads(line) for line in GOLDEN.read_bytes().splitlines()]


def test_every_recorded_call_gives_what_go_gave() -> None:
    wrong = []
    for case in cases():
        text = f'{{{{ $x := {case["call"]} }}}}{{{{ printf "%T|%v" $x $x }}}}|{{{{ toJson $x }}}}'
        try:
            got = {"output": render(text)}
        except TemplateError as error:
            got = {"error": error.stage}
            if "message" in case:
                got["message"] = error.public.partition(": error calling ")[2].partition(": ")[2]
        if got != {name: value for name, value in case.items() if name != "call"}:
            wrong.append((case, got))
    assert wrong == []


def test_the_recorded_calls_cover_every_function_whose_result_is_the_same_each_time() -> None:
    called = {word for case in cases() for word in re.findall(r"[A-Za-z0-9_]+", case["call"])}
    chance = {"ago", "bcrypt", "genPrivateKey", "getHostByName", "htpasswd", "now", "shuffle"}
    chance |= {"buildCustomCert", "encryptAES", "htmlDate", "htmlDateInZone", "uuidv4"}
    chance |= {name for name in FUNCTIONS if name.startswith(("rand", "genCA", "genS"))}
    assert set(FUNCTIONS) - called - chance == set()


def test_names_are_those_of_sprig_without_the_environment_and_those_of_step() -> None:
    assert len(FUNCTIONS) == 218
    assert "env" not in FUNCTIONS
    assert "expandenv" not in FUNCTIONS
    step = {"toTime", "formatTime", "parseTime", "mustParseTime", "toTimeLayout"}
    step |= {"asn1Enc", "asn1Marshal", "asn1Seq", "asn1Set"}
    sprig = functions.sprig(FunctionContext(now=NOW, entropy=bytes))
    assert set(FUNCTIONS) - set(sprig) == step


# Time


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("now", "2026-01-02 03:04:05.678 +0000 UTC"),
        ("now.Unix", "1767323045"),
        ("ago (toTime 1767319445)", "1h0m1s"),
        ("ago nil", "0s"),
        ('date "2006-01-02" now', "2026-01-02"),
        ('htmlDateInZone (toTime 1767323045) "America/New_York"', "2026-01-01"),
        ("htmlDate nil", "2026-01-02"),
        ("toTime nil", "2026-01-02 03:04:05.678 +0000 UTC"),
        ("formatTime nil", "2026-01-02T03:04:05Z"),
        ("parseTime", "2026-01-02 03:04:05.678 +0000 UTC"),
        ("durationRound (toTime 1767319445)", "1h"),
        ('now | date_modify "-24h" | toJson', '"2026-01-01T03:04:05.678Z"'),
        ('(now.AddDate 0 1 0).Format "Jan 2"', "Feb 2"),
        ("now.Sub (toTime 1767323045)", "678ms"),
        ("now.Weekday", "Friday"),
        ("now.Month | printf `%d`", "1"),
        ("(now.Truncate (now.Sub (toTime 1767319445))).Unix", "1767320783"),
        ("now.After (toTime 5)", "true"),
        ("toTime 0 | toJson", '"1970-01-01T00:00:00Z"'),
    ],
)
def test_the_present_is_that_of_the_context(text: str, shown: str) -> None:
    assert call(text) == shown


def test_a_token_time_is_formatted_as_step_documents_it() -> None:
    token = {"Token": {"nbf": 1_719_961_200.0}}
    assert render("{{ .Token.nbf | formatTime }}", token) == "2024-07-02T23:00:00Z"


# Chance


@pytest.mark.parametrize(
    ("name", "alphabet"),
    [
        ("randAlphaNum", string.ascii_letters + string.digits),
        ("randAlpha", string.ascii_letters),
        ("randNumeric", string.digits),
        ("randAscii", "".join(map(chr, range(32, 127)))),
    ],
)
def test_random_text_has_its_length_and_alphabet(name: str, alphabet: str) -> None:
    text = call(f"{name} 500")
    assert len(text) == 500
    assert set(text) <= set(alphabet)
    assert len(set(text)) > len(alphabet) * 3 // 4
    assert call(f"{name} -1") == call(f"{name} 0") == ""


def test_random_numbers_stay_in_their_range() -> None:
    assert {call("randInt -1 3") for _ in range(100)} == {"-1", "0", "1", "2"}
    assert sorted(call('shuffle "abcdé"')) == sorted("abcdé")
    assert len(base64.b64decode(call("randBytes 20"))) == 20
    assert uuid.UUID(call("uuidv4")).version == 4
    with pytest.raises(TemplateError, match="invalid argument to Intn"):
        call("randInt 3 3")


def test_aes_comes_back() -> None:
    assert call('encryptAES "key" "plain é" | decryptAES "key"') == "plain é"
    assert call('encryptAES "key" ""') == ""


# Keys and certificates


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("ecdsa", ec.EllipticCurvePrivateKey), ("ed25519", ed25519.Ed25519PrivateKey)],
)
def test_private_keys_can_be_read(kind: str, expected: type) -> None:
    key = serialization.load_pem_private_key(call(f'genPrivateKey "{kind}"').encode(), None)
    assert isinstance(key, expected)
    assert call('genPrivateKey "x"') == "Unknown type x"


def test_a_made_authority_signs_a_certificate() -> None:
    shown = render(
        '{{ $ca := genCA "Root" 10 }}'
        '{{ $key := genPrivateKey "ecdsa" }}'
        '{{ $leaf := genSignedCertWithKey "leaf" (list "10.0.0.1") (list "a.example") 5 $ca $key }}'
        "{{ list $ca.Cert $ca.Key $leaf.Cert $leaf.Key | toJson }}"
    )
    root, root_key, leaf, leaf_key = json.loads(shown)
    issuer = x509.load_pem_x509_certificate(root.encode())
    certificate = x509.load_pem_x509_certificate(leaf.encode())
    certificate.verify_directly_issued_by(issuer)
    assert certificate.not_valid_before_utc == NOW.replace(microsecond=0)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=5)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    assert issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert isinstance(
        serialization.load_pem_private_key(root_key.encode(), None), rsa.RSAPrivateKey
    )
    key = serialization.load_pem_private_key(leaf_key.encode(), None)
    assert key.public_key() == certificate.public_key()


def test_a_certificate_of_ones_own_is_checked() -> None:
    shown = render(
        '{{ $made := genSelfSignedCertWithKey "x" (list) (list) 1 (genPrivateKey "ed25519") }}'
        "{{ $own := buildCustomCert (b64enc $made.Cert) (b64enc $made.Key) }}"
        "{{ eq $own.Cert $made.Cert }} {{ $own | typeOf }}"
    )
    assert shown == "true sprig.certificate"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('genSelfSignedCert "x" (list 5) (list) 1', "error parsing ip: 5 is not a string"),
        ('genSelfSignedCert "x" (list "no") (list) 1', "error parsing ip: no"),
        ('genSelfSignedCert "x" nil (list 5) 1', "error processing alternate dns name: 5"),
        ('genCAWithKey "x" 1 "no"', "parsing private key: no PEM data in input"),
        ('genCAWithKey "x" -1 (genPrivateKey "ecdsa")', "error creating certificate"),
        ('genCAWithKey "x" 1 (genCA "y" 1).Cert', "no private key data in PEM block of type CERT"),
        ('genCAWithKey "x" 1 (pem "PRIVATE KEY")', "parsing private key: decoding PEM as PKCS#8"),
        ('genCAWithKey "x" 1 (pem "EC PRIVATE KEY")', "parsing EC private key from PEM"),
        ('buildCustomCert (b64enc (pem "CERTIFICATE")) ""', "error parsing certificate"),
        ('genSelfSignedCertWithKey "" (list) (list "é") 1 (genPrivateKey "ecdsa")', "IA5String"),
        ('buildCustomCert "!" ""', "unable to decode base64 certificate"),
        ('buildCustomCert "AAAA" "AAAA"', "unable to decode certificate"),
    ],
)
def test_what_cannot_be_made_is_said(text: str, problem: str) -> None:
    text = re.sub(
        r'\(pem "([A-Z ]+)"\)', r'"-----BEGIN \1-----\\nAAAA\\n-----END \1-----\\n"', text
    )
    with pytest.raises(TemplateError, match=problem):
        call(text)


# Passwords


def test_a_password_is_hashed_by_bcrypt_as_go_hashes_it() -> None:
    made = call('bcrypt "secret"')
    assert made.startswith("$2a$10$")
    assert phc.matches(made, b"secret")
    assert not phc.matches(made, b"Secret")
    user, _, hashed = call('htpasswd "user" "secret"').partition(":")
    assert (user, phc.matches(hashed, b"secret")) == ("user", True)
    assert call('htpasswd "a:b" "x"') == "invalid username: a:b"
    long = call(f'bcrypt "{"x" * 73}"')
    assert long.endswith("bcrypt: bcrypt: password length exceeds 72 bytes")


# What is not there


def test_a_template_has_no_network() -> None:
    with pytest.raises(TemplateError, match="they have no network"):
        call('getHostByName "localhost"')


def test_fail_hands_its_message_on() -> None:
    with pytest.raises(TemplateFailure) as caught:
        render('{{ if true }}{{ fail "Key type must be RSA" }}{{ end }}')
    assert caught.value.message == "Key type must be RSA"


# Work without end


@pytest.mark.parametrize(
    "text",
    [
        'repeat 1000000000 "x"',
        "until 1000000000",
        "seq 1 1000000000",
        'indent 1000000000 "x"',
        "randAlphaNum 1000000000",
        "randBytes 1000000000",
        'repeat 1000 "a" | replace "" (repeat 10000 "b")',
        'repeat 30000 "a" | regexMatch "(a*)*b"',
        'repeat 1000 "a" | regexMatch "(a{0,30}){30}b"',
        'repeat 900000 "a " | wrapWith 1 (repeat 900 "b")',
        'list (genCA "a" 1) (genCA "b" 1) (genCA "c" 1) (genCA "d" 1) (genCA "e" 1)',
    ],
)
def test_no_function_leaves_the_budget(text: str) -> None:
    with pytest.raises(BudgetError):
        call(text)


def test_shared_structure_does_not_grow_without_end() -> None:
    text = '{{ $x := list "a" }}' + "{{ $x = list $x $x }}" * 40
    for name in ("toJson", "toString", "deepCopy", "quote", "toPrettyJson", "deepEqual $x"):
        with pytest.raises(BudgetError):
            render(f"{text}{{{{ {name} $x }}}}", steps=10_000)
    with pytest.raises(TemplateError):
        render('{{ $x := dict }}{{ $_ := set $x "self" $x }}{{ toJson $x }}')
    with pytest.raises(TemplateError):
        render('{{ $x := dict }}{{ $_ := set $x "self" $x }}{{ merge $x $x }}')


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('deepEqual (semver "1.2.3") (semver "1.2.3")', "true"),
        ('deepEqual (semver "1.2.3") (semver "1.2.4")', "false"),
        ('deepEqual (split "," "a") (split "," "a")', "true"),
        ('deepEqual (split "," "a") (split "," "b")', "false"),
        ('deepEqual (dict "a" (list 1)) (dict "a" (list 1))', "true"),
        ('deepEqual (dict "a" nil) (dict "b" nil)', "false"),
        ("deepEqual (float64 `nan`) (float64 `nan`)", "false"),
    ],
)
def test_equality_goes_all_the_way_down(text: str, shown: str) -> None:
    assert call(text) == shown


def test_maps_are_gone_through_in_the_order_of_their_keys() -> None:
    assert call('keys (dict "b" 1 "a" 2) (dict "0" 3)') == "[a b 0]"
    assert call('values (dict "b" 1 "a" 2)') == "[2 1]"
