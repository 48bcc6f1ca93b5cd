"""Certificate JSON as templates may give it, good and bad: each recorded from step-ca.

One entry a case: a name and the JSON, as a value or, where its spelling matters, as text.
"""

import base64
from typing import Any

_DER_NAME = "MBwxGjAYBgNVBAMTEXJhdyBzdWJqZWN0IG5hbWUx"
RAW_SUBJECT = "MBYxFDASBgNVBAMTC3JhdyBzdWJqZWN0"


def _raw_subject(tag: int, octets: bytes) -> dict[str, Any]:
    """Write a common name of any string type, octet by octet."""
    value = bytes((tag, len(octets))) + octets
    attribute = b"\x06\x03\x55\x04\x03" + value
    for outer in (0x30, 0x31, 0x30):
        attribute = bytes((outer, len(attribute))) + attribute
    return {"rawSubject": base64.b64encode(attribute).decode(), "dnsNames": "a.example"}


def _subject(value: Any) -> dict[str, Any]:
    return {"subject": value}


def _san(type_: str | None, value: str | None = None, **more: Any) -> dict[str, Any]:
    san = {} if type_ is None else {"type": type_}
    if value is not None:
        san["value"] = value
    return {"subject": "names", "sans": [{**san, **more}]}


def _other(value: str) -> dict[str, Any]:
    return _san("1.2.3.4", value)


def _constraints(**of: Any) -> dict[str, Any]:
    return {"subject": "constrained", "nameConstraints": of}


def _extension(oid: str, value: str | None, *, critical: bool = False) -> dict[str, Any]:
    return {
        "subject": "raw",
        "dnsNames": "a.example",
        "keyUsage": "digitalSignature",
        "extensions": [{"id": oid, "critical": critical, "value": value}],
    }


