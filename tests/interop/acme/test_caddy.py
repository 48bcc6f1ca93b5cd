"""Caddy gets its own certificate before its first visitor comes, and the next one by itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.acme_house import DOMAIN, House, plain_folder, present, running, shown, until


def configuration(house: House, folder: Path, name: str, challenge: str) -> dict[str, Any]:
    """One site. A certificate is renewed when it is there: all of its life is the last part."""
    others = {"http": "tls-alpn", "tls-alpn": "http"}
    issuer = {
        "module": "acme",
        "ca": house.url(),
        "email": "anna@home.example",
        "trusted_roots_pem_files": [str(folder / "root.pem")],
        "challenges": {others[challenge]: {"disabled": True}},
    }
    policy = {"subjects": [name], "issuers": [issuer], "renewal_window_ratio": 0.9999}
    listen = [f"127.0.0.1:{house.http_port}", f"127.0.0.1:{house.tls_port}"]
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(folder / "storage")},
        "apps": {
            "http": {
                "http_port": house.http_port,
                "https_port": house.tls_port,
                "servers": {
                    "home": {
                        "listen": listen[1:],
                        "routes": [{"match": [{"host": [name]}]}],
                        "protocols": ["h1", "h2"],
                    }
                },
            },
            "tls": {"automation": {"policies": [policy], "renew_interval": "1s"}},
        },
    }


@pytest.mark.parametrize("challenge", ["http", "tls-alpn"])
def test_caddy(house: House, challenge: str) -> None:
    name = f"caddy-{challenge}.{DOMAIN}"
    with plain_folder(house) as (folder, as_nobody):
        file = folder / "caddy.json"
        file.write_text(json.dumps(configuration(house, folder, name, challenge)))
        command = [*as_nobody, present("caddy"), "run", "--config", str(file)]
        serials = set()

        def two_shown() -> bool:
            leaf = shown(house.tls_port, name, house.root)
            serials.update({leaf.serial_number} if leaf else set())
            return len(serials) > 1

        with running(house, *command, cwd=folder) as (_, log):
            until(two_shown, log)
