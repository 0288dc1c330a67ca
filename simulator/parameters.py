"""Every planted number of the world, in one place, and written to `truth/parameters.parquet`.

A detector or a model can be judged only against what was planted; so nothing that shapes behaviour
is a literal in the app modules if somebody might want to recover it from the events.
"""

from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000

APPS = ("academy", "studyin", "sketchychain", "interaction_log")
ACADEMY, STUDYIN, SKETCHYCHAIN, INTERACTION_LOG = range(4)


@dataclass(frozen=True)
class Behaviour:
    """How people arrive, come back, leave, learn and convert."""

    # Who uses what: one home app each, and a chance of each further one.
    home_app_shares: tuple[float, ...] = (0.32, 0.33, 0.20, 0.15)
    further_app_probability: float = 0.12
    linked_identity_share: float = 0.7
    # Visits per person, app and day while present, by weekday (Monday first).
    daily_visits: tuple[float, ...] = (0.40, 0.42, 0.43, 0.42)
    visit_rate_spread: float = 0.6
    weekday_weights: tuple[float, ...] = (1.10, 1.15, 1.12, 1.08, 0.95, 0.72, 0.88)
    first_week_arrival_share: float = 0.4
    one_day_share: float = 0.14
    churn_hazard_mean: float = 0.010
    long_break_share: float = 0.08
    second_device_share: float = 0.35
    shared_device_share: float = 0.06
    kiosk_people: int = 16
    people_per_kiosk: int = 200
    consent_denied_share: float = 0.07
    consent_unstated_share: float = 0.20
    idle_gap_probability: float = 0.02

    # academy
    registration_probability: float = 0.75
    logout_probability: float = 0.05
    login_when_logged_out_probability: float = 0.85
    prompt_session_probability: float = 0.55
    evaluation_probability: float = 0.60
    prompt_save_probability: float = 0.30
    prompt_favorite_probability: float = 0.08
    example_use_probability: float = 0.20
    lesson_complete_probability: float = 0.78
    hard_lesson: int = 6
    hard_lesson_complete_probability: float = 0.45
    prompt_quality_start: float = 4.5
    prompt_quality_spread: float = 0.9
    prompt_quality_gain: float = 2.5
    prompt_quality_rate: float = 8.0

    # studyin: P(right) = logistic(ability - difficulty), see learning.py
    ability_spread: float = 0.8
    topic_ability_spread: float = 0.45
    learning_gain: float = 1.6
    learning_rate: float = 9.0
    repeat_question_gain: float = 0.35
    repeat_question_gain_most: float = 1.0
    forgetting_per_log_hour: float = 0.12
    prerequisite_penalty: float = 0.6
    prerequisite_rate: float = 6.0
    hint_share: float = 0.08
    hint_gain: float = 0.8
    rapid_guess_share: float = 0.03
    rapid_guess_success: float = 0.25
    faulty_question_share: float = 0.03
    faulty_question_success: float = 0.3
    difficulty_mean: float = -0.45
    difficulty_spread: float = 0.85
    gives_confidence_share: float = 0.65
    overconfidence_mean: float = 0.15
    overconfidence_spread: float = 0.5
    second_vocabulary_people_share: float = 0.35
    second_vocabulary_visit_share: float = 0.6
    session_pause_probability: float = 0.12

    # sketchychain
    experiment_id: str = "prompt-helper-panel"
    experiment_start_share: float = 0.25
    experiment_baseline_success: float = 0.66
    experiment_lift: float = 0.09
    collaboration_probability: float = 0.15
    render_ms_median: float = 38.0

    # interaction_log
    visitor_share: float = 0.45
    generation_success: float = 0.90
    first_paint_ms_median: float = 900.0
    interactive_ms_median: float = 2100.0

    # planted incidents
    outage_app: str = "studyin"
    outage_day_share: float = 0.4
    outage_start_hour: int = 9
    outage_hours: int = 7
    outage_error_probability: float = 0.5
    api_error_probability: float = 0.02
    spike_app: str = "sketchychain"
    spike_day_share: float = 0.6
    spike_factor: float = 3.0


