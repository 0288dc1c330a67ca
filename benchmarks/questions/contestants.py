"""What runs in a process of its own: `python -m benchmarks.questions.contestants <name> <job>`.

Engines are imported and files opened before the clock runs: what is measured is a question. The
answer goes along, to be compared.
"""

from __future__ import annotations

import time

from benchmarks.measuring import answer
from benchmarks.questions.rows import in_order

THREADS = 2
MEMORY_BYTES = 4_000_000_000


def ask_duckdb(database: str, query: str) -> dict:
    import duckdb

    config = {"threads": THREADS, "memory_limit": f"{MEMORY_BYTES}B"}
    with duckdb.connect(database, read_only=True, config=config) as con:
        began = time.perf_counter()
        rows = con.execute(query).fetchall()
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "answer": in_order(rows)}


def prepare_clickhouse(folder: str, tables: dict[str, str]) -> dict:
    from chdb import session

    clickhouse = session.Session(folder)
    began = time.perf_counter()
    for name, statement in tables.items():
        clickhouse.query(f"create table {name} {statement}")
        clickhouse.query(f"optimize table {name} final")
    return {"seconds": time.perf_counter() - began}


def ask_clickhouse(folder: str, query: str) -> dict:
    from chdb import session

    clickhouse = session.Session(folder)
    settings = f" settings max_threads = {THREADS}, max_memory_usage = {MEMORY_BYTES}"
    began = time.perf_counter()
    text = str(clickhouse.query(query + settings, "TabSeparated"))
    seconds = time.perf_counter() - began
    rows = [line.split("\t") for line in text.splitlines()]
    return {"seconds": seconds, "answer": in_order(map(_typed, rows))}


def _typed(row: list[str]) -> list[str | int]:
    return [int(value) if value.isdigit() else value for value in row]


def ask_polars(question: str, arguments: dict) -> dict:
    from benchmarks.questions import frames

    frame = getattr(frames, question)(**arguments)
    began = time.perf_counter()
    rows = frame.collect(engine="streaming").rows()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "answer": in_order(rows)}


def ask_dashboard(database: str, rounds: int) -> dict:
    """Every question once, then again: no question finds only its own table in memory."""
    import duckdb

    from benchmarks.questions.dashboard import PEOPLE, QUESTIONS

    taken: dict[str, list[float]] = {name: [] for name in QUESTIONS}
    counts: dict[str, int] = {}
    config = {"threads": THREADS, "memory_limit": f"{MEMORY_BYTES}B"}
    with duckdb.connect(database, read_only=True, config=config) as con:
        people = [row[0] for row in con.execute(PEOPLE.format(count=rounds)).fetchall()]
        whole = time.perf_counter()
        for turn in range(rounds):
            for name, query in QUESTIONS.items():
                person = {"person": people[turn % len(people)]} if "$person" in query else None
                began = time.perf_counter()
                rows = con.execute(query, person).fetchall()
                taken[name].append(time.perf_counter() - began)
                counts[name] = max(counts.get(name, 0), len(rows))
    return {"seconds": time.perf_counter() - whole, "taken": taken, "counts": counts}


if __name__ == "__main__":
    answer(ask_duckdb, prepare_clickhouse, ask_clickhouse, ask_polars, ask_dashboard)
