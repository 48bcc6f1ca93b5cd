"""Whether a provisioner of a ca.json will work, found out before the file is put in place."""

from appliance.config.settings import ProvisionerSettings, Settings
from appliance.provisioners import registry
from appliance.provisioners.listed import UninitializedProvisioner
from appliance.server.system import SystemChance, SystemClock
from appliance.upstream.http import HttpOutbound


def problem(settings: Settings, name: str) -> str:
    """Say what would leave a provisioner listed but without use; nothing when it will work.

    Raises ConfigError when two collide.
    """
    made = registry.build(
        settings, SystemClock().now(), outbound=HttpOutbound(()), chance=SystemChance()
    )
    found = made.by_name(name)
    if isinstance(found, UninitializedProvisioner):
        return str(found.entry["stateReason"])
    return ""


def template_problem(settings: Settings, name: str) -> str:
    """Say why its templates would make no certificates; nothing when they can be read."""
    for each in settings.provisioners:
        if each.name == name:
            return _of_templates(each)
    return ""


def _of_templates(provisioner: ProvisionerSettings) -> str:
    templates = (provisioner.profile.template, provisioner.ssh_profile.template)
    return next((each.problem for each in templates if each and each.problem), "")
