"""Numbers, Grafana's dashboard and the handbook name the same things."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.authority.metrics import Metrics
from appliance.formats import prometheus
from appliance.model.events import Event, EventKind
from appliance.model.tokens import TokenState, TokenStatus
from appliance.model.webhooks import WebhookKind
from tests.server.conftest import Authority, Start
from tests.support.authority import START, RecordedEvents, StandingClock
from tests.support.web import PATIENCE

REPOSITORY = Path(__file__).parents[2]
ANY = "127.0.0.1:0"
SCRAPED = {"instance", "job"}  # labels that Prometheus adds
ELSEWHERE = {
    "hearth_acme_challenges_total": {"outcome", "type"},  # tests/authority/acme/test_validation.py
    "hearth_alerts_firing": {"rule"},  # tests/authority/alerts/test_monitor.py
    "hearth_workers_ready": set[str](),  # tests/server/workers/test_crew.py
    "hearth_worker_connections": {"worker"},
    "hearth_workers_replaced_total": set[str](),
}
"""What neither of the sources here has."""

_LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')
_METRIC = re.compile(r"\b(?:hearth|step_ca)_\w+")

Shown = dict[str, set[str]]
"""The labels of each metric."""


def read(text: str) -> Shown:
    found: Shown = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = _LINE.fullmatch(line)
            assert match, line
            float(match[3])
            found.setdefault(match[1], set()).update(_LABEL.findall(match[2] or ""))
    return found


def never_in_a_small_ca() -> str:
    """What SSH, rekeying, webhooks and tokens would add."""
    metrics = Metrics(RecordedEvents(), StandingClock())
    for kind, operation in (
        (EventKind.RENEWED, "renew"),
        (EventKind.REKEYED, "rekey"),
        (EventKind.ISSUED, "ssh-sign"),
        (EventKind.RENEWED, "ssh-renew"),
        (EventKind.REKEYED, "ssh-rekey"),
    ):
        metrics.record(Event(at=START, kind=kind, operation=operation, provisioner="admin"))
    for hook in WebhookKind:
        metrics.webhook_called(hook, "admin", succeeded=True)
    metrics.token_changed(
        TokenStatus(name="yubikey 1", uri="yubikey:", state=TokenState.READY, tries_left=3)
    )
    return prometheus.render(metrics.families())


@pytest.fixture
async def served(start: Start, authority: Authority) -> str:
    """What a CA that issued and refused something tells Prometheus."""
    target = {"type": "command", "command": ["/bin/true"]}
    authority.configure(metricsAddress=ANY, crl={"enabled": True}, alerts={"targets": [target]})
    async with start() as appliance:
        line = await appliance.output.wait_for("Serving HTTP (metrics) on ")
        body = authority.request("a.test")
        assert (await appliance.client.post("/sign", json=body)).status_code == 201
        assert (await appliance.client.post("/sign", json=body)).status_code == 401
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            url = f"http://{line.split(' on ')[1].removesuffix(' ...')}/metrics"
            return (await client.get(url)).text


async def test_a_ca_tells_what_it_did(served: str) -> None:
    lines = served.splitlines()
    for line in (
        'hearth_requests_total{operation="sign",outcome="issued",provisioner="load"} 1',
        'hearth_certificates{kind="x509",provisioner="load",state="active"} 1',
        'hearth_certificates_expiring{kind="x509",within="720h"} 1',
        'hearth_step_seconds_count{operation="sign",step="authorize"} 2',
        'hearth_step_seconds_count{operation="sign",step="sign"} 1',
        'hearth_step_seconds_count{operation="sign",step="record"} 1',
        'hearth_alerts_undelivered{target="command"} 0',
        'hearth_crl_age_seconds{issuer=""} ',
        'hearth_end_timestamp_seconds{name="own-certificate"} ',
        "hearth_acme_challenges_in_work 0",
        "hearth_store_transactions_total ",
        "step_ca_uptime_seconds ",
    ):
        assert any(each.startswith(line) for each in lines), line
    assert sum("HELP hearth_" in line for line in lines) >= 14


async def test_each_query_of_the_dashboard_asks_for_what_there_is(served: str) -> None:
    """Names, and labels in selectors, groupings and legends."""
    shown = read(served) | read(never_in_a_small_ca()) | ELSEWHERE
    asked: set[str] = set()
    for target in targets(dashboard()):
        query = target["expr"]
        names = _METRIC.findall(query)
        assert names, query
        assert set(names) <= shown.keys(), query
        asked.update(names)
        known = set.union(*(shown[name] for name in names)) | SCRAPED
        labels = {
            *re.findall(r"(\w+)=~?\"", query),
            *(
                each.strip()
                for by in re.findall(r"by \(([^)]*)\)", query)
                for each in by.split(",")
            ),
            *re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]),
        }
        assert labels <= known, query
    unasked = {family(name) for name in shown} - {family(name) for name in asked}
    assert unasked == set(), "what is told is shown"


def test_the_dashboard_loads() -> None:
    """As Grafana takes it: places that do not overlap, numbers of panels, a source to choose."""
    whole = dashboard()
    assert whole["uid"]
    assert whole["schemaVersion"] >= 36
    variables = {each["name"]: each for each in whole["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    assert len({panel["id"] for panel in whole["panels"]}) == len(whole["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in whole["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["title"]
            refs = [target["refId"] for target in panel["targets"]]
            assert len(set(refs)) == len(refs)
    used = set(re.findall(r"\$(\w+)", json.dumps(list(targets(whole)))))
    assert used <= {"instance", "datasource", "__rate_interval"} | variables.keys()


async def test_the_handbook_names_each_number(served: str) -> None:
    names = {family(name) for name in read(served) | read(never_in_a_small_ca()) | ELSEWHERE}
    handbook = (REPOSITORY / "homelab.md").read_text()
    told = {name for name in _METRIC.findall(handbook) if not name.endswith("_")}
    assert {name for name in names if name not in told} == set()
    assert {name for name in told if name.startswith("hearth_")} - names == set()


def family(name: str) -> str:
    """Give the name without what a histogram adds."""
    return re.sub(r"(_seconds)_(bucket|sum|count)$", r"\1", name)


def dashboard() -> Any:
    return json.loads((REPOSITORY / "packaging" / "grafana-dashboard.json").read_text())


def targets(whole: Any) -> Iterator[Any]:
    for panel in whole["panels"]:
        yield from panel.get("targets", ())
