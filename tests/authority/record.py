"""Record what step-ca answers to every scenario: `python -m tests.authority.record`.

Needs step-ca on PATH; writes golden/outcomes.json.
"""

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio
from cryptography.hazmat.primitives import hashes

from tests.authority.scenarios import SCENARIOS, Outcome, provisioners
from tests.issuance.record import authority
from tests.support.requests import Key, private_pem
from tests.support.stepca import Answer, Reference, serving

GOLDEN = Path(__file__).parent / "golden" / "outcomes.json"


@dataclass(frozen=True, slots=True)
class ReferenceTarget:
    """step-ca over HTTPS."""

    ca: Reference

    def now(self) -> int:
        """Tell the time."""
        return int(time.time())

    async def sleep(self, seconds: int) -> None:
        """Wait."""
        await trio.sleep(seconds)

    async def sign(self, body: Mapping[str, Any]) -> Outcome:
        """POST /sign."""
        return _outcome(self.ca.post("/1.0/sign", body))

    async def renew(self, chain: Sequence[str], key: Key) -> Outcome:
        """POST /renew, by TLS."""
        return _outcome(self.ca.post("/1.0/renew", client=self._client(chain, key)))

    async def renew_with_token(self, token: str) -> Outcome:
        """POST /renew, by token."""
        headers = {"Authorization": f"Bearer {token}"}
        return _outcome(self.ca.post("/1.0/renew", headers=headers))

    async def rekey(self, chain: Sequence[str], key: Key, csr: str) -> Outcome:
        """POST /rekey."""
        client = self._client(chain, key)
        return _outcome(self.ca.post("/1.0/rekey", {"csr": csr}, client=client))

    async def revoke(
        self, body: Mapping[str, Any], shown: tuple[Sequence[str], Key] | None = None
    ) -> Outcome:
        """POST /revoke."""
        client = self._client(*shown) if shown else None
        return _outcome(self.ca.post("/1.0/revoke", body, client=client))

    def _client(self, chain: Sequence[str], key: Key) -> tuple[Path, Path]:
        certificate, private = self.ca.folder / "client.crt", self.ca.folder / "client.key"
        certificate.write_text("".join(chain))
        private.write_bytes(private_pem(key))
        return certificate, private


def _outcome(answer: Answer) -> Outcome:
    return Outcome(
        status=answer.status,
        message=answer.body.get("message", ""),
        chain=tuple(answer.body.get("certChain", ())),
    )


async def record(folder: Path) -> dict[str, Any]:
    """Play everything."""
    config = {
        **authority(folder / "pki", "P-256", hashes.SHA256()),
        "dnsNames": ["ca.example", "10.1.2.3", "::1"],
        "db": {"type": "badgerv2", "dataSource": str(folder / "db")},
        "authority": {"provisioners": provisioners()},
    }
    outcomes = {}
    with serving(folder, config) as ca:
        for name, play in SCENARIOS.items():
            outcome = await play(ReferenceTarget(ca))
            outcomes[name] = {"status": outcome.status, "message": outcome.message}
    return outcomes


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        GOLDEN.parent.mkdir(exist_ok=True)
        recorded = trio.run(record, Path(temporary))
        GOLDEN.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")
