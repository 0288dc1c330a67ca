"""Who came back is who the tables say came back, and as many as the planted rates of visits make.

Of the two apps in which everybody is known: elsewhere a person's first day is a matter of identity
as well, which test_truth.py is about.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from simulator.texts import HOUR_WEIGHTS
from tests.warehouse.planted import START, assert_documented
from tests.warehouse.retention_reference import Deed, retention_of
from tests.warehouse.sampling import Outcome

KNOWN_APPS = ("studyin", "sketchychain")
PERIODS = {
    (kind, (number,)): f"D{number}, {kind}"
    for kind in ("on", "on_or_after", "rolling")
    for number in (1, 7, 28)
} | {
    # Of "on or after" one period says much of the next, so those cannot be pooled.
    (kind, tuple(range(1, 29))): f"D1 to D28, {kind}"
    for kind in ("on", "rolling")
}


def test_each_cohort_is_as_large_and_comes_back_as_it_did(planted):
    """Every row that is not broken down: all kinds, all periods of days, weeks and months."""
    [(today,)] = planted.query("select as_of_date from intermediate.int_data_watermark")
    epoch = datetime(1970, 1, 1)
    deeds = [
        Deed(str(row["person"]), row["source_app"], (row[at] - epoch) // timedelta(microseconds=1))
        for row in planted.truth("active_days")
        if row["person"] in planted.consenting and row["source_app"] in KNOWN_APPS
        for at in ("first_at", "last_at")
    ]
    wanted = retention_of(deeds, today, ["all"])
    found = {
        row[:7]: row[7:]
        for row in planted.query(
            "select source_app, breakdown_name, breakdown_value, cohort_grain, cohort_start, kind,"
            " period_number, cohort_size, eligible_count, retained_count, is_complete"
            f" from retention where breakdown_name = 'all' and source_app in {KNOWN_APPS}"
        )
    }
    assert found == {key: counts for key, counts in wanted.items() if key[0] != "all"}
    assert_documented(f"| rows of retention in studyin and sketchychain | {len(found):,} | 0 |")


@pytest.fixture(scope="module")
def returns(planted) -> dict[str, Outcome]:
    """The retention mart's counts beside each person's chance by the planted rates of visits.

    Visits are a Poisson process, so whether a person is back on one day says nothing of another.
    """
    [(today,)] = planted.query("select as_of_date from intermediate.int_data_watermark")
    end = (today - START).days + 1
    first: dict[tuple[str, int], datetime] = {}
    for row in planted.truth("active_days"):
        who = row["source_app"], row["person"]
        if row["person"] in planted.consenting and row["source_app"] in KNOWN_APPS:
            first[who] = min(row["first_at"], first.get(who, row["first_at"]))
    found = {}
    for (kind, numbers), name in PERIODS.items():
        chances, cohorts = [], set()
        for (app, person), at in first.items():
            since = (at - datetime.combine(START, datetime.min.time())) / timedelta(days=1)
            begin = since if kind == "rolling" else int(since)
            for number in numbers:
                # A period counts once it is over.
                if begin + number + 1 <= end:
                    until = end if kind == "on_or_after" else begin + number + 1
                    expected = expected_visits(planted, app, person, begin + number, until)
                    chances.append(1 - math.exp(-expected))
                    cohorts.add((app, at.date(), number))
        retained, eligible = _retained(planted, kind, cohorts)
        assert eligible == len(chances)
        found[name] = Outcome(name, np.array(chances), retained)
    return found


def _retained(planted, kind: str, cohorts: set[tuple[str, date, int]]) -> tuple[int, int]:
    rows = planted.query(
        "select source_app, cohort_start, period_number, retained_count, eligible_count"
        f" from retention where breakdown_name = 'all' and cohort_grain = 'day' and kind = '{kind}'"
    )
    counted = [row[3:] for row in rows if row[:3] in cohorts]
    assert len(counted) == len(cohorts)
    retained, eligible = zip(*counted, strict=True)
    return sum(retained), sum(eligible)


def expected_visits(planted, app: str, person: int, begin: float, end: float) -> float:
    """Visits that begin between two times, in days since the world's start."""
    one, p = planted.people[person], planted.parameters
    total = 0.0
    for day in range(int(begin), math.ceil(end)):
        on = START + timedelta(days=day)
        is_away = one["break_start"] <= on < one["break_end"]
        if is_away or not one["arrival_date"] <= on < one["churn_date"]:
            continue
        share = share_of_day(one, begin - day, end - day)
        if app == "studyin":
            down, up = ((at - datetime.combine(on, datetime.min.time())) / timedelta(days=1)
                        for at in planted.outage)  # fmt: skip
            share -= share_of_day(one, max(begin - day, down), min(end - day, up))
        rate = one[f"daily_visits_{app}"] * p[f"weekday_weights.{on.weekday()}"]
        if app == "sketchychain" and on == planted.spike_date:
            rate *= p["spike_factor"]
        total += rate * share
    return total


def share_of_day(person: dict, begin: float, end: float) -> float:
    """Of a day's visits those that begin between two times of it, in days; nights are quiet."""
    by_hour = np.roll(HOUR_WEIGHTS, -person["utc_offset_hours"])
    until = np.concatenate([[0.0], np.cumsum(by_hour)]) / by_hour.sum()
    low, high = np.interp([begin * 24, max(begin, end) * 24], np.arange(25), until)
    return float(high - low)


def test_retention_comes_back_within_its_sampling_error(returns):
    for outcome in returns.values():
        assert outcome.is_within(), outcome.line()


def test_visits_that_are_rarer_or_more_frequent_are_noticed(returns):
    """A third of them or three times as many: each period shows it. A sixth: the days together.

    Who comes at all is back some day, however often she comes; so there only rarer visits show.
    """
    for name, outcome in returns.items():
        factors = [3, 1 / 3]
        if "to" in name:
            factors = [7 / 6, 5 / 6]
        if "on_or_after" in name:
            factors = [1 / 3]
        for factor in factors:
            chances = 1 - (1 - outcome.chances) ** factor
            assert not Outcome(name, chances, outcome.found).is_within(), (name, factor)


def test_the_documented_retention_is_that_which_is_found(returns):
    assert_documented(*(outcome.line() for outcome in returns.values()))
