"""Another version in place of the one that serves, and back when it does not serve.

unpack beside · try: version, configuration · switch one link · restart, wait for readiness
                                                 └─ not ready: switch back, restart
"""

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.model.errors import BadRequest, Broken, NotFound
from appliance.server.service.installing import starting
from appliance.server.service.layout import USER, Init, Layout
from appliance.server.service.program import Release, before, in_use, putting, using
from appliance.server.service.steps import Gone, Link, Run, Step, carry_out

_NAMES: Final = ("current", "previous")
_ADDRESS: Final = "address"  # of the diagnosis: only the service itself has the right to low ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """Where to, with what; `tell` hears each thing that was done."""

    layout: Layout
    init: Init
    run: Run
    tell: Callable[[str], None]
    force: bool = False  # although the new one objects to the configuration

    def to(self, release: Release) -> None:
        """Change to a release. Raises BadRequest, Broken; what served before then serves again."""
        former = in_use(self.layout)
        if not former:
            raise NotFound(
                f"there is no Hearth in {self.layout.releases}: hearth install puts one there"
            )
        if former == release.name:
            self.tell("this version is in use already")
            return
        self._tell_all(carry_out(putting(self.layout, release)))
        try:
            self._try(release.name)
        except (BadRequest, Broken):
            if release.name != before(self.layout):
                list(carry_out([Gone(path=self._directory(release.name))]))
            raise
        self._switch(release.name, former)
        self._remove_others()

    def back(self) -> None:
        """Change to the release that was in use before. Raises NotFound, Broken."""
        former = before(self.layout)
        if not former:
            raise NotFound("there is no version to go back to")
        self.to(Release(name=former))

    def _try(self, name: str) -> None:
        """Have the new one say what it is, and what it thinks of the configuration."""
        program = str(self._directory(name) / "hearth")
        said = self.run((program, "version")).decode("utf-8", "replace")
        if not said.startswith("Hearth/"):
            raise Broken(f"{program} is not Hearth: it calls itself {said[:80]!r}")
        self.tell(f"it is {said.splitlines()[0]}")
        configuration = self.layout.at(self.layout.configuration)
        if self.force or not configuration.exists():
            return
        user = USER if self.layout.is_here and os.geteuid() == 0 else ""
        question = ("env", f"STEPPATH={self.layout.at(self.layout.data)}", program, "doctor",
                    "--format", "json", "--ca-config", str(configuration))  # fmt: skip
        objections = _failures(lambda: self.run(question, user=user))
        if objections:
            raise BadRequest(
                f"the new version would not serve {configuration} (--force tries it all the "
                f"same): {'; '.join(objections)}"
            )

    def _switch(self, name: str, former: str) -> None:
        serves, earlier = self._serves(), before(self.layout)
        self._use(name)
        if not serves:
            self.tell("the service did not run, and was not started")
            return
        try:
            self._restart()
        except Broken as error:
            self.tell(f"it does not come up; going back to {former}")
            self._use(former)
            self._forget(name, earlier)
            self._restart()
            raise Broken(
                f"the new version did not come up, the former one serves again: {error.public}"
            ) from error

    def _use(self, name: str) -> None:
        self._tell_all(carry_out(using(self.layout, name)))
        if self.init is Init.NONE:
            return
        program = str(self._directory(name) / "hearth")
        where = ("--root", str(self.layout.root), "--prefix", str(self.layout.prefix))
        paths = (*where, "--data", str(self.layout.data), "--init", self.init.value)
        self.run((program, "install", "--refresh", *paths))
        if self.layout.is_here and self.init is Init.SYSTEMD:
            self.run(("systemctl", "daemon-reload"))

    def _serves(self) -> bool:
        if not self.layout.is_here or self.init is Init.NONE:
            return False
        command = (
            ("rc-service", "hearth", "status")
            if self.init is Init.OPENRC
            else ("systemctl", "is-active", "--quiet", "hearth.service")
        )
        try:
            self.run(command)
        except Broken:
            return False
        return True

    def _forget(self, name: str, earlier: str) -> None:
        """Remove what did not come up; the version before is the one of before."""
        previous = self.layout.at(self.layout.previous)
        steps: list[Step] = [
            Link(path=previous, target=earlier) if earlier else Gone(path=previous)
        ]
        if name != earlier:
            steps.append(Gone(path=self._directory(name)))
        list(carry_out(steps))

    def _restart(self) -> None:
        if self.init is Init.SYSTEMD:  # failures of before do not count
            with suppress(Broken):
                self.run(("systemctl", "reset-failed", "hearth.service"))
        self._tell_all(carry_out([starting(self.init, "restart", self.run)]))

    def _remove_others(self) -> None:
        """Keep the version in use and the one before it."""
        directory = self.layout.at(self.layout.releases)
        kept = {in_use(self.layout), before(self.layout), *_NAMES}
        others = [each for each in sorted(directory.iterdir()) if each.name not in kept]
        self._tell_all(carry_out([Gone(path=each, why="no longer needed") for each in others]))

    def _directory(self, name: str) -> Path:
        return self.layout.at(self.layout.releases / name)

    def _tell_all(self, done: Iterable[str]) -> None:
        for each in done:
            self.tell(each)


def _failures(examine: Callable[[], bytes]) -> list[str]:
    """Give what the diagnosis calls a failure, or that there was no diagnosis."""
    try:
        answer = examine()
    except Broken as error:  # its exit code says that there are failures; it lists them
        answer = error.public.partition("): ")[2].encode()
    try:
        findings = json.loads(answer)
        return [
            f"{each['topic']}: {each['text']}"
            for each in findings
            if each["level"] == "failure" and each["topic"] != _ADDRESS
        ]
    except (ValueError, KeyError, TypeError):
        return [answer.decode("utf-8", "replace").strip() or "it could not say why"]
