"""What lies in landing: names are literal, links and a writer's own files are left alone, and a
file that moves under the reader is left for the next run."""

from __future__ import annotations

import os
from datetime import datetime

import pytest

from loaders import landing
from loaders.files import LandingProblem, find_files
from loaders.reading import FileChanged
from tests.loaders.records import academy, gz, lines, to_json

STREAM = "academy/tracking_events"
ODD_NAMES = [
    "it's.ndjson", 'say "x".ndjson', "*.ndjson", "[a-z].ndjson", "{a,b}.ndjson", "a;drop.ndjson",
    "two\nlines.ndjson", "$HOME.ndjson", "%s.ndjson", "-rf", "--json", "a b", "naïve-日本.ndjson",
    "back\\slash", "no extension", "nothing.exe", "UPPER.NDJSON.GZ", "a?b#c", "~", "null",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_are_literal(door, name):
    bystander = door.drop(f"{STREAM}/abc.ndjson", [academy(1)])
    door.drop(f"{STREAM}/{name}", [academy(2)])
    report = door.land()
    assert {outcome.path: outcome.status for outcome in report.outcomes} == {
        f"{STREAM}/{name}": "loaded",
        f"{STREAM}/{bystander.name}": "loaded",
    }
    files = door.query("select file from raw.academy__tracking_events order by file")
    assert sorted(file for (file,) in files) == sorted(outcome.path for outcome in report.outcomes)


def test_a_name_that_is_no_utf8_lands_and_can_be_shown(door):
    folder = door.drop(f"{STREAM}/a", [academy(1)]).parent
    (folder / "a").rename(os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))
    [outcome] = door.land().outcomes
    assert (outcome.path, outcome.status) == (f"{STREAM}/caf\\xe9", "loaded")
    assert door.run_json("status")["files"][0]["path"] == outcome.path


def test_the_name_never_tells_what_is_inside(door):
    for name, content in {
        "plain.gz": lines([academy(1)]),
        "packed.ndjson": gz(lines([academy(2)])),
        "array.parquet": to_json([academy(3)]),
    }.items():
        assert door.land_only(f"{STREAM}/{name}", content).landed == 1


@pytest.mark.parametrize(
    "name",
    [".hidden", ".hidden.ndjson", "a.tmp", "a.ndjson.tmp", "a.TMP", "a.part", "a.partial", "a.swp",
     ".folder/a.ndjson", "folder.tmp/a.ndjson"],
)  # fmt: skip
def test_a_writers_own_files_are_left_alone(door, name):
    door.drop(f"{STREAM}/{name}", [academy(1)])
    assert door.land().outcomes == []


def test_files_may_lie_at_any_depth(door):
    for number, folder in enumerate(["", "2026-03-02/", "a/b/c/"]):
        door.drop(f"{STREAM}/{folder}f.ndjson", [academy(number)])
    assert door.land().totals()["landed"] == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("loose.ndjson", "unknown_source"),
        ("academy/loose.ndjson", "unknown_stream"),
        ("academy/nothing/a.ndjson", "unknown_stream"),
        ("nobody/tracking_events/a.ndjson", "unknown_source"),
        ("academy/Session/a.ndjson", "refused_stream"),
        ("academy/sessions/a.ndjson", "refused_stream"),
    ],
)
def test_a_file_without_a_stream_is_refused_and_the_others_load(door, name, reason):
    door.drop(name, [{"id": "s", "sessionToken": "token-canary-1", "userId": "u-1"}])
    door.drop(f"{STREAM}/a", [academy(1)])
    outcomes = {outcome.path: outcome for outcome in door.land().outcomes}
    assert outcomes[f"{STREAM}/a"].status == "loaded"
    assert outcomes[name].status == "rejected"
    assert outcomes[name].reason.startswith(f"{reason}: ")
    assert b"token-canary-1" not in door.work.read_bytes()


