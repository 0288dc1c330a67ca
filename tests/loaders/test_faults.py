"""Whatever ends a run, nothing is lost and nothing is there twice: the next run makes good.

The number of kills can be raised for a longer trial: SIGHTLINE_KILLS=300 pytest -k killed
"""

from __future__ import annotations

import itertools
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from loaders import ledger
from loaders.cli import main
from tests.loaders.conftest import Door
from tests.loaders.records import academy, gz, lines, parquet, record, zstd

KILLS = int(os.environ.get("SIGHTLINE_KILLS", "50"))
STREAMS = ("academy/tracking_events", "interaction_log/interactions", "academy/prompts")
SETTINGS = {
    "SIGHTLINE_KEY": "k" * 32,
    "SIGHTLINE_CHUNK_BYTES": 50_000,
    "SIGHTLINE_BATCH_ROWS": 300,
    "SIGHTLINE_WAIT_SECONDS": 30,
}
# Workers are only started where they are worth it; here they shall be there to be orphaned.
WITH_WORKERS = (
    "from loaders import landing; landing._WORTH_WORKERS = 0; "
    "from loaders.cli import main; main(prog_name='sightline')"
)


def fill(landing: Path) -> None:
    """Files of every kind: good, bad, doubled, of several streams, and one that is refused."""
    door = Door(landing.parent)
    rng = random.Random(7)
    events = [academy(number, x="y" * 300) for number in range(1_500)]
    mixed: list = rng.sample(events, 750)
    mixed[::50] = [b"oops", b"", b"[]"] * 5
    stream = STREAMS[0]
    door.drop(f"{stream}/1.ndjson", mixed)
    door.drop(f"{stream}/2.ndjson.gz", gz(lines(events)))
    door.drop(f"{stream}/3.ndjson.zst", zstd(lines(events[:200])))
    door.drop(f"{stream}/4.cut.gz", gz(lines(events[:900]))[:-5])
    door.drop(f"{stream}/5.parquet", parquet(events[600:900]))
    for number in range(15):
        door.drop(f"{stream}/small/{number}", events[number * 10 : number * 10 + 30])
        clicks = [record(STREAMS[1], n) for n in range(number * 20, number * 20 + 40)]
        door.drop(f"{STREAMS[1]}/{number}", [*clicks, b"{"])
    for number in range(3):
        door.drop(f"{STREAMS[2]}/{number}", [record(STREAMS[2], n) for n in range(300)])


def contents(door: Door) -> dict[str, list]:
    """All that a run leaves, but for when it was and in how many goes."""
    without = ("received_at", "load_id")
    return {
        **{stream: door.rows(stream, without) for stream in STREAMS},
        "ledger": door.query(
            "select source, stream, file, sha256, status, reason, line_count, landed_count, "
            "duplicate_count, quarantined_count, blank_count from raw.load_ledger order by all"
        ),
        "quarantine": door.query(
            "select source, stream, file, line, item, reason, length, hash, shape "
            "from raw.quarantine order by all"
        ),
        "loads": door.query(
            "select count(distinct load_id) = count(*), count(distinct file) = count(*) "
            "from raw.load_ledger"
        ),
        # Each row belongs to a load, and each load has as many rows as its ledger says.
        "strays": door.query(
            "select l.file from raw.load_ledger as l left join ("
            + " union all ".join(
                f'select load_id from raw."{stream.replace("/", "__")}"' for stream in STREAMS
            )
            + ") as r using (load_id) group by l.load_id, l.file, l.landed_count "
            "having count(r.load_id) <> l.landed_count"
        ),
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, dict[str, list], float]:
    """The landing folder, what an undisturbed run makes of it, and how long that takes."""
    door = Door(tmp_path_factory.mktemp("undisturbed") / "data")
    fill(door.landing)
    started = time.monotonic()
    done = door.run("land", SIGHTLINE_DATA=door.data, **SETTINGS)
    took = time.monotonic() - started
    assert done.returncode == 3, done.stderr
    right = contents(door)
    assert right["loads"] == [(True, True)]
    assert right["strays"] == []
    assert len(right[STREAMS[0]]) == 1_500
    return door.landing, right, took


@pytest.fixture
def trial(door, undisturbed) -> Door:
    """A warehouse of its own over the shared landing folder."""
    return over(door.data, undisturbed[0])


def over(data: Path, landing: Path) -> Door:
    data.mkdir(parents=True)
    (data / "landing").symlink_to(landing)
    return Door(data)


