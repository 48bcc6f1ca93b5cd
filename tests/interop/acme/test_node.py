"""acme-client of Node's registry issues, renews and revokes, by each kind of challenge."""

from pathlib import Path

import pytest

from tests.support.acme_house import DOMAIN, House, present

ROOT = Path(__file__).resolve().parents[3]
MODULES = ROOT / ".venv" / "node" / "node_modules"
SCRIPT = Path(__file__).parent / "node" / "order.cjs"


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01", "dns-01"])
def test_acme_client(house: House, tmp_path: Path, challenge: str) -> None:
    name = f"node-{challenge}.{DOMAIN}"
    port = house.tls_port if challenge == "tls-alpn-01" else house.http_port
    assert MODULES.is_dir(), "packaging/setup.sh test installs it"
    bound = house.bound(name) if challenge == "dns-01" else []
    url = house.url("bound" if bound else "acme")
    house.run(
        present("node"), SCRIPT, url, house.zone, name, challenge, str(port), *bound,
        cwd=tmp_path, more={"NODE_PATH": str(MODULES)},
    )  # fmt: skip
    first = house.take(tmp_path / "first.pem", name)
    second = house.take(tmp_path / "second.pem", name)
    assert second.serial_number != first.serial_number
    assert house.revoked(second)
