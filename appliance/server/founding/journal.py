"""The answers of a first run on disk, so that it can be left at any step. Nothing secret is there.

The keys themselves are made by the ceremony, which has a journal of its own.
"""

from pathlib import Path
from typing import Final, final

import msgspec

from appliance.model.errors import ConfigError
from appliance.model.founding import Draft, Topic
from appliance.server.ceremony.journal import write_whole

FILE: Final = "first-run.json"


class Answers(msgspec.Struct):
    """What is written."""

    draft: Draft
    topic: Topic


@final
class Journal:
    """The file, below the directory of the authority to be."""

    def __init__(self, base: Path) -> None:
        self._file = base / FILE

    def read(self) -> Answers | None:
        """Give what was answered. Raises ConfigError for what cannot be read."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Answers)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(
                f"the answers of the first run cannot be read ({error}): remove the file to begin "
                "anew",
                file=str(self._file),
            ) from error

    def write(self, draft: Draft, topic: Topic) -> None:
        """Put the answers on disk, wholly or not at all. Raises ConfigError."""
        content = msgspec.json.encode(Answers(draft=draft, topic=topic))
        write_whole(self._file, msgspec.json.format(content))

    def forget(self) -> None:
        """Be done with it."""
        self._file.unlink(missing_ok=True)
