"""Record what step-ca lists of every entry: `python -m tests.config.record`.

Needs step-ca on PATH; writes golden/listed.json, with the entries themselves, since their keys are
new each time.
"""

import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes

from tests.config.entries import entries
from tests.issuance.record import authority
from tests.support.stepca import Reference, serving

GOLDEN = Path(__file__).parent / "golden" / "listed.json"


def listed(ca: Reference) -> list[Any]:
    """Ask for all provisioners."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", ca.port, context=context, timeout=20)
    connection.request("GET", "/provisioners?limit=100")
    found = json.loads(connection.getresponse().read())["provisioners"]
    connection.close()
    return list(found)


def record(folder: Path) -> dict[str, Any]:
    """Start step-ca on all entries."""
    config = {
        **authority(folder / "pki", "RSA-2048", hashes.SHA256()),
        "dnsNames": ["ca.example"],
        "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
        "authority": {"provisioners": entries()},
    }
    with serving(folder, config) as ca:
        return {"entries": entries(), "listed": listed(ca)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        recorded = record(Path(temporary))
    GOLDEN.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")
