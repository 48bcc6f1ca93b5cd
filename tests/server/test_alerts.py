"""Alerts of a running appliance: by its configuration, also after a reload."""

from pathlib import Path

from tests.server.conftest import Authority, Start


def writing(file: Path, name: str) -> dict[str, object]:
    """A target that appends what it gets to a file."""
    return {"type": "command", "name": name, "command": ["/usr/bin/tee", "-a", str(file)]}


async def test_targets_are_those_of_the_configuration_at_work(
    start: Start, authority: Authority, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    authority.configure(alerts={"targets": [writing(first, "a")]})
    async with start() as appliance:
        operator = appliance.running.operator
        assert [each.target for each in await operator.test_alerts()] == ["a"]
        authority.configure(alerts={"targets": [writing(second, "b")]})
        await appliance.reload("Serving HTTPS")
        assert [each.problem for each in await operator.test_alerts()] == [""]
        authority.configure(alerts={"targets": [{"type": "pager"}]})
        line = await appliance.reload("error reloading")
        assert "alerts.targets[0].type: 'pager' must be one of" in line
        assert (await operator.alerts()).targets == ("b",)
    assert '"change":"test"' in first.read_text()
    assert first.read_text().count("\n") <= 1
    assert '"change":"test"' in second.read_text()


async def test_what_of_the_ca_ends_is_watched_and_told_by_health(
    start: Start, authority: Authority
) -> None:
    authority.configure(crl={"enabled": True}, ocsp={"enabled": True})
    async with start() as appliance:
        known = {each.name: each for each in (await appliance.running.operator.alerts()).conditions}
        answer = (await appliance.client.get("/health", params={"verbose": ""})).json()
    watched = {name.partition(":")[0] for name in known}
    assert {"root", "intermediate", "own-certificate", "ocsp-responder", "crl"} <= watched
    assert answer["status"] == "ok"
    told = {each["name"]: each for each in answer["conditions"]}
    assert told.keys() == known.keys()
    near = next(each for name, each in told.items() if name.startswith("intermediate:"))
    if not near["ok"]:
        assert near.keys() == {"name", "ok", "since", "severity", "text"}
    assert told["refusals"].keys() == {"name", "ok", "since"}
