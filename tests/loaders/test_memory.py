"""Memory stays bounded, whatever a file unpacks to: the peak of the loader and its workers."""

from __future__ import annotations

import subprocess
import time
import weakref
import zlib
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from loaders import ledger
from loaders.privacy import Keyring
from loaders.sources import load_sources
from tests.loaders.records import academy, gz, lines, parquet, shaped, to_json, zstd

MIB = 1 << 20
# A loader with two workers, DuckDB's share and its libraries; the bombs below are larger by far,
# and what Python makes of them would be ten times as large.
BOUND = 700 * MIB
STREAM = "academy/tracking_events"

# Elsewhere there is no counting the pages that processes do not share.
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads each process's memory from /proc (Linux)"
)


def peak_of(door, **settings: object) -> tuple[int, int, str]:
    """(the most that loader and workers held together, exit code, what was printed)."""
    process = subprocess.Popen(
        door.command("land"),
        env=door.environment(SIGHTLINE_WORKERS=2, SIGHTLINE_MEMORY_LIMIT="256MB", **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    most = 0
    while process.poll() is None:
        most = max(most, sum(map(_resident, _family(process.pid))))
        time.sleep(0.02)
    return most, process.returncode, process.communicate()[0]


def _family(pid: int) -> list[int]:
    found = [pid]
    for member in found:
        try:
            children = Path(f"/proc/{member}/task/{member}/children").read_text().split()
        except OSError:
            continue
        found += map(int, children)
    return found


def _resident(pid: int) -> int:
    """Pages of its own: what processes share is there once."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * 4096 if len(fields) > 2 else 0


def _bomb(megabytes: int, filling: bytes) -> bytes:
    """A gzip file of one repeated block, made without holding what it unpacks to."""
    packer = zlib.compressobj(9, wbits=31)
    block = filling * (MIB // len(filling))
    return b"".join([*(packer.compress(block) for _ in range(megabytes)), packer.flush()])


@pytest.mark.parametrize("filling", [b"\0", b"\n", b"x\n", b"[[[[", b"{}\n", b'{"a":'])
def test_a_bomb_of_300_mb_is_refused(door, filling):
    bomb = _bomb(300, filling)
    assert len(bomb) < 3 * MIB
    door.drop(f"{STREAM}/bomb.gz", bomb)
    door.drop(f"{STREAM}/honest", [academy(1)])
    most, code, said = peak_of(door)
    assert most < BOUND, f"{most // MIB} MiB"
    assert code == 3, said
    [(reason,)] = door.query("select reason from raw.load_ledger where status = 'rejected'")
    assert reason.startswith(("expands_to_nothing", "too_large"))
    assert len(door.rows(STREAM)) == 1


def test_a_bomb_of_parquet_is_refused(door):
    row = academy(1, x="y" * 200 * MIB)
    door.drop(f"{STREAM}/bomb", parquet([row], compression="zstd", use_dictionary=False))
    del row
    most, code, said = peak_of(door)
    assert most < BOUND, f"{most // MIB} MiB"
    assert code == 3, said
    assert door.query("select count(*) from raw.academy__tracking_events") == [(0,)]


@pytest.mark.parametrize("pack", [bytes, gz, zstd])
def test_a_line_of_40_mb_is_put_aside(door, pack):
    long = to_json(academy(2, x="y" * 40 * MIB))
    middling = to_json(academy(3, x="y" * 2 * MIB))
    door.drop(f"{STREAM}/a", pack(lines([academy(1), long, academy(4), middling, academy(5)])))
    most, code, said = peak_of(door)
    assert most < BOUND, f"{most // MIB} MiB"
    assert code == 3, said
    aside = [(line, reason) for line, _, reason in door.quarantine()]
    assert aside == [(2, "too_long"), (4, "too_long")]
    lengths = door.query("select length from raw.quarantine order by line")
    assert lengths == [(len(long),), (len(middling),)]
    assert [row["line"] for row in door.rows(STREAM)] == [1, 3, 5]


def test_a_large_honest_file_that_packs_well_loads(door):
    one = to_json(academy(1, x="y" * 900))
    many = b"\n".join(one.replace(b"evt-00000001", b"evt-%08d" % n) for n in range(100_000))
    packed = zstd(many)
    assert len(many) > 50 * len(packed)
    door.drop(f"{STREAM}/a", packed)
    most, code, said = peak_of(door)
    assert most < BOUND, f"{most // MIB} MiB"
    assert code == 0, said
    assert door.query("select count(*) from raw.academy__tracking_events") == [(100_000,)]


def test_what_is_written_is_let_go_of_before_the_transaction_ends(tmp_path):
    """A file of any size is one transaction: what DuckDB held until its end would grow with it."""
    sources = load_sources()
    stream = sources["academy"].streams["tracking_events"]
    con = ledger.connect(tmp_path / "work.duckdb")
    ledger.create_tables(con, sources)
    con.execute("begin transaction")
    held = []
    for number in range(3):
        batch, _ = shaped([to_json(academy(number))], stream, Keyring(b"k" * 64))
        rows = pa.Table.from_batches([batch])
        received = pa.array([datetime(2026, 3, 2)], pa.timestamp("us"))
        place = rows.schema.get_field_index("received_at")
        rows = rows.set_column(place, "received_at", received)
        rows = rows.append_column("load_id", pa.array([1], pa.int64()))
        rows = rows.append_column("file", pa.array(["a"]))
        assert ledger.insert_rows(con, stream, rows) == {}
        held.append(weakref.ref(rows))
        del rows
    assert [reference() for reference in held] == [None, None, None]
    con.execute("commit")
    assert ledger.value_of(con, f"select count(*) from raw.{stream.table}") == 3
