"""`sightline fit-mastery`: the coefficients of the learner model, refitted on one's own answers.

the warehouse, read-only  →  answers, learner by learner; what the model predicted for them
learner_model.py          →  coefficients, and how well others predict who had no part in them
here                      →  whether that is better than the present ones by more than chance
the seed, rewritten       →  eight numbers; everything else stays as it is, byte for byte
"""

from __future__ import annotations

import csv
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from loaders import learner_model as model
from loaders.learner_model import NAMES, Attempts, Measures
from loaders.progress import count
from loaders.settings import PROJECT, work_file
from loaders.status import open_to_read

LEAST_LEARNERS = 30
LEAST_ANSWERS = 1000
# Beyond it whole learners are left out: more of them would change the third digit at most.
MOST_ANSWERS = 1_000_000
FOLDS = 5
# Better by so many standard errors: by chance alone one fit in forty would be.
CLEARLY = 2
# Of a coefficient, in the seed. Beyond them the answers say nothing.
_DIGITS = 4


class FittingProblem(Exception):
    """It cannot be fitted; the message says what to do."""


@dataclass(frozen=True)
class Fit:
    learners: int
    answers: int
    all_learners: int
    present: dict[str, float]
    fitted: dict[str, float]
    before: dict[str, Measures]
    after: dict[str, Measures]
    gain: float
    gain_error: float

    @property
    def refusal(self) -> str | None:
        """Why the present coefficients stay; none if the fitted ones are better."""
        held_out = "For learners who had no part in the fit"
        if self.gain < 0:
            return f"{held_out} the log-loss would rise by {-self.gain:.4f}."
        if self.gain <= CLEARLY * self.gain_error:
            return (
                f"{held_out} the log-loss would fall by {self.gain:.4f}, which is no more "
                f"than {CLEARLY} standard errors of {self.gain_error:.4f}: that may be chance."
            )
        before, after = (each["first attempts"].log_loss for each in (self.before, self.after))
        if before is not None and after is not None and after > before:
            return (
                f"{held_out} the log-loss of first attempts, which mastery_score is about, would "
                f"rise by {after - before:.4f}."
            )
        return None

    def as_text(self) -> str:
        some = "" if self.learners == self.all_learners else f" of {count(self.all_learners)}"
        lines = [
            f"{count(self.answers)} answers of {count(self.learners)}{some} learners, each "
            "predicted with coefficients fitted without her:",
            "",
            f"{'':18}{'log-loss':>18}{'AUC':>18}{'ECE':>18}",
            f"{'':18}" + f"{'before':>10}{'after':>8}" * 3,
        ]
        for kind in self.before:
            figures = [
                f"{_figure(getattr(self.before[kind], name)):>10}"
                f"{_figure(getattr(self.after[kind], name)):>8}"
                for name in ("log_loss", "auc", "ece")
            ]
            lines.append(f"{kind:18}" + "".join(figures))
        lines += ["", f"{'':18}{'present':>10}{'fitted':>10}"]
        lines += [f"{name:18}{self.present[name]:>10g}{self.fitted[name]:>10g}" for name in NAMES]
        return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def seed_file() -> Path:
    """Of the project that dbt builds."""
    project = Path(os.environ.get("DBT_PROJECT_DIR") or PROJECT)
    return project / "seeds" / "mastery_coefficients.csv"


class Seed:
    """The coefficients as they stand in the file."""

    def __init__(self, path: Path):
        self.path = path
        try:
            self.content = path.read_bytes()
        except OSError as error:
            raise FittingProblem(f"{path}: {error.strerror}. It holds the coefficients") from None
        try:
            rows = csv.DictReader(self.content.decode("utf-8").splitlines())
            self.values = {row["name"]: float(row["value"]) for row in rows}
        except (KeyError, TypeError, ValueError) as error:
            raise FittingProblem(
                f"{path}: cannot be read as name, value, meaning ({error}). Put it right first"
            ) from None

    def with_values(self, values: dict[str, float]) -> bytes:
        """The file with these values; not a byte elsewhere is another."""
        text = self.content.decode("utf-8")
        for name, value in values.items():
            row = rf'(?m)^("?{name}"?,)[^,\r\n]*'
            text, found = re.subn(row, rf"\g<1>{value!r}", text)
            if found != 1:
                raise FittingProblem(f"{self.path}: {name} should have one row, name first")
        return text.encode("utf-8")


def write_seed(seed: Seed, values: dict[str, float], target: Path) -> None:
    """All of it or nothing, whatever comes between."""
    content = seed.with_values(values)
    if target.suffix != ".csv":
        raise FittingProblem(f"{target}: a seed is a file that ends in .csv")
    if Seed(seed.path).content != seed.content:
        raise FittingProblem(f"{seed.path} was changed while this ran. Run it again")
    target = target.resolve()  # a link stays one
    draft = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target if target.exists() else seed.path, draft)
        draft.replace(target)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise FittingProblem(f"{target} cannot be written: {error.strerror}") from None


