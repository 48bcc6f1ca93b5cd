"""`template`, `templateFile` and `templateData` of a provisioner.

A template that cannot be read does not keep the server from starting, as it does not in step-ca:
that provisioner's certificates are refused until it is mended, and the start says so.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from appliance.config import location
from appliance.config.schema import AcmeProfile, SshOptions, X509Options
from appliance.issuance import templates
from appliance.issuance.templates import Template
from appliance.model.errors import HearthError


def read(
    written: X509Options | SshOptions | AcmeProfile,
) -> tuple[Template | None, Mapping[str, object]]:
    """Give the template, None where there is none, and the data that is laid over what it sees."""
    data = written.template_data
    if data is not None and not isinstance(data, Mapping):
        return Template("", problem="templateData must be an object in braces"), {}
    if data:
        templates.load_engine()
    return _template(written), data or {}


def _template(written: X509Options | SshOptions | AcmeProfile) -> Template | None:
    if written.template:
        return templates.of_option(written.template)
    if not written.template_file:
        return None
    try:
        file = _file(written.template_file)
        text = file.read_bytes().decode("utf-8", "surrogateescape")
    except (OSError, HearthError) as error:
        return Template("", problem=f"templateFile cannot be read: {error}")
    return Template(text)


def _file(name: str) -> Path:
    """Find a template file: relative names are below the step path. Raises NotFound."""
    if Path(name).is_absolute():
        return Path(name)
    return location.find(os.environ).resolve(name, home=location.home_directory(os.environ))
