"""The command: help that teaches, messages without traces, JSON, exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from loaders.cli import main
from loaders.settings import PROJECT, data_folder
from tests.loaders.publications import publish
from tests.loaders.records import academy, gz, lines, to_json

STREAM = "academy/tracking_events"
COUNTS = ["lines", "landed", "duplicates", "quarantined", "blank"]


@pytest.fixture
def sightline(door):
    """The command within this process: (exit code, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        done = CliRunner().invoke(main, list(map(str, arguments)), prog_name="sightline")
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


class TestHelp:
    def test_it_shows_the_way(self, sightline):
        code, out, _ = sightline("--help")
        assert code == 0
        for word in (
            "simulate",
            "land",
            "status",
            "key",
            "fit-mastery",
            "export",
            "SIGHTLINE_DATA",
        ):
            assert word in out

    @pytest.mark.parametrize(
        ("command", "words"),
        [
            ("land", ["landing/<source>/<stream>/", "Exit code 0", "interrupt", "--json"]),
            ("status", ["put aside", "Exit code 0", "--json"]),
            ("export", ["--set counts", "hashed again", "1 to 9", "manifest.json", "--list"]),
            ("key", ["SOURCE USER_ID", "erasure", "--"]),
            ("fit-mastery", ["AUC", "Exit code 0", "dbt build", "docs/mastery.md", "--dry-run"]),
            ("simulate", ["--seed", "--users", "invented", "[default"]),
        ],
    )
    def test_each_command_explains_itself(self, sightline, command, words):
        for option in ("--help", "-h"):
            code, out, _ = sightline(command, option)
            assert code == 0
            assert [word for word in words if word not in out] == []

    def test_wrong_arguments_are_2(self, sightline):
        assert sightline("lnad")[0] == 2
        assert sightline("land", "--nothing")[0] == 2
        assert sightline("key", "academy")[0] == 2

    def test_the_version(self, sightline):
        assert sightline("--version")[1].startswith("sightline ")


class TestLand:
    def test_nothing_to_land_tells_where_files_go(self, sightline):
        code, out, _ = sightline("land")
        assert code == 0
        assert "landing/<source>/<stream>/" in out

    def test_all_well_is_0(self, door, sightline):
        door.drop(f"{STREAM}/a", [academy(1), academy(2), academy(1)])
        code, out, _ = sightline("land")
        assert code == 0
        assert "3 lines = 2 landed + 1 duplicates + 0 quarantined + 0 blank" in out
        code, out, _ = sightline("land")
        assert code == 0
        assert "1 hold what was loaded before" in out

    def test_lines_put_aside_are_3_and_said_by_reason(self, door, sightline):
        door.drop(f"{STREAM}/a", [academy(1), b"oops", b"[]", b"{"])
        code, out, _ = sightline("land")
        assert code == 3
        assert "bad_json: 2" in out
        assert "not_an_object: 1" in out
        assert "sightline status" in out

    def test_a_rejected_file_is_3_every_time(self, door, sightline):
        door.drop(f"{STREAM}/a.gz", gz(lines([academy(1)]))[:-1])
        for _ in range(2):
            code, out, _ = sightline("land")
            assert code == 3
            assert (
                f"{STREAM}/a.gz: truncated_gzip: the end of the compressed data is missing" in out
            )

    def test_only_a_few_of_many_bad_files_are_listed(self, door, sightline):
        for number in range(30):
            door.drop(f"app{number}/clicks/a", b"{}")
        out = sightline("land")[1]
        assert "and 10 more (--json lists them all)" in out
        assert len(out.splitlines()) < 40

    def test_events_that_no_model_reads_are_said(self, door, sightline, monkeypatch, tmp_path):
        door.drop(f"{STREAM}/a", [academy(1)])
        assert sightline("land")[0] == 0
        assert sightline("status")[0] == 0
        monkeypatch.setenv("DBT_PROJECT_DIR", str(tmp_path))  # where there are no models
        code, out, _ = sightline("status")
        assert code == 3
        assert "sightline add-app academy" in out
        assert "Nothing needs attention" not in out

    def test_what_many_files_have_in_common_is_said_once(self, door, sightline):
        for number in range(30):
            door.drop(f"birds/sightings/{number}", b'{"a": %d}' % number)
        for command in ("land", "status"):
            code, out, _ = sightline(command)
            assert code == 3
            assert "birds/sightings/0 and 29 more (--json lists them all): unknown_source: " in out
            assert out.count("docs/adding-an-app.md") == 1

    def test_failure_is_1_with_one_line(self, door, sightline, monkeypatch):
        door.drop(f"{STREAM}/a", [academy(1)])
        for name, value, said in (
            ("SIGHTLINE_MAX_LINE_BYTES", "many", "SIGHTLINE_MAX_LINE_BYTES must be a whole number"),
            ("SIGHTLINE_MAX_LINE_BYTES", "5", "must be at least 1024, not 5"),
            ("SIGHTLINE_WORKERS", "0", "SIGHTLINE_WORKERS must be at least 1"),
            ("SIGHTLINE_WAIT_SECONDS", "-1", "SIGHTLINE_WAIT_SECONDS must be at least 0"),
            ("SIGHTLINE_BATCH_ROWS", "0", "SIGHTLINE_BATCH_ROWS must be at least 1"),
            ("SIGHTLINE_KEY", "short", "SIGHTLINE_KEY is shorter than 32 characters"),
            ("SIGHTLINE_MEMORY_LIMIT", "lots", "SIGHTLINE_MEMORY_LIMIT"),
        ):
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                code, _, err = sightline("land")
            assert code == 1, name
            assert said in err
            assert "Traceback" not in err
            assert len(err.strip().splitlines()) == 1
        assert sightline("land")[0] == 0

    def test_a_path_that_is_not_there(self, sightline):
        code, _, err = sightline("land", "nowhere/at/all")
        assert code == 1
        assert "nowhere/at/all: there is no such file or folder" in err

    def test_a_work_file_that_is_none(self, door, sightline):
        door.drop(f"{STREAM}/a", [academy(1)])
        door.work.write_bytes(b"this is no database" * 1000)
        code, _, err = sightline("land")
        assert code == 1
        assert "Traceback" not in err
        assert "disk is full" not in err
        assert door.work.read_bytes().startswith(b"this is no database")


class TestLandJson:
    def test_every_files_outcome_and_the_totals(self, door, sightline):
        door.drop(f"{STREAM}/loaded", [academy(1), academy(1), b"oops", b""])
        door.drop(f"{STREAM}/rejected", b"[1")
        code, out, _ = sightline("land", "--json")
        assert code == 3
        document = json.loads(out)
        assert set(document) == {"files", "totals"}
        files = {entry["path"]: entry for entry in document["files"]}
        assert files[f"{STREAM}/loaded"] == {
            "path": f"{STREAM}/loaded", "status": "loaded", "reason": None,
            "lines": 4, "landed": 1, "duplicates": 1, "quarantined": 1, "blank": 1,
        }  # fmt: skip
        rejected = files[f"{STREAM}/rejected"]
        assert [rejected[name] for name in COUNTS] == [0] * 5
        assert rejected["status"] == "rejected"
        assert rejected["reason"].startswith("damaged_array: ")
        totals = {"lines": 4, "landed": 1, "duplicates": 1, "quarantined": 1, "blank": 1,
                  "loaded": 1, "rejected": 1, "already_loaded": 0, "deferred": 0}  # fmt: skip
        assert document["totals"] == totals

    def test_again(self, door, sightline):
        door.drop(f"{STREAM}/a", [academy(1)])
        sightline("land")
        code, out, _ = sightline("land", "--json")
        assert code == 0
        [entry] = json.loads(out)["files"]
        assert (entry["status"], entry["lines"]) == ("already_loaded", 0)

    def test_a_failed_run_is_json_too(self, door, sightline, monkeypatch):
        door.drop(f"{STREAM}/a", [academy(number) for number in range(100)])
        monkeypatch.setenv("SIGHTLINE_MEMORY_LIMIT", "1MB")
        code, out, err = sightline("land", "--json")
        assert code == 1
        document = json.loads(out)
        assert "not enough memory" in document["failure"]
        assert [entry["status"] for entry in document["files"]] == ["deferred"]
        assert "not enough memory" in err


class TestStatus:
    def test_before_anything_was_landed(self, sightline):
        code, _, err = sightline("status")
        assert code == 1
        assert "sightline land" in err

    def test_nothing_landed_yet_is_no_trouble(self, sightline):
        sightline("land")
        code, out, _ = sightline("status")
        assert code == 0
        assert "landing/<source>/<stream>/" in out

    def test_all_well(self, door, sightline):
        door.drop(f"{STREAM}/a", [academy(1)])
        sightline("land")
        code, out, _ = sightline("status")
        assert code == 0
        assert "Nothing needs attention." in out
        assert "academy/tracking_events" in out

    def test_what_needs_attention_comes_with_place_and_advice(self, door, sightline):
        door.drop(f"{STREAM}/a", [academy(1), b"oops", academy(2, id=None)])
        door.drop(f"{STREAM}/b", b"[1")
        sightline("land")
        code, out, _ = sightline("status")
        assert code == 3
        assert f"first in {STREAM}/a, line 2" in out
        assert "missing_id" in out
        assert "mend the app" in out
        assert f"{STREAM}/b: damaged_array" in out

    def test_only_rejected_files(self, door, sightline):
        door.drop(f"{STREAM}/b", b"[1")
        sightline("land")
        code, out, _ = sightline("status")
        assert code == 3
        assert f"{STREAM}/b: damaged_array" in out

    def test_the_whole_ledger_as_json(self, door, sightline):
        door.drop(f"{STREAM}/a", [academy(1), b"oops"])
        door.drop(f"{STREAM}/b", to_json([academy(2)]))
        sightline("land")
        door.drop(f"{STREAM}/c", b"[1")
        sightline("land")
        code, out, _ = sightline("status", "--json")
        assert code == 3
        document = json.loads(out)
        files = {entry["path"].rpartition("/")[2]: entry for entry in document["files"]}
        assert [files[name]["status"] for name in "abc"] == ["loaded", "loaded", "rejected"]
        assert set(files["a"]) >= {"path", "status", "reason", *COUNTS}
        assert document["totals"]["lines"] == 3
        assert (document["totals"]["loaded"], document["totals"]["rejected"]) == (2, 1)


class TestKey:
    def test_a_key_that_the_warehouse_was_not_loaded_with_answers_nothing(
        self, door, sightline, monkeypatch
    ):
        door.drop(f"{STREAM}/a", [academy(1)])
        sightline("land")
        assert sightline("key", "academy", "user-1")[0] == 0
        monkeypatch.setenv("SIGHTLINE_KEY", "another key, and long enough to be taken for one")
        code, _, said = sightline("key", "academy", "user-1")
        assert code == 1
        assert "Put the old key back" in said

    def test_a_lost_key_is_not_made_anew(self, door, sightline, monkeypatch):
        monkeypatch.delenv("SIGHTLINE_KEY", raising=False)
        door.drop(f"{STREAM}/a", [academy(1)])
        sightline("land")
        shutil.rmtree(door.data / "keys")
        code, _, said = sightline("key", "academy", "user-1")
        assert code == 1
        assert "the key is not there" in said
        assert not (door.data / "keys").exists()


@pytest.mark.parametrize(
    "command", [["land"], ["simulate"], ["status"], ["key", "academy", "u"], ["fit-mastery"]]
)
def test_a_data_folder_that_is_none_is_one_sentence(sightline, monkeypatch, tmp_path, command):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path / "file"))
    code, _, said = sightline(*command)
    assert code == 1
    assert said.startswith("Error: ")
    assert len(said.strip().splitlines()) == 1


