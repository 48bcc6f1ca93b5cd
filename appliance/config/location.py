"""Where a person's files are: the step path, its contexts and the defaults of the command line.

Without contexts everything lies in the base directory ($STEPPATH, or ~/.step). A context names an
authority and a profile: certificates, keys and configuration are then in
BASE/authorities/NAME, what belongs to the person in BASE/profiles/NAME. `contexts.json` lists
them, `current-context.json` says which one holds.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from appliance.model.errors import ConfigError, NotFound

# What selects a context cannot come from a file of one.
_NOT_IN_DEFAULTS: Final = ("context", "profile", "authority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One entry of contexts.json."""

    name: str
    authority: str
    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The step path as one context sees it; `context` is None where contexts are not used."""

    base: Path
    context: Context | None = None

    @property
    def path(self) -> Path:
        """What `step path` prints."""
        if self.context is None:
            return self.base
        return self.base / "authorities" / self.context.authority

    @property
    def profile_path(self) -> Path:
        """What `step path --profile` prints."""
        if self.context is None:
            return self.base
        return self.base / "profiles" / self.context.profile

    @property
    def config(self) -> Path:
        """The directory of ca.json and defaults.json."""
        return self.path / "config"

    @property
    def ca_json(self) -> Path:
        """The configuration of the CA."""
        return self.config / "ca.json"

    @property
    def defaults_json(self) -> Path:
        """Values of flags for this authority."""
        return self.config / "defaults.json"

    @property
    def profile_defaults_json(self) -> Path:
        """Values of flags for this profile; they win over those of the authority."""
        return self.profile_path / "config" / "defaults.json"

    @property
    def identity_json(self) -> Path:
        """Which client certificate to show with every request, where there is one."""
        return self.config / "identity.json"

    @property
    def certs(self) -> Path:
        """The directory of the CA's certificates."""
        return self.path / "certs"

    @property
    def root_certificate(self) -> Path:
        """What bootstrap writes and every request is checked against."""
        return self.certs / "root_ca.crt"

    @property
    def secrets(self) -> Path:
        """The directory of the CA's keys."""
        return self.path / "secrets"

    @property
    def templates(self) -> Path:
        """The directory of templates."""
        return self.path / "templates"

    @property
    def db(self) -> Path:
        """The directory of the embedded store."""
        return self.path / "db"

    def resolve(self, name: str, *, home: Path) -> Path:
        """Make a path of a configuration file absolute: plain relative ones are below the path."""
        if name.startswith("~/"):
            return home / name[2:]
        if name.startswith(("./", "../")):
            return Path(name).absolute()
        return self.path / name


def base_directory(environ: Mapping[str, str]) -> Path:
    """Give $STEPPATH, or ~/.step. Raises NotFound when neither it nor a home is known."""
    if chosen := environ.get("STEPPATH"):
        return Path(os.path.normpath(chosen))
    return home_directory(environ) / ".step"


def home_directory(environ: Mapping[str, str]) -> Path:
    """Give $HOME, or what the user database says."""
    if home := environ.get("HOME"):
        return Path(os.path.normpath(home))
    try:
        return Path.home()
    except RuntimeError as error:
        raise NotFound("there is no home directory: set HOME or STEPPATH") from error


def find(environ: Mapping[str, str], *, context: str | None = None) -> Location:
    """Locate the step path: of the named context, else of the current one, else of none.

    Raises NotFound for a context that is not there, ConfigError for a file that cannot be read.
    """
    base = base_directory(environ)
    known = contexts(base)
    name = context or current_context(base)
    if name is None:
        return Location(base=base)
    if name not in known:
        names = ", ".join(sorted(known)) or "none"
        raise NotFound(f"there is no context '{name}' in {base / 'contexts.json'} (known: {names})")
    return Location(base=base, context=known[name])


def contexts(base: Path) -> dict[str, Context]:
    """Read contexts.json; no file is no contexts."""
    file = base / "contexts.json"
    found: dict[str, Context] = {}
    for name, entry in _object(file).items():
        if not isinstance(entry, dict):
            raise ConfigError("is not an object", file=str(file), place=name)
        authority, profile = entry.get("authority"), entry.get("profile")
        for key, value in (("authority", authority), ("profile", profile)):
            if not isinstance(value, str) or not value:
                raise ConfigError("is missing or empty", file=str(file), place=f"{name}.{key}")
        found[name] = Context(name=name, authority=str(authority), profile=str(profile))
    return found


def current_context(base: Path) -> str | None:
    """Read current-context.json; no file is no current context."""
    file = base / "current-context.json"
    if not file.exists():
        return None
    name = _object(file).get("context")
    if not isinstance(name, str):
        raise ConfigError("is missing or not a string", file=str(file), place="context")
    return name


def defaults(location: Location, *, file: Path | None = None) -> dict[str, object]:
    """Read the values of flags: the authority's (or those of `file`), then the profile's over."""
    values = _object(file or location.defaults_json)
    if location.context is not None:
        values |= _object(location.profile_defaults_json)
    return {name: value for name, value in values.items() if name not in _NOT_IN_DEFAULTS}


def add_context(location: Location, context: Context) -> Location:
    """Write a context down and make it the current one; give the location it leads to."""
    location.base.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file, text, mode in context_files(location.base, context):
        _write(file, text, mode)
    return replace(location, context=context)


def context_files(base: Path, context: Context) -> list[tuple[Path, str, int]]:
    """Give what contexts.json and current-context.json will be: path, content and mode of each."""
    for key, value in (("authority", context.authority), ("profile", context.profile)):
        if not value:
            raise NotFound(f"a context needs a name for its {key}")
    known = contexts(base) | {context.name: context}
    return [
        (base / "contexts.json", _listed(known), 0o600),
        (base / "current-context.json", _current(context.name), 0o644),
    ]


def select_context(base: Path, name: str) -> None:
    """Make a context that is there the current one."""
    _write(base / "current-context.json", _current(name), 0o644)


def remove_context(base: Path, name: str) -> None:
    """Strike a context off the list; its files are left alone."""
    known = {each: entry for each, entry in contexts(base).items() if each != name}
    _write(base / "contexts.json", _listed(known), 0o600)


def _listed(known: Mapping[str, Context]) -> str:
    entries = {
        name: {"profile": entry.profile, "authority": entry.authority}
        for name, entry in sorted(known.items())
    }
    return json.dumps(entries, indent=4, ensure_ascii=False)


def _current(name: str) -> str:
    return json.dumps({"context": name}, separators=(",", ":"), ensure_ascii=False)


def _write(file: Path, text: str, mode: int) -> None:
    """Put a whole new file in the place of the old one."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(fd, "w") as stream:
            stream.write(text)
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"cannot be written: {error.strerror}", file=str(file)) from error


def _object(file: Path) -> dict[str, object]:
    """Read a JSON object; an absent file is an empty one."""
    try:
        value = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError:
        return {}
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=str(file)) from error
    except ValueError as error:
        raise ConfigError(f"is not JSON: {error}", file=str(file)) from error
    if not isinstance(value, dict):
        raise ConfigError("is not a JSON object", file=str(file))
    return value
