"""Backup: what was made and where, made now, proven, and how one is restored."""

from collections.abc import Iterable, Iterator
from datetime import timedelta, tzinfo
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer, Rule, Static

from appliance.model.backups import BackupOrder, BackupReport, BackupRow, ProofOrder
from appliance.model.work import Work, WorkKind
from appliance.operator.interface import Operator
from tui.columns import Column
from tui.screens.backup_forms import BackupElsewhere, ProveBackup
from tui.screens.help import Help
from tui.screens.watched import SHAPES, Below
from tui.widgets.column_titles import ColumnTitles
from tui.widgets.line_list import LineList
from tui.widgets.row_list import Row, RowList
from tui.widgets.sheet import Field, Section
from tui.wording import Calendar, printable, size, span

_NONE: Final = (
    "ca.json has no schedule, so none is listed. To have the server make them:\n"
    "hearth backup schedule PLACE --every 24h --keep-last 14\n"
    "o makes one now, to any place."
)
_HELP: Final = (
    Section(
        title="What you see",
        text=(
            "The backups in the place that ca.json names, and whether each has been proven: every"
            " part read against its checksum, the database made of it and read back, a test"
            " certificate issued by it, all in a temporary directory."
        ),
    ),
    Section(
        title="Keys",
        fields=(
            Field(name="m", value="make one now, as the schedule would"),
            Field(name="o", value="make one elsewhere: a stick, another machine; with the keys"),
            Field(name="v", value="prove the one under the cursor; without any, one that is typed"),
            Field(name="x", value="how to restore the one under the cursor"),
            Field(name="Enter", value="all about the one under the cursor"),
            Field(name="Esc", value="back; what is under way goes on"),
        ),
    ),
)
_RESTORING: Final = (
    "A running CA is never restored over, and nothing that is there is overwritten: the backup"
    " becomes a CA in a directory of its own. On a new box, or here after the server has been"
    " stopped:"
)
_LOST: Final = (
    "What happened since the backup was made is not in it. Certificates issued since are valid and"
    " not listed; revocations since are forgotten, unless --crl gives a list that the CA published"
    " later (a client may have one, or GET /1.0/crl while it still runs). Without any list, say"
    " --accept-lost-revocations instead. One-time tokens from before are refused, and numbers of"
    " revocation lists go on above all that were given out."
)