def test_only_the_command_itself_needs_a_shell(door):
    """The one test that the installed command's way in is the same as the others here."""
    door.drop(f"{STREAM}/a", [academy(1), b"oops"])
    done = door.run("land", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["totals"]["landed"] == 1
    assert door.run("status").returncode == 3


class TestExport:
    @pytest.fixture
    def published(self, door):
        declared = {"kind": "plain", "date": "day"}
        publish(door.data, {"core/days": ("select date '2026-03-02' as day", declared)})
        return door

    def test_it_says_what_it_wrote_and_where(self, published, sightline):
        code, out, _ = sightline("export", "days", "--from", "2026-03-02", "--to", "2026-03-02")
        assert code == 0
        assert "days            1 rows  plain" in out
        assert "000001-days-from-2026-03-02-to-2026-03-02-csv" in out
        code, out, _ = sightline("export", "--set", "all", "--json", "--out", published.data / "x")
        assert json.loads(out)["files"][0]["rows"] == 1

    def test_what_there_is(self, published, sightline):
        code, out, _ = sightline("export", "--list")
        assert code == 0
        assert "days" in out
        assert "Sets: all, core, counts" in out

    @pytest.mark.parametrize(
        "arguments",
        [[], ["days", "--set", "all"], ["days", "--from", "2026-02-30"], ["days", "--format", "x"]],
    )
    def test_wrong_arguments_are_2(self, published, sightline, arguments):
        assert sightline("export", *arguments)[0] == 2

    def test_what_is_not_there_is_1_and_says_what_is(self, published, sightline):
        code, _, error = sightline("export", "day")
        assert code == 1
        assert "Did you mean days?" in error


def test_the_data_is_the_projects_wherever_the_command_is_given(tmp_path, monkeypatch):
    monkeypatch.delenv("SIGHTLINE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert data_folder() == PROJECT / "data"
    (tmp_path / "dbt_project.yml").touch()  # a copy of the project has its own
    assert data_folder() == Path("data")
    monkeypatch.setenv("SIGHTLINE_DATA", "elsewhere")
    assert data_folder() == Path("elsewhere")
