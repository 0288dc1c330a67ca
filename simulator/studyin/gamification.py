XP_QUESTION, XP_MATERIAL, XP_STREAK = range(3)
XP_AMOUNTS = np.array([10, 25, 5])
XP_SOURCES = json_texts(("question_correct", "material_complete", "streak"))
def level_threshold(level: np.ndarray | int) -> np.ndarray | int:
    """Experience points at which a level begins: 0, 100, 300, 600, 1000, ..."""
    return 50 * level * (level - 1)


class _Streaks:
    """Days in a row on which a person was active (UTC), and the nights on which a streak broke."""

    def __init__(self, plan: Plan, people: People, visits: Visits, rows: Rows):
        active = ~np.isin(rows.kind, SYSTEM_KINDS)
        day = np.unique(
            visits.person[rows.visit[active]] * np.int64(plan.days) + rows.time[active] // DAY_MS
        )
        self._key = day
        self.person, self.day = day // plan.days, day % plan.days
        n = len(day)
        follows = np.r_[False, (day[1:] == day[:-1] + 1) & (self.person[1:] == self.person[:-1])][
            :n
        ]
        start = np.maximum.accumulate(np.where(follows, 0, np.arange(n))) if n else np.zeros(0, int)
        self.length = np.arange(n) - start + 1
        self._days = plan.days
        # Longest streak before each day, per person.
        lift = self.person * np.int64(10**6)
        best = np.maximum.accumulate(self.length + lift) - lift if n else self.length
        self.best_before = np.r_[0, best[:-1]][:n]
        self.best_before[np.r_[True, self.person[1:] != self.person[:-1]][:n]] = 0
        ends = np.r_[(day[1:] != day[:-1] + 1) | (self.person[1:] != self.person[:-1]), True][:n]
        broken = ends & (self.day + 2 < plan.days)
        self.broken_person = self.person[broken]
        self.broken_time = (self.day[broken] + 2) * DAY_MS
        self.broken_length = self.length[broken]

    def at(self, person: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Entry of a person's active day."""
        wanted = person * np.int64(self._days) + time // DAY_MS
        return np.minimum(np.searchsorted(self._key, wanted), max(len(self._key) - 1, 0))


@dataclass
class _Points:
    """Totals after each event that earns points; levels; achievements. By row number."""

    total: np.ndarray
    level: np.ndarray


def _gamify(plan, world, people, visits, questions, attempts, streaks, second, rows):
    """Points of check-ins, levels reached, achievements, broken streaks: the server's reactions."""
    # Five points for a streak that continues.
    at = rows.of(STREAK_CONTINUED)
    person = visits.person[rows.visit[at]]
    entry = streaks.at(person, rows.time[at])
    goes_on = at[streaks.length[entry] > 1] if len(at) else at
    rows = rows.plus(
        XP, rows.visit[goes_on], np.full(len(goes_on), XP_STREAK), rows.time[goes_on] + 60
    )
    # Levels.
    at = rows.of(XP)
    person = visits.person[rows.visit[at]]
    order = np.lexsort((rows.time[at], person))
    at, person = at[order], person[order]
    total = _running_total(person, XP_AMOUNTS[rows.ref[at]])
    level = _level(total)
    before = _level(total - XP_AMOUNTS[rows.ref[at]])
    up = at[level > before]
    rows_up = (rows.visit[up], total[level > before], rows.time[up] + 25)
    # Achievements.
    found_visit, found_ref, found_time = [], [], []
    submits = rows.of(QUESTION_SUBMIT, QUESTION_ATTEMPT)
    right = np.zeros(len(rows), dtype=bool)
    right[submits] = attempts.is_correct[attempts.of_question[rows.ref[submits]]]
    check_ins = rows.of(STREAK_CONTINUED)
    long_streak = check_ins[
        streaks.length[streaks.at(visits.person[rows.visit[check_ins]], rows.time[check_ins])] == 7
    ]
    for which, source, nth in (
        (0, submits, 1),
        (1, rows.of(MATERIAL_COMPLETE), 1),
        (2, long_streak, 1),
        (3, np.flatnonzero(right), 100),
    ):
        who = visits.person[rows.visit[source]]
        by_time = np.lexsort((rows.time[source], who))
        hit = source[by_time][rank_within(who[by_time]) == nth - 1]
        found_visit.append(rows.visit[hit])
        found_ref.append(np.full(len(hit), which))
        found_time.append(rows.time[hit] + 35)
    rows = rows.plus(LEVEL_UP, *rows_up)
    rows = rows.plus(
        ACHIEVEMENT,
        np.concatenate(found_visit),
        np.concatenate(found_ref),
        np.concatenate(found_time),
    )
    nights = len(visits) + np.arange(len(streaks.broken_person))
    spread = (streaks.broken_person * 37) % 20_000
    rows = rows.plus(STREAK_BROKEN, nights, np.arange(len(nights)), streaks.broken_time + spread)
    if plan.has_incidents:
        first, last = plan.outage_ms
        reacts = np.isin(rows.kind, (XP, LEVEL_UP, ACHIEVEMENT))
        rows = rows.where(~(reacts & (rows.time >= first) & (rows.time < last)))
    rows = rows.where(rows.time < plan.horizon_ms)
    # Totals again, now by final row number.
    at = rows.of(XP)
    person = visits.person[rows.visit[at]]
    order = np.lexsort((rows.time[at], person))
    totals = np.zeros(len(rows), dtype=np.int64)
    totals[at[order]] = _running_total(person[order], XP_AMOUNTS[rows.ref[at[order]]])
    return rows, _Points(totals, _level(totals)), streaks.broken_person, streaks.broken_length


def _running_total(person: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Running sum per person; rows in (person, time) order."""
    total = np.cumsum(amount)
    first = np.r_[True, person[1:] != person[:-1]][: len(person)]
    base = np.where(first, total - amount, 0)
    return total - np.maximum.accumulate(base) if len(person) else total


def _level(total: np.ndarray) -> np.ndarray:
    return np.searchsorted(level_threshold(np.arange(1, 200)), total, side="right")