SUBJECTS: dict[str, Any] = {
    "subject as text": _subject("only a common name"),
    "subject as null": _subject(None),
    "subject as number": _subject(1),
    "subject as list": _subject(["a"]),
    "subject left out": {"dnsNames": ["a.example"]},
    "subject empty, names of the usual kinds": {"subject": {}, "dnsNames": ["a.example"]},
    "subject with every part": _subject(
        {
            "commonName": "Every Part",
            "country": "CH",
            "organization": ["Org", "Söhne & Co"],
            "organizationalUnit": ["Unit B", "Unit A", "A"],
            "locality": "Zürich",
            "province": ["ZH", "BE"],
            "streetAddress": "Gasse 1*",
            "postalCode": ["8001", "8000"],
            "serialNumber": "S-1",
        }
    ),
    "subject with empty parts": _subject(
        {"commonName": "", "country": "", "organization": ["", ""], "serialNumber": ""}
    ),
    "subject with null parts": _subject(
        {"commonName": None, "country": None, "organization": [None], "extraNames": None}
    ),
    "subject with a number in it": _subject({"commonName": 1}),
    "subject keys in any case": '{"SUBJECT":{"COMMONNAME":"shout","Organization":"Org"}}',
    "subject said twice": '{"subject":{"commonName":"a"},"Subject":{"organization":"b"}}',
    "subject common name with controls": _subject("tab\tnewline\n"),
    "extra names": _subject(
        {
            "commonName": "Extra",
            "extraNames": [
                {"type": "1.2.840.113549.1.9.1", "value": "joe@example.com"},
                {"type": "0.9.2342.19200300.100.1.1", "value": "joe"},
                {"type": "0.9.2342.19200300.100.1.25", "value": "exämple"},
            ],
        }
    ),
    "extra name instead of the common name": _subject(
        {"commonName": "left out", "extraNames": [{"type": "2.5.4.3", "value": "instead"}]}
    ),
    "extra name twice": _subject(
        {
            "organization": "left out",
            "extraNames": [
                {"type": "2.5.4.10", "value": "B"},
                {"type": "2.5.4.10", "value": "A"},
            ],
        }
    ),
    "extra name that is a number": _subject({"extraNames": [{"type": "1.2.3.4", "value": 1}]}),
    "extra name that is a boolean": _subject({"extraNames": [{"type": "1.2.3.4", "value": True}]}),
    "extra name that is a list": _subject({"extraNames": [{"type": "1.2.3.4", "value": ["a"]}]}),
    "extra name that is an object": _subject({"extraNames": [{"type": "1.2.3.4", "value": {}}]}),
    "extra name without value": _subject({"extraNames": [{"type": "1.2.3.4"}]}),
    "extra name without type": _subject({"extraNames": [{"value": "a"}]}),
    "extra name of a broken type": _subject({"extraNames": [{"type": "1.x", "value": "a"}]}),
    "extra name of type 3.1": _subject({"extraNames": [{"type": "3.1", "value": "a"}]}),
    "extra email beyond ASCII": _subject(
        {"extraNames": [{"type": "1.2.840.113549.1.9.1", "value": "jöe@example.com"}]}
    ),
    "raw subject": {"subject": "not this", "rawSubject": RAW_SUBJECT, "dnsNames": "a.example"},
    "raw subject in BMP": _raw_subject(30, b"\0a\0b"),
    "raw subject in half of BMP": _raw_subject(30, b"\0a\0"),
    "raw subject in BMP with a surrogate": _raw_subject(30, b"\xd8\0\0b"),
    "raw subject in UTF-8": _raw_subject(12, "ä".encode()),
    "raw subject in broken UTF-8": _raw_subject(12, b"\xff"),
    "raw subject in IA5": _raw_subject(22, b"joe@example.com"),
    "raw subject beyond IA5": _raw_subject(22, b"\xe4"),
    "raw subject in T61": _raw_subject(20, b"\xe4"),
    "raw subject in digits": _raw_subject(18, b"1 2"),
    "raw subject beyond digits": _raw_subject(18, b"1a"),
    "raw subject beyond printable": _raw_subject(19, b"a@b"),
    "raw subject printable as wildcards are": _raw_subject(19, b"*.&"),
    "raw subject in no string": _raw_subject(2, b"\1"),
    "raw subject without value": {"rawSubject": "MAkxBzAFBgNVBAM="},
    "raw subject that is empty": {"subject": "this", "rawSubject": ""},
    "raw subject as numbers": {"subject": "no", "rawSubject": [48, 0], "dnsNames": "a.example"},
    "raw subject that is no name": {"rawSubject": "AQID"},
    "raw subject with something after": {"rawSubject": _DER_NAME},
    "raw subject that is not base64": {"rawSubject": "***"},
    "raw subject with line ends": {"rawSubject": RAW_SUBJECT[:8] + "\r\n" + RAW_SUBJECT[8:]},
    "issuer is looked at": {"subject": "a", "issuer": 5},
    "issuer is not used": {"subject": "a", "issuer": {"commonName": "somebody else"}},
    "version is looked at": {"subject": "a", "version": "3"},
    "version is not used": {"subject": "a", "version": 7},
}

