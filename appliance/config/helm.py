"""`ca init --helm`: the values of the step-certificates chart, as YAML.

Scalars are written as JSON, which YAML includes; PEM texts as literal blocks. The chart runs
step-ca's image, so paths and database are those of that image.
"""

import json
import textwrap
from pathlib import PurePosixPath
from typing import Final

from appliance.config import creation
from appliance.config.creation import Authority
from appliance.formats import pem

_HOME: Final = PurePosixPath("/home/step")


def values(made: Authority) -> str:
    """Give the whole document."""
    parts = [
        "# Helm values for step-certificates\ninject:\n  enabled: true\n  config:\n    files:\n",
        "      ca.json:\n" + _indent(_yaml(_ca_json(made)), 8),
        "\n      defaults.json:\n" + _indent(_yaml(_defaults(made)), 8),
        "\n  certificates:\n" + _indent(_certificates(made), 4),
        "\n  secrets:\n" + _indent(_secrets(made), 4),
    ]
    return "".join(parts)


def _ca_json(made: Authority) -> dict[str, object]:
    wishes = made.wishes
    document: dict[str, object] = {
        "root": str(_HOME / "certs/root_ca.crt"),
        "federateRoots": [],  # the chart's own spelling
        "crt": str(_HOME / "certs/intermediate_ca.crt"),
        "key": str(_HOME / "secrets/intermediate_ca_key"),
    }
    if wishes.ssh:
        document["ssh"] = {
            "hostKey": str(_HOME / "secrets/ssh_host_ca_key"),
            "userKey": str(_HOME / "secrets/ssh_user_ca_key"),
        }
    document["address"] = wishes.address
    if wishes.insecure_address:
        document["insecureAddress"] = wishes.insecure_address
    document |= {
        "dnsNames": list(wishes.dns_names),
        "logger": {"format": "json"},
    }
    if wishes.database:
        document["db"] = {"type": "badgerv2", "dataSource": str(_HOME / "db")}
    return document | {
        "authority": {"enableAdmin": False, "provisioners": creation.provisioners(made)},
        "tls": {
            "cipherSuites": list(creation.CIPHER_SUITES),
            "minVersion": 1.2,
            "maxVersion": 1.3,
            "renegotiation": False,
        },
        **creation.publishing(wishes),
    }


def _defaults(made: Authority) -> dict[str, object]:
    host = made.wishes.dns_names[0]
    return {
        "ca-url": made.wishes.ca_url or f"https://{f'[{host}]' if ':' in host else host}",
        "ca-config": str(_HOME / "config/ca.json"),
        "fingerprint": creation.fingerprint(made.root),
        "root": str(_HOME / "certs/root_ca.crt"),
    }


def _certificates(made: Authority) -> str:
    text = "# texts of the CA certificates, and the SSH CA's public keys\n"
    text += _block("intermediate_ca", pem.encode("CERTIFICATE", made.intermediate))
    text += _block("root_ca", pem.encode("CERTIFICATE", made.root))
    for name, line in made.ssh_public_keys.items():
        text += f"{name.removesuffix('_key.pub')}: {json.dumps(line.strip())}\n"
    return text


def _secrets(made: Authority) -> str:
    text = (
        "# passwords of the keys and of the provisioner, in base64: fill them in\n"
        "ca_password:\nprovisioner_password:\n\nx509:\n"
    )
    for name in ("intermediate_ca_key", "root_ca_key"):
        if name in made.keys:
            text += _indent(_block(name, made.keys[name].decode()), 2)
    if made.wishes.ssh:
        text += "ssh:\n"
        for name in ("ssh_host_ca_key", "ssh_user_ca_key"):
            text += _indent(_block(name.removeprefix("ssh_"), made.keys[name].decode()), 2)
    return text


def _yaml(value: dict[str, object]) -> str:
    """Write a mapping a line a key; what is in a list or is no mapping is JSON."""
    text = ""
    for key, entry in value.items():
        if isinstance(entry, dict):
            text += f"{key}:\n" + _indent(_yaml(entry), 2)
        elif isinstance(entry, list) and entry:
            lines = (f"  - {json.dumps(each, separators=(',', ':'))}\n" for each in entry)
            text += f"{key}:\n" + "".join(lines)
        else:
            text += f"{key}: {json.dumps(entry)}\n"
    return text


def _block(name: str, text: str) -> str:
    return f"{name}: |\n" + _indent(text, 2)


def _indent(text: str, by: int) -> str:
    return textwrap.indent(text, " " * by)
