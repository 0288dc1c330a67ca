"""Files that arrive when a world is built and published: events of its own people and days, which
the world's apps might have sent as well. They are taken from what was simulated, under new ids.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson

from benchmarks.build import worlds
from benchmarks.landing.workloads import records_of
from benchmarks.measuring import note

STREAMS = tuple(name.replace("__", "/") for name in worlds.EVENT_TABLES)
LAST_DAY = 1000
SPREAD = 100  # one of so many


def prepare(world: Path, events: int) -> Path:
    """The folder of the arrivals of a landed world, made once: a folder a kind, a file a stream."""
    folder = world.with_name("arrivals")
    if folder.exists():
        return folder
    note(f"simulating {events:,} events again, for some that come later")
    worlds.simulate(folder / "simulated", events)
    landing = folder / "simulated" / "landing"
    last_day = sorted(path.name for path in landing.glob(f"{STREAMS[0]}/*"))[-2]
    for stream in STREAMS:
        _write(folder / "a day's" / stream, _some(_of_day(landing / stream, last_day)))
        spread = (record for n, record in enumerate(_records(landing / stream)) if n % SPREAD == 0)
        _write(folder / "of all times" / stream, spread)
    shutil.rmtree(folder / "simulated")
    return folder


def arrive(kind: Path, data: Path, number: int) -> int:
    """The files of a kind land in a data folder, as the number'th time; how many events."""
    events = 0
    for file in kind.glob("*/*/*.ndjson"):
        target = data / "landing" / file.relative_to(kind).parent / f"arrival-{number}.ndjson"
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = [_renamed(line, number) for line in file.read_bytes().splitlines()]
        draft = target.with_name(f".{target.name}")
        draft.write_bytes(b"\n".join(lines) + b"\n")
        draft.rename(target)
        events += len(lines)
    return events


def _renamed(line: bytes, number: int) -> bytes:
    record = orjson.loads(line)
    key = next((key for key in ("id", "event_id") if record.get(key)), None)
    if key:
        record[key] += f"-later-{number}"
    else:  # the door hashes what it holds
        record["later"] = number
    return orjson.dumps(record)


def _of_day(stream: Path, day: str) -> list[dict]:
    return list(_records(stream / day))


def _some(records: list[dict]) -> list[dict]:
    return records[:: max(1, len(records) * len(STREAMS) // LAST_DAY)][: LAST_DAY // len(STREAMS)]


def _records(folder: Path) -> Iterator[dict]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield from records_of(path)


def _write(folder: Path, records) -> None:
    folder.mkdir(parents=True)
    lines = [orjson.dumps(record) for record in records]
    (folder / "events.ndjson").write_bytes(b"\n".join(lines) + b"\n")
