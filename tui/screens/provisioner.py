"""All that can be said of a provisioner, page by page, and what comes of it before it is saved."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import DescendantBlur, Resize
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Footer, Rule, Static

from appliance.model.errors import HearthError
from appliance.model.provisioners import (
    Deed,
    FieldKind,
    FieldProblem,
    ProvisionerChange,
    ProvisionerForm,
)
from appliance.operator.interface import Operator
from appliance.operator.reading import content_of
from tui.provisioner_draft import ProvisionerDraft
from tui.screens.external_keys import ExternalKeyScreen
from tui.screens.help import Help
from tui.screens.save_configuration import SaveConfiguration
from tui.widgets.ends import ends
from tui.widgets.form_row import FormRow, rows_of
from tui.widgets.name_probe import NameProbe
from tui.widgets.page_bar import PageBar
from tui.widgets.probe import Probe
from tui.widgets.recipe_card import RecipeCard
from tui.widgets.sheet import Field, Section
from tui.widgets.template_probe import TemplateProbe
from tui.wording import ACT, GOOD, LOOK, Calendar, printable

_TITLES: Final = {
    "general": "General",
    "names": "Names",
    "lifetimes": "Lifetimes",
    "template": "Template",
    "accounts": "Accounts & EAB",
    "recipe": "Recipe",
}
_WIDE: Final = 110
_ACCOUNTS: Final = (
    "Whoever proves a name gets an account here, unless `Accounts need a key` is set on the first"
    " page (requireEAB): then a new account needs a key that this CA gave out, which can keep it"
    " to some names for ever (external account binding, RFC 8555 7.3.4).\n\n"
    "a   opens the keys of all provisioners of type ACME: made, seen and removed there.\n\n"
    "Accounts that are there already stay when this is changed. What they order is in the live"
    " view (2), with why an order failed."
)
_HELP: Final = (
    Section(
        title="The form",
        text=(
            "Nothing is changed before Ctrl+S, and then after a look at the difference. A field"
            " that is left empty is inherited, or as its type has it; under the field that is"
            " typed in stands what belongs there, and below it what is wrong with it."
        ),
        fields=(
            Field(name="← →", value="the next page, while the line of pages is marked"),
            Field(
                name="Ctrl+N", value="the next page, from wherever you are; Ctrl+B the one before"
            ),
            Field(name="Tab", value="the next field; Shift+Tab the one before"),
            Field(name="space", value="another word, where there is a choice"),
            Field(name="Ctrl+Z", value="take the last change back"),
            Field(name="Ctrl+S", value="look at the change of ca.json, then save it"),
            Field(name="d, Del", value="switch it off or on; remove it (not while typing)"),
            Field(name="Esc", value="back to the list; a second time, if something was typed"),
        ),
    ),
    Section(
        title="Names, templates, recipes",
        text=(
            "`Would it be allowed?` is answered by the rules as they stand in the form, those of"
            " the authority and the constraints of the CA, by the code that judges certificates."
            " A template is rendered for an example as you type. A recipe has this CA's URL and"
            " fingerprint; c copies the one that is marked, where the terminal allows it."
        ),
    ),
)


class ProvisionerScreen(Screen[None]):
    """One provisioner."""

    CSS = """
    ProvisionerScreen {
        background: $background;
        #title { height: 1; padding: 0 1; }
        Rule.-horizontal { color: $panel; margin: 0; }
        Footer { padding: 0 1; }
        ContentSwitcher { height: 1fr; }
        .page { padding: 0 1; scrollbar-size-vertical: 1; }
        .fields { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
        .quiet { color: $foreground 60%; height: auto; padding: 0 0 1 0; }
        #problem { height: auto; padding: 0 1; color: $error; display: none; }
        &.-wrong #problem { display: block; }
        &.-wide #template { layout: horizontal; }
        &.-wide #template TemplateProbe { width: 1fr; height: 1fr; max-height: 100%; }
        &.-wide TextArea { height: 14; }
        &.-low Rule { display: none; }
    }
    """
    AUTO_FOCUS = "PageBar"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "preview, save", key_display="^S", priority=True),
        Binding("ctrl+z", "undo", "undo", key_display="^Z", priority=True),
        Binding("ctrl+n", "turn(1)", "page", key_display="^N", priority=True),
        Binding("ctrl+b", "turn(-1)", "page before", show=False, priority=True),
        Binding("d", "switch", "on/off"),
        Binding("delete,x", "remove", "remove", key_display="Del"),
        Binding("a", "external_keys", "ACME keys"),
        Binding("question_mark,f1", "help", "help", key_display="?"),
        Binding("escape", "leave", "back", key_display="Esc"),
    ]

    def __init__(
        self, operator: Operator, form: ProvisionerForm, calendar: Calendar | None
    ) -> None:
        super().__init__()
        self._operator = operator
        self._form = form
        self._calendar = calendar
        self._draft = ProvisionerDraft(form)
        self._bar = PageBar([(name, _TITLES[name]) for name in _pages(form)])
        self._wrong: dict[str, FieldProblem] = {}
        self._unfolded: set[str] = set()
        self._leaving = False

    # ---- what is seen

    def compose(self) -> ComposeResult:
        """Title, pages, keys."""
        pages = _pages(self._form)
        yield Static(id="title")
        yield Rule()
        yield self._bar
        yield Rule()
        with ContentSwitcher(initial=pages[0]):
            for page in pages:
                yield from self._page(page)
        yield Static(id="problem", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    async def on_mount(self) -> None:
        """Say what it is, and show the first page."""
        self._show_title()
        await self.unfold(self._bar.page)

    async def unfold(self, page: str) -> None:
        """Make the fields of a page: only when it is seen, since there are many."""
        if page in self._unfolded or not self.query(f"#fields-{page}"):
            return
        self._unfolded.add(page)
        rows = [FormRow(each) for each in self._form.fields if each.page == page]
        await self.query_one(f"#fields-{page}").mount_all(rows)
        for row in rows:
            row.complain(self._wrong.get(row.field.name))

    def on_unmount(self) -> None:
        """Keep no secret that was typed."""
        self._draft.forget()

    def on_resize(self, event: Resize) -> None:
        """Put the rendering beside the template where there is room."""
        self.set_class(event.size.width >= _WIDE, "-wide")
        self.set_class(event.size.height < 20, "-low")
        self._show_title()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done."""
        match action:
            case "undo":
                return self._draft.can_undo
            case "switch" | "remove":
                return bool(self._form.name)
            case "external_keys":
                return self._form.type == "ACME" and bool(self._form.name and self._calendar)
            case _:
                return True

    # ---- what is done

    def action_turn(self, by: int) -> None:
        """See another page."""
        self._bar.action_turn(by)
        self._bar.focus()

    async def action_undo(self) -> None:
        """Take the last change back, and show where it was."""
        if not self._draft.can_undo:
            return
        name = self._draft.undo()
        row = rows_of(self)[name]
        with self.prevent(FormRow.Changed):
            row.show(self._draft[name])
        self._bar.turn_to(row.field.page)
        self._changed()
        self.refresh_bindings()
        row.take_focus()

    def action_save(self) -> None:
        """Look at what would change."""
        self.run_worker(self._preview(), exclusive=True, group="save")

    def action_switch(self) -> None:
        """Switch it off, or on again."""
        self._propose(Deed.ENABLE if self._form.disabled else Deed.DISABLE)

    def action_remove(self) -> None:
        """Remove it, after its name was typed."""
        self._propose(Deed.REMOVE)

    def action_external_keys(self) -> None:
        """See the keys that let new ACME accounts in."""
        if self._calendar is not None:
            keys = ExternalKeyScreen(self._operator, [self._form.name], self._calendar)
            self.app.push_screen(keys)

    def action_help(self) -> None:
        """Explain this screen."""
        self.app.push_screen(Help(f"Provisioner of type {self._form.type}", _HELP))

    def action_leave(self) -> None:
        """Go back; what was typed is let go only when that is asked for twice."""
        if self._draft.changed and not self._leaving:
            self._leaving = True
            self._complain("", f"{LOOK} Not saved. Esc again leaves it; Ctrl+S looks and saves.")
            return
        self.dismiss()

    # ---- what is told

    @on(PageBar.Turned)
    async def _turned(self, message: PageBar.Turned) -> None:
        await self.unfold(message.page)
        self.query_one(ContentSwitcher).current = message.page
        self._draft.pause()
        self._try(message.page)

    @on(FormRow.Changed)
    def _typed(self, message: FormRow.Changed) -> None:
        could_undo = self._draft.can_undo
        self._draft.put(message.row.field.name, message.value)
        self._wrong.pop(message.row.field.name, None)
        message.row.complain(None)
        self._changed()
        if could_undo != self._draft.can_undo:
            self.refresh_bindings()

    @on(DescendantBlur)
    def _left_field(self) -> None:
        self._draft.pause()

    def _changed(self) -> None:
        self._leaving = False
        self.remove_class("-wrong")
        self._show_title()
        self._try(self._bar.page)

    def _try(self, page: str) -> None:
        """Answer anew what is tried on a page."""
        for probe in self.query(f"#{page} Probe"):
            if isinstance(probe, Probe):
                probe.look()

    # ---- saving

    async def _preview(self) -> None:
        problems, contents = await self._contents()
        if not problems:
            try:
                outcome = await self._operator.preview_provisioner(self._draft.change(contents))
            except HearthError as error:
                await self._show_problems((FieldProblem(field="", text=error.public),))
                return
            problems = list(outcome.problems)
        await self._show_problems(problems)
        if problems:
            return
        screen = SaveConfiguration(self._operator, self._draft.change(contents))
        self.app.push_screen(screen, lambda saved: self._saved(screen, saved=bool(saved)))

    async def _contents(self) -> tuple[list[FieldProblem], dict[str, str]]:
        """Read the files that were named, on this machine."""
        problems: list[FieldProblem] = []
        contents: dict[str, str] = {}
        for name, value in self._draft.changed.items():
            if self._draft.fields[name].kind is FieldKind.FILE:
                try:
                    contents[name] = await asyncio.to_thread(content_of, value)
                except HearthError as error:
                    problems.append(FieldProblem(field=name, text=error.public))
        return problems, contents

    async def _saved(self, screen: SaveConfiguration, *, saved: bool) -> None:
        if saved:
            self._draft.forget()
            self.dismiss()
        else:
            await self._show_problems(screen.problems)

    def _propose(self, deed: Deed) -> None:
        change = ProvisionerChange(deed=deed, name=self._form.name, type=self._form.type)
        screen = SaveConfiguration(self._operator, change)
        self.app.push_screen(screen, self._made)

    def _made(self, made: bool | None) -> None:  # noqa: FBT001 - what Textual calls it with
        if made:
            self.dismiss()

    async def _show_problems(self, problems: Iterable[FieldProblem]) -> None:
        """Say each beside its field, the rest below; go to the first."""
        problems = tuple(problems)
        fields = self._draft.fields
        self._wrong = {each.field: each for each in problems if each.field in fields}
        self._complain("; ".join(each.text for each in problems if each.field not in fields))
        self._bar.mark([fields[name].page for name in self._wrong])
        for name, row in rows_of(self).items():
            row.complain(self._wrong.get(name))
        first = next((field for name, field in fields.items() if name in self._wrong), None)
        if first is not None:
            await self.unfold(first.page)
            self._bar.turn_to(first.page)
            row = rows_of(self)[first.name]
            row.take_focus()
            row.scroll_visible()

    def _complain(self, wrong: str, said: str = "") -> None:
        text = f"{ACT} {printable(wrong)}" if wrong else said
        self.set_class(bool(text), "-wrong")
        self.query_one("#problem", Static).update(text)

    # ---- parts

    def _page(self, page: str) -> ComposeResult:
        change = self._draft.change
        match page:
            case "accounts":
                with VerticalScroll(id=page, classes="page"):
                    yield Static(_ACCOUNTS, classes="quiet", markup=False)
            case "recipe":
                with VerticalScroll(id=page, classes="page", can_focus=False):
                    for recipe in self._form.recipes:
                        yield RecipeCard(recipe)
            case _:
                with Vertical(id=page):
                    with VerticalScroll(id=f"fields-{page}", classes="fields", can_focus=False):
                        yield from self._notes(page)
                    if page == "names":
                        yield NameProbe(self._operator, change, self._form.type)
                    if page == "template":
                        yield TemplateProbe(self._operator, change, self._form.type)

    def _notes(self, page: str) -> Iterable[Static]:
        """Say what the form does not ask."""
        if page != "general":
            return
        lines = [self._form.asks]
        if not self._form.served:
            lines = [f"{LOOK} This version lists it, and serves nothing for it."]
        if self._form.state:
            lines.append(f"{ACT} {self._form.state}")
        if self._form.kept:
            lines.append(f"Kept as ca.json has it: {', '.join(self._form.kept)}.")
        yield Static("\n".join(map(_lines, lines)), classes="quiet", markup=False)

    def _show_title(self) -> None:
        if not self.is_mounted:
            return
        name = printable(self._form.name or self._draft["name"]) or "new"
        left = Text("Provisioners › ") + Text(name, "bold") + Text(f" ({self._form.type})")  # noqa: RUF001
        state = "○ off" if self._form.disabled else f"{GOOD} on" if self._form.name else "new"
        edited = "edited" if self._draft.changed else "as in ca.json"
        right = Text(f"{state}    {edited if self._form.name else 'not saved'}")
        self.query_one("#title", Static).update(ends(left, right, max(0, self.size.width - 2)))


def _pages(form: ProvisionerForm) -> list[str]:
    """Give the pages that a form has."""
    pages = list(dict.fromkeys(each.page for each in form.fields))
    if form.type == "ACME" and form.name:
        pages.append("accounts")
    if form.recipes:
        pages.append("recipe")
    return [each for each in _TITLES if each in pages]


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))