NAMES: dict[str, Any] = {
    "names of each usual kind": {
        "subject": "kinds",
        "dnsNames": ["b.example", "a.example", "*.example.com"],
        "emailAddresses": ["joe@example.com"],
        "ipAddresses": ["10.0.0.1", "2001:db8::1", "::ffff:10.1.2.3"],
        "uris": ["https://example.com/a b?x=1 2#f g", "urn:uuid:1", "HTTP://Example.com/%7e"],
    },
    "names as texts": {
        "subject": "texts",
        "dnsNames": "a.example",
        "emailAddresses": "joe@example.com",
        "ipAddresses": "10.0.0.1",
        "uris": "spiffe://example/x",
    },
    "names that are null": {
        "subject": "null",
        "dnsNames": None,
        "emailAddresses": None,
        "ipAddresses": None,
        "uris": None,
        "sans": None,
    },
    "DNS names with null and nothing": {"subject": "a", "dnsNames": ["", None, "a.example"]},
    "DNS name that is a number": {"subject": "a", "dnsNames": [1]},
    "DNS names that are an object": {"subject": "a", "dnsNames": {}},
    "DNS name beyond ASCII": {"subject": "a", "dnsNames": ["bücher.example"]},
    "email beyond ASCII": {"subject": "a", "emailAddresses": ["jöe@example.com"]},
    "address that is none": {"subject": "a", "ipAddresses": ["10.0.0.300"]},
    "address with a zone": {"subject": "a", "ipAddresses": ["fe80::1%eth0"]},
    "address with leading zeros": {"subject": "a", "ipAddresses": ["010.0.0.1"]},
    "address that is nothing": {"subject": "a", "ipAddresses": [""]},
    "relative URI": {"subject": "a", "uris": ["/path", "a/b"]},
    "URI that is none": {"subject": "a", "uris": ["http://[::1"]},
    "URI with a broken escape": {"subject": "a", "uris": ["http://a.example/%zz"]},
    "URI of a host that is no domain": {"subject": "a", "uris": ["http://a..example/"]},
    "URI of a host with a trailing dot": {"subject": "a", "uris": ["http://a.example./"]},
    "URI with a port": {"subject": "a", "uris": ["https://a.example:8443/"]},
    "URI with a user": {"subject": "a", "uris": ["https://joe:p%40ss@a.example/"]},
    "URI beyond ASCII": {"subject": "a", "uris": ["http://bücher.example/ä"]},
    "sans of each usual type": {
        "subject": "typed",
        "dnsNames": ["first.example"],
        "sans": [
            {"type": "uri", "value": "https://example.com"},
            {"type": "ip", "value": "10.0.0.2"},
            {"type": "email", "value": "joe@example.com"},
            {"type": "dns", "value": "b.example"},
            {"type": "auto", "value": "c.example"},
            {"type": "auto", "value": "10.0.0.3"},
            {"type": "", "value": "jane@example.com"},
            {"value": "urn:a:b"},
            {"type": "auto", "value": "localhost:8443"},
        ],
    },
    "san of a bad address": _san("ip", "10.0.0.300"),
    "san of a bad URI": _san("uri", "http://[::1"),
    "san of a relative URI": _san("uri", "a/b"),
    "san without value": _san("dns"),
    "san without anything": _san(None),
    "san with an empty value": _san("registeredID", ""),
    "san of a type in capitals": _san("DNS", "a.example"),
    "san of an unknown type": _san("x400Address", "a"),
    "san of type ediPartyName": _san("ediPartyName", "a"),
    "san of type directoryName": _san("directoryName", '{"commonName":"a"}'),
    "san whose type is a number": {"subject": "a", "sans": [{"type": 1, "value": "a"}]},
    "sans that are texts": {"subject": "a", "sans": ["a.example"]},
    "sans that are an object": {"subject": "a", "sans": {"type": "dns", "value": "a.example"}},
    "registeredID": _san("registeredID", "1.2.840.113549"),
    "registeredID that is none": _san("registeredID", "1.x"),
    "registeredID of one arc": _san("registeredID", "1"),
    "permanentIdentifier": _san("permanentIdentifier", "serial-1"),
    "permanentIdentifier in ASN.1": _san(
        "permanentIdentifier", asn1Value={"identifier": "é", "assigner": "1.2.3.4"}
    ),
    "permanentIdentifier of an assigner": _san(
        "permanentIdentifier", asn1Value={"assigner": "1.2.3.4"}
    ),
    "permanentIdentifier of nothing": _san("permanentIdentifier", "kept", asn1Value={}),
    "permanentIdentifier of null": _san("permanentIdentifier", "kept", asn1Value=None),
    "permanentIdentifier of a text": _san("permanentIdentifier", "kept", asn1Value="text"),
    "hardwareModuleName": _san(
        "hardwareModuleName", asn1Value={"type": "1.2.3.4", "serialNumber": "AQID"}
    ),
    "hardwareModuleName as text": _san(
        "hardwareModuleName", '{"type":"1.2.3.4","serialNumber":"AQID"}'
    ),
    "hardwareModuleName as text with more": _san(
        "hardwareModuleName", '{"type":"1.2.3.4","serialNumber":"AQID"} x'
    ),
    "hardwareModuleName without serial": _san("hardwareModuleName", asn1Value={"type": "1.2.3.4"}),
    "hardwareModuleName without type": _san(
        "hardwareModuleName", asn1Value={"serialNumber": "AQID"}
    ),
    "hardwareModuleName that is no JSON": _san("hardwareModuleName", "serial"),
    "directory name": _san(
        "dn", asn1Value={"commonName": "Dir", "organization": ["B", "A"], "country": "CH"}
    ),
    "directory name as text": _san("dn", '{"commonName":"Dir"}'),
    "directory name as JSON text": _san("dn", '"Dir"'),
    "directory name that is empty": _san("dn", asn1Value={}),
    "directory name that is no JSON": _san("dn", "Dir"),
    "directory name with extra names": _san(
        "dn", asn1Value={"extraNames": [{"type": "2.23.133.2.1", "value": "id:1"}]}
    ),
    "userPrincipalName": _san("userPrincipalName", "joe@exämple.com"),
    "other name": _other("plain text"),
    "other name, printable": _other("printable:Plain*"),
    "other name, not printable": _other("printable:a@b"),
    "other name with an ampersand": _other("a&b"),
    "other name, utf8": _other("utf8:漢字"),
    "other name, ia5": _other("ia5:joe@example.com"),
    "other name, not ia5": _other("ia5:é"),
    "other name, numeric": _other("numeric:12 34"),
    "other name, not numeric": _other("numeric:1a"),
    "other name, int": _other("int:-129"),
    "other name, large int": _other("int:9223372036854775807"),
    "other name, larger int": _other("int:9223372036854775808"),
    "other name, not int": _other("int:1.5"),
    "other name, oid": _other("oid:1.2.840.10045"),
    "other name, not oid": _other("oid:x"),
    "other name, utc": _other("utc:2026-01-02T03:04:05Z"),
    "other name, utc with an offset": _other("utc:2026-01-02T03:04:05+02:00"),
    "other name, utc as Go prints it": _other("utc:2026-01-02 03:04:05.123 +0000 UTC"),
    "other name, utc beyond its years": _other("utc:2050-01-02T03:04:05Z"),
    "other name, generalized": _other("generalized:2050-01-02T03:04:05Z"),
    "other name, generalized with an offset": _other("generalized:2050-01-02T03:04:05-01:30"),
    "other name, not a time": _other("utc:yesterday"),
    "other name, bool": _other("bool:true"),
    "other name, boolean": _other("boolean:F"),
    "other name, not bool": _other("bool:maybe"),
    "other name, raw": _other("raw:oAUMA2FiYw=="),
    "other name, not raw": _other("raw:***"),
    "other name of an unknown kind": _other("bmp:text"),
    "other name that is a URL": _other("http://a.example"),
    "other name of an unknown kind with an ampersand": _other("x:a&b"),
    "other name of an unknown kind beyond printable": _other("x:é"),
    "other name with colons": _other("utf8:a:b:c"),
    "other name with two kinds": _other("utf8,ia5:text"),
    "other name of no kind": _other(":text"),
    "other name with a broken type": _san("1.2.x", "text"),
    "other name of type 3.1": _san("3.1", "text"),
    "other names beside usual ones": {
        "subject": "mixed",
        "dnsNames": ["A.Example", ""],
        "emailAddresses": ["joe@example.com"],
        "ipAddresses": ["::ffff:10.1.2.3"],
        "uris": ["HTTP://example.com/a b"],
        "sans": [
            {"type": "1.2.3.4", "value": "x"},
            {"type": "auto", "value": "Bücher.example"},
            {"type": "auto", "value": "10.0.0.9"},
            {"type": "auto", "value": "urn:a:b"},
            {"type": "auto", "value": "jane@example.com"},
            {"type": "uri", "value": "HTTP://kept.example/a b"},
            {"type": "dns", "value": ""},
        ],
    },
    "other names with an empty subject": {
        "subject": {},
        "sans": [{"type": "1.2.3.4", "value": "x"}],
    },
    "other names beside a wildcard": {
        "subject": "a",
        "dnsNames": "*.example.com",
        "sans": [{"type": "1.2.3.4", "value": "x"}],
    },
    "other names beside an underscore": {
        "subject": "a",
        "dnsNames": "a_b.example.com",
        "sans": [{"type": "1.2.3.4", "value": "x"}],
    },
    "other names beside a bad address": {
        "subject": "a",
        "sans": [{"type": "1.2.3.4", "value": "x"}, {"type": "ip", "value": "10.0.0.300"}],
    },
    "other names beside an email beyond ASCII": {
        "subject": "a",
        "emailAddresses": "jöe@example.com",
        "sans": [{"type": "1.2.3.4", "value": "x"}],
    },
    "nothing but a registeredID without value": _san("registeredID", ""),
    "names written raw win": {
        "subject": "raw names",
        "dnsNames": ["a.example"],
        "sans": [{"type": "DNS", "value": "never looked at"}],
        "extensions": [{"id": "2.5.29.17", "critical": False, "value": "MAuCCWIuZXhhbXBsZQ=="}],
    },
}

