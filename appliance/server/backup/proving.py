"""The last proof of a backup: a certificate issued by what was unpacked of it.

In the temporary directory, by a provisioner that is there alone, down the whole line: token, draft,
signature by the CA's own key, record in the database.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.client import tokens
from appliance.client.tokens import SigningKey, TokenRequest
from appliance.config import loading
from appliance.config.editing import spelled
from appliance.config.settings import Settings
from appliance.formats import jwk, keyfile
from appliance.issuance import parsed, paths
from appliance.model.errors import BadRequest, HearthError
from appliance.model.orders import SignOrder
from appliance.model.secret import Password
from appliance.ports.chance import Chance
from appliance.server import material
from appliance.server.backup.unpacking import Unpacked
from appliance.server.offline import offline_issuance
from appliance.stores.leveldb import open_store

_PROVISIONER: Final = "proof of a backup"
_NEEDED: Final = ("root", "federatedroots", "crt", "key", "address", "dnsnames", "db", "password")
_KID: Final = "proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A certificate that was issued, by its serial number; or why none could be."""

    serial: int | None = None
    reason: str = ""


async def prove(
    unpacked: Unpacked, password: Password | None, chance: Chance, now: datetime
) -> Proof:
    """Issue a test certificate. What is missing for it is a reason; what fails is raised."""
    settings = loading.load(unpacked.ca_json)
    key = _key(settings, unpacked)
    if isinstance(key, str):
        return Proof(reason=key)
    if keyfile.is_encrypted(key.read_bytes()) and not (password or settings.password):
        raise BadRequest(
            "the CA's key is encrypted: give its password with --password-file to issue a test "
            "certificate, or leave that out with --no-issue"
        )
    signing = ec.generate_private_key(ec.SECP256R1())
    trial = _write(unpacked, key, signing)
    store = await open_store(unpacked.database, create=False)
    try:
        issuance = offline_issuance(loading.load(trial), store, password)
        order = _order(settings, signing, chance, now)
        chain = await issuance.sign(order)
    finally:
        await store.aclose()
    trust = material.read_trust(settings)
    paths.verify(chain[0], paths.Trust(roots=trust.roots, between=chain[1:]), now=now)
    return Proof(serial=parsed.parse(chain[0]).serial)


def _key(settings: Settings, unpacked: Unpacked) -> Path | str:
    """Find the key: of the backup, else where the CA itself has it; or say why there is none."""
    key = settings.key
    if not isinstance(key, Path):
        return "the CA's key is on a token"
    if key.exists():
        return key
    try:
        original = Path(unpacked.examined.about.base) / key.relative_to(unpacked.directory)
    except ValueError:
        original = key
    try:
        if original.is_file() and original.read_bytes():
            return original
    except OSError:
        pass
    return "the CA's key is not in the backup, and not here either"


def _write(unpacked: Unpacked, key: Path, signing: ec.EllipticCurvePrivateKey) -> Path:
    """Write the configuration of the trial: what issuing needs, and one provisioner."""
    members: dict[str, Any] = json.loads(unpacked.ca_json.read_bytes().decode("utf-8-sig"))
    kept = {name: each for name, each in members.items() if name.lower() in _NEEDED}
    kept[spelled(kept, "key")] = str(key)
    public = jwk.public_jwk(signing.public_key()) | {"kid": _KID}
    kept["authority"] = {"provisioners": [{"type": "JWK", "name": _PROVISIONER, "key": public}]}
    file = unpacked.directory / "proof.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(kept))
    return file


def _order(
    settings: Settings, signing: ec.EllipticCurvePrivateKey, chance: Chance, now: datetime
) -> SignOrder:
    name = settings.dns_names[0]
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    token = tokens.one_time_token(
        TokenRequest(
            subject=name,
            audience=tokens.audience(f"https://{settings.dns_names[0]}", "sign"),
            issuer=_PROVISIONER,
            window=tokens.window(now, now, now + timedelta(minutes=5)),
            sans=[name],
        ),
        SigningKey(key=signing, kid=_KID),
        token_id=chance.octets(tokens.TOKEN_ID_OCTETS),
        entropy=chance.octets(tokens.ENTROPY_OCTETS),
    )
    return SignOrder(csr=request.public_bytes(Encoding.DER), token=token, not_after="5m")


def shown(error: HearthError) -> str:
    """Say why no certificate could be issued."""
    return f"the test certificate could not be issued: {error.public}"
