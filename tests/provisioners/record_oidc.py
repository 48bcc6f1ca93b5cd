"""Record what step-ca answers to every log-in: `python -m tests.provisioners.record_oidc`.

Needs step-ca on PATH; writes golden/oidc.json.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes

from tests.issuance.record import authority
from tests.provisioners.oidc_cases import CASES, asked, entries, outcome
from tests.support.idp import idp
from tests.support.stepca import serving

GOLDEN = Path(__file__).parent / "golden" / "oidc.json"


def record(folder: Path) -> dict[str, Any]:
    """Play everything, and keep what is listed of who cannot be asked."""
    with idp() as provider:
        config = {
            **authority(folder / "pki", "P-256", hashes.SHA256()),
            "dnsNames": ["ca.example"],
            "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
            "authority": {"provisioners": entries(provider)},
        }
        outcomes = {}
        with serving(folder, config) as ca:
            for name in CASES:
                path, body = asked(name, provider)
                answer = ca.post(path, body)
                outcomes[name] = outcome(answer.status, answer.body, provider)
                again = ca.post(path, body)
                outcomes[name]["again"] = again.status
    return outcomes


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        GOLDEN.parent.mkdir(exist_ok=True)
        recorded = record(Path(temporary))
        GOLDEN.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")
