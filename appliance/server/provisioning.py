"""Provisioners (operator.provisioning) in the server's own thread.

A change is an edit of ca.json by the functions that the command line has. The whole new file is
read as the server will read it, the provisioner is tried, and only then the file is replaced, the
former one kept beside it, and the configuration reloaded. What the reload refuses is taken back.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar, final

import trio

from appliance.authority.counts import Counts
from appliance.authority.trust import fingerprint
from appliance.config import document, editing, entry_form, entry_values, provisioner_edits
from appliance.config.difference import difference
from appliance.config.editing import Editing
from appliance.config.entry_form import Typed
from appliance.config.settings import ProvisionerSettings, Settings
from appliance.formats import goduration
from appliance.model.errors import BadRequest, ConfigError, HearthError, NotSupported
from appliance.model.inventory import CertificateKind
from appliance.model.provisioners import (
    ChangeOutcome,
    Deed,
    FieldProblem,
    NamesJudged,
    ProvisionerChange,
    ProvisionerForm,
    ProvisionerSummary,
    Recipe,
    Side,
    TemplateTried,
)
from appliance.operator.who import WHO
from appliance.provisioners.registry import Registry
from appliance.server import banner, entry_check, provisioner_trial, provisioner_words, recipes
from appliance.server.enforcing import put_in_force
from appliance.server.recipes import Place
from appliance.server.reloading import Service

_NOT_SERVED: Final = "this version does not serve its type"
_NOT_IN_FORCE: Final = "not in force yet: ca.json was changed and not reloaded"
_DONE: Final = {
    Deed.ADD: "added",
    Deed.CHANGE: "changed",
    Deed.REMOVE: "removed",
    Deed.DISABLE: "disabled",
    Deed.ENABLE: "enabled",
}

T = TypeVar("T")
Octets = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A changed configuration that nobody has seen yet, or what is wrong with it."""

    edited: Editing
    kind: str
    problems: tuple[FieldProblem, ...] = ()
    settings: Settings | None = field(default=None)

    @property
    def basis(self) -> str:
        """Name the file that was changed."""
        return hashlib.sha256(self.edited.before).hexdigest()


