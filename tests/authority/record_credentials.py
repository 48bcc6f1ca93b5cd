"""Record what step-ca answers to credentials: `python -m tests.authority.record_credentials`.

Needs step-ca on PATH; writes golden/credentials.json.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import trio
from cryptography.hazmat.primitives import hashes

from tests.authority.credential_scenarios import CREDENTIAL_SCENARIOS, credential_provisioners
from tests.authority.record import ReferenceTarget
from tests.authority.scenarios import provisioners
from tests.issuance.record import authority
from tests.support.certificate_view import view
from tests.support.stepca import serving

GOLDEN = Path(__file__).parent / "golden" / "credentials.json"


async def record(folder: Path) -> dict[str, Any]:
    """Play everything."""
    config = {
        **authority(folder / "pki", "RSA-2048", hashes.SHA256()),
        "dnsNames": ["ca.example", "10.1.2.3", "::1"],
        "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
        "authority": {"provisioners": [*provisioners(), *credential_provisioners()]},
    }
    outcomes = {}
    with serving(folder, config) as ca:
        target = ReferenceTarget(ca)
        for name, play in CREDENTIAL_SCENARIOS.items():
            now = target.now()
            outcome = await play(target)
            found: dict[str, Any] = {"status": outcome.status, "message": outcome.message}
            if outcome.chain:
                found["certificate"] = view(outcome.chain[0], now)
            outcomes[name] = found
    return outcomes


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        recorded = trio.run(record, Path(temporary))
    GOLDEN.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")
