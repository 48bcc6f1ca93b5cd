"""The person at a ceremony whose words go through a channel: the console is in another thread."""

from collections.abc import Mapping
from contextlib import suppress
from typing import final

import trio

from appliance.model.ceremony import Stage, Step
from appliance.model.founding import Began, Question, QuestionKind, Told, Utterance
from appliance.model.secret import Password

_UNHEARD = 256  # utterances; more than a ceremony has


@final
class DistantPerson:
    """Says things one after another; a question waits for its answer."""

    def __init__(self) -> None:
        self._saying, self._said = trio.open_memory_channel[Utterance](_UNHEARD)
        self._answering, self._answers = trio.open_memory_channel[bool | str | Password](0)
        self._step: Step | None = None

    def forget(self) -> None:
        """Begin anew: what nobody heard of a former attempt is void."""
        with suppress(trio.WouldBlock):
            while True:
                self._said.receive_nowait()

    async def hear(self) -> Utterance:
        """Wait for what is said next."""
        return await self._said.receive()

    async def answer(self, given: bool | str | Password) -> None:  # noqa: FBT001 - an answer
        """Answer the question."""
        await self._answering.send(given)

    # ---- the ceremony's side

    async def begin(self, stages: tuple[Stage, ...], current: Stage) -> None:
        """Say which step begins."""
        self._step = current.step
        await self._saying.send(Began(stages=stages, current=current))

    async def tell(self, text: str) -> None:
        """Say something."""
        await self._saying.send(Told(text=text))

    async def agree(self, question: str) -> bool:
        """Ask; about the clock there was a step of its own."""
        if self._step is Step.NETWORK:
            return True
        return bool(await self._ask(QuestionKind.AGREE, question))

    async def wait_until(self, done: str) -> None:
        """Ask for something to be done."""
        await self._ask(QuestionKind.WAIT, done)

    async def show_once(self, title: str, secrets: Mapping[str, str]) -> None:
        """Show secrets until they are written down."""
        await self._ask(QuestionKind.SHOW, title, secrets)

    async def retype(self, name: str) -> Password:
        """Have a secret typed, unseen."""
        given = await self._ask(QuestionKind.RETYPE, name)
        return given if isinstance(given, Password) else Password(str(given).encode())

    async def dictate(self, name: str) -> str:
        """Have words typed."""
        return str(await self._ask(QuestionKind.DICTATE, name))

    async def _ask(
        self, kind: QuestionKind, text: str, secrets: Mapping[str, str] | None = None
    ) -> bool | str | Password:
        await self._saying.send(Question(kind=kind, text=text, secrets=secrets or {}))
        return await self._answers.receive()
