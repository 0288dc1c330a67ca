"""Same seed, same bytes; another seed, another world; nobody's files are replaced."""

import hashlib
from datetime import date
from pathlib import Path

import pytest

from simulator import expected_events, simulate, simulation
from tests.simulator.landed_files import event_files, records_of

SMALL = {"users": 40, "days": 8}


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("first")
    simulate(root / "landing", seed=5, workers=1, **SMALL)
    return root


def test_same_seed_gives_the_same_bytes_with_any_number_of_workers(first, tmp_path):
    simulate(tmp_path / "landing", seed=5, workers=2, **SMALL)
    assert _digests(tmp_path) == _digests(first)


def test_another_seed_gives_another_world(first, tmp_path):
    simulate(tmp_path / "landing", seed=6, workers=1, **SMALL)
    ours, theirs = _digests(tmp_path), _digests(first)
    events = [path for path in ours if "/study_events/" in path]
    assert events
    assert all(ours[path] != theirs.get(path) for path in events)


def test_the_same_world_may_be_written_again_and_another_may_not(first):
    before = _digests(first)
    simulate(first / "landing", seed=5, workers=1, **SMALL)
    assert _digests(first) == before
    with pytest.raises(FileExistsError, match="another world"):
        simulate(first / "landing", seed=6, workers=1, **SMALL)
    assert _digests(first) == before


def test_big_days_are_cut_into_parts_by_time(first, tmp_path, monkeypatch):
    monkeypatch.setattr(simulation, "PART_EVENTS", 50)
    simulate(tmp_path / "landing", seed=5, **SMALL)
    parts = event_files(tmp_path / "landing", "interaction_log")
    assert len(parts) > len(event_files(first / "landing", "interaction_log"))
    whole, cut = (
        [
            record
            for path in event_files(root / "landing", "interaction_log")
            for record in records_of(path)
        ]
        for root in (first, tmp_path)
    )
    assert cut == whole


def test_nothing_hidden_is_left_behind(first):
    assert not list(first.rglob(".*"))


def test_progress_ends_with_all_events(tmp_path):
    calls = []
    summary = simulate(
        tmp_path / "landing", seed=1, progress=lambda *call: calls.append(call), **SMALL
    )
    written, total = calls[-1]
    assert written == total == summary.event_total


@pytest.mark.parametrize(("users", "days"), [(1, 1), (3, 2)])
def test_tiny_worlds(tmp_path, users, days):
    assert simulate(tmp_path / "landing", users=users, days=days, seed=2).event_total > 0


@pytest.mark.parametrize("wrong", [{"users": 0}, {"days": 0}, {"seed": -1}, {"scale": 0}])
def test_impossible_worlds_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="not"):
        simulate(tmp_path / "landing", **{"users": 5, "days": 5, "seed": 1, **wrong})


def test_expected_events_is_near_the_truth(world):
    expected = expected_events(400, 35)
    assert world.summary.event_total == pytest.approx(expected, rel=0.15)


def test_scale_multiplies_activity():
    usual = expected_events(1000, 30)
    assert expected_events(1000, 30, scale=2.0) == pytest.approx(2 * usual, rel=0.15)
    assert 4 < expected_events(1200, 60) / (1200 * 60) < 5


def test_the_start_is_a_parameter(tmp_path):
    simulate(tmp_path / "landing", users=5, days=2, seed=1, start=date(2025, 12, 31))
    days = {path.parent.name for path in (tmp_path / "landing").rglob("part-*")}
    assert days <= {"2025-12-31", "2026-01-01"}
