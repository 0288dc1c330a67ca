"""What runs in a process of its own: `python -m benchmarks.build.contestants <name> <job>`."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.measuring import answer

# What both engines are asked in the end: the sessions, summed up so that they can be compared.
_SUMMED = """
select
    count(*) as sessions,
    sum(started_us % 1000003) as starts,
    sum(ended_us % 1000003) as ends,
    sum(active_us) as active_us,
    sum(events) as events
from (
    select
        partition_key,
        stretch_us,
        cut_number,
        min(case when is_deed then occurred_us end) as started_us,
        max(case when is_deed then occurred_us end) as ended_us,
        sum(
            case
                when is_continued and is_paused and last_mark >= 4 * stretch_us then 0
                when is_continued then least(occurred_us - previous_us, 60000000)
            end
        ) as active_us,
        count(*) as events
    from cut
    where placed_us is not null
    group by partition_key, stretch_us, cut_number
) as sessions
"""


def sessionising_query(compiled: str, engine: str) -> str:
    """The model's own SQL up to where sessions are cut, over a table `events_in`."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(compiled, read="duckdb")
    ctes = [cte for cte in tree.args["with_"].expressions if cte.alias != "described"]
    for table in ctes[0].find_all(exp.Table):
        table.replace(exp.to_table("events_in"))
    for call in list(ctes[0].find_all(exp.Func)):
        if call.sql("duckdb").lower().startswith("epoch_us("):
            call.replace(exp.column("occurred_us"))
    parts = ", ".join(f"{cte.alias} as ({cte.this.sql(engine)})" for cte in ctes)
    return f"with {parts} {sqlglot.parse_one(_SUMMED, read='duckdb').sql(engine)}"


def sessions_duckdb(database: str, query: str) -> dict:
    import duckdb

    with duckdb.connect(database, read_only=True) as con:
        con.execute("set memory_limit = '4GB'")
        began = time.perf_counter()
        row = con.execute(query).fetchall()[0]
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "answer": [int(value) for value in row]}


def prepare_clickhouse(folder: str, parquet: str) -> dict:
    """A MergeTree in the order that sessions need: its sorting is not in what is compared."""
    from chdb import session

    clickhouse = session.Session(folder)
    began = time.perf_counter()
    clickhouse.query(
        "create table events_in engine = MergeTree order by (partition_key, occurred_us, event_key)"
        f" as select assumeNotNull(event_key) as event_key, assumeNotNull(partition_key) as"
        " partition_key, assumeNotNull(occurred_us) as occurred_us, * except (event_key,"
        f" partition_key, occurred_us) from file('{parquet}', Parquet)"
    )
    clickhouse.query("optimize table events_in final")
    return {"seconds": time.perf_counter() - began}


def sessions_clickhouse(folder: str, query: str) -> dict:
    from chdb import session

    clickhouse = session.Session(folder)
    began = time.perf_counter()
    text = str(clickhouse.query(query, "TabSeparated"))
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "answer": [int(value) for value in text.split()]}


def room(database: str, relation: str, folder: str) -> dict:
    """The same rows as a table of DuckDB, and as Parquet with zstd."""
    import duckdb

    began = time.perf_counter()
    table, parquet = Path(folder) / "room.duckdb", Path(folder) / "room.parquet"
    with duckdb.connect(database, read_only=True) as con:
        con.execute("set memory_limit = '4GB'")
        con.execute(f"attach '{table}' as room (storage_version 'v1.5.0', read_write)")
        con.execute(f"create table room.here as from {relation}")
        rows = con.execute("select count(*) from room.here").fetchall()[0][0]
        con.execute(f"copy room.here to '{parquet}' (format parquet, compression zstd)")
    return {
        "seconds": time.perf_counter() - began,
        "rows": rows,
        "table": os.path.getsize(table),
        "parquet": os.path.getsize(parquet),
    }


if __name__ == "__main__":
    answer(sessions_duckdb, prepare_clickhouse, sessions_clickhouse, room)
