"""External account keys in the console: seen, made, shown once, removed after a question."""

from datetime import timedelta

import pytest

from appliance.model.errors import Unavailable
from appliance.model.external_keys import ExternalKey, ExternalKeyPage, ExternalKeyQuery
from tests.support.console import Driven, drive
from tests.support.sample_operator import NOW, OVERVIEW, SampleOperator

SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
USED = ExternalKey(
    id="aaaabbbbccccdddd",
    provisioner="acme",
    reference="printer",
    created_at=NOW - timedelta(days=2),
    bound_at=NOW - timedelta(days=1),
    account="acct7",
    names=("printer.home.arpa", "192.0.2.7"),
)
LATE = ExternalKey(
    id="eeeeffff00001111",
    provisioner="acme",
    created_at=NOW - timedelta(days=3),
    not_after=NOW - timedelta(hours=1),
)


def operator(*keys: ExternalKey) -> SampleOperator:
    made = SampleOperator()
    made.made = keys
    return made


async def opened(console: Driven) -> None:
    await console.press("a")
    await console.until(lambda: "new key" in console.text and "Asking" not in console.text)


def test_keys_are_listed_newest_first_with_state_and_names() -> None:
    async def act(console: Driven) -> None:
        await opened(console)
        assert "○ used" in console.line("printer")
        assert "printer.home.arpa" in console.line("○ used")
        assert "any name" in console.line("▲ expired")
        assert console.text.index("○ used") < console.text.index("▲ expired")
        await console.press("escape")
        assert "● following" in console.text

    drive(act, operator=operator(LATE, USED))


def test_a_key_tells_all_but_its_secret() -> None:
    async def act(console: Driven) -> None:
        await opened(console)
        await console.press("enter")
        for part in ("Key printer", USED.id, "printer.home.arpa, 192.0.2.7", "acct7", "○ used"):
            assert part in console.text, part
        await console.press("escape", "down", "enter")
        assert "60 min ago" in console.line("Good until")

    drive(act, operator=operator(LATE, USED))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_key_is_made_and_shown_once(size: tuple[int, int]) -> None:
    async def act(console: Driven) -> None:
        await opened(console)
        assert "There is no key yet" in console.text
        await console.press("n", *"nas", "tab", *"nas.home.arpa, ")
        await console.press(*"192.0.2.7", "tab", "down", "down", "down", "enter", "ctrl+s")
        await console.until(lambda: SECRET in console.text)
        (key,) = console.operator.made
        assert (key.reference, key.names) == ("nas", ("nas.home.arpa", "192.0.2.7"))
        assert key.not_after == NOW + timedelta(days=1)
        await console.press("c")
        assert console.app.clipboard == SECRET
        await console.press("escape")
        await console.until(lambda: "● unused" in console.text)
        assert SECRET not in console.text

    drive(act, size=size, operator=operator())


def test_what_the_ca_refuses_is_said_in_the_form() -> None:
    class Refusing(SampleOperator):
        async def add_external_key(self, order: object) -> None:  # type: ignore[override]
            raise Unavailable(f"there is a key of that name already: {order!r:.0}")

    async def act(console: Driven) -> None:
        await opened(console)
        await console.press("n", *"nas", "enter")
        await console.until(lambda: "■ there is a key of that name already" in console.text)
        await console.press("escape")
        assert "There is no key yet" in console.text

    drive(act, operator=Refusing())


def test_the_provisioner_is_chosen_where_there_are_several() -> None:
    class Two(SampleOperator):
        async def external_keys(self, query: ExternalKeyQuery) -> ExternalKeyPage:
            return ExternalKeyPage(keys=(), cursor="")

    async def act(console: Driven) -> None:
        await opened(console)
        await console.press("n", "shift+tab", "down", "down", "enter", "ctrl+s")
        await console.until(lambda: SECRET in console.text)
        (key,) = console.operator.made
        assert key.provisioner == OVERVIEW.provisioners[1]

    drive(act, operator=Two())


def test_a_key_is_removed_when_the_end_of_its_id_is_typed() -> None:
    async def act(console: Driven) -> None:
        await opened(console)
        await console.press("d", *"oops", "enter")
        await console.until(lambda: "That is not dddd" in console.text)
        assert len(console.operator.made) == 2
        assert "The account that it let in stays" in console.text
        await console.press("end", *["backspace"] * 4, *"dddd", "enter")
        await console.until(lambda: "Remove printer?" not in console.text)
        await console.until(lambda: "printer" not in console.text)
        assert [key.id for key in console.operator.made] == [LATE.id]

    drive(act, operator=operator(USED, LATE))


def test_without_a_provisioner_of_type_acme_it_says_how_to_add_one() -> None:
    class NoAcme(SampleOperator):
        async def external_keys(self, query: ExternalKeyQuery) -> ExternalKeyPage:
            return await super().external_keys(ExternalKeyQuery(provisioner="other"))

    async def act(console: Driven) -> None:
        await console.press("a")
        await console.until(lambda: "hearth ca provisioner add" in console.text)
        await console.press("n", "d")
        assert "external account keys" in console.text

    drive(act, operator=NoAcme())


def test_a_silent_ca_is_said_to_be_one() -> None:
    class Silent(SampleOperator):
        async def external_keys(self, query: ExternalKeyQuery) -> ExternalKeyPage:
            raise Unavailable("the server has stopped")

    async def act(console: Driven) -> None:
        await console.press("a")
        await console.until(lambda: "▲ the server has stopped" in console.text)
        await console.press("question_mark")
        assert "its secret is shown once" in console.text

    drive(act, operator=Silent())