@final
@dataclass(frozen=True, slots=True)
class ProvisionerAdministration:
    """The provisioners of a running CA. Operators see it as operator.provisioning says."""

    service: Service

    async def provisioners(self) -> Sequence[ProvisionerSummary]:
        """Give the entries of ca.json in order."""
        edited = await _aside(self._opened)
        settings = await _aside(edited.checked)
        issued = await self._issued()
        known = {each.name: each for each in settings.provisioners}
        return [
            self._summary(entry, known.get(provisioner_edits.text(entry, "name")), issued)
            for entry in _entries(edited)
        ]

    async def provisioner(self, name: str) -> ProvisionerForm:
        """Give the form of an entry."""
        edited = await _aside(self._opened)
        entry = provisioner_edits.find(edited, name)
        return self._form(provisioner_words.kind_of(entry), entry, edited)

    async def new_provisioner(self, kind: str) -> ProvisionerForm:
        """Give an empty form."""
        edited = await _aside(self._opened)
        known = provisioner_edits.known_type(kind)
        if not provisioner_words.is_served(known):
            raise NotSupported(f"provisioners of type {known} are listed, and not served")
        return self._form(known, {}, edited)

    async def preview_provisioner(self, change: ProvisionerChange) -> ChangeOutcome:
        """Say what a change would make of ca.json."""
        draft = await _aside(self._drafted, change, None)
        return ChangeOutcome(
            problems=draft.problems,
            diff=() if draft.problems else _difference(draft.edited),
            basis=draft.basis,
        )

    async def change_provisioner(self, change: ProvisionerChange, basis: str) -> ChangeOutcome:
        """Make the change that was previewed."""
        octets = self.service.foundation.chance.octets
        draft = await _aside(self._drafted, change, octets)
        if draft.basis != basis:
            raise BadRequest("ca.json was changed by somebody else meanwhile: look at it again")
        problems = draft.problems or await self._put_in_force(draft, change)
        if problems:
            return ChangeOutcome(problems=problems, basis=draft.basis)
        return ChangeOutcome(diff=_difference(draft.edited), basis=draft.basis)

    async def judge_names(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> NamesJudged:
        """Say which names would be allowed."""
        entry, kind = await _aside(self._entry_of, change)
        return await _aside(
            provisioner_trial.judge, self.service.settings(), kind, entry, names, side
        )

    async def try_template(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> TemplateTried:
        """Render its template for an example."""
        entry, kind = await _aside(self._entry_of, change)
        foundation = self.service.foundation
        example = provisioner_trial.Example(
            kind=kind,
            entry=entry,
            names=tuple(names),
            side=side,
            now=foundation.clock.now(),
            entropy=foundation.chance.octets,
        )
        return await _aside(provisioner_trial.render, self.service.settings(), example)

    # ---- parts

    def _opened(self) -> Editing:
        return editing.edit(self.service.settings().file)

    def _drafted(self, change: ProvisionerChange, octets: Octets | None) -> _Draft:
        """Make the change in memory, and check all of it. Raises NotFound, ConfigError."""
        edited = self._opened()
        kind, problems = _apply(edited, change, octets)
        name = change.values.get(entry_form.NAME, change.name).strip()
        if problems:
            return _Draft(edited=edited, kind=kind, problems=tuple(problems))
        return _checked(_Draft(edited=edited, kind=kind), name, change)

    def _entry_of(self, change: ProvisionerChange) -> tuple[Mapping[str, Any], str]:
        """Give the entry as far as its names and templates would be changed."""
        edited = self._opened()
        adding = change.deed is Deed.ADD
        entry = {} if adding else dict(provisioner_edits.find(edited, change.name))
        kind = change.type if adding else provisioner_words.kind_of(entry)
        return provisioner_trial.changed(kind, entry, change.values), kind

    async def _put_in_force(
        self, draft: _Draft, change: ProvisionerChange
    ) -> tuple[FieldProblem, ...]:
        """Save, and serve it; whoever asked may be gone meanwhile."""
        service = self.service
        operation = f"provisioner-{change.deed}"
        done = f"{WHO.get()} {_DONE[change.deed]} provisioner '{change.name}' ({draft.kind})"
        try:
            await put_in_force(service, draft.edited)
        except ConfigError as error:
            service.record(operation, f"{done}: refused: {error}", ok=False)
            return (entry_form.located(draft.kind, error),)
        except HearthError as error:
            service.record(operation, f"{done}: refused: {error}", ok=False)
            return (FieldProblem(field="", text=error.public),)
        fields = ", ".join(sorted(change.values))
        service.record(operation, f"{done}: {fields}" if fields else done)
        return ()

    async def _issued(self) -> Mapping[str, int]:
        """Count what is known to be of each provisioner."""
        foundation = self.service.foundation
        found: dict[str, int] = {}
        for kind in CertificateKind:
            counts = await Counts(foundation.store).of(kind, foundation.clock.now())
            for each in counts.provisioners:
                known = found.get(each.provisioner, 0)
                found[each.provisioner] = known + each.active + each.expired + each.revoked
        return found

    def _summary(
        self,
        entry: Mapping[str, Any],
        settings: ProvisionerSettings | None,
        issued: Mapping[str, int],
    ) -> ProvisionerSummary:
        kind, name = provisioner_words.kind_of(entry), provisioner_edits.text(entry, "name")
        default = settings.claims.lifetimes.default if settings and kind != "SSHPOP" else None
        return ProvisionerSummary(
            name=name,
            type=kind,
            disabled=settings.disabled if settings else entry.get("disabled") is True,
            state=self._state(kind, name, settings),
            names=provisioner_words.names(kind, entry),
            lifetime=entry_values.brief(goduration.format_duration(default)) if default else "",
            issued=issued.get(name, 0),
        )

    def _form(self, kind: str, entry: Mapping[str, Any], edited: Editing) -> ProvisionerForm:
        name = provisioner_edits.text(entry, "name")
        settings = next((s for s in self.service.settings().provisioners if s.name == name), None)
        read = document.Document(file=edited.file, members=edited.members)
        return ProvisionerForm(
            name=name,
            type=kind,
            fields=entry_form.fields(kind, entry, entry_form.above(read)),
            disabled=entry.get("disabled") is True,
            served=provisioner_words.is_served(kind),
            state=self._state(kind, name, settings) if entry else "",
            asks=provisioner_words.ASKS.get(kind, ""),
            kept=entry_form.kept(kind, entry),
            recipes=self._recipes(kind, entry, settings) if settings else (),
        )

    def _recipes(
        self, kind: str, entry: Mapping[str, Any], settings: ProvisionerSettings
    ) -> tuple[Recipe, ...]:
        ssh = settings.claims.enable_ssh
        return tuple(recipes.recipes(kind, entry, self._place(), ssh=ssh))

    def _place(self) -> Place:
        assembly, (_, port) = self.service.assembly, self.service.addresses[0]
        return Place(
            url=banner.primary_url(assembly, port).removesuffix(":443"),
            fingerprint=fingerprint(assembly.trust.roots[0]),
        )

    def _state(self, kind: str, name: str, settings: ProvisionerSettings | None) -> str:
        if not provisioner_words.is_served(kind):
            return _NOT_SERVED
        registry: Registry = self.service.assembly.registry
        found = registry.by_name(name)
        if found is None or settings is None:
            return _NOT_IN_FORCE
        disabled = found.entry.get("state") == "Disabled"
        if disabled != settings.disabled:
            return _NOT_IN_FORCE
        return "" if disabled else str(found.entry.get("stateReason", ""))


def _apply(
    edited: Editing, change: ProvisionerChange, octets: Octets | None
) -> tuple[str, list[FieldProblem]]:
    """Make a change in memory; give the type, and what is wrong with what was typed."""
    match change.deed:
        case Deed.REMOVE:
            entry = provisioner_edits.find(edited, change.name)
            provisioner_edits.remove(edited, change.name)
            return provisioner_words.kind_of(entry), []
        case Deed.DISABLE | Deed.ENABLE:
            entry = provisioner_edits.find(edited, change.name)
            provisioner_edits.switch(entry, disabled=change.deed is Deed.DISABLE)
            return provisioner_words.kind_of(entry), []
        case Deed.ADD:
            kind = provisioner_edits.known_type(change.type)
            return kind, _fill(edited, {"type": kind}, kind, change, octets)
        case Deed.CHANGE:
            entry = provisioner_edits.find(edited, change.name)
            kind = provisioner_words.kind_of(entry)
            return kind, _fill(edited, entry, kind, change, octets)


def _fill(
    edited: Editing,
    entry: dict[str, Any],
    kind: str,
    change: ProvisionerChange,
    octets: Octets | None,
) -> list[FieldProblem]:
    """Write what was typed into an entry, and add it where it is new."""
    known = {} if change.deed is Deed.ADD else entry
    found, problems = entry_form.edits(Typed(kind=kind, values=change.values), known, octets)
    if problems:
        return problems
    name = change.values.get(entry_form.NAME, change.name).strip()
    try:
        if change.deed is Deed.ADD:
            entry["name"] = name
            provisioner_edits.add(edited, entry)
        else:
            provisioner_edits.rename(edited, entry, name)
    except BadRequest as error:
        return [FieldProblem(field=entry_form.NAME, text=error.public)]
    provisioner_edits.apply(entry, found)
    return []


def _checked(draft: _Draft, name: str, change: ProvisionerChange) -> _Draft:
    """Read the whole as the server will, and try the provisioner."""
    edited, kind = draft.edited, draft.kind
    try:
        settings = edited.checked()
        reason = entry_check.problem(settings, name)
    except ConfigError as error:
        problem = entry_form.located(kind, error)
        return _Draft(edited=edited, kind=kind, problems=(problem,))
    if change.deed in (Deed.REMOVE, Deed.DISABLE):
        return _Draft(edited=edited, kind=kind, settings=settings)
    if reason:
        problem = entry_form.blamed(kind, reason)
        return _Draft(edited=edited, kind=kind, problems=(problem,))
    if wrong := provisioner_trial.template_problem(settings, name):
        return _Draft(edited=edited, kind=kind, problems=(wrong,))
    return _Draft(edited=edited, kind=kind, settings=settings)


def _entries(edited: Editing) -> list[Mapping[str, Any]]:
    listed = edited.part(list[Any], "authority", "provisioners")
    return [each for each in listed if isinstance(each, dict)]


def _difference(edited: Editing) -> tuple[str, ...]:
    return difference(document.parse(edited.file, edited.before).members, edited.members)


async def _aside(function: Callable[..., T], *arguments: Any) -> T:
    """Read and check files in a thread; what is wrong with them is told to whoever asks."""
    try:
        return await trio.to_thread.run_sync(partial(function, *arguments))
    except ConfigError as error:
        raise BadRequest(error.public) from error
