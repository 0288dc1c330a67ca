"""Canaries: invented personal data in every field of every stream, in every form a file can have.
Afterwards no byte of any artefact outside landing may hold one, nor anything that is printed."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import time
from copy import deepcopy

import duckdb
import pyarrow as pa
import pytest

from loaders.privacy import PERSONAL_KEYS
from loaders.sources import load_sources
from tests.loaders.records import STREAMS, gz, lines, parquet, record, to_json, zstd

EMAIL = "canary.qx7@example.org"
PHONE = "+1 212 555 0147"
CARD = "4111111111111111"
SPACED_CARD = "5555 5555 5555 4444"
IPV4 = "203.0.113.77"
MAPPED = "::ffff:203.0.113.77"
IPV6 = "2001:db8:1234:5678:9abc:def0:1234:5678"
NAME = "Zebedee Quuxworth"
USER, DEVICE, SESSION = "canary-user-kq7zw", "canary-device-kq7zw", "canary-session-kq7zw"
TOKEN = "canary-token-kq7zw"
ANYWHERE = [EMAIL, PHONE, CARD, SPACED_CARD, IPV4, MAPPED, IPV6,
            f"write to {EMAIL} or call {PHONE}, card {CARD}, from {IPV4} and {IPV6}."]  # fmt: skip

NEEDLES = [
    EMAIL, "canary.qx7", EMAIL.replace("@", "%40"), PHONE, "2125550147", "555 0147", CARD,
    SPACED_CARD, SPACED_CARD.replace(" ", ""), IPV4, IPV6, IPV6.replace(":", ""), "quuxworth",
    USER, DEVICE, SESSION, "kq7zw", TOKEN, hashlib.sha256(USER.encode()).hexdigest(),
]  # fmt: skip
FORMS = sorted({form for needle in NEEDLES for form in (needle.lower(), needle.encode().hex())})

SOURCES = load_sources()


def spec_of(stream: str):
    source, _, name = stream.partition("/")
    return SOURCES[source].streams[name]


def put(target: dict, path: tuple[str, ...], value: object) -> dict:
    changed = deepcopy(target)
    bag = changed
    for key in path[:-1]:
        if not isinstance(bag.get(key), dict):
            bag[key] = {}
        bag = bag[key]
    bag[path[-1]] = value
    return changed


def leaves(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(value, dict):
        return [leaf for key, entry in value.items() for leaf in leaves(entry, (*path, key))]
    return [path]


def every_path(stream: str) -> list[tuple[str, ...]]:
    """What the source file names, what a usual record has, and what nobody has heard of."""
    spec = spec_of(stream)
    named = [path for paths in spec.roles.values() for path in paths]
    named += [path for column in spec.columns for path in column.paths]
    named += [*spec.free_text, *spec.personal, *spec.urls]
    named += [spec.event_id] if spec.event_id else []
    bags = {path[:-1] for path in named} | {("details",), ("properties",), ("never", "heard", "of")}
    unheard = [(*bag, "unheard") for bag in bags] + [(*bag, "path") for bag in bags]
    return sorted({*named, *leaves(record(stream)), *unheard})


def with_people(stream: str, sent: dict) -> dict:
    spec = spec_of(stream)
    for role, canary in (("user_id", USER), ("anonymous_id", DEVICE), ("session_id", SESSION)):
        for path in spec.roles.get(role, ())[:1]:
            sent = put(sent, path, canary)
    for column in spec.columns:
        canary = {"user": USER, "anonymous": DEVICE, "prompt": f"{USER}-temp"}.get(column.purpose)
        if canary:
            sent = put(sent, column.paths[0], canary)
        if column.type == "user_keys":
            sent = put(sent, column.paths[0], {"academy": USER, "studyin": USER, EMAIL: DEVICE})
    return sent


def own_ids(stream: str) -> list[str]:
    """The ids that a record has in the places for ids, and that may be found nowhere else in it."""
    written = json.dumps(with_people(stream, record(stream)))
    temporary = f"{USER}-temp"
    ids = [canary for canary in (temporary, DEVICE, SESSION) if canary in written]
    return [*ids, USER] if USER in written.replace(temporary, "") else ids


def records_with_canaries(stream: str) -> list[dict]:
    spec = spec_of(stream)
    made: list[dict] = []

    def make(change) -> None:
        made.append(change(with_people(stream, record(stream, len(made)))))

    for path in every_path(stream):
        # A number under a name that is known is what that name says it is.
        for canary in [*ANYWHERE, int(CARD)] if "unheard" in path else ANYWHERE:
            make(lambda sent, path=path, canary=canary: put(sent, path, canary))
            make(lambda sent, path=path, canary=canary: put(sent, path, [{"x": [canary]}]))
        for canary in own_ids(stream):
            make(lambda sent, path=path, canary=canary: put(sent, path, canary))
            make(lambda sent, path=path, canary=canary: put(sent, path, f"/u/{canary}/home"))
    for path in every_path(stream):  # keys, beside and instead of the fields
        for canary in (EMAIL, PHONE, CARD, IPV4, IPV6, *own_ids(stream)):
            make(lambda sent, path=path, canary=canary: put(sent, (*path[:-1], canary), 1))
    # A name cannot be told by its looks: it goes with its key, its path, or its free text.
    # Where a stream names such a key itself (a topic's name), it is no person's.
    for key in sorted(PERSONAL_KEYS - {path[0] for path in every_path(stream)}):
        for spelling in (key, key.title(), f"_{key}", f"{key[:4]}_{key[4:]}"):
            make(lambda sent, key=spelling: put(sent, ("details", key), NAME))
            make(lambda sent, key=spelling: put(sent, (key,), {"full": NAME}))
    for path in spec.personal:
        make(lambda sent, path=path: put(sent, path, NAME))
        make(lambda sent, path=path: put(sent, path, {"x": NAME}))
    if spec.is_events:
        consent = spec.consent_path
        for path in [*spec.free_text, *(path for path in every_path(stream) if "unheard" in path)]:
            for value in (NAME, [NAME], {"by": NAME}):
                make(
                    lambda sent, path=path, value=value: put(put(sent, path, value), consent, False)
                )
        for sent in made[: len(made) // 2]:
            made.append(put(sent, consent, False))
    return made


def malformed(sent: dict) -> list[bytes]:
    text = to_json(sent)
    return [
        text[:-1],
        text + b"}",
        text + text,
        text[:-1] + b',"x":NaN}',
        text[:-1] + b',"x":1,"x":2}',
        text[:-1] + b',"x":"\\ud800"}',
        text[:-1] + b',"x":"\xff"}',
        text[:-1] + b',"x":' + b"[" * 2_000 + b"]" * 2_000 + b"}",
        text[:-1] + b',"x":"' + b"y" * 70_000 + b'"}',
        b"[" + text + b"]",
        to_json(f"{EMAIL} {USER}"),
        to_json(list(sent)),
        EMAIL.encode(),
        f"{NAME} {PHONE} {USER}".encode(),
    ]


def as_table(stream: str, sent: list[dict]) -> pa.Table:
    """Bags as JSON text, so that records of every kind go into one table. Text where a number is
    due would have the file refused for it."""
    numbers = {
        column.paths[0][0]
        for column in spec_of(stream).columns
        if column.type in ("integer", "number")
    }
    rows = [
        {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in entry.items()
            if key not in numbers
        }
        for entry in sent
    ]
    names = sorted({key for row in rows for key in row})
    return pa.table(
        {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    )


def artefacts(door) -> dict[str, str]:
    """The bytes of every file outside landing, and every value of every table as text."""
    found = {}
    for path in door.data.rglob("*"):
        if path.is_file() and door.landing not in path.parents:
            found[str(path.relative_to(door.data))] = path.read_bytes().decode("latin-1")
            found[f"name of {path.name}"] = path.name
    with duckdb.connect(str(door.work), read_only=True) as con:
        tables = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        for schema, table in tables:
            rows = con.execute(f'select * from "{schema}"."{table}"').fetchall()
            found[f"{schema}.{table}"] = "\n".join(str(row) for row in rows)
    return found


def assert_silent(found: dict[str, str]) -> None:
    for name, text in found.items():
        lower = text.lower()
        for form in FORMS:
            place = lower.find(form)
            around = lower[max(0, place - 200) : place + 100]
            assert place < 0, f"{form!r} in {name}: …{around!r}…"


@pytest.fixture
def outputs(door):
    """Runs the command and keeps all it prints."""
    kept: dict[str, str] = {}

    def run(*arguments: object, **settings: object):
        done = door.run(*arguments, SIGHTLINE_MAX_LINE_BYTES=65_536, **settings)
        kept[f"{len(kept)} {arguments}"] = done.stdout + done.stderr
        return done

    run.kept = kept
    return run


def test_the_search_finds_what_is_there(door):
    """A search that cannot find proves nothing: without the door's help, canaries are found."""
    door.data.mkdir(parents=True)
    with duckdb.connect(str(door.work)) as con:
        con.execute("create table t as select ? as x from range(5000)", [EMAIL])
    with pytest.raises(AssertionError, match=r"canary\.qx7"):
        assert_silent(artefacts(door))
    with pytest.raises(AssertionError, match=r"in hex"):
        assert_silent({"hex": USER.encode().hex().upper()})