def start(door: Door, code: str | None = None, limit=None, **settings: object) -> subprocess.Popen:
    command = door.command("land")
    if code is not None:
        command[2] = code
    environment = door.environment(**{**SETTINGS, "SIGHTLINE_DATA": door.data, **settings})
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )


def finish(process: subprocess.Popen) -> tuple[int, str]:
    out, err = process.communicate(timeout=300)
    return process.returncode, out + err


def heals(door: Door, right: dict[str, list]) -> None:
    code, said = finish(start(door))
    assert code == 3, said
    found = contents(door)
    for name in right:
        assert found[name] == right[name], name


def relatives(door: Door) -> list[int]:
    """Processes that work on this data folder, the loader's workers among them."""
    mark = f"SIGHTLINE_DATA={door.data}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:  # it ended, or is not ours to look at
            continue
    return [pid for pid in found if pid != os.getpid()]


def until(condition, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


# Which processes are the loader's, and what they hold, only Linux tells, in /proc.
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="finds the loader's workers in /proc (Linux)"
)


# ── kill -9 ───────────────────────────────────────────────────────────────────────────────────


def test_killed_at_any_moment_nothing_is_lost_and_nothing_twice(tmp_path, undisturbed):
    landing, right, took = undisturbed
    hits: Counter = Counter()

    def one_round(number: int) -> None:
        """A fresh warehouse gets a few kills, then a run that nobody disturbs."""
        rng = random.Random(number)
        door = over(tmp_path / f"round-{number}", landing)
        for _ in range(rng.randint(3, 7)):
            process = start(door, WITH_WORKERS if rng.random() < 0.3 else None)
            # Two rounds at a time take longer than one alone.
            time.sleep(rng.uniform(0.25, 1.3 * took))
            process.send_signal(signal.SIGKILL)
            if finish(process)[0] == -signal.SIGKILL:
                loaded = _loads(door)
                is_done = loaded == len(right["ledger"])
                hits["after" if is_done else "amid" if loaded else "before"] += 1
        heals(door, right)
        shutil.rmtree(door.data)

    numbers = itertools.count(1)
    with ThreadPoolExecutor(2) as pool:
        while hits.total() < KILLS:
            list(pool.map(one_round, itertools.islice(numbers, 2)))
    print(f"{hits.total()} kills in {next(numbers) - 1} rounds: {dict(hits)}")
    # Kills that all come too early or too late would prove nothing.
    assert hits["amid"] >= KILLS // 5, hits


def _loads(door: Door) -> int:
    """How many files are loaded, asked in a process of its own as any reader is."""
    if not door.work.exists():
        return 0
    try:
        return door.query("select count(*) from raw.load_ledger")[0][0]
    except duckdb.Error:  # killed before there was a table
        return 0


@needs_proc
def test_the_workers_of_a_killed_loader_do_not_outlive_it(trial, undisturbed):
    process = start(trial, WITH_WORKERS, SIGHTLINE_WORKERS=2)
    assert until(lambda: len(relatives(trial)) >= 3)
    process.send_signal(signal.SIGKILL)
    finish(process)
    assert until(lambda: not relatives(trial)), relatives(trial)
    heals(trial, undisturbed[1])


@needs_proc
def test_a_worker_that_is_killed_ends_the_run_cleanly(trial, undisturbed):
    process = start(trial, WITH_WORKERS, SIGHTLINE_WORKERS=2)

    def workers() -> list[int]:
        found = []
        for pid in relatives(trial):
            try:
                if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
            except OSError:
                continue
        return found

    assert until(workers)
    os.kill(workers()[0], signal.SIGKILL)
    code, said = finish(process)
    assert code == 1, said
    assert "a worker process was ended" in said
    assert "Traceback" not in said
    assert until(lambda: not relatives(trial))
    heals(trial, undisturbed[1])


@pytest.mark.parametrize("code", [None, WITH_WORKERS])
def test_interrupted_by_its_user_it_stops_cleanly(trial, undisturbed, code):
    process = start(trial, code)
    assert until(trial.work.exists)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    status, said = finish(process)
    # 3: it was done before it noticed; below 0: it was not yet, or no longer, itself.
    assert status in (1, 3, 130, -signal.SIGINT), said
    assert "Traceback" not in said
    heals(trial, undisturbed[1])


