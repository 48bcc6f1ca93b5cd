"""Provisioners of operators that tests make: forms and checks are real, nothing is served."""

import hashlib
import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from appliance.config import entry_form, options, provisioner_edits
from appliance.config.difference import difference
from appliance.config.document import Document
from appliance.config.entry_form import Typed
from appliance.formats import names as san_names
from appliance.model.errors import ConfigError, Forbidden, NotFound
from appliance.model.provisioners import (
    ChangeOutcome,
    Deed,
    FieldProblem,
    NameJudgement,
    NamesJudged,
    ProvisionerChange,
    ProvisionerForm,
    ProvisionerSummary,
    Side,
    TemplateTried,
)
from appliance.server import provisioner_words, recipes
from appliance.server.recipes import Place

FILE: Final = Path("/etc/hearth/ca.json")
PLACE: Final = Place(
    url="https://ca.home.arpa",
    fingerprint="c8b5e7f23d0c6a914f7e0a2b9d83561c4be07fa2195d3c60e88417d2f96ab053",
)
ENTRIES: Final[tuple[dict[str, Any], ...]] = (
    {
        "type": "JWK",
        "name": "admin",
        "key": {"kid": "Yh3xT7q0o1jWq4mJ8eVx2s", "kty": "EC"},
        "encryptedKey": "eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1cifQ",
        "claims": {"enableSSHCA": True},
    },
    {
        "type": "ACME",
        "name": "acme",
        "claims": {"maxTLSCertDuration": "24h0m0s"},
        "options": {"x509": {"allow": {"dns": ["*.home.arpa"], "ip": ["192.0.2.0/24"]}}},
    },
    {"type": "SSHPOP", "name": "sshpop", "claims": {"enableSSHCA": True}},
    {"type": "SCEP", "name": "printers", "challenge": "1234"},
    {"type": "X5C", "name": "devices", "roots": "", "disabled": True},
)


class KeptProvisioners:
    """Entries of a ca.json in memory. `reload_problem` is what the next reload ends with."""

    reload_problem: FieldProblem | None = None

    @property
    def entries(self) -> list[dict[str, Any]]:
        if not hasattr(self, "_entries"):
            self._entries = deepcopy(list(ENTRIES))
        return self._entries

    @property
    def changes(self) -> list[ProvisionerChange]:
        """What was made."""
        if not hasattr(self, "_changes"):
            self._changes: list[ProvisionerChange] = []
        return self._changes

    async def provisioners(self) -> Sequence[ProvisionerSummary]:
        counts = {"admin": 1204, "acme": 2208}
        return [
            ProvisionerSummary(
                name=each["name"],
                type=each["type"],
                disabled=bool(each.get("disabled")),
                state=""
                if provisioner_words.is_served(each["type"])
                else "this version does not serve its type",
                names=provisioner_words.names(each["type"], each),
                lifetime="" if each["type"] == "SSHPOP" else "24h",
                issued=counts.get(each["name"], 0),
            )
            for each in self.entries
        ]

    async def provisioner(self, name: str) -> ProvisionerForm:
        entry = self._found(name)
        return self._form(entry["type"], entry)

    async def new_provisioner(self, kind: str) -> ProvisionerForm:
        return self._form(kind, {})

    async def preview_provisioner(self, change: ProvisionerChange) -> ChangeOutcome:
        kept = deepcopy(self.entries)
        problems = self._apply(change)
        diff = difference(_written(kept), _written(self.entries))
        self.entries[:] = kept
        basis = hashlib.sha256(json.dumps(kept).encode()).hexdigest()
        return ChangeOutcome(problems=problems, diff=() if problems else diff, basis=basis)

    async def change_provisioner(self, change: ProvisionerChange, basis: str) -> ChangeOutcome:
        if self.reload_problem is not None:
            return ChangeOutcome(problems=(self.reload_problem,), basis=basis)
        outcome = await self.preview_provisioner(change)
        if not outcome.problems:
            self._apply(change)
            self.changes.append(change)
        return outcome

    async def judge_names(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> NamesJudged:
        entry = {} if change.deed is Deed.ADD else self._found(change.name)
        kind = change.type if change.deed is Deed.ADD else entry["type"]
        edits, _ = entry_form.edits(Typed(kind=kind, values=change.values), entry, None)
        found = deepcopy(entry)
        provisioner_edits.apply(found, edits)
        given = found.get("options")
        try:
            policy = options.read(given, Document(file=FILE, members={}), "options").policy
        except ConfigError as error:
            return NamesJudged(problems=(FieldProblem(field="", text=error.problem),))
        judged = []
        for name in names:
            san = san_names.classify(name)
            why = policy.allowing(san) if policy else "no rule is about it"
            try:
                if policy:
                    policy.check("", (san,))
            except Forbidden as refusal:
                judged.append(NameJudgement(name=name, allowed=False, why=refusal.public))
            else:
                judged.append(NameJudgement(name=name, allowed=True, why=why))
        return NamesJudged(judgements=tuple(judged))

    async def try_template(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> TemplateTried:
        text = change.values.get("x509-template", "")
        if "{{ bad" in text:
            return TemplateTried(problem='template: 1: function "bad" not defined')
        return TemplateTried(
            rendered=json.dumps({"subject": {"commonName": names[0]}, "sans": list(names)}),
            certificate=f"X.509v3 TLS Certificate for {names[0]}",
        )

    # ---- parts

    def _found(self, name: str) -> dict[str, Any]:
        for each in self.entries:
            if each["name"] == name:
                return each
        raise NotFound(f"provisioner {name} not found")

    def _form(self, kind: str, entry: dict[str, Any]) -> ProvisionerForm:
        above = entry_form.above(Document(file=FILE, members={}))
        return ProvisionerForm(
            name=str(entry.get("name", "")),
            type=kind,
            fields=entry_form.fields(kind, entry, above),
            disabled=bool(entry.get("disabled")),
            served=provisioner_words.is_served(kind),
            asks=provisioner_words.ASKS.get(kind, ""),
            kept=entry_form.kept(kind, entry),
            recipes=tuple(recipes.recipes(kind, entry, PLACE, ssh=True)) if entry else (),
        )

    def _apply(self, change: ProvisionerChange) -> tuple[FieldProblem, ...]:
        if change.deed is Deed.REMOVE:
            self.entries.remove(self._found(change.name))
            return ()
        if change.deed in (Deed.DISABLE, Deed.ENABLE):
            provisioner_edits.switch(self._found(change.name), disabled=change.deed is Deed.DISABLE)
            return ()
        adding = change.deed is Deed.ADD
        entry: dict[str, Any] = {} if adding else self._found(change.name)
        kind = change.type if adding else entry["type"]
        edits, problems = entry_form.edits(Typed(kind=kind, values=change.values), entry, None)
        name = change.values.get("name", change.name).strip()
        others = [each["name"] for each in self.entries if each is not entry]
        if name in others:
            problems.append(FieldProblem(field="name", text=f"{name} already exists"))
        if problems:
            return tuple(problems)
        entry |= {"type": kind, "name": name}
        provisioner_edits.apply(entry, edits)
        if adding:
            self.entries.append(entry)
        return ()


def _written(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {"authority": {"provisioners": entries}}