@pytest.mark.parametrize("source", sorted({stream.partition("/")[0] for stream in STREAMS}))
def test_no_canary_gets_past_the_door(door, outputs, source):
    streams = [stream for stream in STREAMS if stream.startswith(source)]
    for stream in streams:
        sent = records_with_canaries(stream)
        half = len(sent) // 2
        door.drop(f"{stream}/plain", lines(sent[:half]))
        door.drop(f"{stream}/array", json.dumps(sent[half:], indent=1).encode())
        door.drop(f"{stream}/rows", parquet(as_table(stream, sent)))
        bodies = [{"events": sent[start : start + 50]} for start in range(0, half, 50)]
        door.drop(f"{stream}/bodies", gz(lines(bodies)))
        door.drop(f"{stream}/malformed", lines(malformed(sent[0]) + malformed(sent[-1])))
    done = outputs("land")
    assert done.returncode == 3, done.stderr
    outputs("land", "--json")
    outputs("status")
    outputs("status", "--json")
    assert set(door.query("select status from raw.load_ledger")) == {("loaded",)}
    for stream in streams:
        # An extract is stricter than events: what does not fit is put aside, and searched there.
        [(landed,)] = door.query(f'select count(*) from raw."{stream.replace("/", "__")}"')
        assert landed > 100, stream
    assert len(set(door.reasons())) >= 7
    assert_silent(artefacts(door))
    assert_silent(outputs.kept)