EXTENSIONS: dict[str, Any] = {
    "key usage as text": {"subject": "a", "keyUsage": "digitalSignature"},
    "every key usage": {
        "subject": "a",
        "keyUsage": [
            "digital_signature",
            "contentCommitment",
            "KEYENCIPHERMENT",
            "dataEncipherment",
            "keyAgreement",
            "certSign",
            "crlSign",
            "encipherOnly",
            "decipherOnly",
        ],
    },
    "key usage of nine bits alone": {"subject": "a", "keyUsage": ["decipherOnly"]},
    "key usage by its old name": {"subject": "a", "keyUsage": ["nonRepudiation"]},
    "key usage that is none": {"subject": "a", "keyUsage": ["keyCertSign"]},
    "key usage that is empty": {"subject": "a", "keyUsage": [""]},
    "no key usages": {"subject": "a", "keyUsage": []},
    "every extended key usage": {
        "subject": "a",
        "extKeyUsage": [
            "any",
            "serverAuth",
            "clientAuth",
            "codeSigning",
            "emailProtection",
            "ipsecEndSystem",
            "ipsecTunnel",
            "ipsecUser",
            "timeStamping",
            "ocspSigning",
            "microsoftServerGatedCrypto",
            "netscapeServerGatedCrypto",
            "microsoftCommercialCodeSigning",
            "microsoftKernelCodeSigning",
        ],
    },
    "extended key usage as text": {"subject": "a", "extKeyUsage": "Server_Auth"},
    "extended key usage that is none": {"subject": "a", "extKeyUsage": ["server"]},
    "unknown extended key usages": {
        "subject": "a",
        "extKeyUsage": ["clientAuth"],
        "unknownExtKeyUsage": ["1.3.6.1.4.1.311.20.2.2", "1.2.3"],
    },
    "unknown extended key usage alone": {"subject": "a", "unknownExtKeyUsage": "1.2.3"},
    "unknown extended key usage that is none": {"subject": "a", "unknownExtKeyUsage": "a.b"},
    "unknown extended key usage that is empty": {"subject": "a", "unknownExtKeyUsage": ""},
    "unknown extended key usage beyond 31 bits": {
        "subject": "a",
        "unknownExtKeyUsage": "1.2.2147483648",
    },
    "policies": {"subject": "a", "policyIdentifiers": ["1.2.3.4", "2.16.840.1"]},
    "policy of a large arc": {
        "subject": "a",
        "policyIdentifiers": "2.25.340282366920938463463374607431768211455",
    },
    "policy that is none": {"subject": "a", "policyIdentifiers": "1.-2"},
    "policy that is empty": {"subject": "a", "policyIdentifiers": ""},
    "policy said twice": {"subject": "a", "policyIdentifiers": ["1.2.3", "1.2.3"]},
    "OCSP servers and issuers": {
        "subject": "a",
        "ocspServer": ["http://ocsp.example", "http://ocsp2.example/ä"],
        "issuingCertificateURL": "http://ca.example/ca.crt",
    },
    "issuers alone": {"subject": "a", "issuingCertificateURL": ["http://ca.example/ca.crt"]},
    "OCSP server that is empty": {"subject": "a", "ocspServer": ""},
    "CRL points": {
        "subject": "a",
        "crlDistributionPoints": ["http://crl.example/a.crl", "ldap:///cn=a"],
    },
    "CRL point as text": {"subject": "a", "crlDistributionPoints": "http://crl.example/a.crl"},
    "basic constraints of a leaf": {"subject": "a", "basicConstraints": {"isCA": False}},
    "basic constraints of nothing": {"subject": "a", "basicConstraints": {}},
    "basic constraints of null": {"subject": "a", "basicConstraints": None},
    "basic constraints of a leaf with a length": {
        "subject": "a",
        "basicConstraints": {"isCA": False, "maxPathLen": 3},
    },
    "basic constraints of a CA": {"subject": "a", "basicConstraints": {"isCA": True}},
    "basic constraints of a CA below which are more": {
        "subject": "a",
        "basicConstraints": {"isCA": True, "maxPathLen": 3},
    },
    "basic constraints without limit": {
        "subject": "a",
        "basicConstraints": {"isCA": True, "maxPathLen": -1},
    },
    "basic constraints below no limit": {
        "subject": "a",
        "basicConstraints": {"isCA": True, "maxPathLen": -5},
    },
    "basic constraints with a fraction": {
        "subject": "a",
        "basicConstraints": {"isCA": True, "maxPathLen": 1.0},
    },
    "basic constraints of a text": {"subject": "a", "basicConstraints": "CA"},
    "basic constraints of a text inside": {"subject": "a", "basicConstraints": {"isCA": "yes"}},
    "name constraints": _constraints(
        critical=True,
        permittedDNSDomains=["example.com", ".example.org"],
        excludedDNSDomains="bad.example.com",
        permittedIPRanges=["10.1.2.3/8", "2001:db8::/32"],
        excludedIPRanges="10.9.0.0/16",
        permittedEmailAddresses=["example.com", "joe@example.org"],
        excludedEmailAddresses="bad.example.com",
        permittedURIDomains=[".example.com"],
        excludedURIDomains="bad.example.com",
    ),
    "name constraints that only exclude": _constraints(excludedDNSDomains=["bad.example"]),
    "name constraints of nothing": _constraints(critical=True),
    "name constraints of an empty list": _constraints(permittedDNSDomains=[]),
    "name constraints of an empty name": _constraints(permittedDNSDomains=[""]),
    "name constraints of null": {"subject": "a", "nameConstraints": None},
    "name constraints beyond ASCII": _constraints(permittedDNSDomains=["bücher.example"]),
    "name constraints with a space": _constraints(permittedDNSDomains=["a b"]),
    "name constraints with a trailing dot": _constraints(permittedDNSDomains=["example.com."]),
    "name constraints of a bad range": _constraints(permittedIPRanges=["10.0.0.0"]),
    "name constraints of a bad prefix": _constraints(permittedIPRanges=["10.0.0.0/33"]),
    "name constraints of a netmask": _constraints(permittedIPRanges=["10.0.0.0/255.0.0.0"]),
    "name constraints of a mapped range": _constraints(permittedIPRanges=["::ffff:10.0.0.0/104"]),
    "name constraints of a URI that is an address": _constraints(permittedURIDomains=["10.0.0.1"]),
    "name constraints of a bad mailbox": _constraints(permittedEmailAddresses=["@example.com"]),
    "subject key identifier": {"subject": "a", "subjectKeyId": "AQIDBA=="},
    "subject key identifier of nothing": {"subject": "a", "subjectKeyId": ""},
    "subject key identifier of null": {"subject": "a", "subjectKeyId": None},
    "subject key identifier of nothing in a CA": {
        "subject": "a",
        "subjectKeyId": "",
        "basicConstraints": {"isCA": True},
    },
    "authority key identifier is the issuer's": {"subject": "a", "authorityKeyId": "AQIDBA=="},
    "authority key identifier for the issuer's own name": {
        "subject": "Golden Intermediate",
        "authorityKeyId": "AQIDBA==",
    },
    "no authority key identifier for the issuer's own name": {"subject": "Golden Intermediate"},
    "extension written raw": _extension("1.2.3.5", "BQA="),
    "critical extension written raw": _extension("1.2.3.5", "BQA=", critical=True),
    "extension of nothing": _extension("1.2.3.5", None),
    "extension whose value is not base64": _extension("1.2.3.5", "*"),
    "extension whose value is loose base64": _extension("1.2.3.5", "QQ"),
    "extension whose base64 has spare bits": _extension("1.2.3.5", "QR=="),
    "extension without identifier": _extension("", "BQA="),
    "extension of a broken identifier": _extension("1.2.a", "BQA="),
    "extension of one arc": _extension("1", "BQA="),
    "extension of a negative arc": _extension("1.2.-3", "BQA="),
    "extension beyond 31 bits": _extension("1.2.4294967296", "BQA="),
    "two extensions of one identifier": {
        "subject": "a",
        "extensions": [{"id": "1.2.3", "value": "BQA="}, {"id": "1.2.3", "value": "BQA="}],
    },
    "extensions that are no list": {"subject": "a", "extensions": {"id": "1.2.3"}},
    "critical that is a text": {"subject": "a", "extensions": [{"id": "1.2.3", "critical": "x"}]},
    "key usage written raw": _extension("2.5.29.15", "AwIFoA==", critical=True),
    "key usage written wrong": _extension("2.5.29.15", "BQA="),
    "key usage with spare bits set": _extension("2.5.29.15", "AwIFow=="),
    "extended key usage written raw": _extension("2.5.29.37", "MAoGCCsGAQUFBwMB"),
    "extended key usage written wrong": _extension("2.5.29.37", "MAA", critical=True),
    "extended key usage of nothing": _extension("2.5.29.37", "MAA="),
    "names written raw": _extension("2.5.29.17", "MAuCCWIuZXhhbXBsZQ=="),
    "names written wrong": _extension("2.5.29.17", "BQA="),
    "names of an address of five octets": _extension("2.5.29.17", "MAeHBQECAwQF"),
    "names beyond ASCII written raw": _extension("2.5.29.17", "MAWCA2HDqQ=="),
    "basic constraints written raw": _extension("2.5.29.19", "MAYBAf8CAQA=", critical=True),
    "basic constraints of a negative length": _extension("2.5.29.19", "MAYBAf8CAf8="),
    "basic constraints with a boolean that is neither": _extension("2.5.29.19", "MAMBAQE="),
    "basic constraints of false": _extension("2.5.29.19", "MAMBAQA="),
    "name constraints of a range of five octets": _extension("2.5.29.30", "MAugCTAHhwUKAAAA/w=="),
    "name constraints of a directory": _extension("2.5.29.30", "MAigBjAEpAIwAA=="),
    "inhibit any policy": _extension("2.5.29.54", "AgEA"),
    "inhibit any policy written wrong": _extension("2.5.29.54", "MAA="),
    "subject key identifier written raw": _extension("2.5.29.14", "BAMBAgM="),
    "critical subject key identifier": _extension("2.5.29.14", "BAMBAgM=", critical=True),
    "authority key identifier written raw": _extension("2.5.29.35", "MAWAAwECAw=="),
    "critical authority key identifier": _extension("2.5.29.35", "MAWAAwECAw==", critical=True),
    "access information written wrong": _extension("1.3.6.1.5.5.7.1.1", "BQA="),
    "policies written raw": _extension("2.5.29.32", "MAcwBQYDKgME"),
    "policies written twice": _extension("2.5.29.32", "MA4wBQYDKgMEMAUGAyoDBA=="),
    "name constraints written empty": _extension("2.5.29.30", "MAA="),
    "name constraints with a mask of gaps": _extension("2.5.29.30", "MA6gDDAKhwgKAAAA/wD/AA=="),
    "CRL points written wrong": _extension("2.5.29.31", "MAMCAQE="),
    "a step extension is replaced where it stands": {
        "subject": "a",
        "extensions": [
            {"id": "1.2.3.5", "value": "BQA="},
            {"id": "1.3.6.1.4.1.37476.9000.64.1", "value": "BQA="},
            {"id": "1.2.3.6", "value": "BQA="},
        ],
    },
    "a must-staple extension": _extension("1.3.6.1.5.5.7.1.24", "MAMCAQU="),
}

