"""A table of attempts in a file → `question_attempts`, which the models read.

CSV or Parquet with the columns learner, question, topic, correct, and time or order. Whoever knows
the true chance of each answer, as the simulator does, can give it as `chance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.build.worlds import sightline
from benchmarks.mastery.baselines import Answers

NEEDED = ("learner", "question", "topic", "correct")
# With an order alone, the file is cut into as many days with as many answers in each: what is
# known of a question is what earlier days say.
DAYS = 180
FOLDS = 5


class UnreadableFile(Exception):
    """The message says what is wrong with the file, for whoever gave it."""


@dataclass(frozen=True)
class Found:
    """What became of the rows of a file."""

    answers: int
    left_out: int
    has_times: bool
    has_chances: bool


def check_file(file: Path) -> None:
    if not file.is_file():
        raise UnreadableFile(f"{file}: there is no such file")
    with duckdb.connect() as con:
        _columns(con, file)


def load_file(con: duckdb.DuckDBPyConnection, file: Path) -> Found:
    """Fills `question_attempts`, and `read_attempts` with what the models do not know: the place
    of each answer among all, and its true chance if the file says it."""
    columns = _columns(con, file)
    has_times, has_chances = "time" in columns, "chance" in columns
    moment = _moment(columns["time"]) if has_times else "null"
    con.execute(f"""
        create temp table given as
        select
            cast(learner as varchar) as learner,
            cast(question as varchar) as question,
            cast(topic as varchar) as topic,
            try_cast(cast(correct as varchar) as double) as correct,
            {moment} as attempted_at,
            {"null" if has_times else '"order"'} as given_order,
            {"chance" if has_chances else "null"}::double as chance,
            row_number() over () as line
        from (
            select * replace (
                case lower(cast(correct as varchar))
                    when 'true' then '1' when 'false' then '0' else cast(correct as varchar)
                end as correct
            )
            from {_relation(file, columns)}
        )
    """)
    con.execute(f"""
        create temp table read_attempts as
        select
            *,
            format('{{:032x}}', place)::uuid as attempt_key,
            row_number() over (partition by learner, question order by place) = 1 as is_first,
            row_number() over (partition by learner order by place) as learner_place,
            count(*) over () as answers
        from (
            select *, row_number() over (order by attempted_at, given_order, line) as place
            from given
            where
                learner is not null and question is not null and correct in (0, 1)
                and {"attempted_at" if has_times else "given_order"} is not null
        )
    """)
    # Of an order nothing is forgotten: a learner's answers are a second apart.
    at = "attempted_at"
    day = "attempted_at::date"
    if not has_times:
        at = "timestamp '2000-01-01' + to_seconds(learner_place::integer)"
        day = f"date '2000-01-01' + ((place - 1) * {DAYS} // answers)::integer"
    con.execute(f"""
        insert into question_attempts
        select
            attempt_key, md5(learner)::uuid as person_key, question, topic, 'full', {at}, {day},
            correct = 1, false, is_first, null, null
        from read_attempts
    """)
    there, used = con.execute(
        "select (select count(*) from given), (select count(*) from read_attempts)"
    ).fetchall()[0]
    if not used:
        raise UnreadableFile(f"{file}: no row has a learner, a question and a correct of 0 or 1")
    return Found(used, there - used, has_times, has_chances)


def _relation(file: Path, columns: dict[str, str] | None = None) -> str:
    name = str(file).replace("'", "''")
    if file.suffix == ".parquet":
        return f"'{name}'"
    # Ids are texts, whatever they look like: 007 is not 7.
    kept = [each for each in columns or () if each in ("learner", "question", "topic")]
    types = ", ".join(f"'{each}': 'varchar'" for each in kept)
    return f"read_csv('{name}', types = {{{types}}})"


def _columns(con: duckdb.DuckDBPyConnection, file: Path) -> dict[str, str]:
    try:
        described = con.execute(f"describe from {_relation(file)}").fetchall()
    except duckdb.Error as error:
        raise UnreadableFile(f"{file}: not readable as CSV or Parquet: {error}") from None
    columns = {name: kind for name, kind, *_ in described}
    missing = [name for name in NEEDED if name not in columns]
    if not {"time", "order"} & set(columns):
        missing.append("time (or order)")
    if missing:
        raise UnreadableFile(
            f"{file}: no column {', '.join(missing)}. Its columns are {', '.join(columns)};"
            ' rename them, for example: duckdb -c "copy (select user_id as learner, … from'
            " 'your.csv') to 'attempts.parquet'\""
        )
    moment = columns.get("time", "TIMESTAMP")
    if moment not in _NUMBERS and not moment.startswith(("TIMESTAMP", "DATE")):
        raise UnreadableFile(
            f"{file}: time is {moment}; wanted are timestamps, or seconds or milliseconds since"
            " 1970. If it is only an order, call it order"
        )
    return columns


_NUMBERS = ("BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "UBIGINT", "UINTEGER", "FLOAT")


def _moment(kind: str) -> str:
    """Seconds since 1970, or milliseconds: by the size of the number."""
    if kind in _NUMBERS:
        return "make_timestamp((time * case when time > 1e11 then 1e3 else 1e6 end)::bigint)"
    return "time::timestamp"


# ── what the baselines and the scores see ─────────────────────────────────────────────────────


def load_answers(con: duckdb.DuckDBPyConnection) -> Answers:
    """In order of time. A learner's fold is a hash: the same in every file."""
    columns = con.execute(f"""
        select
            dense_rank() over (order by learner) - 1 as learner,
            dense_rank() over (order by question) - 1 as question,
            dense_rank() over (order by coalesce(topic, '')) - 1 as topic,
            correct,
            is_first,
            ('0x' || md5(learner)[:8])::bigint % {FOLDS} as fold
        from read_attempts
        order by place
    """).fetchnumpy()
    columns = {name: np.asarray(values) for name, values in columns.items()}
    return Answers(**columns)


