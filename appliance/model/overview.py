"""The appliance at a glance."""

from dataclasses import dataclass
from datetime import datetime

from appliance.model.tokens import TokenStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the console's header and `hearth certs` say about a running CA."""

    name: str  # of the authority: the organization or common name of its intermediate
    url: str
    address: str  # host:port that it listens on
    fingerprint: str  # of the first root: lower-case hex of SHA-256 over its DER
    store: str  # such as "LevelDB ./var/db"
    version: str
    started_at: datetime
    now: datetime
    intermediate_not_after: datetime
    root_not_after: datetime
    issued: int  # since start
    renewed: int
    revoked: int
    refused: int
    provisioners: tuple[str, ...] = ()
    tokens: tuple[TokenStatus, ...] = ()  # that the CA's keys are on
