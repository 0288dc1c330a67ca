"""Files lie where the apps put them, parse in their format, and hold what the truth says."""

import json
import re
from collections import Counter
from datetime import date

import pytest

from tests.simulator.landed_files import event_files, lines_of, records_of, text_of

EXTRACTS = {
    "academy": {
        "users", "anonymous_tracking_profiles", "prompts", "prompt_evaluations", "prompt_results",
        "example_prompts", "user_identity_mappings",
    },
    "studyin": {"topics", "materials", "chunks", "questions"},
    "sketchychain": {"sketches"},
    "interaction_log": set(),
}  # fmt: skip
EVENTS = {
    "academy": "tracking_events",
    "studyin": "study_events",
    "sketchychain": "events",
    "interaction_log": "interactions",
}


def test_layout(world):
    for path in world.landing.rglob("part-*"):
        source, stream, day, name = path.relative_to(world.landing).parts
        assert stream in EXTRACTS[source] | {EVENTS[source]}
        assert date(2026, 3, 2) <= date.fromisoformat(day) <= date(2026, 4, 5)
        assert re.fullmatch(r"part-\d{4}\.(ndjson(\.gz|\.zst)?|json|parquet)", name)
    assert {p.parent.name for p in world.landing.glob("*/*")} == set(EXTRACTS)
    streams = {p.relative_to(world.landing).as_posix() for p in world.landing.glob("*/*")}
    assert streams == {
        f"{source}/{stream}"
        for source in EXTRACTS
        for stream in EXTRACTS[source] | {EVENTS[source]}
    }


def test_there_is_no_extract_of_login_sessions(world):
    assert not [p for p in world.landing.rglob("*") if "session" in p.name.lower()]


def test_every_format_occurs(world):
    formats = {
        (f["source"], f["records_as"], f["compression"])
        for f in world.truth("files").to_pylist()
        if f["vocabulary"] != "extract"
    }
    assert formats >= {
        ("academy", "ndjson", "gzip"),
        ("academy", "batches", "gzip"),
        ("studyin", "ndjson", "zstd"),
        ("studyin", "ndjson", "none"),
        ("sketchychain", "parquet", "none"),
        ("sketchychain", "parquet_text_properties", "none"),
        ("sketchychain", "ndjson", "gzip"),
        ("interaction_log", "ndjson", "none"),
        ("interaction_log", "array", "none"),
    }


def test_files_hold_what_the_truth_says(world):
    """Counted here by reading every file, in order of arrival."""
    files = {f["path"]: f for f in world.truth("files").to_pylist()}
    found = {p.relative_to(world.landing).as_posix() for p in world.landing.rglob("part-*")}
    assert found == set(files)
    seen: dict[tuple[str, str], set[str]] = {}
    for path in event_files(world.landing):
        counts = Counter()
        source = path.relative_to(world.landing).parts[0]
        known = seen.setdefault((source, path.parent.parent.name), set())
        for line in lines_of(path):
            counts["lines"] += 1
            if line.is_blank:
                counts["blank_lines"] += 1
            elif line.record is None:
                counts["malformed_lines"] += 1
            else:
                counts["records"] += 1
                content = json.dumps(line.record, sort_keys=True, default=str)
                counts["duplicate_records"] += content in known
                known.add(content)
        truth = files[path.relative_to(world.landing).as_posix()]
        assert path.stat().st_size == truth["bytes"]
        for name in ("lines", "records", "malformed_lines", "blank_lines", "duplicate_records"):
            assert counts[name] == truth[name], f"{path}: {name}"


def test_extracts_hold_what_the_truth_says(world):
    for f in world.truth("files").to_pylist():
        if f["vocabulary"] == "extract":
            rows = list(records_of(world.landing / f["path"]))
            assert len(rows) == f["records"]
            key = next(k for k in ("id", "sketch_id", "userId") if k in rows[0])
            assert len({row[key] for row in rows}) == len(rows)


def test_event_ids_are_unique_apart_from_duplicates(clean_world):
    for source, key in (("academy", "id"), ("studyin", "event_id"), ("sketchychain", "event_id")):
        ids = [r[key] for p in event_files(clean_world.landing, source) for r in records_of(p)]
        assert len(ids) == len(set(ids))


def test_compressed_files_tell_nothing_of_where_they_were_written(world):
    for path in world.landing.rglob("*.gz"):
        header = path.read_bytes()[:10]
        assert header[4:8] == b"\0\0\0\0"
        assert header[3] == 0


@pytest.mark.parametrize(
    ("day", "spaced"), [("2026-03-03", True), ("2026-03-04", False), ("2026-03-09", True)]
)
def test_some_days_of_studyin_are_written_by_pythons_encoder(clean_world, day, spaced):
    files = clean_world.landing / "studyin" / "study_events" / day
    lines = text_of(next(files.glob("part-0000*"))).split("\n")
    assert ('": ' in lines[len(lines) // 2]) == spaced


def test_dumps_show_changing_rows(world):
    names: dict[str, set[str]] = {}
    uses: dict[str, list[int]] = {}
    for path in sorted((world.landing / "academy/users").rglob("part-*")):
        for row in records_of(path):
            names.setdefault(row["id"], set()).add(row["name"])
            assert row["name"].startswith("Invented Person")
            assert re.search(r"@example\.(invalid|com)$", row["email"])
    assert any(len(n) == 2 for n in names.values())
    for path in sorted((world.landing / "academy/example_prompts").rglob("part-*")):
        for row in records_of(path):
            uses.setdefault(row["id"], []).append(row["useCount"])
    assert all(counts == sorted(counts) for counts in uses.values())
    assert any(counts[-1] > counts[0] for counts in uses.values())
