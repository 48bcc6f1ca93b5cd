"""Templates with actions, each recorded from step-ca with one of a few requests.

An expression is printed into the common name, so that what a template sees is in the certificate.
"""

from typing import Any, NotRequired, TypedDict

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tests.support.requests import PEM, general_name, key_of, signing_request

RICH_NAMES = ["b.example", "a.example", "10.0.0.1", "2001:db8::1", "joe@example.com", "urn:x:y"]
RICH_NAMES += ["https://example.com:8443/a%20b?q=1#f"]


class Case(TypedDict):
    """One template: which request it meets, and what it sees beside that."""

    name: str
    template: str
    request: str  # one of `requests`
    data: NotRequired[Any]  # options.x509.templateData
    user: NotRequired[Any]  # templateData of POST /sign
    claims: NotRequired[dict[str, Any]]
    asked: NotRequired[dict[str, str]]  # notBefore, notAfter


def rich_request() -> str:
    """Make a request with every kind of name, subject attributes and extensions."""
    key = key_of("P-256")
    name = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "CH"),
        x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "BE"),
        x509.NameAttribute(NameOID.LOCALITY_NAME, "Bern"),
        x509.NameAttribute(NameOID.STREET_ADDRESS, "Gasse 1"),
        x509.NameAttribute(NameOID.POSTAL_CODE, "3000"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Org & <Söhne>"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "B"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "A"),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, "S1"),
        x509.NameAttribute(NameOID.EMAIL_ADDRESS, "joe@example.com"),
        x509.NameAttribute(NameOID.COMMON_NAME, "b.example"),
    ]
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=True,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=True,
    )
    purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ObjectIdentifier("1.2.3.4")]
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(name))
        .add_extension(
            x509.SubjectAlternativeName([general_name(each) for each in RICH_NAMES]),
            critical=False,
        )
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=2), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(PEM)
        .decode()
    )


def unnamed_request() -> str:
    """Make a request without a subject."""
    key = key_of("Ed25519")
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("leaf.example")]), critical=False)
        .sign(key, None)
        .public_bytes(PEM)
        .decode()
    )


def requests() -> dict[str, str]:
    """Make the requests, by name."""
    sizes = ("P-256", "P-384", "P-521", "RSA-2048", "RSA-3072", "Ed25519")
    return {
        "plain": signing_request(key_of("P-256"), "leaf.example", ["leaf.example"]),
        "bare": signing_request(key_of("P-256"), "", []),
        "rich": rich_request(),
        "unnamed": unnamed_request(),
        **{size: signing_request(key_of(size), "leaf.example", []) for size in sizes},
    }


CLAIMS: dict[str, dict[str, Any]] = {
    "rich": {"sub": "b.example", "sans": RICH_NAMES},
}
"""Claims that a request needs to pass."""


def printed(expression: str, request: str = "plain", **more: Any) -> Case:
    """Print an expression."""
    template = '{"subject": {{ print (' + expression + ") | toJson }}}"
    case: Case = {"name": expression, "template": template, "request": request}
    case.update(more)  # type: ignore[typeddict-item]
    return case


def whole(name: str, template: str, request: str = "plain", **more: Any) -> Case:
    """Take a template as it is."""
    case: Case = {"name": name, "template": template, "request": request}
    case.update(more)  # type: ignore[typeddict-item]
    return case


