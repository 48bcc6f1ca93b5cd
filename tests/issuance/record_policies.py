"""Record how step-ca judges names: `python -m tests.issuance.record_policies`.

Needs step-ca on PATH; writes golden/policies.json. A policy is of the whole authority there, so
each is a step-ca of its own.
"""

import json
import secrets
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.issuance.policies import PATTERNS, POLICIES, Request
from tests.issuance.record import authority, jwk
from tests.support.requests import key_of, signing_request
from tests.support.stepca import Reference, serving

GOLDEN = Path(__file__).parent / "golden" / "policies.json"
_KEY = ec.generate_private_key(ec.SECP256R1())


def configuration(folder: Path, policy: Mapping[str, Any]) -> dict[str, Any]:
    """Give a ca.json with this policy."""
    files = {name: str(folder / file) for name, file in
             (("root", "root.crt"), ("crt", "ca.crt"), ("key", "ca.key"))}  # fmt: skip
    provisioner = {"type": "JWK", "name": "admin", "key": jwk(_KEY, "kid")}
    return {
        **files,
        "dnsNames": ["ca.example"],
        "authority": {"provisioners": [provisioner], "policy": {"x509": policy}},
    }


def ask(ca: Reference, request: Request) -> list[Any]:
    """Ask for one certificate; the request itself has no names."""
    common_name, sans = request
    now = int(time.time())
    claims = {
        "iss": "admin", "aud": "https://ca.example/1.0/sign", "sub": common_name,
        "sans": list(sans), "jti": secrets.token_hex(16), "iat": now, "nbf": now,
        "exp": now + 300,
    }  # fmt: skip
    body = {
        "csr": signing_request(key_of("P-256"), "", []),
        "ott": jwt.encode(claims, _KEY, "ES256", {"kid": "kid"}),
    }
    answer = ca.post("/1.0/sign", body)
    return [common_name, list(sans), answer.status, answer.body.get("message", "")]


def accepted(folder: Path, patterns: Mapping[str, Sequence[str]]) -> dict[str, dict[str, bool]]:
    """Say with which patterns step-ca starts."""
    found: dict[str, dict[str, bool]] = {}
    for kind, listed in patterns.items():
        found[kind] = {}
        for pattern in listed:
            file = folder / "pattern.json"
            config = configuration(folder, {"allow": {kind: [pattern]}})
            # An address that it cannot have: a policy is judged before it listens.
            file.write_text(json.dumps({**config, "address": "192.0.2.1:1"}))
            ended = subprocess.run(
                ["step-ca", str(file)], capture_output=True, text=True, timeout=20, check=False
            )
            found[kind][pattern] = "constraint" not in ended.stderr
    return found


def record(folder: Path) -> dict[str, Any]:
    """Play everything against step-ca."""
    pki = folder / "pki"
    authority(pki, "P-256", hashes.SHA256())
    judged = {}
    for number, (name, (policy, requests)) in enumerate(POLICIES.items()):
        with serving(folder / str(number), configuration(pki, policy)) as ca:
            judged[name] = [ask(ca, request) for request in requests]
    return {"judged": judged, "patterns": accepted(pki, PATTERNS)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        GOLDEN.write_text(json.dumps(record(Path(temporary)), indent=1, ensure_ascii=False) + "\n")
