"""Record step-ca's answers: `python -m tests.authority.record_ssh_configuration`.

Needs step-ca on PATH.
"""

import http.client
import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.formats.ssh import keys
from tests.authority.ssh_configuration_cases import (
    CONFIGURATIONS,
    GOLDEN,
    HOST_CONFIGURATIONS,
    HOSTS,
    World,
    reduced,
)
from tests.support.stepca import Reference, serving


def recorded() -> dict[str, Any]:
    """Ask a step-ca for each configuration everything."""
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name))
        os.environ["STEPPATH"] = name
        return {
            "keys": {each: keys.of_key(key.public_key()).line for each, key in world.keys.items()},
            "configurations": {
                each: _asked(world, given, _config_requests(given))
                for each, given in CONFIGURATIONS.items()
            },
            "hosts": {
                each: _asked(world, given, HOSTS) for each, given in HOST_CONFIGURATIONS.items()
            },
        }


def _config_requests(given: Mapping[str, Any]) -> dict[str, tuple[str, str, Any]]:
    return {name: ("POST", "/ssh/config", body) for name, body in given["requests"].items()}


def _asked(
    world: World, given: Mapping[str, Any], requests: Mapping[str, tuple[str, str, Any]]
) -> dict[str, Any]:
    with serving(world.folder, world.configuration(given)) as reference:
        return {name: _answer(reference, *request) for name, request in requests.items()}


def _answer(reference: Reference, method: str, path: str, body: object) -> dict[str, Any]:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", reference.port, context=context)
    connection.request(method, path, json.dumps(body) if method == "POST" else None)
    response = connection.getresponse()
    answer = reduced(response.status, response.read())
    connection.close()
    return answer


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(recorded(), indent=1, ensure_ascii=False) + "\n")