_CR = ".Insecure.CR"
_REQUEST = [
    *(
        printed(f"toJson {_CR}.{field}", request)
        for request in ("rich", "bare", "unnamed")
        for field in (
            "Version",
            "Subject",
            "RawSubject",
            "DNSNames",
            "EmailAddresses",
            "IPAddresses",
            "URIs",
            "SANs",
            "Extensions",
            "KeyUsage",
            "ExtKeyUsage",
            "UnknownExtKeyUsage",
            "BasicConstraints",
            "SignatureAlgorithm",
            "ChallengePassword",
            "PublicKeyAlgorithm",
        )
    ),
    *(
        printed(f"{_CR}.{field}", "rich")
        for field in (
            "Version",
            "Subject",
            "Subject.CommonName",
            "Subject.Organization",
            "Subject.OrganizationalUnit",
            "Subject.ExtraNames",
            "Subject.IsEmpty",
            "DNSNames",
            "EmailAddresses",
            "IPAddresses",
            "SANs",
            "KeyUsage",
            "ExtKeyUsage",
            "UnknownExtKeyUsage",
            "SignatureAlgorithm",
            "PublicKeyAlgorithm",
            "BasicConstraints.MaxPathLen",
            "Missing",
            "Subject.Missing",
            "subject",
        )
    ),
    printed(f"toJson {_CR}", "rich"),
    printed(f"toJson {_CR}", "unnamed"),
    printed(f"(index {_CR}.URIs 1).Host", "rich"),
    printed(f"(index {_CR}.URIs 1).Hostname", "rich"),
    printed(f"(index {_CR}.URIs 1).Port", "rich"),
    printed(f"(index {_CR}.URIs 1).Path", "rich"),
    printed(f"(index {_CR}.URIs 1).String", "rich"),
    printed(f"index {_CR}.URIs 1", "rich"),
    printed(f"toJson (index {_CR}.URIs 1)", "rich"),
    printed(f"(index {_CR}.IPAddresses 0).String", "rich"),
    printed(f"index {_CR}.IPAddresses 1", "rich"),
    printed(f"(index {_CR}.Extensions 0).ID", "rich"),
    printed(f"(index {_CR}.Extensions 1).Critical", "rich"),
    printed(f"(index {_CR}.Extensions 1).Value", "rich"),
    printed(f"index {_CR}.ExtKeyUsage 0", "rich"),
    printed(f"index {_CR}.UnknownExtKeyUsage 0", "rich"),
    printed(f"len {_CR}.DNSNames", "rich"),
    printed(f"first {_CR}.DNSNames", "rich"),
    printed(f'{_CR}.DNSNames | join ","', "rich"),
    printed(f'has "a.example" {_CR}.DNSNames', "rich"),
    printed(f"{_CR}.Signer", "rich"),
    *(
        printed(f"typeOf {_CR}{field}", "rich")
        for field in (
            "",
            ".Subject",
            ".DNSNames",
            ".IPAddresses",
            ".URIs",
            ".SANs",
            ".Extensions",
            ".KeyUsage",
            ".ExtKeyUsage",
            ".BasicConstraints",
            ".PublicKey",
        )
    ),
    *(
        printed(f"{call} {_CR}.PublicKey", key)
        for key in ("P-256", "RSA-2048", "Ed25519")
        for call in (
            "typeOf",
            "kindOf",
            'typeIs "*rsa.PublicKey"',
            'typeIs "*ecdsa.PublicKey"',
            'typeIs "ed25519.PublicKey"',
            'typeIsLike "rsa.PublicKey"',
        )
    ),
    printed(f"{_CR}.PublicKey.Size", "RSA-2048"),
    printed(f"{_CR}.PublicKey.Size", "RSA-3072"),
    printed(f"{_CR}.PublicKey.Size", "P-256"),
    printed(f"{_CR}.PublicKey.E", "RSA-2048"),
    printed(f"{_CR}.PublicKey.N.BitLen", "RSA-2048"),
    printed(f"{_CR}.PublicKey.N", "RSA-2048"),
    *(printed(f"{_CR}.PublicKey.Curve.Params.Name", key) for key in ("P-256", "P-384", "P-521")),
    printed(f"{_CR}.PublicKey.Curve.Params.BitSize", "P-384"),
    printed(f"{_CR}.PublicKey.Params.Name", "P-256"),
    printed(f"{_CR}.PublicKey.X", "P-256"),
    printed(f"len {_CR}.PublicKey", "Ed25519"),
    printed(f"{_CR}.PublicKeyAlgorithm", "Ed25519"),
    printed(f"{_CR}.PublicKeyAlgorithm", "RSA-2048"),
    printed(f'eq {_CR}.Subject.CommonName "leaf.example"'),
]
_GRANTED = [
    *(
        printed(expression, "rich")
        for expression in (
            "toJson .Subject",
            ".Subject",
            ".Subject.CommonName",
            "typeOf .Subject",
            "toJson .SANs",
            ".SANs",
            "typeOf .SANs",
            "len .SANs",
            "(index .SANs 0).Type",
            "(index .SANs 0).Value",
            "toJson (index .SANs 0)",
            "typeOf (index .SANs 0)",
            ".Subject.Organization",
            "toJson .Subject.Country",
            ".Subject.IsEmpty",
            "typeOf .",
            "kindOf .",
            "toJson .Token.sans",
            ".Token.sub",
            ".Token.iss",
            "typeOf .Token",
            "typeOf .Token.exp",
            "typeOf .Token.sans",
            ".Token.missing",
            ".Token.missing.more",
            ".AuthorizationCrt",
            ".AuthorizationChain",
            ".Webhooks",
            ".Webhooks.none",
            ".Missing",
            ".Missing.more",
            ".Insecure.User",
            ".Insecure.User.x",
            "typeOf .Insecure",
            "toJson .Insecure.Missing",
            "keys .Insecure | sortAlpha",
        )
    ),
    printed(".Token.n", claims={"n": 12345678901}),
    printed(".Token.f", claims={"f": 1.5}),
    printed(".Token.big", claims={"big": 1e21}),
    printed("toJson .Token.o", claims={"o": {"b": [1, None, True], "a": "<&>"}}),
    printed("toJson .SANs", claims={"sub": "leaf.example", "sans": ["leaf.example", "::1", "a@b"]}),
    printed("formatTime .Token.when", claims={"when": 1700000000}),
]
_DATA = {"Organization": "Org", "n": 5, "list": ["a", 1.5, None], "Subject": {"commonName": "X"}}
_SENT = [
    *(
        printed(expression, data=_DATA)
        for expression in (
            ".Organization",
            ".n",
            "typeOf .n",
            "toJson .list",
            "toJson .Subject",
            ".Subject.commonName",
            ".Subject.CommonName",
            ".SANs",
        )
    ),
    printed("toJson .SANs", data={"SANs": [{"type": "dns", "value": "x.example"}]}),
    printed("toJson .Token", data={"Token": {"replaced": True}}),
    printed("toJson .Insecure.x", data={"Insecure": {"x": 1}}),
    printed(".Insecure.CR.Version", data={"Insecure": {"CR": 1}}),
    printed("toJson .Webhooks", data={"Webhooks": {"x": 1}}),
    printed(".x", data={}),
    printed(".x", data=None),
    whole("data that is a list", '{"subject":"a"}', data=["a"]),
    whole("data that is a text", '{"subject":"a"}', data="a"),
    *(
        printed("toJson .Insecure.User", user=user)
        for user in ({"a": 1, "b": ["<x>"]}, {}, None, "text", 5, ["a"], True, "", {"A": {"b": 1}})
    ),
    *(
        printed(".Insecure.User.a", user=user)
        for user in ({"a": 1}, {"a": "x"}, {"A": 1}, None, "text", {"a": None}, {"a": 1e30})
    ),
    printed("typeOf .Insecure.User", user={"a": 1}),
    printed("typeOf .Insecure.User", user="text"),
    printed("toJson .Insecure.User.a.b.c", user={"a": {"b": {"c": [1, 2]}}}),
    printed(".Insecure.User.a.b.c", user={"a": None}),
]
_FAILED = [
    whole("fail", '{{ fail "never here" }}'),
    whole("fail within a brace", '{ {{ fail "no: <&> \\"quoted\\"" }} }'),
    whole("fail with nothing", '{ {{ fail "" }} }'),
    whole(
        "fail when a key is short",
        """{
      {{- if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}
      {{- if lt .Insecure.CR.PublicKey.Size 384 }}
        {{ fail "the key must have 3072 bits" }}
      {{- end }}{{ end }}
      "subject": {{ toJson .Subject }} }""",
        "RSA-2048",
    ),
    whole(
        "no fail when a key is long",
        """{
      {{- if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}
      {{- if lt .Insecure.CR.PublicKey.Size 384 }}
        {{ fail "the key must have 3072 bits" }}
      {{- end }}{{ end }}
      "subject": {{ toJson .Subject }} }""",
        "RSA-3072",
    ),
    whole("a template cut off", '{"subject": {{ toJson .Subject }'),
    whole("an unknown function", '{"subject": {{ nothing }} }'),
    whole("a function that is kept out", '{"subject": {{ env "HOME" | toJson }} }'),
    whole("an unknown field", '{"subject": {{ .Subject.Nothing }} }'),
    whole("a field of nothing", '{"subject": {{ .Nothing.At.All }} }'),
    whole("no value in JSON", '{"subject": {{ .Nothing }} }'),
    whole("no value in quotes", '{"subject": "{{ .Nothing }}" }'),
    whole("a wrong argument", '{"subject": {{ upper 5 | toJson }} }'),
    whole("an error of a function", '{"subject": {{ index .SANs 99 }} }'),
    whole("output that is no JSON", '{"subject": {{ .Subject.CommonName }} }'),
    whole("output with the wrong type", '{"subject": {{ toJson 5 }} }'),
    whole("a template that is neither text nor base64", "subject"),
]
_SEEN = [
    whole(
        "names of the request",
        """{
      "subject": {{ toJson .Insecure.CR.Subject }},
      "dnsNames": {{ toJson .Insecure.CR.DNSNames }},
      "emailAddresses": {{ toJson .Insecure.CR.EmailAddresses }},
      "ipAddresses": {{ toJson .Insecure.CR.IPAddresses }},
      "uris": {{ toJson .Insecure.CR.URIs }},
      "extKeyUsage": ["clientAuth"] }""",
        "rich",
    ),
    whole("the request itself", "{{ toJson .Insecure.CR }}", "rich"),
    whole("the request itself, unnamed", "{{ toJson .Insecure.CR }}", "unnamed"),
    whole("the request itself, bare", "{{ toJson .Insecure.CR }}", "bare"),
    whole(
        "names that are granted",
        """{
      "subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }},
    {{- if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}
      "keyUsage": ["keyEncipherment", "digitalSignature"],
    {{- else }}
      "keyUsage": ["digitalSignature"],
    {{- end }}
      "extKeyUsage": ["serverAuth", "clientAuth"] }""",
        "RSA-2048",
    ),
    whole(
        "a subject put together",
        """{
      "subject": {
        "country": {{ toJson .Insecure.User.country }},
        "organization": {{ .Organization | default "Nobody" | toJson }},
        "organizationalUnit": {{ toJson .OrganizationalUnit }},
        "commonName": {{ toJson .Subject.CommonName }} },
      "sans": {{ toJson .SANs }} }""",
        user={"country": "CH"},
        data={"OrganizationalUnit": ["B", "A"]},
    ),
    whole(
        "another name for each of a list",
        """{
      "subject": {{ toJson .Subject }},
      "sans": [{{ range $i, $n := .Insecure.User.names }}{{ if $i }},{{ end }}
        {"type": "dns", "value": {{ toJson $n }}}{{ end }}] }""",
        user={"names": ["b.example", "a.example"]},
    ),
    whole(
        "a principal name",
        """{
      "subject": {{ toJson .Subject }},
      "sans": [{"type": "userPrincipalName", "value": {{ toJson .Token.upn }}},
               {"type": "1.3.6.1.4.1.311.20.2.3", "value": "utf8:{{ .Token.upn }}"}],
      "extKeyUsage": ["clientAuth"], "unknownExtKeyUsage": ["1.3.6.1.4.1.311.20.2.2"] }""",
        claims={"upn": "joe@corp.example"},
    ),
    whole(
        "values in ASN.1",
        """{
      "subject": {{ toJson .Subject }},
      "extensions": [
        {"id": "1.2.3.4", "value": "{{ asn1Enc "utf8:text" }}"},
        {"id": "1.2.3.5", "value": "{{ asn1Seq (asn1Enc "int:5") (asn1Enc "oid:1.2.3") }}"},
        {"id": "1.2.3.6", "value": "{{ asn1Set (asn1Marshal 5) (asn1Enc "bool:true") }}"} ] }""",
    ),
    whole(
        "a certificate of a CA",
        """{
      "subject": {{ toJson .Subject }},
      "keyUsage": ["certSign", "crlSign"],
      "basicConstraints": {"isCA": true, "maxPathLen": 0},
      "nameConstraints": {"critical": true, "permittedDNSDomains": ["example.com"]},
      "crlDistributionPoints": ["http://crl.example/ca.crl"] }""",
    ),
    whole(
        "must staple",
        """{
      "subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }},
      "extensions": [{"id": "1.3.6.1.5.5.7.1.24", "value": "MAMCAQU="}] }""",
    ),
    whole(
        "dates of its own",
        """{
      "subject": {{ toJson .Subject }},
      "notBefore": "2030-01-01T00:00:00Z", "notAfter": "2030-06-01T12:00:00+02:00" }""",
    ),
    whole(
        "an end of its own",
        """{
      "subject": {{ toJson .Subject }}, "notAfter": "2040-01-01T00:00:00Z" }""",
    ),
    whole(
        "dates that are asked for win",
        """{
      "subject": {{ toJson .Subject }},
      "notBefore": "2030-01-01T00:00:00Z", "notAfter": "2030-06-01T00:00:00Z" }""",
        asked={"notBefore": "2031-01-01T00:00:00Z", "notAfter": "2031-02-01T00:00:00Z"},
    ),
    whole(
        "an asked-for end with a start of its own",
        """{
      "subject": {{ toJson .Subject }},
      "notBefore": "2030-01-01T00:00:00Z" }""",
        asked={"notAfter": "24h"},
    ),
    whole(
        "an end before its start",
        """{
      "subject": {{ toJson .Subject }},
      "notBefore": "2030-01-01T00:00:00Z", "notAfter": "2029-06-01T00:00:00Z" }""",
    ),
    whole(
        "an end in the past",
        """{
      "subject": {{ toJson .Subject }}, "notAfter": "2020-01-01T00:00:00Z" }""",
    ),
    whole(
        "a conditional trailing comma",
        """{
      "subject": {{ toJson .Subject }}
      {{- if .Insecure.User.wanted }}, "dnsNames": ["wanted.example"]{{ end }} }""",
        user={"wanted": True},
    ),
    whole(
        "variables and pipelines",
        """{
      {{- $cn := printf "%s.%s" (.Subject.CommonName | replace "." "-" | upper) "example" }}
      "subject": {{ dict "commonName" $cn "organization" (list "Org") | toJson }} }""",
    ),
    whole(
        "definitions",
        """{
      {{- define "name" }}{{ . | trunc 4 | toJson }}{{ end }}
      "subject": {{ template "name" .Subject.CommonName }} }""",
    ),
]

