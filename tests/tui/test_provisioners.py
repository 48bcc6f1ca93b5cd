"""The provisioners' screen: what is there, and every way to change it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from appliance.model.errors import Unavailable
from appliance.model.provisioners import Deed, FieldProblem, ProvisionerForm, ProvisionerSummary
from tests.support.console import Driven, drive
from tests.support.sample_operator import SampleOperator
from tui.provisioner_draft import ProvisionerDraft
from tui.screens.provisioner import ProvisionerScreen
from tui.widgets.form_row import FormRow, rows_of


def at(act: Callable[[Driven], Awaitable[None]], **options: object) -> None:
    drive(act, start="4", **options)  # type: ignore[arg-type]


async def listed(console: Driven) -> None:
    await console.until(lambda: "devices" in console.text)


async def open_form(console: Driven, name: str) -> ProvisionerScreen:
    await listed(console)
    names = [each["name"] for each in console.operator.entries]
    await console.press(*["down"] * names.index(name), "enter")
    return await form_of(console)


async def new_form(console: Driven, kind: str) -> ProvisionerScreen:
    await listed(console)
    await console.press("n")
    kinds = ("ACME", "JWK", "OIDC", "X5C", "SSHPOP", "Nebula", "K8sSA")
    await console.press(*["down"] * kinds.index(kind), "enter")
    return await form_of(console)


async def form_of(console: Driven) -> ProvisionerScreen:
    await console.until(lambda: isinstance(console.app.screen, ProvisionerScreen))
    screen = console.app.screen
    assert isinstance(screen, ProvisionerScreen)
    return screen


async def fill(console: Driven, screen: ProvisionerScreen, **values: str) -> None:
    for key, value in values.items():
        name = key.replace("_", "-")
        await screen.unfold(screen._draft.fields[name].page)
        row = rows_of(screen)[name]
        row.show(value)
        row.post_message(FormRow.Changed(row, value))
    await console.pilot.pause()


async def told(console: Driven, text: str) -> None:
    """Wait for a notice, which a console under test does not draw."""
    await console.until(lambda: any(text in each.message for each in console.app._notifications))


async def save(console: Driven) -> None:
    await console.press("ctrl+s")
    await console.until(lambda: "Enter add" in console.text or "Enter change" in console.text)
    await console.until(lambda: "looking" not in console.text)
    await console.press("enter")
    await told(console, "in force")


def test_each_says_its_state_in_a_word_and_what_it_may_certify() -> None:
    async def act(console: Driven) -> None:
        await listed(console)
        assert "● on" in console.line("admin")
        assert "any name" in console.line("admin")
        assert "1,204" in console.line("admin")
        assert "*.home.arpa, 192" in console.line("acme")
        assert "▲ listed" in console.line("printers")
        assert "○ off" in console.line("devices")
        await console.press("down", "down", "down")
        assert "does not serve its type" in console.lines[0]
        await console.press("question_mark")
        assert "it neither issues nor renews" in console.text

    at(act)


def test_a_silent_ca_is_said_to_be_one() -> None:
    class Silent(SampleOperator):
        async def provisioners(self) -> list[ProvisionerSummary]:
            raise Unavailable("the server has stopped")

        async def provisioner(self, name: str) -> ProvisionerForm:
            raise Unavailable("the server has stopped")

    async def act(console: Driven) -> None:
        await console.until(lambda: "▲ the server has stopped" in console.text)
        await console.press("d", "delete", "enter")
        assert "[4 Provisioners]" in console.text

    at(act, operator=Silent())


def test_claims_are_shown_as_inherited_or_set_here_and_undone() -> None:
    async def act(console: Driven) -> None:
        screen = await open_form(console, "acme")
        await console.press("right", "right")
        assert "set here (24h above)" in console.line("Longest")
        assert "inherited  5m" in console.line("Shortest")
        await console.press("tab", *["backspace"] * 3, *"48h")
        assert "edited" in console.lines[0]
        await console.press("tab", *"9h")
        assert "set here" in console.line("Usual")
        await console.press("ctrl+z")
        assert "inherited  24h" in console.line("Usual")
        await console.press("ctrl+z")
        assert rows_of(screen)["x509-max-dur"].value == "24h"
        assert "as in ca.json" in console.lines[0]
        await console.press("ctrl+z", "escape")
        await listed(console)

    at(act)


def test_the_rules_in_the_form_judge_names_as_one_types() -> None:
    async def act(console: Driven) -> None:
        screen = await open_form(console, "acme")
        await console.press("right")
        screen.query_one("#tried").focus()
        await console.press(*"nas.home.arpa,evil.example")
        await console.until(lambda: "● yes  nas.home.arpa" in console.text)
        assert 'allow.dns has "*.home.arpa"' in console.text
        assert "■ no   evil.example" in console.text
        await fill(console, screen, x509_allow_dns="evil.example")
        await console.until(lambda: "● yes  evil.example" in console.text)
        assert "■ no   nas.home.arpa" in console.text

    at(act, size=(100, 30))


def test_a_template_is_rendered_as_one_types() -> None:
    async def act(console: Driven) -> None:
        screen = await open_form(console, "admin")
        await console.press("right", "right", "right")
        await console.until(lambda: "X.509v3 TLS Certificate for nas.home.arpa" in console.text)
        await fill(console, screen, x509_template="{{ bad }}")
        await console.until(lambda: 'function "bad" not defined' in console.text)

    at(act)


def test_recipes_have_this_ca_in_them_and_keys_of_accounts_open_from_here() -> None:
    async def act(console: Driven) -> None:
        await open_form(console, "acme")
        await console.press("left")
        await console.until(lambda: "certbot certonly" in console.text)
        assert "https://ca.home.arpa/acme/acme/directory" in console.text
        await console.press("tab", "c")
        await told(console, "in the clipboard")
        await console.press("ctrl+b")
        await console.until(lambda: "which can keep it to" in console.text)
        await console.press("a")
        await console.until(lambda: "ACME: external account keys" in console.text)

    at(act, size=(120, 40))


def test_a_change_is_seen_before_it_is_saved() -> None:
    async def act(console: Driven) -> None:
        screen = await open_form(console, "acme")
        await fill(console, screen, require_eab="yes", x509_max_dur="72h")
        await console.press("ctrl+s")
        await console.until(lambda: '"requireEAB": true' in console.text)
        assert '-          "maxTLSCertDuration": "24h0m0s"' in console.text
        assert console.operator.changes == []
        await console.press("escape")
        assert "edited" in console.lines[0]
        await save(console)
        (change,) = console.operator.changes
        assert dict(change.values) == {"require-eab": "yes", "x509-max-dur": "72h"}
        await listed(console)

    at(act, size=(90, 40))


# ---- every wrong value says what is wrong beside it

WRONG = {
    "ACME": {
        "name": ("", "a name is needed"),
        "challenge": ("http-02", "options are http-01"),
        "attestation-format": ("none", "options are apple"),
        "attestation-roots": ("/no/such/file", "cannot be read"),
        "terms-of-service": ("none", "must be an https:// URL"),
        "website": ("none", "must be an https:// URL"),
        "caa": ("perhaps", "options are warn"),
        "patience": ("long", "duration"),
        "x509-max-dur": ("a day", "duration"),
    },
    "JWK": {
        "name": ("", "a name is needed"),
        "password": ("", "a password is needed"),
        "x509-template-data": ("[", "is not JSON"),
        "ssh-user-min-dur": ("1", "duration"),
    },
    "OIDC": {
        "client-id": ("", "this is needed"),
        "configuration-endpoint": ("idp", "must be an https:// URL"),
    },
    "X5C": {"x5c-roots": ("-----BEGIN", "PEM")},
    "Nebula": {"nebula-root": ("{}", "no ")},
    "K8sSA": {"public-key": ("{}", "no public keys in PEM")},
    "SSHPOP": {"ssh-host-max-dur": ("x", "duration")},
}


def wrong_rows(screen: ProvisionerScreen) -> dict[str, FormRow]:
    return {name: row for name, row in rows_of(screen).items() if row.has_class("-wrong")}


@pytest.mark.parametrize(
    "kinds", [("ACME",), ("JWK", "OIDC"), ("X5C", "Nebula", "K8sSA", "SSHPOP")]
)
def test_a_wrong_value_says_what_is_wrong_beside_it(kinds: tuple[str, ...]) -> None:
    async def judge(console: Driven, kind: str) -> None:
        wrong = WRONG[kind]
        screen = await new_form(console, kind)
        values = {name: value for name, (value, _) in wrong.items()}
        await fill(console, screen, **({"name": "new"} | values))
        await console.press("ctrl+s")
        await console.until(lambda: wrong_rows(screen))
        if "attestation-roots" in wrong:  # files are read first
            await console.until(lambda: "■ /no/such/file cannot be read" in console.text)
            await fill(console, screen, attestation_roots="")
            await console.press("ctrl+s")
            await console.until(lambda: "name" in wrong_rows(screen))
        rows = wrong_rows(screen)
        assert set(rows) == set(wrong) - {"attestation-roots"}
        first = next(iter(rows.values()))
        _, part = wrong[first.field.name]
        await console.until(lambda: f"■ {part}" in console.text or part in console.text)
        assert console.app.focused is first._widget
        await console.press("escape", "escape")
        await listed(console)
        assert console.operator.changes == []

    async def act(console: Driven) -> None:
        for kind in kinds:
            await judge(console, kind)

    at(act, size=(90, 40))


def test_what_the_reload_refuses_is_told_and_the_form_stays() -> None:
    async def act(console: Driven) -> None:
        screen = await open_form(console, "acme")
        await fill(console, screen, website="https://ca.home.arpa")
        console.operator.reload_problem = FieldProblem(field="website", text="nobody is there")
        await console.press("ctrl+s")
        await console.until(lambda: '"website"' in console.text)
        await console.press("enter")
        await console.until(lambda: "■ nobody is there" in console.text)
        assert "■ General" in console.lines[2]
        console.operator.reload_problem = FieldProblem(field="", text="the port is taken")
        await console.press("ctrl+s")
        await console.until(lambda: '"website"' in console.text)
        await console.press("enter")
        await console.until(lambda: "■ the port is taken" in console.text)
        await console.press("escape")
        assert "edited" in console.lines[0]
        await console.press("escape")
        assert "Not saved" in console.text
        await console.press("escape")
        await listed(console)
        assert console.operator.changes == []

    at(act)


# ---- adding, switching, removing


def test_one_is_added_and_its_password_is_neither_shown_nor_kept() -> None:
    async def act(console: Driven) -> None:
        screen = await new_form(console, "JWK")
        await console.press("tab", *"ops", "tab", *"correct")
        assert "correct" not in console.text
        await save(console)
        (change,) = console.operator.changes
        assert (change.deed, change.name, change.type) == (Deed.ADD, "ops", "JWK")
        assert change.values["password"] == "correct"
        assert "correct" not in repr(change)
        assert screen._draft["password"] == ""
        await console.until(lambda: "ops" in console.text)

    at(act)


def test_d_switches_one_off_and_on_after_a_look() -> None:
    async def act(console: Driven) -> None:
        await listed(console)
        await console.press("down", "d")
        await console.until(lambda: '"disabled": true' in console.text)
        assert "It will issue and renew nothing." in console.text
        await console.press("enter")
        await console.until(lambda: "○ off" in console.line("acme "))
        await console.press("enter")
        await form_of(console)
        assert "○ off" in console.lines[0]
        await console.press("d")
        await console.until(lambda: "Switch acme on?" in console.text)
        await console.until(lambda: "looking" not in console.text)
        await console.press("enter")
        await console.until(lambda: "● on" in console.line("acme "))

    at(act)


def test_one_is_removed_when_its_name_is_typed() -> None:
    async def act(console: Driven) -> None:
        await listed(console)
        await console.press("down", "delete")
        await console.until(lambda: "Type its name, acme" in console.text)
        assert "The 2,208 certificates that it issued" in console.text
        await console.press(*"acne", "enter")
        await console.until(lambda: "That is not acme. Nothing was removed." in console.text)
        await console.press("backspace", "backspace", *"me", "enter")
        await told(console, "acme was removed")
        await console.until(lambda: "● on" not in console.line("acme "))
        assert [each.deed for each in console.operator.changes] == [Deed.REMOVE]

    at(act)


def test_one_that_is_not_served_is_shown_honestly_and_can_be_removed() -> None:
    async def act(console: Driven) -> None:
        await open_form(console, "printers")
        assert "serves nothing for it" in console.text
        await console.press("delete")
        await console.until(lambda: "Type its name, printers" in console.text)
        await console.until(lambda: "looking" not in console.text)
        assert "1234" not in console.text
        await console.press(*"printers", "enter")
        await told(console, "printers was removed")

    at(act)


def test_a_draft_is_edited_undone_and_forgotten() -> None:
    draft = ProvisionerDraft(asyncio.run(SampleOperator().provisioner("acme")))
    for value in ("h", "ht", "htt"):
        draft.put("website", value)
    draft.pause()
    draft.put("website", "other")
    assert draft.undo() == "website"
    assert draft["website"] == "htt"
    assert draft.undo() == "website"
    assert not draft.changed
    assert not draft.can_undo
    draft.put("website", "secret")
    draft.forget()
    assert not draft.changed


def test_the_palette_adds_one_from_anywhere() -> None:
    async def act(console: Driven) -> None:
        await console.press("1", "ctrl+p", *"add a prov")
        await console.until(lambda: "Let somebody ask" in console.text)
        await console.press("enter")
        await console.until(lambda: "A new provisioner is for" in console.text)

    at(act)
