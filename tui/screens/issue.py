"""Issuing from here: for names with a key made here, for a device's request, for an SSH key."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input, Label, Rule, Select, Static, TextArea

from appliance.model.errors import Forbidden, HearthError
from appliance.model.founding import Check, Mark
from appliance.model.issuing import Offer
from appliance.model.overview import Overview
from appliance.model.secret import Password
from appliance.operator.interface import Issuing
from appliance.operator.issued_files import Issued, Written, prepare
from appliance.operator.wish_checks import judged, shown, span_of
from appliance.operator.wishes import KEYS, FileForm, Subject, Wish, suggested
from tui.issued import explained
from tui.screens.help import Help
from tui.widgets.answers import Answer, focus_wrong, looks, show_checks
from tui.widgets.findings import Findings
from tui.widgets.sheet import Field, Section, Sheet
from tui.wording import plain, printable

_SUBJECTS: Final = {
    Subject.NAMES: "names; the key is made here",
    Subject.REQUEST: "a device's request (CSR)",
    Subject.SSH_USER: "an SSH user's public key",
    Subject.SSH_HOST: "an SSH host's public key",
}
_FORMS: Final = {
    FileForm.PEM: "PEM: chain and key, two files",
    FileForm.ONE_PEM: "PEM: chain and key in one file",
    FileForm.P12: "PKCS #12 (.p12): devices since about 2019",
    FileForm.OLD_P12: "PKCS #12 for older ones: weak (SHA-1, Triple DES)",
}
_HIDDEN: Final = {  # fields that are not asked for
    Subject.NAMES: {"request", "ssh_key", "key_id"},
    Subject.REQUEST: {"ssh_key", "key_id", "key", "form-of", "passphrase", "again"},
    Subject.SSH_USER: {"request", "key", "form-of", "passphrase", "again", "profile"},
    Subject.SSH_HOST: {"request", "key", "form-of", "passphrase", "again", "profile"},
}
_NAMES: Final = {
    Subject.NAMES: "printer.home.arpa 192.0.2.9: DNS, IP, e-mail, URI",
    Subject.REQUEST: "empty: those of the request",
    Subject.SSH_USER: "jane admin: who may log in with it",
    Subject.SSH_HOST: "nas.home.arpa 192.0.2.9: as clients call it",
}
_WRITING: Final = {"form-of", "path", "passphrase", "again"}
_USUAL: Final = ""
_HELP: Final = (
    Section(
        title="What this is for",
        text=(
            "Devices that cannot ask by themselves (ACME): printers, switches, NAS, cameras. The"
            " provisioner's rules hold as for everybody: how long, which names, which template."
            " What is issued is recorded as issued by the operator."
        ),
    ),
    Section(
        title="Fields",
        fields=(
            Field(name="Valid for", value="90d, 24h, 1y, or until a date as 2027-01-31"),
            Field(name="Request", value="paste it, or type the path of its file"),
            Field(name="Data", value="for a provisioner's own template: key=value, key=value"),
            Field(name="Passphrase", value="locks the key in its file; PKCS #12 needs one"),
            Field(name="Ctrl+S", value="issue it; Enter does, too, in a line"),
            Field(name="Ctrl+U", value="empties a line"),
        ),
    ),
)


class Issue(Screen[bool]):
    """Ask, judge, issue, write, and say what comes next. Gives whether something was issued."""

    CSS = """
    Issue {
        background: $background;
        #title { height: 1; padding: 0 2; color: $primary; }
        #title Label { width: auto; }
        #title .gap { width: 1fr; }
        Rule.-horizontal { color: $panel; margin: 0; }
        #form { height: 1fr; padding: 0 2; scrollbar-size-vertical: 1; }
        #request { height: 4; }
        #findings { margin: 1 0 0 0; display: none; }
        #hint { height: auto; color: $foreground 60%; }
        Sheet { height: 1fr; display: none; padding: 0 2; }
        Footer { padding: 0 1; }
        &.-issued #form { display: none; }
        &.-issued Sheet { display: block; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "issue", "issue"),
        Binding("escape", "leave", "back"),
        Binding("f1", "help", "help"),
        Binding("c", "copy", "copy the certificate"),
    ]

    def __init__(self, operator: Issuing, overview: Overview) -> None:
        super().__init__()
        self._operator = operator
        self._overview = overview
        self._offers: Sequence[Offer] = ()
        self._seen: set[str] = set()
        self._suggested = ""
        self._issued: Issued | None = None  # and perhaps not written yet
        self._written: Written | None = None

    def compose(self) -> ComposeResult:
        """Put all questions below each other; what is not asked is hidden."""
        with Horizontal(id="title"):
            yield Label("Issue a certificate")
            yield Label(classes="gap")
            yield Label("Certificates: new")
        yield Rule()
        with VerticalScroll(id="form", can_focus=False):
            yield from self._answers()
            yield Findings(id="findings", markup=False)
            yield Static(id="hint", markup=False)
        yield Sheet(names=13)
        yield Rule()
        yield Footer(show_command_palette=False)

    def _answers(self) -> Iterable[Widget]:
        subjects = [(text, each) for each, text in _SUBJECTS.items()]
        yield Answer("For", _choice("subject", subjects))
        yield Answer("Request", TextArea(id="request", compact=True), field="request")
        yield Answer("Public key", _line("ssh_key", "ssh-ed25519 AAAA… or a path"), field="ssh_key")
        yield Answer("Names", _line("names"), field="names")
        yield Answer("Key id", _line("key_id", "in the log of sshd; empty: the key's comment"))
        yield Answer("Provisioner", _choice("provisioner", [("…", _USUAL)]), field="provisioner")
        yield Answer("Profile", _choice("profile", [("none", _USUAL)]))
        yield Answer("Valid for", _line("lifetime"), field="lifetime")
        yield Answer("Template data", _line("data", "key=value, key=value"), field="data")
        yield Answer("Key", _choice("key", [(each, each) for each in KEYS]))
        yield Answer("Written as", _choice("form-of", [(text, e) for e, text in _FORMS.items()]))
        yield Answer("To", _line("path"), field="path")
        yield Answer("Passphrase", _line("passphrase", secret=True), field="passphrase")
        yield Answer("and again", _line("again", secret=True), field="again")

    def on_mount(self) -> None:
        """Learn by whose rules it can be done."""
        self.query_one("#request", TextArea).placeholder = "Paste it, or type the path of its file."
        self._fit()
        self.query_one("#names", Input).focus()
        self.run_worker(self._learn(), group="offers")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done."""
        if action == "copy":
            return self._written is not None
        return action != "issue" or self._written is None

    # ---- keys

    def action_issue(self) -> None:
        """Judge what was typed, and issue it."""
        if self._written is None:
            self.run_worker(self._issue(), group="issue", exclusive=True)

    def action_leave(self) -> None:
        """Go back; what is secret is forgotten."""
        self._forget()
        self.dismiss(self._issued is not None)

    def action_help(self) -> None:
        """Explain this screen."""
        self.app.push_screen(Help("Issue a certificate", _HELP))

    def action_copy(self) -> None:
        """Put the certificate into the clipboard, where the terminal lets us (OSC 52)."""
        if self._written is not None:
            self.app.copy_to_clipboard(self._written.text)
            self.notify("The certificate is in the clipboard, where the terminal allows it.")

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_issue()

    # ---- what is typed

    def _wish(self) -> Wish:
        def line(name: str) -> str:
            return self.query_one(f"#{name}", Input).value

        return Wish(
            subject=Subject(self._chosen("subject")),
            names=line("names"),
            request=self.query_one("#request", TextArea).text,
            ssh_key=line("ssh_key"),
            key_id=line("key_id"),
            provisioner=self._chosen("provisioner"),
            profile=self._chosen("profile"),
            lifetime=line("lifetime"),
            data=line("data"),
            key=self._chosen("key"),
            form=FileForm(self._chosen("form-of")),
            path=line("path"),
            passphrase=Password(line("passphrase").encode()),
            again=Password(line("again").encode()),
        )

    def _offer(self) -> Offer | None:
        name = self._chosen("provisioner")
        return next((each for each in self._offers if each.name == name), None)

    def _chosen(self, name: str) -> str:
        return str(self.query_one(f"#{name}", Select).value)

    @on(Select.Changed)
    @on(Input.Changed, "#names")
    def _fit(self) -> None:
        """Ask only what there is to ask, and name a file as long as nobody else did."""
        wish, offer = self._wish(), self._offer()
        hidden = set(_HIDDEN[wish.subject])
        if offer is None or not offer.profiles:
            hidden.add("profile")
        if offer is None or not offer.takes_data(wish.subject.ssh):
            hidden.add("data")
        for answer in self.query(Answer):
            answer.display = answer.asks not in hidden
            if answer.asks == "names":
                answer.call("Principals" if wish.subject.ssh else "Names")
        self.query_one("#names", Input).placeholder = _NAMES[wish.subject]
        self.query_one("#lifetime", Input).placeholder = _allowed(wish, offer)
        self.query_one("#passphrase", Input).placeholder = (
            "for the file; whoever imports it types it"
            if wish.form.is_p12
            else "empty: the key is not locked, and readable for this user alone"
        )
        path = self.query_one("#path", Input)
        if path.value == self._suggested:
            self._suggested = path.value = suggested(wish)

    @on(Select.Changed, "#subject")
    def _list_provisioners(self) -> None:
        """Offer those that issue what is asked for."""
        wish = replace(self._wish(), profile=_USUAL)
        able = [each for each in self._offers if span_of(wish, each) is not None]
        choice = self.query_one("#provisioner", Select)
        choice.set_options(
            [(plain(f"{each.name} ({each.type})"), each.name) for each in able]
            or [(plain("there is none that issues such"), _USUAL)]
        )

    @on(Select.Changed, "#provisioner")
    def _list_profiles(self) -> None:
        offer = self._offer()
        listed = list(offer.profiles or {}) if offer else []
        choice = self.query_one("#profile", Select)
        choice.set_options([("none", _USUAL), *((plain(each), each) for each in listed)])

    async def _learn(self) -> None:
        try:
            self._offers = await self._operator.offers()
        except HearthError as error:
            self._complain(error)
        self._list_provisioners()

    # ---- issuing

    async def _issue(self) -> None:
        wish = self._wish()
        checks = await asyncio.to_thread(judged, wish, self._offers, self._overview.now)
        new = looks(checks) - self._seen
        self._seen |= new
        if not show_checks(self, checks):
            focus_wrong(self, checks)
            return
        self._hint("Ctrl+S or Enter issues it all the same." if new else "")
        if new:
            return
        try:
            if self._issued is None:
                self._hint("Issuing …")
                prepared = await asyncio.to_thread(prepare, wish)
                self._issued = await prepared.ask(self._operator)
            self._written = await asyncio.to_thread(self._issued.write, wish)
        except HearthError as error:
            self._complain(error)
            return
        self._show(wish, self._written)

    def _show(self, wish: Wish, written: Written) -> None:
        """Put what was issued, and what comes next, in the place of the questions."""
        self._forget()
        self.add_class("-issued")
        sheet = self.query_one(Sheet)
        sheet.show(explained(wish, written, self._overview))
        sheet.focus()
        self.refresh_bindings()

    def _complain(self, error: HearthError) -> None:
        """Say what went wrong, beside its field where that is known."""
        self._hint("")
        field = ""
        if isinstance(error, Forbidden):
            field = "lifetime" if "duration" in error.public else "names"
        text = printable(error.public)
        if self._issued is not None:
            field, text = "path", f"it is issued, but could not be written: {text}"
            self._hint("Name another file, and press Enter: the certificate waits here for it.")
            self._lock()
        show_checks(self, [Check(mark=Mark.ACT, text=text, field=field)])

    def _lock(self) -> None:
        """Leave only open what says where and how it is written."""
        for answer in self.query(Answer):
            answer.disabled = answer.asks not in _WRITING

    def _forget(self) -> None:
        for name in ("passphrase", "again"):
            self.query_one(f"#{name}", Input).value = ""

    def _hint(self, text: str) -> None:
        self.query_one("#hint", Static).update(text)


def _line(name: str, placeholder: str = "", *, secret: bool = False) -> Input:
    return Input(id=name, placeholder=placeholder, compact=True, password=secret)


def _choice(name: str, ways: Sequence[tuple[str, str]]) -> Select[str]:
    return Select(ways, value=ways[0][1], allow_blank=False, compact=True, id=name)


def _allowed(wish: Wish, offer: Offer | None) -> str:
    """Say what is taken where nothing is typed, and what may be."""
    span = span_of(wish, offer) if offer else None
    if span is None:
        return ""
    return f"{shown(span.usual)}; {shown(span.shortest)} to {shown(span.longest)} are allowed"
