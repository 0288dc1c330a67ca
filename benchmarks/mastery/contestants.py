"""What runs in a process of its own: `python -m benchmarks.mastery.contestants <name> <job>`."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.mastery.models import Model, compute, connect, prepare
from benchmarks.measuring import answer

# As many learners and questions as a large school has, half a year. Every hundredth answer is one
# that comes later, to be put in afterwards.
_INVENTED = """
    insert into question_attempts
    select
        md5(number::varchar)::uuid as attempt_key,
        md5('learner ' || learner)::uuid as person_key,
        md5('question ' || question) as question_id,
        'topic-' || question % 100 as topic_id,
        'full' as consent_mode,
        attempted_at,
        attempted_at::date as attempt_date,
        hash(number, 'right') % 100 < 65 as is_correct,
        hash(number, 'hint') % 10 = 0 as hint_used,
        row_number() over (
            partition by learner, question order by attempted_at, number
        ) = 1 as is_first_attempt,
        (hash(number, 'time') % 600) / 10.0 as time_to_answer_seconds,
        null as confidence_level
    from (
        select
            range as number,
            hash(range, 'learner') % {learners} as learner,
            hash(range, 'question') % 5000 as question,
            timestamp '2026-01-01' + to_microseconds(
                (hash(range, 'when') % 15552000)::bigint * 1000000
            ) as attempted_at
        from range({first}, {last})
    ) as drawn
    order by number
"""


def invent(folder: str, first: int, last: int, learners: int) -> dict:
    began = time.perf_counter()
    is_new = not (Path(folder) / "work.duckdb").exists()
    with connect(Path(folder)) as con:
        if is_new:
            prepare(con)
        con.execute(_INVENTED.format(first=first, last=last, learners=learners))
    return {"seconds": time.perf_counter() - began}


def mastery(folder: str, models: list[dict]) -> dict:
    """All models of the chain, one after the other, as dbt would with nothing else to do."""
    began = time.perf_counter()
    with connect(Path(folder)) as con:
        taken = compute(con, [Model(**model) for model in models])
        seconds = time.perf_counter() - began
        rows = con.execute("select count(*) from topic_mastery").fetchall()[0][0]
    return {"seconds": seconds, "models": taken, "rows": rows}


if __name__ == "__main__":
    answer(invent, mastery)