class TestLinks:
    def test_links_to_files_and_folders_are_skipped_and_said(self, door, tmp_path):
        real = door.drop(f"{STREAM}/real", [academy(1)])
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "secret").write_bytes(lines([academy(2)]))
        (real.parent / "link").symlink_to(elsewhere / "secret")
        (real.parent / "folder").symlink_to(elsewhere)
        (real.parent / "dangling").symlink_to(tmp_path / "nothing")
        (door.landing / "studyin").symlink_to(elsewhere)
        report = door.land()
        assert [outcome.path for outcome in report.outcomes] == [f"{STREAM}/real"]
        links = {"academy/tracking_events/link", "academy/tracking_events/folder",
                 "academy/tracking_events/dangling", "studyin"}  # fmt: skip
        assert set(report.links) == links
        assert f"skipped      {STREAM}/link: a link" in door.run("land").stdout

    def test_a_link_that_is_named_is_skipped_too(self, door):
        real = door.drop(f"{STREAM}/real", [academy(1)])
        link = real.with_name("link")
        link.symlink_to(real)
        assert door.land(link).outcomes == []

    def test_a_link_that_took_a_files_place_is_not_followed(self, door, tmp_path, monkeypatch):
        path = door.drop(f"{STREAM}/a", [academy(1)])
        found = find_files(door.landing)
        (tmp_path / "other").write_bytes(lines([academy(2)]))
        path.unlink()
        path.symlink_to(tmp_path / "other")
        monkeypatch.setattr(landing, "find_files", lambda *_: found)
        [outcome] = door.land().outcomes
        assert outcome.status == "deferred"

    def test_the_landing_folder_itself_may_be_a_link(self, door, tmp_path):
        door.data.mkdir(parents=True)
        (tmp_path / "disk").mkdir()
        door.landing.symlink_to(tmp_path / "disk")
        assert door.land_only(f"{STREAM}/a", [academy(1)]).landed == 1


def test_pipes_and_sockets_are_no_files(door):
    folder = door.drop(f"{STREAM}/a", [academy(1)]).parent
    os.mkfifo(folder / "pipe")
    assert len(door.land().outcomes) == 1


class TestMoving:
    def test_a_file_that_grew_since_it_was_found_is_left_for_the_next_run(self, door, monkeypatch):
        path = door.drop(f"{STREAM}/a", [academy(1)])
        door.drop(f"{STREAM}/b", [academy(2)])
        found = find_files(door.landing)
        with path.open("ab") as file:
            file.write(lines([academy(3)]))
        with monkeypatch.context() as patch:
            patch.setattr(landing, "find_files", lambda *_: found)
            first, second = sorted(door.land().outcomes, key=lambda outcome: outcome.path)
        assert (first.status, second.status) == ("deferred", "loaded")
        assert "written to" in first.reason
        assert door.query("select count(*) from raw.load_ledger") == [(1,)]
        assert door.land(path).outcomes[0].landed == 2

    def test_a_file_that_grows_while_it_is_read_leaves_nothing(self, door, monkeypatch):
        path = door.drop(f"{STREAM}/a", [academy(n) for n in range(50)])
        real = landing.read_chunks

        def growing(*arguments):
            for chunk in real(*arguments):
                with path.open("ab") as file:
                    file.write(b"more")
                yield chunk

        monkeypatch.setenv("SIGHTLINE_CHUNK_BYTES", "1024")
        monkeypatch.setenv("SIGHTLINE_BATCH_ROWS", "5")  # rows are written before the end is seen
        with monkeypatch.context() as patch:
            patch.setattr(landing, "read_chunks", growing)
            [outcome] = door.land().outcomes
        assert outcome.status == "deferred"
        assert door.rows(STREAM) == []
        assert door.query("select count(*) from raw.load_ledger") == [(0,)]
        path.write_bytes(lines([academy(n) for n in range(50)]))
        assert door.land().outcomes[0].landed == 50

    def test_a_file_that_vanished_is_nobodys_trouble(self, door, monkeypatch):
        door.drop(f"{STREAM}/a", [academy(1)])
        gone = door.drop(f"{STREAM}/b", [academy(2)])
        door.drop(f"{STREAM}/c", [academy(3)])
        found = find_files(door.landing)
        gone.unlink()
        monkeypatch.setattr(landing, "find_files", lambda *_: found)
        outcomes = {outcome.path: outcome for outcome in door.land().outcomes}
        statuses = [outcomes[f"{STREAM}/{name}"].status for name in "abc"]
        assert statuses == ["loaded", "deferred", "loaded"]
        assert "cannot be opened" in outcomes[f"{STREAM}/b"].reason

    def test_a_folder_that_vanishes_while_it_is_listed(self, door, monkeypatch):
        door.drop(f"{STREAM}/sub/a", [academy(1)])
        door.drop(f"{STREAM}/b", [academy(2)])
        real = os.listdir

        def vanished(path):
            if str(path).endswith("sub"):
                raise FileNotFoundError(path)
            return real(path)

        monkeypatch.setattr(os, "listdir", vanished)
        assert [outcome.path for outcome in door.land().outcomes] == [f"{STREAM}/b"]

    def test_a_folder_that_may_not_be_read_does_not_keep_the_others_out(self, door, monkeypatch):
        door.drop(f"{STREAM}/sub/a", [academy(1)])
        door.drop(f"{STREAM}/b", [academy(2)])
        real = os.listdir

        def forbidden(path):
            if str(path).endswith("sub"):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(os, "listdir", forbidden)
        outcomes = {outcome.path: outcome.status for outcome in door.land().outcomes}
        assert outcomes[f"{STREAM}/b"] == "loaded"

    def test_a_file_that_cannot_be_read_is_left_for_the_next_run(self, door, monkeypatch):
        door.drop(f"{STREAM}/a", [academy(1)])
        door.drop(f"{STREAM}/b", [academy(2)])
        real = landing.open_file

        def failing(file):
            if file.name.endswith("/a"):
                raise FileChanged("cannot be opened (Permission denied)")
            return real(file)

        with monkeypatch.context() as patch:
            patch.setattr(landing, "open_file", failing)
            outcomes = door.land().outcomes
        assert sorted(outcome.status for outcome in outcomes) == ["deferred", "loaded"]
        assert door.land().totals()["landed"] == 1


