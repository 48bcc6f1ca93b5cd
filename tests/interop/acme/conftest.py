"""One CA for all clients, which go about their own business in folders of their own."""

import json
from collections.abc import Iterator

import pytest

from tests.support.acme_house import House, zone
from tests.support.appliance import Appliance, free_port

# Accounts need a key of the CA's; short-lived certificates can be chosen.
BOUND = {
    "type": "ACME",
    "name": "bound",
    "requireEAB": True,
    "options": {"acme": {"profiles": {"short-lived": {"lifetime": "6h"}, "server": {}}}},
}


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("house")
    records = directory / "zone"
    records.mkdir()
    ca = Appliance(directory / "ca", "--acme")
    document = json.loads(ca.ca_json.read_text())
    document["crl"] = {"enabled": True, "generateOnRevoke": True}
    document["authority"]["provisioners"].append(BOUND)
    ca.ca_json.write_text(json.dumps(document))
    with zone(records) as server:
        made = House(
            ca=ca, directory=directory, zone=records,
            dns_port=server.port, http_port=free_port(), tls_port=free_port(),
        )  # fmt: skip
        ca.start(
            "--insecure", "--resolver", f"127.0.0.1:{server.port}",
            "--acme-http-port", str(made.http_port), "--acme-tls-port", str(made.tls_port),
        )  # fmt: skip
        yield made
        ca.stop()
