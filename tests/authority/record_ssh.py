"""Record what step-ca answers to SSH requests: `python -m tests.authority.record_ssh`.

Needs step-ca on PATH; writes golden/ssh.json.
"""

import base64
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.formats.ssh import keys
from tests.authority.ssh_scenarios import SCENARIOS, Outcome, provisioners, view
from tests.issuance.record import authority
from tests.support.requests import private_pem
from tests.support.ssh import HOST_KEY, USER_KEY
from tests.support.stepca import Reference, serving

GOLDEN = Path(__file__).parent / "golden" / "ssh.json"
AUTHORITIES = {
    "user": keys.of_key(USER_KEY.public_key()),
    "host": keys.of_key(HOST_KEY.public_key()),
}


@dataclass(slots=True)
class ReferenceTarget:
    """step-ca over HTTPS."""

    ca: Reference
    host_key: ec.EllipticCurvePrivateKey = HOST_KEY
    user_key: ec.EllipticCurvePrivateKey = USER_KEY

    def now(self) -> int:
        """Tell the time."""
        return int(time.time())

    async def post(self, path: str, body: object) -> Outcome:
        """Ask."""
        answer = self.ca.post(path, body)
        return Outcome(
            status=answer.status,
            message=answer.body.get("message", ""),
            certificate=base64.b64decode(answer.body.get("crt", "")),
        )


def configuration(folder: Path) -> dict[str, Any]:
    """Write the keys and give the ca.json that names them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"hostKey": folder / "host", "userKey": folder / "user"}
    for name, key in (("hostKey", HOST_KEY), ("userKey", USER_KEY)):
        files[name].write_bytes(private_pem(key))
    return {
        **authority(folder / "pki", "P-256", hashes.SHA256()),
        "dnsNames": ["ca.example"],
        "ssh": {name: str(file) for name, file in files.items()},
        "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
        "authority": {"provisioners": provisioners()},
    }


async def record(folder: Path) -> dict[str, Any]:
    """Play everything."""
    outcomes = {}
    with serving(folder, configuration(folder)) as ca:
        target = ReferenceTarget(ca)
        for name, play in SCENARIOS.items():
            now = target.now()
            outcome = await play(target)
            found: dict[str, Any] = {"status": outcome.status, "message": outcome.message}
            if outcome.certificate:
                found["certificate"] = view(outcome, AUTHORITIES, now)
            outcomes[name] = found
    return outcomes


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        recorded = trio.run(record, Path(temporary))
    GOLDEN.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")