def test_nor_by_way_of_a_file_that_is_refused(door, outputs):
    stream = "academy/tracking_events"
    sent = [with_people(stream, record(stream, n, prompt=f"{EMAIL} {NAME}")) for n in range(50)]
    drifted = pa.array([{EMAIL: USER}])
    table = pa.table({"id": pa.array([EMAIL]), "userId": drifted})
    for number, content in enumerate(
        [
            gz(lines(sent))[:-9],
            gz(lines(sent)) + EMAIL.encode(),
            zstd(lines(sent))[:-9],
            to_json(sent)[:-9],
            to_json(sent) + EMAIL.encode(),
            parquet(sent)[:-99],
            parquet(table),
            parquet(pa.table({EMAIL: pa.array([USER]), "id": pa.array([1.5])})),
            lines(sent).decode().encode("utf-16"),
            gz(gz(lines(sent))),
            b"{\n" + b"[" * 9_000 + to_json(sent[0]),
        ]
    ):
        door.drop(f"{stream}/{number}", content)
    secrets = [{"id": "s", "sessionToken": TOKEN, "userId": USER, "expires": EMAIL}]
    for elsewhere in ("academy/Session/a", "academy/sessions/a", "academy/nothing/a", "nobody/x/a"):
        door.drop(elsewhere, secrets)
    door.drop("academy/users/misplaced", [secrets[0] | {"user": {"name": NAME, "token": TOKEN}}])
    assert outputs("land").returncode == 3
    outputs("status")
    outputs("land", "--json")
    statuses = dict(door.query("select file, status from raw.load_ledger"))
    assert list(statuses.values()).count("rejected") >= 14
    found = artefacts(door)
    # What a dump's row holds beyond what its stream knows is kept: here another person's id.
    found.pop("work.duckdb")
    found["raw.academy__users"] = found["raw.academy__users"].replace(USER, "")
    assert_silent(found)
    assert_silent(outputs.kept)


def test_nor_by_way_of_a_run_that_fails_or_is_killed(door, outputs):
    stream = "academy/tracking_events"
    sent = [with_people(stream, record(stream, n, prompt=f"{EMAIL} {n}")) for n in range(30_000)]
    door.drop(f"{stream}/a", lines(sent))
    assert outputs("land", SIGHTLINE_MEMORY_LIMIT="1MB").returncode == 1
    assert outputs("land", SIGHTLINE_KEY="short").returncode == 1
    for delay in (0.8, 1.6, 2.4):
        process = subprocess.Popen(
            door.command("land"),
            env=door.environment(SIGHTLINE_BATCH_ROWS=500, SIGHTLINE_CHUNK_BYTES=65_536),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        outputs.kept[f"killed after {delay}"] = process.communicate()[0]
        found = {
            str(path): path.read_bytes().decode("latin-1")
            for path in door.data.rglob("*")
            if path.is_file() and door.landing not in path.parents
        }
        assert found
        assert_silent(found)
    assert_silent(outputs.kept)
