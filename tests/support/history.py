"""The part of an Operator that tells what was done, over a store of its own."""

from appliance.authority.counts import Counts
from appliance.authority.journal_reading import JournalReader
from appliance.model.activity import Activity
from appliance.model.inventory import CertificateCounts, CertificateKind
from appliance.model.journal import JournalPage, JournalQuery
from appliance.operator.tally import HourlyTally
from appliance.ports.store import Store
from tests.support.inventory import START


class StoredHistory:
    """Counts as of START."""

    store: Store

    async def certificate_counts(self, kind: CertificateKind) -> CertificateCounts:
        return await Counts(self.store).of(kind, START)

    async def journal(self, query: JournalQuery) -> JournalPage:
        return await JournalReader(self.store).page(query)

    async def activity(self) -> Activity:
        return HourlyTally().activity(START, START)
