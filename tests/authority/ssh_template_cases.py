"""SSH templates, good and bad, and what they see."""

import base64
from typing import Final

from tests.authority.ssh_cases import ADMIN, ANY, FREE, KINDS, Case, oidc, says, template

SEEN: Final = says(
    extensions='{"a@seen": {{ toJson .KeyID }}, "b@seen": "{{ .Token.iss | len }} {{ .Type }}", '
    '"c@seen": {{ toJson .Insecure | toJson }}, "d@seen": "{{ .Insecure.CR.Key.Type }}", '
    '"e@seen": "{{ .Insecure.CR.Key.Marshal | toString | b64enc }}", '
    '"f@seen": "{{ printf "%v" .Principals }} {{ .CriticalOptions }} {{ .Nothing }}", '
    '"g@seen": "{{ typeOf .Principals }} {{ typeOf .Extensions }} {{ kindOf .Insecure.CR }} '
    '{{ typeOf .Insecure.CR }} {{ typeOf .Insecure.CR.Key }} {{ typeOf . }}"}'
)
DATA: Final = {"Team": "ops", "KeyID": "overlaid"}


def templated() -> dict[str, Case]:
    with_user = says(
        extensions='{"team@x": {{ toJson .Insecure.User.team }}}',
        keyId='{{ printf "%v" .Insecure.User | toJson }}',
    )
    texts = {
        "critical options": says(
            criticalOptions='{"force-command": "/bin/true", "source-address": "10.0.0.0/8"}'
        ),
        "extensions that keep their case": says(
            extensions='{"permit-X11-forwarding": "", "Z@x": null}'
        ),
        "no extensions": says(),
        "serial and nonce": says(serial="1234", nonce='"bm9uY2Vub25jZW5vbmNlbm9uY2Vub25jZTEy"'),
        "the largest serial": says(serial="18446744073709551615"),
        "a serial too large": says(serial="18446744073709551616"),
        "a negative serial": says(serial="-1"),
        "a serial as text": says(serial='"1"'),
        "a serial with a fraction": says(serial="1.0"),
        "serial null": says(serial="null"),
        "reserved octets": says(reserved='"AAEC"'),
        "type host": says(type='"host"'),
        "type in capitals": says(type='"HOST"'),
        "type null": says(type="null"),
        "no type": says(type=""),
        "an empty type": says(type='""'),
        "a type that is none": says(type='"root"'),
        "a number for a type": says(type="1"),
        "no key id": says(keyId=""),
        "key id null": says(keyId="null"),
        "key id a number": says(keyId="5"),
        "no principals": says(principals=""),
        "empty principals": says(principals="[]"),
        "principals a text": says(principals='"jane"'),
        "principals with null": says(principals='["jane", null]'),
        "principals with a number": says(principals="[1]"),
        "other principals": says(principals='["root"]'),
        "keys in other cases": '{"TYPE": "user", "KeyID": "k", "Principals": ["p"]}',
        "unknown keys": says(unknown="[1]"),
        "something after it": says() + " trailing",
        "a list": '{{ "" }}[]',
        "null": "{{/* */}}null",
        "no JSON": "{ no",
        "a key twice": says() [:-1] + ', "keyId": "again"}',
        "an option a number": says(criticalOptions='{"x": 1}'),
        "extensions a list": says(extensions='["permit-pty"]'),
        "extensions a text": says(extensions='"permit-pty"'),
        "a nonce that is no base64": says(nonce='"%"'),
        "dates": says(
            validAfter='{{ now | date_modify "1h" | formatTime | toJson }}',
            validBefore='{{ now | date_modify "3h" | formatTime | toJson }}',
        ),
        "dates as numbers": says(validAfter="1893456000"),
        "dates null": says(validAfter="null", validBefore="null"),
        "dates of year 1": says(validAfter='"0001-01-01T00:00:00Z"'),
        "dates that are none": says(validAfter='"soon"'),
        "dates in the past": says(
            validAfter='"2001-01-01T00:00:00Z"', validBefore='"2001-01-01T01:00:00Z"'
        ),
        "an end too far": says(validBefore='{{ now | date_modify "25h" | formatTime | toJson }}'),
        "an end": says(validBefore='{{ now | date_modify "2h" | formatTime | toJson }}'),
        "what it sees": SEEN,
        "fail": '{{ fail "no such luck" }}',
        "a function that fails": '{{ index .Principals 7 }}',
        "a broken template": "{ {{ .Type }",
        "an unknown function": "{ {{ none }} }",
        "not in braces": "type: user",
    }  # fmt: skip
    found = {f"template, {name}": Case(options=template(text)) for name, text in texts.items()}
    encoded = base64.b64encode(says(keyId='"of base64"').encode()).decode()
    own = Case(options=template(SEEN, **DATA), body={"templateData": {"team": "red"}})
    for kind in KINDS:
        found[f"template, what it sees of {kind}"] = Case(options=template(SEEN), key=kind)
    json_of_key = says(extensions='{"key@x": {{ toJson .Insecure.CR.Key | toJson }}}')
    for kind in ("Ed25519", "RSA-2048"):
        found[f"template, JSON of {kind}"] = Case(options=template(json_of_key), key=kind)
    nobody = Case(options=template(with_user), body={"templateData": "x"})
    return found | {
        "template, in base64": Case(options=template(encoded)),
        "template, its data": own,
        "template, data of the request": Case(
            options=template(with_user), body={"templateData": {"team": "red"}}
        ),
        "template, no data of the request": Case(options=template(with_user)),
        "template, data of the request of the wrong kind": nobody,
        "template, what was asked": Case(
            options=template(says(
                keyId="{{ toJson .Insecure.CR.KeyID }}",
                principals="{{ toJson .Insecure.CR.Principals }}",
                type="{{ toJson .Insecure.CR.Type }}",
            )),
            body={"keyID": "asked", "principals": ["jane"], "certType": "user"},
        ),
        "template, dates and others asked for": Case(
            options=template(says(validBefore='"2030-01-01T00:00:00Z"')),
            body={"validBefore": "1h"},
        ),
        "data alone": Case(options={"ssh": {"templateData": {"KeyID": "overlaid"}}}),
        "data alone, extensions": Case(
            options={"ssh": {"templateData": {"Extensions": {"permit-pty": ""},
                                              "CriticalOptions": {"force-command": "x"}}}}
        ),
        "data alone, wrong": Case(options={"ssh": {"templateData": {"Principals": 5}}}),
        "data alone, null": Case(options={"ssh": {"templateData": None}}),
        "data of the request, no template": Case(body={"templateData": {"KeyID": "x"}}),
        "template, x5c": Case(
            kind="X5C",
            options=template(says(keyId="{{ toJson .AuthorizationCrt.Subject.CommonName }}")),
        ),
        "template, nebula": Case(
            kind="Nebula", ssh={},
            options=template(says(keyId="{{ toJson .AuthorizationCrt.Name }}",
                                    extensions="{{ toJson .Extensions }}")),
        ),
        "template, oidc": oidc(
            options=template(says(keyId="{{ toJson .Token.sub }}",
                                    extensions="{{ toJson .Extensions }}"))
        ),
        "template, oidc admin": oidc(FREE, entry=ADMIN, options=template(says())),
        "template, oidc admin, nothing named": oidc(entry=ADMIN, options=template(says())),
        "data alone, oidc admin": oidc(
            FREE, entry=ADMIN, options={"ssh": {"templateData": {"Extensions": {"permit-pty": ""}}}}
        ),
        "data alone, oidc admin, a host": oidc(
            ANY, entry=ADMIN, options={"ssh": {"templateData": {"Extensions": {"permit-pty": ""}}}}
        ),
        "data alone, k8ssa": Case(kind="K8sSA", body=FREE),
        "data alone, k8ssa, a host": Case(kind="K8sSA", body=ANY),
    }  # fmt: skip
