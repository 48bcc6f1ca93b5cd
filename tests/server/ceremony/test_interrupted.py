"""A ceremony with keys in files: cut off at each step, resumed, rolled back, and what it leaves."""

import json
from pathlib import Path

import pytest

from appliance.config.loading import load
from appliance.formats import keyfile
from appliance.model.ceremony import Role, Stage, Step
from appliance.model.errors import BadRequest, Unavailable
from appliance.server.ceremony import course, rehearsal, rollback
from appliance.server.ceremony.scene import Scene
from appliance.server.ceremony.sheet import envelope_in
from tests.support.ceremony import Paper, files, planned, scene


@pytest.fixture(autouse=True)
def _files_are_opened_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfile, "ITERATIONS", 1000)


class Killed(BaseException):
    """The power is cut."""


class Mortal(Paper):
    """A person at whose place the power goes out when a step begins, or when it speaks."""

    cut: Step | None = None
    within: bool = False

    async def begin(self, stages: tuple[Stage, ...], current: Stage) -> None:
        await Paper.begin(self, stages, current)
        if self.cut is current.step and not self.within:
            raise Killed

    async def tell(self, text: str) -> None:
        if self.within and self.steps[-1:] == [self.cut]:
            raise Killed
        await Paper.tell(self, text)


async def cut_off(base: Path, step: Step, *, within: bool) -> tuple[Paper, Scene]:
    """Hold a ceremony up to a step, with nothing secret on disk; give paper and plan."""
    medium = base / "medium"
    medium.mkdir()
    paper = Mortal()
    paper.cut, paper.within = step, within
    shares = (2, 3) if step in (Step.SHEET, Step.REHEARSAL) else None  # their codes take a while
    begun = scene(base, paper, planned(base, str(medium), "", shares=shares))
    try:
        await course.run(begun)
    except BaseException as error:  # alone, or a group of one, from a nursery
        if not _is_killed(error):
            raise
    holds_no_secret(base, paper)
    return Paper(written=paper.written, shares=paper.shares), begun


def _is_killed(error: BaseException) -> bool:
    return isinstance(error, Killed) or (
        isinstance(error, BaseExceptionGroup) and error.split(Killed)[1] is None
    )


def holds_no_secret(base: Path, paper: Paper) -> None:
    for name, content in files(base).items():
        for secret in paper.everything:
            assert secret.encode() not in content, name
            assert secret.replace("-", "").encode() not in content, name


@pytest.mark.parametrize("step", Step)
async def test_cut_off_at_any_step_it_goes_on_and_papers_of_before_hold(
    tmp_path: Path, step: Step
) -> None:
    paper, _ = await cut_off(tmp_path, step, within=True)
    if (tmp_path / "step/ceremony/journal.json").exists():
        resumed = scene(tmp_path, paper)
        await course.run(resumed)
        assert paper.steps[0] is step
    holds_no_secret(tmp_path, paper)
    record = json.loads((tmp_path / "step/ceremony/record.json").read_text())
    assert record["finished"]
    assert set(record["keys"]) == set(Role)
    load(tmp_path / "step/config/ca.json")
    if not paper.shares:
        return
    sheet = (tmp_path / "step/ceremony/recovery.txt").read_text()
    again = Paper(shares=paper.shares[-2:])
    assert set(await rehearsal.opened(again, envelope_in(sheet))) == set(paper.written)


@pytest.mark.parametrize("step", [each for each in Step if each is not Step.NETWORK])
async def test_rolled_back_at_any_step_nothing_stays(tmp_path: Path, step: Step) -> None:
    paper, _ = await cut_off(tmp_path, step, within=False)
    assert await rollback.roll_back(scene(tmp_path, paper)) == []
    assert files(tmp_path) == {}


async def test_the_sheet_says_what_is_where_and_both_its_forms_carry_the_fingerprint(
    tmp_path: Path,
) -> None:
    (tmp_path / "medium").mkdir()
    pages = tmp_path / "pages"
    pages.mkdir()
    paper = Paper()
    made = planned(tmp_path, str(tmp_path / "medium"), "", shares=(2, 3), shares_to=str(pages),
                   rehearse=False)  # fmt: skip
    await course.run(scene(tmp_path, paper, made))
    text = (tmp_path / "step/ceremony/recovery.txt").read_text()
    page = (tmp_path / "step/ceremony/recovery.html").read_text()
    for role in Role:
        assert str(made.homes[role]) in text
    assert "<svg" in page
    assert "<script" not in page
    assert "not rehearsed" not in text  # written before
    assert any("Try soon" in told for told in paper.told)
    assert len(list(pages.glob("share-*.html"))) == 3
    assert not paper.shares  # which were printed, not shown


@pytest.mark.parametrize("there_is_somebody", [True, False])
async def test_it_goes_on_only_while_no_link_is_up_where_that_was_wanted(
    tmp_path: Path, there_is_somebody: bool
) -> None:
    link = tmp_path / "links/eth0"
    link.mkdir(parents=True)
    (link / "type").write_text("1\n")
    (link / "operstate").write_text("up\n")

    class Hand(Paper):
        async def act(self, done: str) -> None:
            if not there_is_somebody:
                raise BadRequest("nobody")
            assert "eth0" in done
            (link / "operstate").write_text("down\n")

    (tmp_path / "medium").mkdir()
    hand = Hand()
    made = planned(tmp_path, str(tmp_path / "medium"), "", links_down=True, rehearse=False)
    begun = scene(tmp_path, hand, made)
    begun.links = tmp_path / "links"
    if there_is_somebody:
        await course.run(begun)
        assert begun.record.finished
    else:
        with pytest.raises(Unavailable, match="eth0"):
            await course.run(begun)
        assert begun.record.done == []
