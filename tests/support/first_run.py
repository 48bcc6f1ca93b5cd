"""A first run driven without its screens: somebody copies what is shown, and types it."""

from collections.abc import Mapping

import trio

from appliance.model.errors import HearthError
from appliance.model.founding import Draft, Founded, Passwords, Question, QuestionKind
from appliance.model.secret import Password
from appliance.server.founding.course import FirstRun


async def made(
    run: FirstRun, draft: Draft, passwords: Passwords, known: Mapping[str, str] = {}
) -> Founded:
    """Make the CA with somebody at the console, who knows some secrets from elsewhere."""
    paper = dict(known)

    async def listen() -> None:
        while True:
            said = await run.hear()
            if isinstance(said, Question):
                paper.update(said.secrets)
                is_typed = said.kind is QuestionKind.RETYPE
                await run.answer(Password(paper[said.text].encode()) if is_typed else True)

    outcomes: list[Founded | HearthError] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        try:
            outcomes.append(await run.make(draft, passwords))
        except HearthError as error:
            outcomes.append(error)
        nursery.cancel_scope.cancel()
    (outcome,) = outcomes
    if isinstance(outcome, HearthError):
        raise outcome
    return outcome
