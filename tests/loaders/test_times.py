"""Timestamps as apps write them: one UTC time, or none; a column as its values one by one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.times import parse_time, parse_times, within_reason

MOMENT = datetime(2026, 3, 2, 9, 15, 4, 120_000, tzinfo=UTC)


def shown(micros: int | None) -> str | None:
    if micros is None:
        return None
    return (datetime(1970, 1, 1) + timedelta(microseconds=micros)).isoformat()


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-02T09:15:04.120Z",
        "2026-03-02T09:15:04.12Z",
        "2026-03-02t09:15:04.120z".upper(),
        "2026-03-02 09:15:04.120Z",
        "2026-03-02T09:15:04.120",  # no zone: the source's, here UTC
        "2026-03-02T09:15:04.120000",
        "2026-03-02T09:15:04.120000999Z",
        "2026-03-02T09:15:04.120+00:00",
        "2026-03-02T14:45:04.120+05:30",
        "2026-03-02T14:45:04.120+0530",
        "2026-03-02 14:45:04.120 +05:30",
        "2026-03-02T04:15:04.120-05",
        "2026-03-02T04:15:04.120 -05:00",
        "  2026-03-02T09:15:04.120Z ",
        1772442904.12,
        1772442904120,
        1772442904120000,
        "1772442904.12",
        "1772442904120",
        "1772442904120000",
    ],
)
def test_one_moment_many_spellings(value):
    assert shown(parse_time(value)) == MOMENT.replace(tzinfo=None).isoformat()


def test_a_time_without_zone_is_in_the_zone_of_its_source():
    assert shown(parse_time("2026-07-02T09:15:04", "Europe/Berlin")) == "2026-07-02T07:15:04"
    assert shown(parse_time("2026-01-02T09:15:04", "Europe/Berlin")) == "2026-01-02T08:15:04"
    assert shown(parse_time("2026-07-02T09:15:04Z", "Europe/Berlin")) == "2026-07-02T09:15:04"


@pytest.mark.parametrize(
    "value",
    [
        "2026-12-31T23:59:60Z",  # a leap second
        "2026-03-02T24:00:00Z",
        "2026-02-30T09:15:04Z",
        "2025-02-29T09:15:04Z",
        "2026-13-01T09:15:04Z",
        "2026-03-02T09:60:04Z",
        "2026-03-02",
        "09:15:04",
        "Mon, 02 Mar 2026 09:15:04 GMT",
        "infinity",
        "-infinity",
        "now",
        "294247-01-10T04:00:54Z",
        "+2026-03-02T09:15:04Z",
        "2026-03-02T09:15:04 CET",
        "2026-03-02T09:15:04+99:00",
        "\uff12\uff10\uff12\uff16-03-02T09:15:04Z",  # digits, but full-width ones
        "",
        " ",
        None,
        True,
        [],
        {},
        0,
        -1,
        5,
        10**30,
        float("inf"),
        float("nan"),
    ],
)
def test_what_is_no_time(value):
    assert parse_time(value) is None


def test_years_that_no_app_lived_in_are_told_apart_from_no_times():
    times = parse_times(
        [
            "1999-12-31T23:59:59.999999Z",
            "2000-01-01T00:00:00Z",
            "2099-12-31T23:59:59.999999Z",
            "2100-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "nothing",
        ]
    )
    assert within_reason(times).to_pylist() == [False, True, True, False, False, False, None]


# ── against an obvious slow reference ─────────────────────────────────────────────────────────

_SLOW = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
    r"(?: ?(?:([Zz])|([+-])(\d\d):?(\d\d)?))?",
    re.ASCII,
)


def slow(text: str, zone: str) -> int | None:
    """Only for texts with dates; written to be read, not to be quick."""
    found = _SLOW.fullmatch(text.strip())
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, utc, sign, hours, minutes = found.groups()
    if minutes is None and hours is not None and found[0].endswith(":"):
        return None
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]),
        )  # fmt: skip
        if utc:
            zone_offset = timedelta(0)
        elif sign:
            if int(hours) > 23 or int(minutes or 0) > 59:
                return None
            zone_offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
            zone_offset = zone_offset if sign == "+" else -zone_offset
        else:
            zone_offset = moment.replace(tzinfo=ZoneInfo(zone)).utcoffset()
        moment -= zone_offset
    except (ValueError, OverflowError):
        return None
    return (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def two(most: int) -> st.SearchStrategy[str]:
    return st.integers(0, most).map("{:02d}".format)


years = st.sampled_from(["2026", "2024", "1999", "2000", "2100", "0001", "0000", "9999", "1582"])
fractions = st.sampled_from(["", "", ".1", ".120", ".123456", ".1234567", ".123456789"])
zones = st.sampled_from(["Z", "Z", "Z", "", "", "+05:30", "-0530", "+05", " +01:00", " -01:00",
                         "z", " Z", "+23:59", "-23:59", "+24:00", "+05:", "+05:60"])  # fmt: skip
texts = st.builds(
    "{}-{}-{}{}{}:{}:{}{}{}".format,
    years, two(13), two(32), st.sampled_from("TTTT "), two(24), two(60), two(60), fractions, zones,
)  # fmt: skip
uniform = st.builds(
    "{}-{}-{}T{}:{}:{}.{:03d}Z".format,
    years, two(12), two(31), two(23), two(59), two(59), st.integers(0, 999),
)  # fmt: skip
others = st.none() | st.integers() | st.floats() | st.booleans() | st.text(max_size=8)


@given(texts | uniform, st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]))
def test_texts_are_read_as_the_slow_way_reads_them(text, zone):
    column = parse_times([text], zone).cast(pa.int64()).to_pylist()
    assert column == [slow(text, zone)]


@given(
    st.lists(uniform, max_size=6)
    | st.lists(texts, max_size=6)
    | st.lists(texts | uniform | others, max_size=6),
    st.sampled_from(["UTC", "Europe/Berlin"]),
)
def test_a_column_is_its_values_one_by_one(column, zone):
    alone = [parse_times([value], zone)[0].as_py() for value in column]
    assert parse_times(column, zone).to_pylist() == alone
