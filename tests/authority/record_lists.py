"""Record lists of step-ca, with what is on them: `python -m tests.authority.record_lists`.

Needs step-ca on PATH; writes golden/lists.json. Each list is one of a CA with another kind of key
or other settings; certificates are issued and revoked, and so are some that nobody knows.
"""

import base64
import http.client
import json
import ssl
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.formats import pem
from appliance.formats.keyfile import dump_private_key
from appliance.formats.keys import PrivateKey
from appliance.issuance import parsed
from tests.support.authority import hierarchy
from tests.support.load import Provisioner, csr
from tests.support.stepca import Reference, serving

GOLDEN = Path(__file__).parent / "golden" / "lists.json"
UNKNOWN = ((5, 0), (0x80, 1), (2**64, 4), (2**158 + 3, 10), (10**40, 9), (77, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list in DER (base64), its CA's certificate, settings, and the revocations behind it."""

    der: str
    issuer: str
    settings: dict[str, Any]
    dns_names: list[str]
    revoked: list[tuple[int, int]]


def cases() -> dict[str, tuple[PrivateKey, dict[str, Any]]]:
    """Give keys of intermediates, and `crl` of ca.json."""
    return {
        "p256": (ec.generate_private_key(ec.SECP256R1()), {}),
        "p384": (ec.generate_private_key(ec.SECP384R1()), {"cacheDuration": "1h"}),
        "rsa": (rsa.generate_private_key(65537, 2048), {"idpURL": "http://crl.example/ca.crl"}),
        "ed25519": (ed25519.Ed25519PrivateKey.generate(), {"cacheDuration": "36h30m"}),
    }


def record(folder: Path, key: PrivateKey, settings: dict[str, Any], *, empty: bool) -> Listed:
    """Run step-ca, revoke, and fetch the list."""
    folder.mkdir()
    pki = hierarchy(key=key)
    for name, content in (
        ("root.crt", pem.encode("CERTIFICATE", pki.root).encode()),
        ("ca.crt", pem.encode("CERTIFICATE", pki.issuer.certificate).encode()),
        ("ca.key", dump_private_key(key, None)),
    ):
        (folder / name).write_bytes(content)
    provisioner = Provisioner.generate("p")
    names = ["ca.example", "127.0.0.1"]
    config = {
        "root": str(folder / "root.crt"),
        "crt": str(folder / "ca.crt"),
        "key": str(folder / "ca.key"),
        "dnsNames": names,
        "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
        "crl": {"enabled": True, "generateOnRevoke": True, **settings},
        "authority": {"provisioners": [provisioner.entry()]},
    }
    with serving(folder, config) as ca:
        revoked = [] if empty else _revoke(ca, provisioner)
        der = _fetch(ca)
    return Listed(
        der=base64.b64encode(der).decode(),
        issuer=pem.encode("CERTIFICATE", pki.issuer.certificate),
        settings=settings,
        dns_names=names,
        revoked=revoked,
    )


def _revoke(ca: Reference, provisioner: Provisioner) -> list[tuple[int, int]]:
    key = ec.generate_private_key(ec.SECP256R1())
    token = provisioner.token("a.test", aud="https://ca.example/1.0/sign")
    made = ca.post("/1.0/sign", {"csr": csr("a.test", key), "ott": token})
    assert made.status == 201, made.body
    (certificate,) = pem.certificates(made.body["crt"].encode())
    serial = parsed.parse(certificate).serial
    revoked = [*UNKNOWN, (serial, 5)]
    for number, reason in revoked:
        token = provisioner.token(str(number), aud="https://ca.example/1.0/revoke")
        body = {"serial": str(number), "ott": token, "reasonCode": reason, "passive": True}
        answer = ca.post("/1.0/revoke", body)
        assert answer.status == 200, answer.body
    return revoked


def _fetch(ca: Reference) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", ca.port, context=context, timeout=20)
    try:
        connection.request("GET", "/crl")
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()
    finally:
        connection.close()


def plain(made: Listed) -> dict[str, Any]:
    """Give a list as JSON has it."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(made)))
    return found


def everything() -> dict[str, Any]:
    """Record all cases."""
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, (key, settings) in cases().items():
            for empty in (False, True):
                label = f"{name}-empty" if empty else name
                made = record(Path(directory) / label, key, settings, empty=empty)
                found[label] = plain(made)
    return found


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(everything(), indent=1) + "\n")