CASES: list[Case] = [*_REQUEST, *_GRANTED, *_SENT, *_FAILED, *_SEEN]


CERTIFICATE_EXPRESSIONS = [
    *(
        f"{call} .AuthorizationCrt{field}"
        for call in ("print", "toJson", "typeOf")
        for field in (
            ".Version",
            ".SerialNumber",
            ".Subject",
            ".Subject.CommonName",
            ".Subject.Organization",
            ".Issuer",
            ".NotBefore",
            ".NotAfter",
            ".KeyUsage",
            ".ExtKeyUsage",
            ".UnknownExtKeyUsage",
            ".BasicConstraintsValid",
            ".IsCA",
            ".MaxPathLen",
            ".MaxPathLenZero",
            ".SubjectKeyId",
            ".AuthorityKeyId",
            ".OCSPServer",
            ".IssuingCertificateURL",
            ".DNSNames",
            ".EmailAddresses",
            ".IPAddresses",
            ".URIs",
            ".CRLDistributionPoints",
            ".PublicKeyAlgorithm",
        )
        if not (call == "print" and field == ".URIs")
    ),
    "typeOf .AuthorizationCrt",
    "typeOf .AuthorizationCrt.PublicKey",
    "typeOf (index .AuthorizationCrt.Extensions 0)",
    "(index .AuthorizationCrt.Extensions 0).Id",
    "(index .AuthorizationCrt.Extensions 0).Critical",
    "len .AuthorizationCrt.Extensions",
    "toJson (index .AuthorizationCrt.Extensions 0)",
    "(index .AuthorizationCrt.ExtKeyUsage 0).String",
    "(index .AuthorizationCrt.URIs 0).Host",
    ".AuthorizationCrt.NotAfter.Unix",
    ".AuthorizationCrt.Subject.String",
    ".AuthorizationCrt.SerialNumber.String",
    ".AuthorizationCrt.Nothing",
    ".AuthorizationCrt.Raw | len",
]
"""What templates ask of the certificate behind a token of type X5C."""
