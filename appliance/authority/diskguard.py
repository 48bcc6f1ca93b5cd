"""Whether there is room for what is issued: the CA stops issuing before the disk is full.

What is kept free lets revocations, lists and events be written, and the database be compacted.
"""

import logging
from dataclasses import dataclass
from typing import Final

from appliance.authority.gate import Bar, IssuanceGate
from appliance.model.conditions import Severity
from appliance.model.upkeep import DiskSettings
from appliance.ports.conditions import ConditionSink

log = logging.getLogger(__name__)

_AGAIN: Final = 1.25  # times the limit have to be free before it issues again
_FEW_FILES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a file system has left for us. `files` is None where it makes as many as are needed."""

    free: int  # octets
    files: int | None = None


class DiskGuard:
    """Is told how much room there is, and opens or closes the gate."""

    def __init__(self, gate: IssuanceGate, conditions: ConditionSink) -> None:
        self._gate, self._conditions = gate, conditions
        self.settings = DiskSettings()

    def configure(self, settings: DiskSettings) -> None:
        """Go by these settings from the next look on."""
        self.settings = settings

    def look(self, room: Room | None) -> None:
        """Judge how much room there is; None: it could not be found out, and nothing changes."""
        if room is None:
            return
        known = Bar.DISK in self._gate.bars
        limit = self.settings.refuse_below * (_AGAIN if known else 1)
        few = room.files is not None and room.files < _FEW_FILES
        full = room.free < limit or few
        left = f"{room.free // 2**20} MB" if not few else f"room for {room.files} files"
        sentence = (
            f"the disk of the CA's database is nearly full ({left} left): nothing is issued "
            "until there is room again"
        )
        if full:
            self._gate.close(Bar.DISK, sentence)
            self._conditions.report("disk", ok=False, text=sentence, severity=Severity.CRITICAL)
        else:
            self._gate.open(Bar.DISK)
            low = room.free < self.settings.warn_below
            text = f"only {left} are left where the database is" if low else ""
            self._conditions.report("disk", ok=not low, text=text)
        if known is not full:
            log.warning("%s", sentence if full else f"the CA issues again: {left} are free")