class BackupScreen(Below):
    """The schedule, the backups in their place, and what is under way."""

    CSS = """
    BackupScreen {
        #work { height: auto; max-height: 6; padding: 0 2; color: $foreground 80%; }
    }
    """
    AUTO_FOCUS = "RowList"
    name_shown = "Backup"
    help = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "make", "make now"),
        Binding("o", "elsewhere", "elsewhere"),
        Binding("v", "prove", "prove"),
        Binding("x", "restore", "restore"),
    ]

    def __init__(self, operator: Operator, *, zone: tzinfo | None, pause: float) -> None:
        super().__init__(operator, zone=zone, pause=pause)
        self._list = RowList(
            Column(title="made", width=20),
            Column(title="size", width=9, right=True),
            Column(title="proven", width=17),
            Column(title="name", width=0),
        )
        self._report = BackupReport()

    def compose(self) -> ComposeResult:
        """Put the parts one below the other."""
        yield Static(classes="head")
        yield Rule()
        yield Static(id="plan", classes="note", markup=False)
        yield ColumnTitles(self._list)
        yield self._list
        yield Rule()
        yield Static(id="work", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what can be done."""
        if action == "restore":
            return self._list.current is not None
        return action != "make" or bool(self._report.place)

    async def look(self) -> None:
        """Ask for the backups, and for what is under way."""
        self.take_time(await self._operator.overview())
        works = await self._operator.works()
        self._report = report = await self._operator.backups()
        part, text = standing(report, works, self.calendar)
        self.head("More · Backup", part, text)
        self.put("#plan", "\n".join(_plan(report, self.calendar)))
        empty = "There is none." if report.listed_at else "Asking the place …"
        rows = [_row(each, self.calendar) for each in report.rows]
        self._list.show(rows, empty if report.place else "")
        self.put("#work", "\n".join(_work(works, self.calendar)))
        self.offer(bool(report.rows), bool(report.place))

    def action_make(self) -> None:
        """Make one now."""
        self.begin(self._operator.begin_backup(BackupOrder()))

    def action_elsewhere(self) -> None:
        """Make one to a place that is typed."""
        self.app.push_screen(BackupElsewhere(self._operator), self._begun)

    def action_prove(self) -> None:
        """Prove the one under the cursor, or else one whose file is typed.

        The passphrase is asked for where none is known.
        """
        row = self._list.current
        if row is not None and self._report.with_keys:
            self.begin(self._operator.begin_proof(ProofOrder(name=row.key)))
        else:
            name = row.key if row is not None else ""
            self.app.push_screen(ProveBackup(self._operator, name), self._begun)

    def action_restore(self) -> None:
        """Say how it is restored."""
        if (row := self._list.current) is None:
            return
        where = printable(self._report.place)
        fields = (
            Field(name="Stop", value="systemctl stop hearth    (or q, then y, in its console)"),
            Field(
                name="Restore",
                value=f"hearth backup restore {printable(row.key)} /srv/hearth-restored"
                f" --from '{where}' --crl LIST",
                part="good",
            ),
            Field(
                name="Look",
                value="hearth doctor --ca-config /srv/hearth-restored/config/ca.json",
            ),
            Field(name="Start", value="hearth serve /srv/hearth-restored/config/ca.json"),
        )
        self.app.push_screen(
            Help(
                "Restore",
                (
                    Section(title="Not from here", text=_RESTORING),
                    Section(title="Type", fields=fields),
                    Section(title="What is lost", text=_LOST),
                ),
            )
        )

    def _begun(self, begun: bool | None) -> None:  # noqa: FBT001 - what Textual calls it with
        if begun:
            self.look_now()

    @on(LineList.Opened)
    def _open(self, message: LineList.Opened) -> None:
        row = self._report.rows[message.place]
        proof = row.proof
        fields = [
            Field(name="Name", value=printable(row.name)),
            Field(name="In", value=printable(self._report.place)),
            Field(name="Made", value=self.calendar.full(row.made_at)),
            Field(name="Size", value=f"{row.size:,} octets"),
            Field(name="Proven", value=self.calendar.full(proof.at) if proof else "not here"),
        ]
        if proof:
            fields.append(Field(name="How", value=printable(proof.text), part="good"))
        self.app.push_screen(
            Help("Backup", (Section(title="Backup", fields=tuple(fields)),), is_about_screen=False)
        )


def standing(report: BackupReport, works: Iterable[Work], calendar: Calendar) -> tuple[str, str]:
    """Say how backups stand: a part and a text."""
    if any(each.is_under_way and each.kind is WorkKind.BACKUP for each in works):
        return "plain", "one is being made"
    if not report.place:
        return "quiet", "no schedule"
    if report.failure:
        return "act", "the last one failed"
    if report.problem:
        return "look", "the place does not answer"
    if not report.rows:
        return ("look", "none yet") if report.listed_at else ("plain", "asking the place")
    last = report.rows[0]
    late = report.every is not None and calendar.now - last.made_at > 2 * report.every
    proven = "proven" if last.proof else "not proven"
    return ("look" if late else "good"), f"last {calendar.relative(last.made_at)}, {proven}"


def _plan(report: BackupReport, calendar: Calendar) -> Iterator[str]:
    if not report.place or report.every is None:
        yield _NONE
        return
    keep = report.keep
    counts = (
        f"{number} {name}"
        for name in ("last", "daily", "weekly", "monthly")
        if (number := getattr(keep, name))
    )
    kept = "all" if keep.everything else ", ".join(counts)
    keys = "with keys" if report.with_keys else "without keys"
    due = f"next {calendar.relative(report.due)}" if report.due else "next not known yet"
    yield printable(report.place)
    yield f"every {span(report.every)} · keeps {kept} · {keys} · {due}"
    if report.failure:
        yield f"{SHAPES['act']} {printable(report.failure)}"
    if report.problem:
        yield f"{SHAPES['look']} {printable(report.problem)}"


def _row(row: BackupRow, calendar: Calendar) -> Row:
    made = calendar.relative(row.made_at)
    proven = f"● {calendar.relative(row.proof.at)}" if row.proof else "○ not yet"
    return Row(
        key=row.name,
        part="good" if row.proof else "plain",
        cells=(
            f"{made}, {calendar.brief(row.made_at)}",
            size(row.size),
            proven,
            printable(row.name),
        ),
    )


def _work(works: Iterable[Work], calendar: Calendar) -> Iterator[str]:
    """Say what is under way, or what came of the last."""
    mine = [each for each in works if each.kind is not WorkKind.JOURNAL]
    going = [each for each in mine if each.is_under_way]
    for work in going or mine[-1:]:
        name = f"{work.kind} {printable(work.subject)}"
        if work.is_under_way:
            took = span(max(calendar.now - work.started_at, timedelta()))
            amount = f", {size(work.done)}" if work.done else ""
            yield f"… {name}: {work.stage or 'begun'}{amount}, for {took}"
        elif work.problem:
            yield f"{SHAPES['act']} {name}: {printable(work.problem)}"
        else:
            yield f"{SHAPES['good']} {name}"
            yield from (f"  {printable(line)}" for line in work.told)