OTHERS: dict[str, Any] = {
    "serial number": {"subject": "a", "serialNumber": 78187493520},
    "serial number as text": {"subject": "a", "serialNumber": "78187493530"},
    "serial number in hexadecimal": {"subject": "a", "serialNumber": "0x1234deadbeaf"},
    "serial number in octal": {"subject": "a", "serialNumber": "0123477"},
    "serial number in new octal": {"subject": "a", "serialNumber": "0o1234771"},
    "serial number in binary": {"subject": "a", "serialNumber": "0b1100101101"},
    "serial number with underscores": {"subject": "a", "serialNumber": "123_456_789"},
    "serial number of 160 bits": {
        "subject": "a",
        "serialNumber": "0x7fffffffffffffffffffffffffffffffffffffff",
    },
    "serial number that is none": {"subject": "a", "serialNumber": "12a"},
    "serial number that is empty": {"subject": "a", "serialNumber": ""},
    "serial number with a fraction": {"subject": "a", "serialNumber": 1.5},
    "serial number beyond 64 bits": {"subject": "a", "serialNumber": 1 << 64},
    "negative serial number": {"subject": "a", "serialNumber": -5},
    "serial number of zero": {"subject": "a", "serialNumber": 0},
    "serial number of null": {"subject": "a", "serialNumber": None},
    "signature algorithm with SHA-1": {"subject": "a", "signatureAlgorithm": "ECDSA-SHA1"},
    "signature algorithm of the key": {"subject": "a", "signatureAlgorithm": "ECDSA-SHA256"},
    "another hash": {"subject": "a", "signatureAlgorithm": "ecdsa-sha512"},
    "signature algorithm of another key": {"subject": "a", "signatureAlgorithm": "SHA256-RSA"},
    "signature algorithm that is none": {"subject": "a", "signatureAlgorithm": "SHA-256"},
    "signature algorithm that is empty": {"subject": "a", "signatureAlgorithm": ""},
    "signature algorithm of null": {"subject": "a", "signatureAlgorithm": None},
    "signature algorithm with MD5": {"subject": "a", "signatureAlgorithm": "MD5-RSA"},
    "times that are none": {"subject": "a", "notAfter": "tomorrow"},
    "times that are numbers": {"subject": "a", "notBefore": 5},
    "times of null": {"subject": "a", "notBefore": None, "notAfter": None},
    "times of Go's zero": {"subject": "a", "notBefore": "0001-01-01T00:00:00Z"},
    "an unknown key": {"subject": "a", "colour": "blue"},
    "JSON with something after": '{"subject":"a"} and more',
    "JSON of two values": '{"subject":"a"}{"subject":"b"}',
    "JSON after white space": ' \r\n\t {"subject":"a"}',
    "JSON null": "null",
    "JSON list": "[]",
    "JSON text": '"a"',
    "JSON number": "1",
    "nothing": " ",
    "not JSON": "{subject: a}",
    "JSON with a trailing comma": '{"subject":"a",}',
    "JSON cut off": '{"subject":"a"',
    "JSON with NaN": '{"subject":"a","x":NaN}',
    "JSON with a control character": '{"subject":"a\tb"}',
    "JSON with half a surrogate": r'{"subject":"a\ud800b"}',
    "JSON with a bad escape": r'{"subject":"a\x41"}',
    "JSON with a huge number": '{"subject":"a","x":' + "9" * 60 + "}",
    "keys in other letters": '{"\u017fubject":"long s","dn\u017fName\u017f":"a.example"}',
}

SECTIONS = {
    "subjects": SUBJECTS,
    "names": NAMES,
    "extensions": EXTENSIONS,
    "others": OTHERS,
}