@dataclass(frozen=True)
class DirtRates:
    """How much of what the apps write is wrong, and how.

    Dirt only adds, delays and shuffles, except for two kinds: a skewed session shows wrong times,
    and a missing end is an event less. Everything else of the clean world can be recovered.
    """

    duplicate: float = 0.010
    late_sessions: float = 0.008
    late_events: float = 0.002
    late_days_most: int = 20
    out_of_order: float = 0.020
    skewed_sessions: float = 0.003
    skew_days_most: int = 10
    unknown_type: float = 0.0020
    missing_field: float = 0.0020
    missing_id: float = 0.0005
    malformed: float = 0.0010
    blank: float = 0.0003
    missing_session_end: float = 0.08
    placeholder_user: float = 0.02


@dataclass(frozen=True)
class Plan:
    """One world: its size, its seed and where it goes. Small and picklable, for the workers."""

    users: int
    days: int
    seed: int
    scale: float
    start: date
    clean: bool
    block_people: int
    parts_per_day: tuple[int, ...]
    spool: Path
    behaviour: Behaviour = Behaviour()
    dirt: DirtRates = DirtRates()

    @property
    def blocks(self) -> int:
        return -(-self.users // self.block_people)

    @property
    def start_ms(self) -> int:
        return (self.start - date(1970, 1, 1)).days * DAY_MS

    @property
    def horizon_ms(self) -> int:
        """End of the last simulated day, in milliseconds since the start of the world."""
        return self.days * DAY_MS

    @property
    def has_incidents(self) -> bool:
        return self.days >= 3

    @property
    def outage_ms(self) -> tuple[int, int]:
        """First and last millisecond (half-open) of the planted outage."""
        first = int(self.days * self.behaviour.outage_day_share) * DAY_MS
        first += self.behaviour.outage_start_hour * HOUR_MS
        return first, first + self.behaviour.outage_hours * HOUR_MS

    @property
    def spike_day(self) -> int:
        return int(self.days * self.behaviour.spike_day_share)

    @property
    def experiment_day(self) -> int:
        return int(self.days * self.behaviour.experiment_start_share)

    def dump_days(self) -> list[int]:
        """Days at whose end the apps dump their tables: weekly, and the last day."""
        return sorted({*range(6, self.days, 7), self.days - 1})

    def dump_of(self, time: np.ndarray) -> np.ndarray:
        """Number of the first dump that shows what happened at each time."""
        ends = (np.array(self.dump_days()) + 1) * DAY_MS
        return np.searchsorted(ends, time, side="right")


def parameter_table(plan: Plan, version: str) -> pa.Table:
    """One row per planted parameter; numbers and texts in columns of their own."""
    rows: list[tuple[str, object]] = [
        ("simulator_version", version),
        ("users", plan.users),
        ("days", plan.days),
        ("seed", plan.seed),
        ("scale", plan.scale),
        ("start", plan.start.isoformat()),
        ("clean", plan.clean),
    ]
    for group in (plan.behaviour, plan.dirt):
        prefix = "dirt." if isinstance(group, DirtRates) else ""
        for field in fields(group):
            value = getattr(group, field.name)
            if isinstance(value, tuple):
                rows += [(f"{prefix}{field.name}.{i}", item) for i, item in enumerate(value)]
            elif prefix and plan.clean and field.type is float:
                rows.append((prefix + field.name, 0.0))
            else:
                rows.append((prefix + field.name, value))
    if plan.has_incidents:
        first, last = plan.outage_ms
        for name, ms in (
            ("outage_start", first),
            ("outage_end", last),
            ("spike_start", plan.spike_day * DAY_MS),
            ("spike_end", (plan.spike_day + 1) * DAY_MS),
        ):
            rows.append((name, str(_iso(plan.start_ms + ms))))
    rows.append(("experiment_start", str(_iso(plan.start_ms + plan.experiment_day * DAY_MS))))
    return pa.table(
        {
            "name": [name for name, _ in rows],
            "value": [None if isinstance(v, str) else float(v) for _, v in rows],
            "text": [v if isinstance(v, str) else None for _, v in rows],
        },
        schema=pa.schema([("name", pa.string()), ("value", pa.float64()), ("text", pa.string())]),
    )


def _iso(epoch_ms: int) -> pa.Scalar:
    return pa.scalar(epoch_ms, pa.int64()).cast(pa.timestamp("ms")).cast(pa.string())