def fit(seed: Seed) -> Fit:
    with open_to_read() as con:
        _check_it_was_built_with(seed, con)
        attempts, predicted, all_learners = _read(con)
    learners = int(attempts.learner.max()) + 1 if len(attempts) else 0
    if learners < LEAST_LEARNERS or len(attempts) < LEAST_ANSWERS:
        raise FittingProblem(
            f"there are {count(len(attempts))} answers of {count(learners)} learners, and it takes "
            f"{count(LEAST_ANSWERS)} of {count(LEAST_LEARNERS)}: with fewer, the coefficients that "
            "are there predict better"
        )
    present = np.array([seed.values[name] for name in NAMES])
    before = model.scores(present, attempts)
    if not np.allclose(model.chances(before), predicted, rtol=0, atol=1e-6):
        raise FittingProblem(
            "the predictions in the warehouse are not those of its coefficients: they were made "
            "with others, or by another formula. Run: dbt build --full-refresh"
        )
    after = model.held_out_scores(attempts, present)
    was, is_now = (model.losses(score, attempts.is_success) for score in (before, after))
    gain, gain_error = model.mean_gain(was - is_now, attempts.learner)
    fitted = model.fitted(attempts, present)
    return Fit(
        learners=learners,
        answers=len(attempts),
        all_learners=all_learners,
        present=dict(zip(NAMES, map(float, present), strict=True)),
        # Plus zero: -0.0 reads like a mistake.
        fitted={
            name: round(float(value), _DIGITS) + 0.0
            for name, value in zip(NAMES, fitted, strict=True)
        },
        before=_measured(before, attempts),
        after=_measured(after, attempts),
        gain=gain,
        gain_error=gain_error,
    )


def _measured(score: np.ndarray, attempts: Attempts) -> dict[str, Measures]:
    is_first, is_success = attempts.is_first_attempt, attempts.is_success
    return {
        "all answers": Measures.of(score, is_success),
        "first attempts": Measures.of(score[is_first], is_success[is_first]),
    }


def _check_it_was_built_with(seed: Seed, con: duckdb.DuckDBPyConnection) -> None:
    """Answers are held against the coefficients that are in force, and on top of the others."""
    absent = [name for name in NAMES if name not in seed.values]
    if absent:
        raise FittingProblem(f"{seed.path}: there is no row for {', '.join(absent)}")
    built = dict(_rows(con, "select name, value from seeds.mastery_coefficients"))
    for name in sorted(seed.values.keys() | built.keys()):
        if seed.values.get(name) != built.get(name):
            raise FittingProblem(
                f"{seed.path} says {seed.values.get(name, 'nothing')} for {name}, and the "
                f"warehouse was built with {built.get(name, 'nothing')}. Run: dbt build"
            )


def _read(con: duckdb.DuckDBPyConnection) -> tuple[Attempts, np.ndarray, int]:
    """Answers, what the warehouse predicted for them, and how many learners there are in all."""
    [[all_learners]] = _rows(con, _LEARNERS)
    columns = _columns(con, _ATTEMPTS, most_answers=MOST_ANSWERS)
    _, learner = np.unique(columns["learner_number"], return_inverse=True)
    pause = columns["hours"]
    attempts = Attempts(
        skills=np.column_stack(
            [
                columns[name]
                for name in (
                    "difficulty", "learner_skill", "learner_recent_skill", "topic_skill",
                    "topic_recent_skill",
                )
            ]
        ),
        log_hours=np.log1p(pause),
        is_first_in_topic=columns["is_first_in_topic"],
        is_success=columns["is_success"],
        is_first_attempt=columns["is_first_attempt"],
        learner=learner,
        fold=columns["fold"].astype(np.int8),
    )  # fmt: skip
    return attempts, columns["predicted_rate"], all_learners


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    return _asked(con, query).fetchall()


def _columns(
    con: duckdb.DuckDBPyConnection, query: str, **parameters: object
) -> dict[str, np.ndarray]:
    return _asked(con, query, parameters).fetchnumpy()


def _asked(
    con: duckdb.DuckDBPyConnection, query: str, parameters: dict | None = None
) -> duckdb.DuckDBPyConnection:
    try:
        return con.execute(query, parameters)
    except (duckdb.CatalogException, duckdb.BinderException):
        raise FittingProblem(
            f"{work_file()}: there are no predictions to learn from yet. Run: dbt build"
        ) from None


# A rapid guess says nothing of what somebody knows. People without consent are not profiled.
_JUDGED = "is_profiled and not is_rapid_guess"

_LEARNERS = f"""
select count(distinct person_key)
from intermediate.int_attempt_predictions
where {_JUDGED}
"""

# Whom a fold holds, and who is left out where there are too many, hangs on the person's key alone:
# the same warehouse gives the same coefficients. What lies between two answers in a topic may be
# a rapid guess, so pauses are taken before those are left out.
_ATTEMPTS = f"""
with learners as (
    select
        person_key,
        md5_number_lower(cast(person_key as varchar)) % {FOLDS} as fold,
        sum(count(*)) over (
            order by md5_number_upper(cast(person_key as varchar)), person_key
        ) as answers_so_far,
        row_number() over (order by person_key) as learner_number
    from intermediate.int_attempt_predictions
    where {_JUDGED}
    group by person_key
),

chosen as (
    select
        predictions.*,
        learners.learner_number,
        learners.fold,
        epoch_us(attempted_at) as attempted_us
    from intermediate.int_attempt_predictions as predictions
    inner join learners using (person_key)
    where learners.answers_so_far <= $most_answers
),

paused as (
    select
        *,
        attempted_us - lag(attempted_us) over (
            partition by learner_number, topic_key order by topic_attempt_number
        ) as pause_us
    from chosen
)

select
    learner_number,
    fold,
    difficulty,
    learner_skill,
    learner_recent_skill,
    topic_skill,
    topic_recent_skill,
    coalesce(pause_us, 0) / 3600000000 as hours,
    topic_attempt_number = 1 as is_first_in_topic,
    is_success,
    is_first_attempt,
    predicted_rate
from paused
where {_JUDGED}
order by learner_number, learner_attempt_number
"""
