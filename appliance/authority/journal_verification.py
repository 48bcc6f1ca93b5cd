"""Whether a journal is whole: each entry follows the one before, and what was noted is in it.

What this proves: since an entry carries the hash of the one before it, none was changed, removed or
put in between unless all that follow were written anew. What it cannot prove: who can write to the
database can do just that, or cut off the end, and then this journal is whole as well. So a head
(`number:hash` of the last entry) is to be kept where that person cannot write; against such a one a
rewritten or shortened journal does not hold. Nothing can prove that an event was entered at all, or
that what it tells is true.
"""

from collections.abc import Iterable
from typing import Final, final

from appliance.authority import journal
from appliance.formats import chain
from appliance.formats.chain import Link
from appliance.model.errors import FormatError
from appliance.model.journal import JournalEntry, JournalEvent

_MOST_PROBLEMS: Final = 100


@final
class Verification:
    """Takes the entries of a journal, oldest first. `noted` are heads that were kept elsewhere."""

    def __init__(self, noted: Iterable[Link] = ()) -> None:
        self._noted = {link.number: link for link in noted}
        self._start: Link | None = None  # what the first entry follows
        self._last: Link | None = None
        self._checkpoints: set[str] = set()
        self._met: set[int] = set()
        self.entries = 0
        self.problems: list[str] = []
        self.remarks: list[str] = []

    @property
    def head(self) -> Link:
        """The last entry."""
        return self._last or chain.START

    @property
    def first(self) -> int:
        """The number of the first entry; 0 when there is none."""
        return self._start.number + 1 if self._start else 0

    def take(self, entry: JournalEntry) -> JournalEvent | None:
        """Look at the next entry, and give what it tells when that can be read."""
        link = chain.Entry(entry.number, entry.previous, entry.body).link
        if self._last is None:
            self._start = Link(entry.number - 1, entry.previous)
        elif entry.number != self._last.number + 1:
            self._found(f"entries {self._last.number + 1} to {entry.number - 1} are missing")
        elif entry.previous != self._last.hash:
            self._found(
                f"entry {entry.number} does not follow entry {self._last.number}: one of the two "
                "was changed"
            )
        self._last = link
        self.entries += 1
        self._compare(link)
        try:
            told = journal.read(entry)
        except FormatError as error:
            self._found(error.public)
            return None
        if told.checkpoint:
            self._checkpoints.add(told.checkpoint)
        return told

    def finish(self) -> None:
        """Judge the beginning and the end, when all entries were taken."""
        start = self._start or chain.START
        if start.number:
            self._compare(start)
            noted = self._noted.get(start.number) == start
            if not noted and str(start) not in self._checkpoints:
                self._found(
                    f"entries 1 to {start.number} are missing, and no entry says that they were "
                    "removed"
                )
            else:
                self.remarks.append(f"entries 1 to {start.number} were removed by retention")
        elif self._start and start.hash != chain.START.hash:
            self._found("entry 1 follows something: it was not the first")
        for number in sorted(self._noted.keys() - self._met):
            if number > self.head.number:
                self._found(
                    f"entry {number} was noted, and the journal ends with {self.head.number}: it "
                    "was cut, or is another one"
                )
            else:
                self.remarks.append(f"entry {number} was noted, and has been removed since")

    def _compare(self, link: Link) -> None:
        """Hold an entry against what was noted of it."""
        noted = self._noted.get(link.number)
        if noted is None:
            return
        self._met.add(link.number)
        if noted != link:
            self._found(
                f"entry {link.number} is not the one that was noted: the journal was written anew"
            )

    def _found(self, problem: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)
