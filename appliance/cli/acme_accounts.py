"""The keys of a person's ACME accounts, one for each server, kept below the step path.

step makes a new account for every certificate. With one that stays, a CA knows its client again:
it can be revoked by, needs an operator's binding once, and names proved are not proved anew.
"""

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from appliance.cli.command import location
from appliance.cli.files import write_file
from appliance.cli.prompts import say
from appliance.formats import jwk
from appliance.formats.keys import PrivateKey
from appliance.model.errors import BadRequest, ConfigError, FormatError


def account_key(directory_url: str) -> PrivateKey:
    """Give the key of the account with a server, or make one. Raises ConfigError.

    Where it cannot be written, it serves this once.
    """
    kept = kept_account_key(directory_url)
    if kept is not None:
        return kept
    key = ec.generate_private_key(ec.SECP256R1())
    document = {"directory": directory_url, "key": jwk.private_jwk(key)}
    file = _file(directory_url)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(file, (json.dumps(document, indent=3) + "\n").encode(), 0o600, force=True)
    except (OSError, BadRequest) as error:
        say(f"The key of the ACME account is not kept: {error}")
    return key


def kept_account_key(directory_url: str) -> PrivateKey | None:
    """Give the key of the account with a server, if there is one. Raises ConfigError."""
    file = _file(directory_url)
    try:
        return jwk.private_key(json.loads(file.read_bytes())["key"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {(error.strerror or '').lower()}", file=str(file)
        ) from error
    except (ValueError, KeyError, TypeError, FormatError) as error:
        raise ConfigError(
            "does not hold the key of an ACME account; remove it to begin with a new account",
            file=str(file),
        ) from error


def _file(directory_url: str) -> Path:
    name = hashlib.sha256(directory_url.encode()).hexdigest()[:32]
    return location().profile_path / "acme" / f"{name}.json"
