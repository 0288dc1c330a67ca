"""What retention is, said once more: slow, plain Python, a person and a period at a time.

The SQL has to agree with this on any data. Times are microseconds since 1970, days are cut in the
zone of the deeds.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

DAY = 24 * 60 * 60 * 1_000_000
EPOCH = date(1970, 1, 1)
GREENWICH = ZoneInfo("UTC")
LAST_PERIOD = {"day": 30, "week": 52, "month": 24}
OWN_DAYS = {"day": 1, "week": 7, "month": 28}
TRAITS = ("device_type", "browser", "country", "entry_point", "user_kind")


@dataclass(frozen=True)
class Deed:
    person: str
    app: str
    time: int
    device_type: str | None = None
    browser: str | None = None
    country: str | None = None
    entry_point: str | None = None
    user_kind: str = "anonymous"
    zone: ZoneInfo = GREENWICH

    @cached_property
    def date(self) -> date:
        passed = timedelta(microseconds=self.time)
        return (datetime.fromtimestamp(0, UTC) + passed).astimezone(self.zone).date()


@dataclass
class Person:
    """Of one app, or of all."""

    deeds: list[Deed]

    def __post_init__(self):
        self.deeds.sort(key=lambda deed: (deed.time, deed.app))
        self.first = self.deeds[0]
        self.outcomes: dict[tuple, bool | None] = {}

    def outcome(self, grain: str, kind: str, number: int, today: date) -> bool | None:
        """Whether the person is retained; None while the period is not over."""
        asked = (grain, kind, number)
        if asked not in self.outcomes:
            self.outcomes[asked] = _outcome(self, *asked, today)
        return self.outcomes[asked]

    def trait(self, name: str) -> str:
        if name == "all":
            return "all"
        values = [getattr(deed, name) for deed in self.deeds if deed.date == self.first.date]
        values = [value for value in values if value is not None] or ["unknown"]
        return max(values) if name == "user_kind" else values[0]


def period_start(grain: str, day: date, number: int = 0) -> date:
    """First day of the period that is `number` after the one of the day."""
    if grain == "day":
        return day + timedelta(days=number)
    if grain == "week":
        return day + timedelta(days=7 * number - day.weekday())
    months = day.year * 12 + day.month - 1 + number
    return date(months // 12, months % 12 + 1, 1)


def midnight(day: date, zone: ZoneInfo) -> int:
    """When a day begins there."""
    passed = datetime.combine(day, time(), zone) - datetime.fromtimestamp(0, UTC)
    return passed // timedelta(microseconds=1)


def retention_of(deeds: list[Deed], today: date, breakdowns: list[str]) -> dict[tuple, tuple]:
    """(app, breakdown, value, grain, cohort, kind, n) → (size, eligible, retained, complete)"""
    found = {}
    for app in sorted({deed.app for deed in deeds} | {"all"}):
        by_person = defaultdict(list)
        for deed in deeds:
            if app in ("all", deed.app):
                by_person[deed.person].append(deed)
        people = [Person(of_person) for of_person in by_person.values()]
        people = [person for person in people if person.first.date <= today]
        for name in breakdowns:
            for grain in LAST_PERIOD:
                cohorts = defaultdict(list)
                for person in people:
                    start = period_start(grain, person.first.date)
                    cohorts[(app, name, person.trait(name), grain, start)].append(person)
                for cohort, members in cohorts.items():
                    for kind in ("on", "on_or_after", "rolling"):
                        for number, counts in enumerate(_periods(members, grain, kind, today)):
                            found[(*cohort, kind, number)] = counts
    return found


def _periods(members: list[Person], grain: str, kind: str, today: date) -> list[tuple]:
    rows = []
    somebody_misses = False
    for number in range(LAST_PERIOD[grain] + 1):
        outcomes = [person.outcome(grain, kind, number, today) for person in members]
        eligible = [outcome for outcome in outcomes if outcome is not None]
        if somebody_misses and not eligible:
            break
        somebody_misses = len(eligible) < len(members)
        cohort_is_closed = period_start(grain, members[0].first.date, 1) <= today + timedelta(
            days=1
        )
        is_complete = cohort_is_closed and not somebody_misses
        rows.append((len(members), len(eligible), sum(eligible), is_complete))
    return rows


def _outcome(person: Person, grain: str, kind: str, number: int, today: date) -> bool | None:
    if kind == "rolling":
        length = OWN_DAYS[grain] * DAY
        begin = person.first.time + number * length
        if begin + length > midnight(today + timedelta(days=1), person.first.zone):
            return None
        return any(begin <= deed.time < begin + length for deed in person.deeds)
    begin = period_start(grain, person.first.date, number)
    end = period_start(grain, person.first.date, number + 1)
    if end > today + timedelta(days=1):
        return None
    if kind == "on_or_after":
        return any(begin <= deed.date <= today for deed in person.deeds)
    return any(begin <= deed.date < end for deed in person.deeds)