def load_predictions(con: duckdb.DuckDBPyConnection) -> dict[str, np.ndarray]:
    """What the models say of each answer, in the order of `load_answers`. The typical question of
    a topic is one that is as hard as the topic, which is what `topic_mastery` is about."""
    columns = con.execute("""
        with scored as (
            select
                predictions.attempt_key,
                predictions.predicted_rate,
                ln(predictions.predicted_rate / (1 - predictions.predicted_rate))
                + coefficients.difficulty * (
                    ln(topic_days.success_rate / (1 - topic_days.success_rate))
                    - predictions.difficulty
                ) as typical_score
            from intermediate.int_attempt_predictions as predictions
            inner join question_attempts as attempts
                on predictions.attempt_key = attempts.attempt_key
            inner join intermediate.int_topic_days as topic_days
                on
                    predictions.topic_key = topic_days.topic_key
                    and attempts.attempt_date = topic_days.attempt_date
            cross join intermediate.int_mastery_coefficients as coefficients
        )
        select predicted_rate, 1 / (1 + exp(-typical_score)) as typical_rate, chance
        from scored
        inner join read_attempts on scored.attempt_key = read_attempts.attempt_key
        order by place
    """).fetchnumpy()
    return {name: np.ma.filled(values, np.nan) for name, values in columns.items()}


# ── the simulator's ───────────────────────────────────────────────────────────────────────────


def simulate(folder: Path, users: int) -> Path:
    """A simulated world's answers as such a file, with the chance that each had."""
    sightline(folder, "simulate", "--users", str(users), "--days", "60", "--seed", "7")
    file = folder / "attempts.parquet"
    with duckdb.connect() as con:
        con.execute(f"""
            copy (
                select
                    person as learner, question_id as question, topic_id as topic,
                    attempted_at as time, is_correct as correct, chance
                from '{folder}/truth/attempts.parquet'
                inner join '{folder}/truth/questions.parquet' using (question_id)
            ) to '{file}'
        """)
    return file
