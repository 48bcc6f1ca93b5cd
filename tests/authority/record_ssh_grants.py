"""Record whom step-ca gives which SSH certificate: `python -m tests.authority.record_ssh_grants`.

Needs step-ca on PATH; writes golden/ssh_grants.json.
"""

import base64
import json
import re
import tempfile
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.authority.record_ssh import AUTHORITIES, configuration
from tests.authority.record_webhooks import server_certificate
from tests.authority.ssh_cases import Group, new_keys, provisioners, request
from tests.authority.ssh_grant_cases import GROUPS
from tests.authority.ssh_scenarios import Outcome, view
from tests.issuance.record import authority
from tests.support.idp import Idp, idp
from tests.support.stepca import Reference, serving
from tests.support.webhooks import Receiver, receiving

_PROVIDER = re.compile(r"http://127\.0\.0\.1:\d+")  # on another port each time
GOLDEN = Path(__file__).parent / "golden" / "ssh_grants.json"


def outcome(status: int, body: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Keep what is the same whenever it is played; times from now on."""
    found: dict[str, Any] = {"status": status, "message": body.get("message", "")}
    for key in ("crt", "addUserCrt"):
        if body.get(key):
            made = Outcome(status=status, certificate=base64.b64decode(body[key]))
            found[key] = view(made, AUTHORITIES, now)
    if "identityCrt" in body:
        found["identityCrt"] = _identity(body["identityCrt"], now)
    return found


def _identity(chain: list[str], now: int) -> dict[str, Any]:
    leaf = x509.load_pem_x509_certificate(chain[0].encode())
    begin = leaf.not_valid_before_utc
    names: list[str] = []
    for each in leaf.extensions:
        if isinstance(each.value, x509.SubjectAlternativeName):
            names = [_PROVIDER.sub("http://idp", str(name.value)) for name in each.value]
    return {
        "chain": len(chain),
        "subject": leaf.subject.rfc4514_string(),
        "names": names,
        "from": int(begin.timestamp()) - now,
        "lasts": int((leaf.not_valid_after_utc - begin) / timedelta(seconds=1)),
    }


def play(
    ca: Reference, receiver: Receiver, group: Group, provider: Idp, keys: Mapping[str, str]
) -> dict[str, Any]:
    """Ask for everything; keep answers and what the webhooks were asked."""
    outcomes: dict[str, Any] = {}
    for number, (name, case) in enumerate(group.cases.items()):
        for path, replies in case.replies.items():
            receiver.answers(f"/{number}{path}", *replies)
        now, before = int(time.time()), len(receiver.asked)
        answer = ca.post("/1.0/ssh/sign", request(case, number, now, provider, keys))
        outcomes[name] = outcome(answer.status, answer.body, now)
        asked = receiver.asked[before:]
        if case.hooks:
            outcomes[name]["asked"] = [
                {"path": each.path.removeprefix(f"/{number}"), "body": each.body.decode()}
                for each in asked
            ]
    return outcomes


def record(folder: Path) -> dict[str, Any]:
    """Play everything against step-ca, one for each group."""
    pki = folder / "pki"
    authority(pki, "P-256", hashes.SHA256())
    chain, private = server_certificate(pki)
    found, keys = {}, new_keys()
    with idp() as provider, receiving(chain, private, pki / "root.crt") as receiver:
        for number, (name, group) in enumerate(GROUPS.items()):
            config = configuration(folder / str(number))
            config |= {key: str(pki / file) for key, file in
                       (("root", "root.crt"), ("crt", "ca.crt"), ("key", "ca.key"))}  # fmt: skip
            config["authority"] = {
                "provisioners": provisioners(group, provider, receiver.url),
                **({"policy": {"ssh": group.policy}} if group.policy else {}),
            }
            receiver.replies.clear()
            with serving(folder / str(number), config) as ca:
                found[name] = play(ca, receiver, group, provider, keys)
    return {"keys": keys, "groups": found}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        GOLDEN.write_text(json.dumps(record(Path(temporary)), indent=1, ensure_ascii=False) + "\n")
