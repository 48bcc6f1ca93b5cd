"""Which backups stay: decided by their names alone."""

from collections.abc import Iterable
from datetime import datetime

from appliance.model.backups import BackupName, Keep


def superfluous(names: Iterable[BackupName], keep: Keep) -> list[BackupName]:
    """Give those that need not stay, oldest first; the newest always stays."""
    newest_first = sorted(names, key=lambda each: each.made_at, reverse=True)
    if keep.everything or not newest_first:
        return []
    staying = set(newest_first[: max(keep.last, 1)])
    for count, period in (
        (keep.daily, _day),
        (keep.weekly, _week),
        (keep.monthly, _month),
    ):
        newest: dict[tuple[int, ...], BackupName] = {}
        for each in newest_first:
            newest.setdefault(period(each.made_at), each)
        staying.update(list(newest.values())[:count])
    return [each for each in reversed(newest_first) if each not in staying]


def _day(moment: datetime) -> tuple[int, ...]:
    return (moment.year, moment.month, moment.day)


def _week(moment: datetime) -> tuple[int, ...]:
    return moment.isocalendar()[:2]


def _month(moment: datetime) -> tuple[int, ...]:
    return (moment.year, moment.month)
