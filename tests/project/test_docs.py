"""What the docs show is what the door does."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from loaders.landing import land
from loaders.privacy import Keyring
from loaders.settings import Limits
from loaders.sources import load_sources
from tests.loaders.records import shaped

PROJECT = Path(__file__).parents[2]
SOURCES = (PROJECT / "docs" / "sources.md").read_text("utf-8")
EVIDENCE = (PROJECT / "docs" / "evidence.md").read_text("utf-8")
LANDING = (PROJECT / "docs" / "landing.md").read_text("utf-8")


def _block(text: str, language: str) -> str:
    [block] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return block


@pytest.fixture
def birds(tmp_path):
    (tmp_path / "birds.yml").write_text(_block(SOURCES, "yaml"), "utf-8")
    return load_sources(tmp_path)["birds"]


def test_the_example_source_reads_the_example_record(birds):
    record = orjson.loads(_block(SOURCES, "json"))
    stream = birds.streams["sightings"]
    batch, _ = shaped([orjson.dumps(record)], stream, Keyring(b"k" * 64))
    [row] = batch.to_pylist()
    assert row["event_id"] == "s-1"
    assert row["occurred_at"].isoformat() == "2026-03-02T08:15:04"  # Berlin is an hour ahead
    assert (row["species_id"], row["bird_count"]) == ("sp-12", 3)
    assert (row["consent_mode"], row["ip_prefix"]) == ("full", "203.0.113.0/24")
    assert row["user_key"] is not None
    assert orjson.loads(row["properties"])["bird"] == {"remark": "two adults, one young"}


def test_the_example_lands_in_the_table_that_is_named(birds, tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "landing" / "birds" / "sightings"
    folder.mkdir(parents=True)
    line = orjson.dumps(orjson.loads(_block(SOURCES, "json")))
    (folder / "one.ndjson").write_bytes(line + b"\n")
    report = land(sources={"birds": birds})
    assert [outcome.landed for outcome in report.outcomes] == [1]
    assert f"raw.{birds.streams['sightings'].table}" in SOURCES


def test_every_reason_for_quarantine_is_explained():
    code = "".join(
        (PROJECT / "loaders" / name).read_text("utf-8")
        for name in ("checking.py", "lifting.py", "shaping.py")
    )
    pattern = r'(?:NotARecord|Fault)\([^"]*?"([a-z_0-9]+)"|\("(missing_\w+|bad_\w+|time_\w+)"'
    reasons = {found for pair in re.findall(pattern, code) for found in pair if found}
    assert len(reasons) >= 15
    assert {reason for reason in reasons if f"`{reason}`" not in LANDING} == set()


def test_the_settings_are_those_that_there_are():
    code = (PROJECT / "loaders" / "settings.py").read_text("utf-8")
    code += (PROJECT / "loaders" / "privacy.py").read_text("utf-8")
    named = set(re.findall(r"`(SIGHTLINE_\w+)`", LANDING))
    known = set(re.findall(r'"(SIGHTLINE_\w+)"', code))
    # How much is written at once is for tests and benchmarks, not for users.
    assert known - named == {
        f"SIGHTLINE_{name}" for name in ("BATCH_ROWS", "BATCH_BYTES", "CHUNK_BYTES")
    }
    assert named <= known


def test_the_limits_are_those_in_force():
    limits, mib = Limits(), 1024 * 1024
    for name, value in (
        ("MAX_LINE_BYTES", f"{limits.max_line_bytes // mib} MiB"),
        ("MAX_DOCUMENT_BYTES", f"{limits.max_document_bytes // mib} MiB"),
        ("MAX_UNPACKED_BYTES", f"{limits.max_unpacked_bytes // mib // 1024} GiB"),
        ("MAX_WASTE_BYTES", f"{limits.max_waste_bytes // mib} MiB"),
    ):
        assert f"`SIGHTLINE_{name}` | {value} |" in LANDING


def test_the_tests_that_show_how_right_the_numbers_are_exist():
    """They hold the figures themselves; each section has one."""
    commands = re.findall(r"```\n(.*?)\n```", EVIDENCE, re.DOTALL)
    files = [command.removeprefix(".venv/bin/python -m pytest -q -s ") for command in commands]
    assert len(files) == EVIDENCE.count("\n## ")
    assert [file for file in files if not (PROJECT / file).is_file()] == []
