"""Alerts as an operator without a server has them: what a test put there."""

from collections.abc import Sequence

from appliance.model.alerts import AlertReport, Delivery, Mute
from appliance.model.errors import NotFound

NO_ALERTS = AlertReport(open=(), ended=(), pending=(), mutes=(), conditions=(), targets=())


class KeptAlerts:
    """The part of an Operator that is about alerts."""

    alert_report: AlertReport = NO_ALERTS
    mutes: dict[str, Mute]

    async def alerts(self) -> AlertReport:
        return self.alert_report

    async def test_alerts(self, target: str = "") -> Sequence[Delivery]:
        if target not in ("", *self.alert_report.targets):
            raise NotFound(f"there is no target '{target}'")
        chosen = [target] if target else self.alert_report.targets
        return [Delivery(target=each) for each in chosen]

    async def mute_alert(self, mute: Mute) -> None:
        self.__dict__.setdefault("mutes", {})[mute.name] = mute

    async def unmute_alert(self, name: str) -> None:
        if self.__dict__.get("mutes", {}).pop(name, None) is None:
            raise NotFound(f"'{name}' is not muted")
