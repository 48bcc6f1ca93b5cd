"""The journal, followed from entry to entry while the CA goes on."""

from collections.abc import Sequence

import trio

from appliance.authority.journal_reading import LARGEST_PAGE, JournalReader
from appliance.authority.journal_verification import Verification
from appliance.model.errors import BadRequest
from appliance.model.journal import JournalEntry, JournalQuery
from appliance.server.works import Job, Progress


def job(reader: JournalReader) -> Job:
    """Give the work that does it. It fails with BadRequest when the journal is not whole."""

    async def check(progress: Progress) -> None:
        newest = await reader.page(JournalQuery(newest_first=True, limit=1))
        last = newest.entries[0].number if newest.entries else 0
        progress.stage("every entry is held against the hash in the next", last)
        verification, query = Verification(), JournalQuery(limit=LARGEST_PAGE)
        while True:
            page = await reader.page(query)
            await trio.to_thread.run_sync(_take, verification, page.entries)
            progress.done(len(page.entries))
            if page.complete or page.reached >= last:
                break
            query = JournalQuery(limit=LARGEST_PAGE, after=page.reached)
        verification.finish()
        progress.told(*verification.problems, *verification.remarks)
        if verification.problems:
            raise BadRequest("the journal is not whole: it was changed, or the database is damaged")
        if not verification.entries:
            progress.told("the journal is empty")
            return
        progress.told(
            f"entries {verification.first} to {verification.head.number} are unbroken",
            f"head {verification.head}",
        )

    return check


def _take(verification: Verification, entries: Sequence[JournalEntry]) -> None:
    for entry in entries:
        verification.take(entry)
