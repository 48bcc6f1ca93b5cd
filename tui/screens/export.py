"""Writing certificates to a file."""

import asyncio
from dataclasses import replace
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Label, Select, Static

from appliance.model.errors import HearthError
from appliance.model.inventory import CertificateQuery, CertificateSummary
from appliance.operator.export import FORMS, NewFile, form
from appliance.operator.interface import Operator
from tui.screens.sheet_modal import SheetModal
from tui.wording import ACT, GOOD, count, plain, printable

_PAGE: Final = 500
_NAMES: Final = {
    "pem": "PEM, the certificates themselves",
    "openssh": "OpenSSH, the certificates themselves",
    "csv": "CSV, a table",
    "json": "JSON, all that is known and the certificates",
}
_ONE, _ALL = "one", "all"


class Export(SheetModal[None]):
    """Ask what, in which form and where; Esc stops it, and leaves no file."""

    CSS = """
    Export {
        .sheet { width: 70; }
        .sheet > Static { margin: 0; }
        Input, Select { margin: 0 0 1 0; }
        Select { background: $panel; border: round $primary 60%; padding: 0 2; }
        #said { color: $foreground; height: auto; }
    }
    """

    def __init__(
        self,
        operator: Operator,
        current: CertificateSummary,
        query: CertificateQuery,
        selection: str,
    ) -> None:
        super().__init__("Write to a file", "Enter write · Tab next · Esc back")
        self._operator = operator
        self._current = current
        self._query = query
        self._selection = selection
        self._busy = False

    def compose_sheet(self) -> ComposeResult:
        """Ask."""
        name = self._current.subject or next(iter(self._current.sans), "") or "no name"
        typed = self._query.word or self._query.name or self._query.serial
        found = f"{self._selection}{f' · {typed}' if typed else ''}"
        yield Label("What")
        yield Select(
            [
                (plain(f"this one: {name}"), _ONE),
                (plain(f"all that the list finds: {found}"), _ALL),
            ],
            value=_ONE, allow_blank=False, compact=True, id="what",
        )  # fmt: skip
        yield Label("How")
        forms = FORMS[self._query.kind]
        yield Select(
            [(_NAMES[each], each) for each in forms],
            value=forms[0], allow_blank=False, compact=True, id="form",
        )  # fmt: skip
        yield Label("Where: a new file on this machine")
        yield Input("~/certificate.pem", id="path", compact=True)
        yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        """Begin with what."""
        self._suggest()
        self.query_one("#what").focus()

    @on(Select.Changed)
    def _suggest(self) -> None:
        """Name a file, as long as the name is one of ours."""
        path = self.query_one("#path", Input)
        stem, _, ending = path.value.rpartition(".")
        if stem in ("~/certificate", "~/certificates"):
            plural = "s" if self._chosen("what") == _ALL else ""
            wanted = {"openssh": "pub"}.get(self._chosen("form"), self._chosen("form"))
            path.value = f"~/certificate{plural}.{wanted or ending}"

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        if not message.value.strip():
            self._say(f"{ACT} Name a file.")
        elif not self._busy:
            self.run_worker(self._write(message.value.strip()), exclusive=True)

    async def _write(self, path: str) -> None:
        self._busy = True
        try:
            written, number = await self._written(path)
        except HearthError as error:
            self._say(f"{ACT} {printable(error.public)}")
        else:
            self.app.notify(f"{GOOD} {count(number)} written to {printable(written)}", markup=False)
            self.dismiss()
        finally:
            self._busy = False

    async def _written(self, path: str) -> tuple[str, int]:
        """Write page after page, and give where and how many. Raises HearthError."""
        chosen, number, cursor = form(self._chosen("form")), 0, ""
        new = await asyncio.to_thread(NewFile, path)
        try:
            await asyncio.to_thread(new.write, chosen.head)
            while True:
                certificates, cursor = await self._page(cursor)
                text = ""
                for each in certificates:
                    der = b""
                    if chosen.with_octets:
                        der = (await self._operator.certificate(each.serial, each.kind)).der
                    text += (chosen.between if number else "") + chosen.entry(each, der)
                    number += 1
                await asyncio.to_thread(new.write, text)
                if not cursor:
                    break
                self._say(f"{count(number)} written … Esc stops it, and leaves no file.")
            await asyncio.to_thread(new.write, chosen.tail + chosen.end(""))
            await asyncio.to_thread(new.finish)
        finally:
            new.__exit__(None, None, None)
        return str(new.path), number

    async def _page(self, cursor: str) -> tuple[tuple[CertificateSummary, ...], str]:
        if self._chosen("what") == _ONE:
            return (self._current,), ""
        query = replace(self._query, limit=_PAGE, cursor=cursor)
        page = await self._operator.certificates(query)
        return page.certificates, page.cursor

    def _chosen(self, name: str) -> str:
        return str(self.query_one(f"#{name}", Select).value)

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(text)
