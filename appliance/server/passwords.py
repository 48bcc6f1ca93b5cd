"""Where the password of the intermediate's key comes from.

In this order: --password-file; the systemd credentials `hearth-password` and `password`
(LoadCredential= or SetCredentialEncrypted= in the unit); `password` in ca.json; the terminal.
"""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.config.settings import Settings
from appliance.formats.keyfile import is_encrypted
from appliance.model.errors import ConfigError, FormatError
from appliance.model.secret import Password

CREDENTIALS: Final = ("hearth-password", "password")


def given(file: Path | None, environ: Mapping[str, str]) -> Password | None:
    """Read the password file, or else systemd's credential; None without either.

    Raises ConfigError for a file that cannot be read.
    """
    if file is not None:
        return _read(file)
    directory = environ.get("CREDENTIALS_DIRECTORY", "")
    for name in CREDENTIALS if directory else ():
        credential = Path(directory) / name
        if credential.exists():
            return _read(credential)
    return None


def is_missing(settings: Settings, password: Password | None) -> bool:
    """Say whether the key is encrypted and nobody has told the password yet."""
    if password or settings.password:
        return False
    try:
        return is_encrypted(settings.key.read_bytes())
    except (OSError, FormatError):
        return False  # what is wrong with it is told when it is opened


def exposure(file: Path) -> str:
    """Say who else may read a secret file; nothing when nobody may."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return ""
    if mode & 0o077 == 0:
        return ""
    others = "everybody" if mode & 0o007 else "its group"
    return f"{file}: {others} may use this secret (mode {mode:04o}); run: chmod 600 {file}"


def _read(file: Path) -> Password:
    try:
        return Password.from_file_content(file.read_bytes())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"the password file cannot be read: {reason}", file=str(file)) from error
