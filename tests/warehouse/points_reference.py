"""What points, levels and streaks are, said once more: slow, plain Python, one event at a time.

The SQL has to agree with this on any data. Times are microseconds, days are counted from 1970.
"""

from __future__ import annotations

from dataclasses import dataclass

HOUR = 3_600_000_000
DAY = 24 * HOUR
SOURCES = ("question_correct", "material_complete", "streak")
# 2026-03-08 08:00 UTC, when clocks in Chicago go from 2 to 3.
SUMMER_IN_CHICAGO = 20_520 * DAY + 8 * HOUR
# Some clocks, for March 2026.
ZONES = {
    "UTC": lambda time: 0,
    "Asia/Kathmandu": lambda time: 5 * HOUR + 45 * HOUR // 60,
    "Asia/Tokyo": lambda time: 9 * HOUR,
    "America/Chicago": lambda time: -5 * HOUR if time >= SUMMER_IN_CHICAGO else -6 * HOUR,
}


@dataclass(frozen=True)
class Deed:
    person: str
    time: int
    zone: str | None = None  # of a session's start


@dataclass(frozen=True)
class Award:
    key: str
    person: str
    time: int
    name: str = "XP_EARNED"
    amount: int | None = None
    source: str | None = None
    total: int | None = None
    level: int | None = None
    streak: int | None = None
    achievement: str | None = None


def zone_of(deeds: list[Deed]) -> str:
    """The newest one that exists; of several at one instant the last in the alphabet."""
    named = [(deed.time, deed.zone) for deed in deeds if deed.zone in ZONES]
    return max(named)[1] if named else "UTC"


def days_of(deeds: list[Deed], zone: str) -> set[int]:
    return {(deed.time + ZONES[zone](deed.time)) // DAY for deed in deeds}


def streak_on(days: set[int], day: int) -> int:
    length = 0
    while day - length in days:
        length += 1
    return length


def longest_streak(days: set[int]) -> int:
    return max((streak_on(days, day) for day in days), default=0)


def current_streak(days: set[int], today: int) -> int:
    return streak_on(days, today if today in days else today - 1)


def level_of(total: int) -> int:
    """Each level takes 100 points more than the one before; there are 100."""
    level, needed = 1, 100
    while level < 100 and total >= needed:
        level += 1
        needed += 100 * level
    return level


def points_of(awards: list[Award]) -> dict[str, int | None]:
    earned = [award for award in awards if award.name == "XP_EARNED"]
    points = {"total": sum(award.amount for award in earned)}
    for source in SOURCES:
        points[source] = sum(award.amount for award in earned if award.source == source)
    points["other"] = points["total"] - sum(points[source] for source in SOURCES)
    seen, points["repeated"] = set(), 0
    for award in sorted(earned, key=lambda award: (award.time, award.key)):
        if award.total is not None and award.total in seen:
            points["repeated"] += award.amount
        seen.add(award.total)
    claims = [award for award in awards if award.total is not None]
    claims.sort(key=lambda award: (award.time, award.total))

    def difference(claim: Award) -> int:
        return claim.total - sum(one.amount for one in earned if one.time <= claim.time)

    points["claimed"] = claims[-1].total if claims else None
    points["difference"] = difference(claims[-1]) if claims else None
    first_time = claims[0].time if claims else None
    first = [claim for claim in claims if claim.time == first_time]
    points["before"] = difference(first[-1]) if first else None
    levels = [(award.time, award.level) for award in awards if award.level is not None]
    points["claimed_level"] = max(levels)[1] if levels else None
    return points


def streak_claim_of(awards: list[Award], days: set[int]) -> tuple[int | None, int | None]:
    """The last claim, and by how much it is wrong; what broke was over the day before."""
    claims = [(award.time, award.streak) for award in awards if award.streak is not None]
    if not claims:
        return None, None
    time, claimed = max(claims)
    return claimed, claimed - streak_on(days, time // DAY - (claimed == 0))
