"""Timestamps as apps write them → microseconds since 1970 in UTC.

    '2026-03-02T09:15:04.120Z'   '…+05:30'   '…+0530'   '… 09:15:04' (the source's declared zone)
    1772442904   1772442904120   1772442904120000   (seconds, milliseconds, microseconds by range)

24:00, the 61st second and 30 February are no times here: None. `parse_time` is the definition;
`parse_times` gives the same answers for a whole column, quickly where the column is uniform.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

MICROSECONDS = 1_000_000
# Outside these no event of an app can have happened: a broken clock, or a number that is no time.
EARLIEST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * MICROSECONDS
LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * MICROSECONDS

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?"
    r"( ?(Z|z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?))?",
    re.ASCII,
)
_SPACED_ZONE = re.compile(r" (?=[Z+-])")
_EPOCH = re.compile(r"\d{9,16}(\.\d{1,6})?", re.ASCII)
_UNIFORM_UTC = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"
_UNIFORM_NAIVE = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?$"
_MICROS_UTC = pa.timestamp("us", tz="UTC")
_MICROS = pa.timestamp("us")
_YEAR_ONE = -62_135_596_800 * MICROSECONDS
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)


def parse_time(value: object, zone: str = "UTC") -> int | None:
    """Microseconds since 1970, or None for what is no time. The year is not judged here."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_epoch(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _ISO.fullmatch(text):
        return _from_iso(text, zone)
    if _EPOCH.fullmatch(text):
        return _from_epoch(float(text) if "." in text else int(text))
    return None


def _from_epoch(number: int | float) -> int | None:
    """The unit is told by the range: a time of 2000 to 2100 is one of the three and only one."""
    for per_unit in (MICROSECONDS, 1_000, 1):
        try:
            micros = round(number * per_unit)
        except (OverflowError, ValueError):
            return None
        if EARLIEST <= micros < LATEST:
            return micros
    return None


def _from_iso(text: str, zone: str) -> int | None:
    # fromisoformat cuts digits beyond the microsecond, as we want it; '24:00' and ':60' it refuses.
    try:
        moment = datetime.fromisoformat(
            text.upper().replace(" Z", "Z").replace(" +", "+").replace(" -", "-")
        )
    except ValueError:
        return None
    if moment.hour == 0 and text[11:13] == "24":  # newer Pythons accept 24:00; one rule for all
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    delta = moment.astimezone(UTC) - _EPOCH_START
    return (delta.days * 86_400 + delta.seconds) * MICROSECONDS + delta.microseconds


def parse_times(values: Sequence[object], zone: str = "UTC") -> pa.Array:
    """A column of `parse_time`, as Arrow timestamps in UTC without a zone in the type."""
    uniform = _parse_uniform(values, zone)
    if uniform is not None:
        return uniform
    micros = []
    for value in values:
        try:
            micros.append(parse_time(value, zone))
        except OverflowError:  # 0001-01-01T00:00+05:30 lies before the first day there is
            micros.append(None)
    return pa.array(micros, pa.int64()).cast(_MICROS)


def _parse_uniform(values: Sequence[object], zone: str) -> pa.Array | None:
    try:
        texts = pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return None
    try:
        if pc.all(pc.match_substring_regex(texts, _UNIFORM_UTC), min_count=0).as_py():
            return _since_year_one(pc.cast(texts, _MICROS_UTC))
        if (
            zone == "UTC"
            and pc.all(pc.match_substring_regex(texts, _UNIFORM_NAIVE), min_count=0).as_py()
        ):
            return _since_year_one(pc.cast(texts, _MICROS))
    except pa.ArrowInvalid:  # one of them is no time: the column takes the slow way
        return None
    return None


def _since_year_one(times: pa.Array) -> pa.Array | None:
    """Arrow counts a year 0; here there is none. By way of the number: to take the zone off the
    type, Arrow would look up each time in its zone."""
    micros = times.cast(pa.int64())
    least = pc.min(micros).as_py()
    return micros.cast(_MICROS) if least is None or least >= _YEAR_ONE else None


def within_reason(times: pa.Array) -> pa.Array:
    """True where a time lies in 2000 to 2099, false where not; null stays null."""
    micros = times.cast(pa.int64())
    return pc.and_(pc.greater_equal(micros, EARLIEST), pc.less(micros, LATEST))
