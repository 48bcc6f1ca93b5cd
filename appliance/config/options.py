"""`options` of a provisioner: templates, policy, webhooks, and which intermediate issues."""

from typing import Any

from appliance.config import certificate_templates, policy, webhooks
from appliance.config.document import Document
from appliance.config.schema import Options, SshOptions, X509Options
from appliance.issuance.profiles import DEFAULT_PROFILE, X509Profile
from appliance.issuance.ssh.profiles import DEFAULT_SSH_PROFILE, SshProfile


def read(given: Any, document: Document, place: str) -> X509Profile:
    """Read the options at `place`.

    Raises ConfigError naming what is wrong in them, and FormatError for what keeps step-ca from
    using the provisioner, though not from starting.
    """
    if given is None:
        return DEFAULT_PROFILE
    options = document.read(Options, given, place)
    x509 = options.x509 or X509Options()
    template, data = certificate_templates.read(x509)
    return X509Profile(
        template=template,
        template_data=data,
        policy=policy.of_provisioner(x509, document, f"{place}.x509"),
        webhooks=webhooks.read(options.webhooks, document, f"{place}.webhooks"),
        issuer=x509.issuer,
    )


def read_ssh(given: Any, document: Document, place: str) -> SshProfile:
    """Read what the options at `place` say about SSH certificates.

    Raises as `read` does.
    """
    if given is None:
        return DEFAULT_SSH_PROFILE
    options = document.read(Options, given, place)
    ssh = options.ssh or SshOptions()
    template, data = certificate_templates.read(ssh)
    return SshProfile(
        template=template,
        template_data=data,
        policy=policy.of_provisioner_ssh(ssh, document, f"{place}.ssh"),
        webhooks=webhooks.read(options.webhooks, document, f"{place}.webhooks"),
    )
