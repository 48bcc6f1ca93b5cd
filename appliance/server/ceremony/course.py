"""The course of a ceremony: its steps one after another, each written down when it is done.

    network → tokens → secrets → keys → attestation → certificates → storage → check
            → configuration → sheet → rehearsal → finished
                 │ interrupted, however hard: the journal says what is done
                 ├── resumed: the step that was under way is begun anew, and finds what it made
                 └── rolled back: what was made is removed, as far as the tokens can

Nothing secret is in the journal: what a later step needs of a secret is typed from paper.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from appliance.model.ceremony import Stage, Step, StepState
from appliance.model.errors import BadRequest
from appliance.ports.keys import TokenUnavailable
from appliance.server.ceremony import making, opening, papers, rehearsal
from appliance.server.ceremony.journal import Record
from appliance.server.ceremony.scene import Scene, at_work

STEPS: Final[Mapping[Step, Callable[[Scene], Awaitable[None]]]] = MappingProxyType(
    {
        Step.NETWORK: opening.network,
        Step.TOKENS: opening.tokens,
        Step.SECRETS: opening.change,
        Step.KEYS: making.keys,
        Step.ATTESTATION: making.attestation,
        Step.CERTIFICATES: making.certificates,
        Step.STORAGE: making.storage,
        Step.CHECK: making.check,
        Step.CONFIGURATION: papers.configuration,
        Step.SHEET: papers.write_sheet,
        Step.REHEARSAL: rehearsal.rehearse,
    }
)


def stages(record: Record) -> tuple[Stage, ...]:
    """List all steps, and how far each is."""

    def state(step: Step) -> StepState:
        if step in record.done:
            return StepState.DONE
        if step is Step.REHEARSAL and not record.plan.rehearse:
            return StepState.LEFT_OUT
        return StepState.UNDER_WAY if step is record.next else StepState.AHEAD

    return tuple(Stage(step=step, state=state(step)) for step in Step)


async def run(scene: Scene) -> None:
    """Take all steps that are not done. Raises what stops one; it can be taken again."""
    record = scene.record
    scene.save()
    async with at_work(scene):
        while (step := record.next) is not None:
            listed = stages(record)
            await scene.person.begin(listed, listed[len(record.done)])
            await opening.links_down(scene)
            await _take(scene, step)
            record.done.append(step)
            scene.save()
    record.finished = scene.now()
    scene.journal.finish(record)


async def _take(scene: Scene, step: Step) -> None:
    """Take a step; once more, when a token went away meanwhile and a person brought it back."""
    while True:
        try:
            return await STEPS[step](scene)
        except TokenUnavailable as error:
            try:
                await scene.person.wait_until(f"{error.public}. Set that right")
            except BadRequest:  # there is nobody
                raise error from None
