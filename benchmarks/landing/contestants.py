"""What is measured. Each runs alone in a fresh process, `python -m benchmarks.landing.contestants
<name> <arguments as JSON>`, and prints its facts as the last line.

The clock runs from opening the database to closing it with all rows in its file, checkpointed;
not while Python starts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.measuring import answer


def sightline(landing: str, folder: str) -> dict:
    """`sightline land`, everything on: there is nothing to switch off."""
    _arrange(landing, folder)
    from loaders.landing import land

    began = time.perf_counter()
    report = land()
    seconds = time.perf_counter() - began
    if report.failure:
        raise SystemExit(report.failure)
    return {
        "seconds": seconds,
        **report.totals(),
        "file_bytes": os.path.getsize(Path(folder) / "work.duckdb"),
    }


def sightline_in_stages(landing: str, folder: str) -> dict:
    """The same in one process, with a stopwatch at every stage."""
    _arrange(landing, folder)
    os.environ["SIGHTLINE_WORKERS"] = "1"
    from benchmarks.landing.stages import land_in_stages

    began = time.perf_counter()
    stages, missing, report = land_in_stages()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "stages": stages, "missing": missing, **report.totals()}


def _arrange(landing: str, folder: str) -> None:
    """A warehouse of its own (maybe filled already) that lands the workload's very files."""
    link = Path(folder) / "landing"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(landing)
    os.environ["SIGHTLINE_DATA"] = folder
    os.environ["SIGHTLINE_KEY"] = "the benchmarks' own key, which protects nobody"


def ceiling(landing: str, folder: str, dirty: bool) -> dict:
    """DuckDB's own typed `read_json` (and `read_parquet`) into a table a stream."""
    import duckdb

    from benchmarks.landing.ceiling import count_wrong, plan

    steps = plan(Path(landing), dirty)
    file = Path(folder) / "ceiling.duckdb"
    file.parent.mkdir(parents=True, exist_ok=True)
    threads = len(os.sched_getaffinity(0))
    began = time.perf_counter()
    con = duckdb.connect(
        str(file), config={"threads": threads, "storage_compatibility_version": "v1.5.0"}
    )
    for step in steps:
        con.execute(step)
    con.execute("checkpoint")
    con.close()
    seconds = time.perf_counter() - began
    file_bytes = os.path.getsize(file)
    with duckdb.connect(str(file), read_only=True) as con:
        return {"seconds": seconds, "file_bytes": file_bytes, **count_wrong(con)}


def dlt(landing: str, folder: str, skip_broken: bool) -> dict:
    """dlt's filesystem source with its `read_jsonl`, into DuckDB by way of Parquet."""
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DLT_DATA_DIR": f"{folder}/dlt",
        # Its documentation's advice for speed: as many processes as cores, and files small
        # enough that each has some.
        "NORMALIZE__WORKERS": str(len(os.sched_getaffinity(0))),
        "DATA_WRITER__FILE_MAX_ITEMS": "5000",
        "RUNTIME__LOG_LEVEL": "ERROR",
    }
    import dlt as peer
    from dlt.sources.filesystem import filesystem, read_jsonl

    Path(folder).mkdir(parents=True, exist_ok=True)
    file = f"{folder}/dlt.duckdb"
    began = time.perf_counter()
    pipeline = peer.pipeline(
        pipeline_name="landing",
        destination=peer.destinations.duckdb(file),
        dataset_name="raw",
        pipelines_dir=f"{folder}/pipelines",
    )
    read = read_jsonl if not skip_broken else _skipping_reader(peer)
    resources = [
        (filesystem(bucket_url=f"file://{stream}", file_glob="**/*.ndjson") | read()).with_name(
            f"{stream.parent.name}__{stream.name}"
        )
        for stream in sorted(Path(landing).glob("*/*"))
    ]
    try:
        pipeline.run(resources, write_disposition="append", loader_file_format="parquet")
    except Exception as error:
        return {"seconds": time.perf_counter() - began, "failure": _innermost(error)}
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "file_bytes": os.path.getsize(file)}


def _skipping_reader(peer):
    """What a dlt user writes once `read_jsonl` has stopped at the first broken line."""
    import orjson

    @peer.transformer
    def read_what_can_be_read(items):
        for item in items:
            records = []
            with item.open() as file:
                for line in file:
                    try:
                        record = orjson.loads(line)
                    except orjson.JSONDecodeError:
                        continue
                    if isinstance(record, dict):
                        records.append(record)
                    if len(records) == 1000:
                        yield records
                        records = []
            yield records

    return read_what_can_be_read


def _innermost(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:120]}"


if __name__ == "__main__":
    answer(sightline, sightline_in_stages, ceiling, dlt)
