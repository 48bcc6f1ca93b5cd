"""Whatever a template gives becomes a certificate that can be read, or an error of ours."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.formats import asn1_values, der, gourl, laxjson
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.issuance import (
    certificate_json,
    certificates,
    drafts,
    parsed,
    step_json,
    templated,
    templates,
)
from appliance.issuance.algorithms import IDENTIFIERS
from appliance.issuance.certificate_json import EXTENDED_KEY_USAGES, KEY_USAGES
from appliance.issuance.subjects import SubjectDefaults
from appliance.model.errors import Broken, FormatError
from appliance.model.validity import Validity
from tests.support.authority import START, shared_hierarchy

ISSUER = shared_hierarchy().issuer
KEY = drafts.certified(ISSUER.public_key)
DAY = Validity(not_before=START, not_after=START + timedelta(days=1))
CONTEXT = FunctionContext(now=datetime(2026, 1, 1, tzinfo=UTC), entropy=bytes)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
identifiers = st.sampled_from(
    ["1.2.3", "2.5.29.17", "2.5.29.15", "2.5.29.30", "2.5.29.31", "2.5.29.35", "2.5.29.37", "", "1",
     "2.5.29.19", "2.5.29.32", "1.3.6.1.5.5.7.1.1", "2.5.4.3", "1.2.-3", "2.999", "1.2.99999999999",
     "1.2.840.113549.1.9.1", "1.3.6.1.4.1.37476.9000.64.1"]
)  # fmt: skip
octets = st.binary(max_size=12).map(step_json.octets)
words = st.text(max_size=12) | st.sampled_from(
    ["a.example", "*.example", "bücher.example", "10.0.0.1", "::1", "fe80::1%x", "joe@example.com",
     "https://example.com/a b", "urn:x", "http://[::1", "10.0.0.0/8", "::/0", ".example", "a..b"]
)  # fmt: skip
typed = st.sampled_from(
    ["dns", "email", "ip", "uri", "auto", "", "DNS", "registeredID", "permanentIdentifier",
     "hardwareModuleName", "dn", "userPrincipalName", "1.2.3", "x400Address"]
)  # fmt: skip
kinds = st.sampled_from(["", "utf8:", "int:", "oid:", "raw:", "utc:", "bool:", "numeric:", "x:"])
names = st.fixed_dictionaries(
    {},
    optional={
        "type": typed,
        "value": words | identifiers | st.tuples(kinds, words).map("".join),
        "asn1Value": values
        | st.fixed_dictionaries(
            {}, optional={"type": identifiers, "identifier": words, "serialNumber": octets}
        ),
    },
)
subjects = words | st.fixed_dictionaries(
    {},
    optional={
        "commonName": words,
        "organization": words | st.lists(words, max_size=3),
        "serialNumber": words,
        "extraNames": st.lists(
            st.fixed_dictionaries({}, optional={"type": identifiers, "value": words | values}),
            max_size=2,
        ),
    },
)
constraints = st.sampled_from(
    [f"{side}{kind}" for side in ("permitted", "excluded")
     for kind in ("DNSDomains", "IPRanges", "EmailAddresses", "URIDomains")]
)  # fmt: skip
extensions = st.fixed_dictionaries(
    {}, optional={"id": identifiers, "critical": st.booleans(), "value": octets}
)
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "subject": subjects,
    "rawSubject": octets | st.just("MAA="),
    "serialNumber": st.integers(-5, 1 << 64) | words,
    "dnsNames": st.lists(words, max_size=3),
    "emailAddresses": st.lists(words, max_size=2),
    "ipAddresses": st.lists(words, max_size=2),
    "uris": st.lists(words, max_size=2),
    "sans": st.lists(names, max_size=3),
    "notAfter": words,
    "extensions": st.lists(extensions, max_size=3),
    "keyUsage": st.lists(st.sampled_from([*KEY_USAGES, "x"]), max_size=4),
    "extKeyUsage": st.lists(st.sampled_from([*EXTENDED_KEY_USAGES]), max_size=4),
    "unknownExtKeyUsage": st.lists(identifiers, max_size=2),
    "subjectKeyId": octets,
    "authorityKeyId": octets,
    "ocspServer": words,
    "issuingCertificateURL": st.lists(words, max_size=2),
    "crlDistributionPoints": st.lists(words, max_size=2),
    "policyIdentifiers": st.lists(identifiers, max_size=2),
    "basicConstraints": st.fixed_dictionaries(
        {}, optional={"isCA": st.booleans(), "maxPathLen": st.integers(-2, 1 << 40)}
    ),
    "nameConstraints": st.dictionaries(constraints, st.lists(words, max_size=2), max_size=3),
    "signatureAlgorithm": st.sampled_from(["", "ECDSA-SHA384", "SHA256-RSA", "SHA1-RSA"]),
}
plausible = st.fixed_dictionaries({}, optional=MEMBERS)


@given(st.text())
@example("{" * 100_000)
@example("[" * 100_000)
@example("9" * 10_000)
@example('{"subject":"\ud800"}')
def test_any_text(text: str) -> None:
    with suppress(FormatError):
        certificate_json.read(text)


@given(st.dictionaries(st.sampled_from([*MEMBERS, "x"]), values))
def test_any_json_under_the_known_keys(members: dict[str, Any]) -> None:
    with suppress(FormatError):
        certificate_json.read(json.dumps(members))


@given(plausible)
def test_what_can_be_drafted_can_be_read_again(members: dict[str, Any]) -> None:
    """The certificate has the names that its draft tells, and no decoder chokes on it."""
    try:
        wanted = certificate_json.read(json.dumps(members))
        draft = templated.draft(
            wanted, KEY, DAY, ISSUER, defaults=SubjectDefaults({}), provisioner=None
        )
    except (FormatError, Broken):
        return
    prepared = certificates.prepare(draft, ISSUER, 5)
    whole = der.sequence(
        prepared.to_be_signed,
        IDENTIFIERS[prepared.algorithm],
        der.bit_string(b"signature"),
    )
    again = parsed.parse(whole)
    assert (again.common_name, again.sans) == (draft.common_name, draft.sans)
    assert x509.load_der_x509_certificate(whole).serial_number == prepared.serial


@given(st.text())
def test_any_template(text: str) -> None:
    """A template is read, or its problem is told when it is used."""
    template = templates.of_option(text)
    with suppress(FormatError):
        certificate_json.read(template.render({}, CONTEXT))


@given(st.text(), st.text())
def test_any_value_in_asn1(value: str, kind: str) -> None:
    with suppress(FormatError):
        asn1_values.encode(value, kind, explicit=0)


@given(st.text())
def test_any_uri(text: str) -> None:
    with suppress(FormatError):
        gourl.parse(text)


@given(st.text(), st.booleans())
def test_any_lax_json(text: str, whole: bool) -> None:
    with suppress(FormatError):
        laxjson.decode(text, whole=whole)
