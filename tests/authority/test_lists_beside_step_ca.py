"""Our revocation lists are step-ca's, octet for octet but for the signature (golden/lists.json).

What step-ca was asked to revoke is put into the store as it writes it; number, time and the order
of entries, which is that of the keys in its database, are taken from its list.
"""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from appliance.authority import revoked_rows
from appliance.config.document import Document
from appliance.config.publishing import read_crl
from appliance.config.schema import Crl
from appliance.formats import crl, der, pem, x509_fields
from appliance.issuance import issuers, revocation_checks, revocation_lists
from appliance.issuance.revocation_lists import KEPT, ListDraft
from appliance.stores.memory import MemoryStore
from tests.authority import record_lists
from tests.support.lists import Recorded

RECORDED = json.loads(record_lists.GOLDEN.read_text())


async def compare(recorded: dict[str, Any]) -> None:
    theirs = crl.parse(base64.b64decode(recorded["der"]))
    issuer = issuers.of_certificate(pem.certificates(recorded["issuer"].encode())[0])
    revocation_checks.check_list_signature(theirs, x509_fields.certificate(issuer.certificate))
    when = {each.serial: each.revoked_at for each in theirs.entries()}
    assert set(when) == {serial for serial, _ in recorded["revoked"]}
    store = MemoryStore()
    for serial, reason in recorded["revoked"]:
        revocation = Recorded(serial=serial, at=when[serial], reason_code=reason)
        await store.commit(revocation.foreign())
    await revoked_rows.complete(store)
    document = Document(file=Path("ca.json"), members={})
    written = document.read(Crl, {"enabled": True, **recorded["settings"]}, "crl")
    settings = read_crl(written, recorded["dns_names"], document, persistent=True)
    assert settings is not None
    assert theirs.number is not None
    parts = await revoked_rows.joined(
        store, ending_after=theirs.this_update - KEPT, belongs=lambda issuer: True
    )
    entries = {
        der.read_integer(der.first(each)): each.raw for each in der.items(der.sequence(*parts))
    }
    draft = ListDraft(
        issuer=issuer,
        number=theirs.number,
        this_update=theirs.this_update,
        next_update=theirs.this_update + settings.cache_duration,
        url=settings.url,
        entries=[entries[serial] for serial in when],
    )
    assert revocation_lists.prepare(draft).to_be_signed == theirs.to_be_signed


@pytest.mark.parametrize("name", RECORDED)
async def test_a_list_is_the_recorded_one(name: str) -> None:
    await compare(RECORDED[name])


@pytest.mark.reference
@pytest.mark.parametrize("name", ["p256", "rsa"])
async def test_a_list_is_the_one_that_step_ca_makes_today(name: str) -> None:
    key, settings = record_lists.cases()[name]
    with tempfile.TemporaryDirectory() as directory:
        made = record_lists.record(Path(directory) / "ca", key, settings, empty=False)
    await compare(record_lists.plain(made))