def test_interrupted_within_a_query_it_stops_cleanly(door, monkeypatch):
    """DuckDB turns Ctrl-C into an error of its own that is none of DuckDB's errors."""

    def interrupted(*_):
        raise RuntimeError("Query interrupted")

    door.drop(STREAMS[0] + "/a", [academy(1)])
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "read_seen", interrupted)
        done = CliRunner().invoke(main, ["land"])
    assert done.exit_code in (1, 130)
    assert isinstance(done.exception, SystemExit)
    assert done.output.startswith("Aborted")
    assert door.land().totals()["landed"] == 1


# ── others at the same time ───────────────────────────────────────────────────────────────────


def test_three_loaders_at_once_load_everything_once(trial, undisturbed):
    outcomes = [finish(process) for process in [start(trial) for _ in range(3)]]
    for code, said in outcomes:
        assert code in (3, 1), said
        assert code == 3 or "is writing to this warehouse" in said
    assert 3 in [code for code, _ in outcomes]
    heals(trial, undisturbed[1])


def test_a_loader_that_does_not_wait_says_why(trial, undisturbed):
    first = start(trial)
    assert until(trial.work.exists)
    code, said = finish(start(trial, SIGHTLINE_WAIT_SECONDS=0))
    assert code in (1, 3)
    if code == 1:  # else the first was quicker
        assert "is writing to this warehouse" in said
        assert "Traceback" not in said
    assert finish(first)[0] == 3
    heals(trial, undisturbed[1])


@pytest.mark.parametrize("mode", ["read_only=True", "read_only=False"])
def test_whoever_holds_the_work_file_is_named_and_waited_for(door, mode, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_KEY", SETTINGS["SIGHTLINE_KEY"])
    door.land_only("academy/tracking_events/a", [academy(1)])
    door.drop("academy/tracking_events/b", [academy(2)])
    hold = (
        f"import duckdb, sys; con = duckdb.connect({str(door.work)!r}, {mode}); "
        "print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    done = door.run("land", SIGHTLINE_WAIT_SECONDS=0)
    assert done.returncode == 1
    assert "work.duckdb is open in another program" in done.stderr
    assert "Close it there and try again" in done.stderr
    assert "Traceback" not in done.stderr
    patient = start(door, SIGHTLINE_WAIT_SECONDS=60)
    holder.communicate("")
    code, said = finish(patient)
    assert code == 0, said
    assert len(door.rows("academy/tracking_events")) == 2


def test_status_while_a_load_is_writing_says_so(trial):
    process = start(trial)
    assert until(trial.work.exists)
    seen = set()
    while process.poll() is None:
        done = trial.run("status", SIGHTLINE_DATA=trial.data)
        seen.add(done.returncode)
        assert "Traceback" not in done.stderr
    assert seen <= {0, 1, 3}
    assert finish(process)[0] == 3


# ── a full disk, little memory ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [1, 10_000, 400_000, 800_000])
def test_a_full_disk_is_said_and_heals(trial, undisturbed, limit):
    def no_larger_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    code, said = finish(start(trial, limit=no_larger_files))
    assert code == 1, said
    assert "the disk is full or not writable; free some space and run again" in said
    assert "Traceback" not in said
    heals(trial, undisturbed[1])


def test_a_full_disk_while_the_warehouse_grows(trial, undisturbed):
    """Again and again, with a little more room each time: never a half, never a double."""
    for limit in range(200_000, 2_000_000, 600_000):

        def no_larger_files(limit=limit):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        code, said = finish(start(trial, limit=no_larger_files))
        assert code in (1, 3), said
        assert "Traceback" not in said
    heals(trial, undisturbed[1])


@pytest.mark.parametrize("limit", ["1MB", "6MB", "20MB"])
def test_little_memory_for_the_database_is_said_and_heals(trial, undisturbed, limit):
    code, said = finish(start(trial, SIGHTLINE_MEMORY_LIMIT=limit))
    assert code in (1, 3), said
    assert "Traceback" not in said
    if code == 1:
        assert "not enough memory; give DuckDB more with SIGHTLINE_MEMORY_LIMIT" in said
    heals(trial, undisturbed[1])


@pytest.mark.parametrize("megabytes", [300, 500, 900])
def test_little_memory_for_the_process_loses_nothing(trial, undisturbed, megabytes):
    def no_more_memory():
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    code, said = finish(start(trial, limit=no_more_memory))
    assert code != 0, said  # it may not even come to life, but it never claims success
    heals(trial, undisturbed[1])
