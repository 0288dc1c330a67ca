"""What the docs show is what the door does."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from loaders.cli import main
from loaders.fitting import FOLDS, LEAST_ANSWERS, LEAST_LEARNERS, MOST_ANSWERS
from loaders.learner_model import NAMES
from loaders.privacy import Keyring, scrub
from loaders.settings import Limits
from loaders.shaping import _is_yes
from loaders.sources import TYPES, load_sources
from tests.loaders.publications import publish
from tests.loaders.records import shaped
from tests.warehouse.mastery_reference import (
    SHIPPED,
    ability,
    forgotten,
    logistic,
    practice,
    skill,
)

PROJECT = Path(__file__).parents[2]
ADDING = (PROJECT / "docs" / "adding-an-app.md").read_text("utf-8")
SOURCES = (PROJECT / "docs" / "sources.md").read_text("utf-8")
EVIDENCE = (PROJECT / "docs" / "evidence.md").read_text("utf-8")
LANDING = (PROJECT / "docs" / "landing.md").read_text("utf-8")
EXPORTING = (PROJECT / "docs" / "exporting.md").read_text("utf-8")
PRIVACY = (PROJECT / "docs" / "privacy.md").read_text("utf-8")
SCALING = (PROJECT / "docs" / "scaling.md").read_text("utf-8")
MASTERY = (PROJECT / "docs" / "mastery.md").read_text("utf-8")
README = (PROJECT / "README.md").read_text("utf-8")
RING = Keyring(b"k" * 64)


def _block(text: str, language: str) -> str:
    [block] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return block


@pytest.fixture
def birds(tmp_path):
    (tmp_path / "birds.yml").write_text(_block(ADDING, "yaml"), "utf-8")
    return load_sources(tmp_path)["birds"]


def test_the_example_source_reads_the_example_record(birds):
    records = _block(ADDING, "json").encode().splitlines()
    batch, _ = shaped(records, birds.streams["sightings"], Keyring(b"k" * 64))
    row = batch.to_pylist()[1]
    assert row["event_id"] == "s-2"
    assert row["occurred_at"].isoformat() == "2026-03-02T08:15:04"  # Berlin is an hour ahead
    assert row["topic_id"] == "kingfisher"
    assert (row["consent_mode"], row["ip_prefix"]) == ("full", "203.0.113.0/24")
    assert row["user_key"] is not None
    assert orjson.loads(row["properties"])["bird"] == {
        "count": 3,
        "remark": "two adults, one young",
    }


def test_every_field_of_a_source_file_is_explained():
    code = (PROJECT / "loaders" / "sources.py").read_text("utf-8")
    roles = re.findall(r'"(\w+)"', re.search(r"_ROLES = \((.*?)\)", code, re.DOTALL)[1])
    fields = {*roles, *TYPES, "kind", "layouts", "batch", "event_id", "columns", "key", "free_text"}
    fields |= {"typed", "personal", "urls", "user_id_hash", "refused", "of_person", "temporary"}
    fields |= {"source", "timezone", "consent", "streams"}
    assert {field for field in fields if f"`{field}" not in SOURCES} == set()


def test_what_counts_as_consent_is_said():
    words = re.search(r"the words (.*?) are a yes", SOURCES)[1]
    assert all(_is_yes(word) for word in re.findall(r"`(\w+)`", words))
    code = (PROJECT / "loaders" / "shaping.py").read_text("utf-8")
    known = re.search(r"def _is_yes.*?in \((.*?)\)", code, re.DOTALL)[1]
    assert re.findall(r"`(\w+)`", words) == re.findall(r'"(\w+)"', known)


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


@pytest.fixture(scope="module")
def coefficients() -> dict[str, float]:
    with (PROJECT / "seeds" / "mastery_coefficients.csv").open(encoding="utf-8") as seed:
        numbers = {row["name"]: float(row["value"]) for row in csv.DictReader(seed)}
    # Those that may be refitted, as they come.
    rows = re.findall(r"^\| `(\w+)` \| (-?[\d.]+) \|", MASTERY, re.MULTILINE)
    assert [name for name, _ in rows] == list(NAMES)
    assert {name: float(value) for name, value in rows} == SHIPPED
    return numbers | SHIPPED


def test_every_number_of_the_learner_model_is_explained(coefficients):
    words = set(re.findall(r"\w+", MASTERY))
    assert {name for name in coefficients if name not in words} == set()


def test_the_numbers_of_the_learner_model_are_those_of_its_seed(coefficients):
    """Where one stands behind its name: `target` of .75, `rapid_most_seconds` (10 s)."""
    shares = {"half": 0.5, "a tenth": 0.1}
    stated = re.findall(r"`(\w+)`(?: of |,? \(|, )(a tenth|half|[\d.]*\d)( %)?", MASTERY)
    levels = re.findall(r"from (\.\d+) *\(`(\w+_from)`\)", MASTERY.replace("\n", " "))
    stated += [(name, value, "") for value, name in levels]
    found = {name: shares.get(text) or float(text) for name, text, _ in stated}
    found |= {name: float(text) / 100 for name, text, percent in stated if percent}
    found = {name: value for name, value in found.items() if name in coefficients}
    assert len(found) >= 25
    assert found == {name: coefficients[name] for name in found}


def test_the_learner_models_example_is_what_the_model_says(coefficients):
    of_learner, of_topic = [], []
    never = coefficients["intercept"] + coefficients["first_in_topic"]
    assert f"her chance was {_told(logistic(never))}" in MASTERY
    for success in (1, 1, 0, 1):
        expected = logistic(skill(of_learner, coefficients["ability_decay"], coefficients).plain)
        of_learner.append((success - 0.5, 0.25))
        of_topic.append((success - expected, expected * (1 - expected)))
    learner = skill(of_learner, coefficients["ability_decay"], coefficients)
    topic = skill(of_topic, coefficients["topic_decay"], coefficients)
    for name, known in (("learner", learner), ("topic", topic)):
        assert f"| {name}'s skill | 0 | {_told(known.plain)} |" in MASTERY
        assert f"| {name}'s recent skill | 0 | {_told(known.recent)} |" in MASTERY
    practised = practice(topic, coefficients)
    score = coefficients["intercept"] + ability(learner, coefficients) + practised
    then = [
        _told(logistic(score - forgotten(days * 24, practised, coefficients)))
        for days in (0, 1, 7, 30)
    ]
    said = MASTERY.replace("\n", " ")
    assert (
        f"`mastery_score` is {then[0]}; a day later it is {then[1]}, a week later {then[2]}, "
        f"and after 30 days {then[3]}."
    ) in said


def _told(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def test_what_refitting_takes_is_what_the_docs_say():
    assert (FOLDS, MOST_ANSWERS) == (5, 1_000_000)  # "five parts", "a million answers"
    assert f"below {LEAST_LEARNERS} learners or {LEAST_ANSWERS:,} answers" in MASTERY


def test_the_commands_that_the_docs_name_are_those_that_there_are():
    pages = [path.read_text("utf-8") for path in PROJECT.glob("docs/*.md")]
    text = "".join([README, *pages])
    named = set(re.findall(r"`(?:\.venv/bin/)?sightline ([a-z][a-z-]+)", text))
    named |= set(re.findall(r"^\.venv/bin/sightline ([a-z][a-z-]+)", text, re.MULTILINE))
    assert named <= set(main.commands)
    assert set(main.commands) <= named
    options = {option for each in main.commands["fit-mastery"].params for option in each.opts}
    assert set(re.findall(r"(?<!-)--[a-z][a-z-]+", MASTERY)) == options


def test_the_exports_that_the_docs_show_are_made(tmp_path, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path))
    counts = {"kind": "cells", "date": "day", "cell": ["day"], "people": [
        {"name": "people", "counts": ["dau"], "hides": ["dau"]}
    ]}  # fmt: skip
    publish(
        tmp_path,
        {"engagement/active_users": ("select date '2026-03-09' as day, 10 as dau", counts)},
    )
    commands = _block(EXPORTING, "").splitlines()
    assert len(commands) >= 4
    for command in commands:
        done = CliRunner().invoke(main, command.split()[1:])
        assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "exports").iterdir())) == len(commands) - 1
    options = {option for each in main.commands["export"].params for option in each.opts}
    named = set(re.findall(r"(?<!-)--[a-z][a-z-]+", EXPORTING))
    assert options - named == {"--json", "tables"}
    assert named <= options


@pytest.mark.parametrize("model", ["topic_mastery", "knowledge_gaps"])
def test_what_the_model_gives_is_explained(model):
    """Every value that a column may have."""
    text = (PROJECT / "models" / "marts" / "learning" / f"{model}.yml").read_text("utf-8")
    values = [v for found in re.findall(r"values: \[(.*?)\]", text) for v in found.split(", ")]
    assert len(values) >= 7
    assert [value for value in values if value not in MASTERY] == []


def test_text_is_scrubbed_as_the_docs_say():
    table = PRIVACY.partition("| text | what is kept of it |\n|---|---|\n")[2].partition("\n\n")[0]
    rows = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in table.splitlines()]
    assert len(rows) >= 7
    assert [(sent, scrub(sent)) for sent, _ in rows] == rows


def test_who_denies_consent_is_kept_as_the_docs_say(birds):
    """Of the example's second watcher: no text, no network, other keys in another visit."""
    lines = _block(ADDING, "json").encode().splitlines()
    record = orjson.loads(lines[5]) | {
        "net": {"ip": "203.0.113.9", "agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/135.0"},
        "unheard": "of",
    }
    records = [record, record | {"visit": "v-6", "ref": {"no": "s-7"}}]
    batch, _ = shaped([orjson.dumps(r) for r in records], birds.streams["sightings"], RING)
    here, there = batch.to_pylist()
    assert (here["consent_mode"], here["ip_prefix"], here["user_key"]) == ("anonymous", None, None)
    assert (here["os"], here["topic_id"]) == ("Linux", "wren")
    assert orjson.loads(here["properties"]) == {"bird": {"count": 1}, "net": {}, "ref": {}}
    assert here["anonymous_key"] != there["anonymous_key"]
    assert here["event_id"] == "s-6"


def test_the_figures_of_scaling_are_those_of_the_benchmarks():
    rows = re.findall(
        r"^\| [^|]+ \| ([^|]+) \| ([^|]+) \| \[\w+\]\(\.\./(benchmarks/\w+/README\.md)\) \|$",
        SCALING,
        re.MULTILINE,
    )
    assert len(rows) >= 10
    for size, figure, page in rows:
        text = (PROJECT / page).read_text("utf-8")
        for stated in (size, figure):
            assert re.search(rf"(?<![\d.,]){re.escape(stated)}(?!\d)", text), (stated, page)


def test_links_between_pages_lead_somewhere():
    offenders = []
    for page in [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *PROJECT.glob("docs/*.md")]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if target.startswith("http"):
                continue
            name, _, heading = target.partition("#")
            path = (page.parent / name) if name else page
            if not path.exists():
                offenders.append(f"{page.name}: {target}")
            elif heading:
                headings = re.findall(r"^#+ (.*)", path.read_text("utf-8"), re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
                if heading not in anchors:
                    offenders.append(f"{page.name}: {target}")
    assert offenders == []