class TestPaths:
    def test_only_what_was_asked_for_is_landed(self, door):
        one = door.drop(f"{STREAM}/a", [academy(1)])
        door.drop(f"{STREAM}/b", [academy(2)])
        door.drop("academy/users/a", [{"id": "user-000001"}])
        assert [outcome.path for outcome in door.land(one).outcomes] == [f"{STREAM}/a"]
        paths = {outcome.path for outcome in door.land(door.landing / "academy").outcomes}
        assert paths == {f"{STREAM}/a", f"{STREAM}/b", "academy/users/a"}

    def test_paths_that_hold_each_other_are_landed_once(self, door):
        one = door.drop(f"{STREAM}/a", [academy(1)])
        assert len(door.land(one, one.parent, door.landing, one).outcomes) == 1

    def test_what_does_not_tell_its_source_is_refused_with_advice(self, door, tmp_path):
        door.drop(f"{STREAM}/a", [academy(1)])
        (tmp_path / "elsewhere.ndjson").write_bytes(lines([academy(2)]))
        (tmp_path / "tracking_events").mkdir()
        for path in (
            tmp_path / "elsewhere.ndjson",
            door.landing / ".." / ".." / "elsewhere.ndjson",
            tmp_path / "tracking_events",
        ):
            with pytest.raises(LandingProblem, match=r"landing/<source>/<stream>/"):
                door.land(path)
        with pytest.raises(LandingProblem, match="there is no such file or folder"):
            door.land(tmp_path / "nothing")

    def test_another_folder_of_the_same_shape_is_taken(self, door, tmp_path):
        door.drop(f"{STREAM}/a", [academy(1)])
        other = tmp_path / "export" / STREAM
        other.mkdir(parents=True)
        (other / "a").write_bytes(lines([academy(2)]))  # the same name, another content
        (other / "b").write_bytes(lines([academy(1)]))  # a content that is known
        for path in (tmp_path / "export", tmp_path / "export" / "academy", other, other / "a"):
            door.land(door.landing, path)
        assert {row["event_id"] for row in door.rows(STREAM)} == {
            academy(1)["id"],
            academy(2)["id"],
        }
        assert len(door.rows(STREAM)) == 2


class TestArrival:
    @pytest.mark.parametrize("folder", ["2026-03-05", "date=2026-03-05", "x/2026-03-05/y",
                                        "2025-01-01/2026-03-05"])  # fmt: skip
    def test_the_day_in_the_path_is_when_it_was_received(self, door, folder):
        door.land_only(f"{STREAM}/{folder}/a", [academy(1)])
        [row] = door.rows(STREAM)
        assert row["received_at"] == datetime(2026, 3, 5, 23, 59, 59, 999_999)

    @pytest.mark.parametrize("folder", ["2026-02-30", "20260305", "x2026-03-05", "2999-01-01"])
    def test_what_is_no_past_day_is_none(self, door, folder):
        door.land_only(f"{STREAM}/{folder}/a", [academy(1)])
        [(is_load,)] = door.query(
            "select e.received_at between l.started_at - interval 1 minute and l.finished_at "
            "from raw.academy__tracking_events as e inner join raw.load_ledger as l using (file)"
        )
        assert is_load

    def test_what_the_record_says_wins(self, door):
        sent = academy(1, createdAt="2026-03-02T10:00:00Z")
        door.land_only(f"{STREAM}/2026-03-05/a", [sent])
        assert door.rows(STREAM)[0]["received_at"] == datetime(2026, 3, 2, 10)
