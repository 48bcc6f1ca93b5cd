"""Where the passwords of keys come from.

The intermediate's, in this order: --password-file; the systemd credentials `hearth-password` and
`password` (LoadCredential= or SetCredentialEncrypted= in the unit); `password` in ca.json; the
terminal. SSH keys have the same one, or their own: --ssh-host-password-file and
--ssh-user-password-file; the credentials `hearth-ssh-host-password` and `hearth-ssh-user-password`.
"""

import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from appliance.config.settings import Settings
from appliance.formats.keyfile import is_encrypted
from appliance.model.errors import ConfigError, FormatError
from appliance.model.secret import Password
from appliance.model.ssh import CertificateType

CREDENTIALS: Final = ("hearth-password", "password")
SSH_CREDENTIALS: Final = {kind: (f"hearth-ssh-{kind.label}-password",) for kind in CertificateType}


def given(
    file: Path | None, environ: Mapping[str, str], names: Iterable[str] = CREDENTIALS
) -> Password | None:
    """Read the password file, or else systemd's credential; None without either.

    Raises ConfigError for a file that cannot be read.
    """
    if file is not None:
        return _read(file)
    directory = environ.get("CREDENTIALS_DIRECTORY", "")
    for name in names if directory else ():
        credential = Path(directory) / name
        if credential.exists():
            return _read(credential)
    return None


def given_for_ssh(
    files: Mapping[CertificateType, Path | None], environ: Mapping[str, str]
) -> Mapping[CertificateType, Password]:
    """Read the passwords that SSH keys have of their own, from files or credentials.

    Raises ConfigError for a file that cannot be read.
    """
    found = {kind: given(file, environ, SSH_CREDENTIALS[kind]) for kind, file in files.items()}
    return {kind: password for kind, password in found.items() if password is not None}


def is_missing(settings: Settings, password: Password | None) -> bool:
    """Say whether the key is encrypted and nobody has told the password yet."""
    key = settings.key
    return not (password or settings.password) and isinstance(key, Path) and _is_shut(key)


def missing_for_ssh(
    settings: Settings, given: Collection[CertificateType], password: Password | None
) -> Mapping[CertificateType, Path]:
    """Give the SSH keys that are encrypted and whose password nobody has told yet.

    `given` are those with a password of their own; others have the intermediate's.
    """
    ssh = settings.ssh
    if ssh is None or password or settings.password:
        return {}
    files = {CertificateType.HOST: ssh.host_key, CertificateType.USER: ssh.user_key}
    return {
        kind: file
        for kind, file in files.items()
        if isinstance(file, Path) and kind not in given and _is_shut(file)
    }


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


def _is_shut(key: Path) -> bool:
    try:
        return is_encrypted(key.read_bytes())
    except (OSError, FormatError):
        return False  # what is wrong with it is told when it is opened


def _read(file: Path) -> Password:
    try:
        return Password.from_file_content(file.read_bytes())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"the password file cannot be read: {reason}", file=str(file)) from error
