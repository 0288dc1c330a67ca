"""`sightline fit-mastery`: what it finds, when it refuses, and what it leaves as it is."""

from __future__ import annotations

import csv
import hashlib
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from loaders import fitting, learner_model
from loaders.cli import main
from loaders.fitting import Fit, Measures
from loaders.learner_model import NAMES, auc, calibration_error, mean_gain
from tests.warehouse.mastery_reference import (
    HOUR,
    Skill,
    ability,
    forgotten,
    logistic,
    practice,
    shipped_seed,
)

NUMBERS = {row["name"]: float(row["value"]) for row in csv.DictReader(shipped_seed().splitlines())}
# As far from those that Sightline comes with as other learners may be.
OTHERS = NUMBERS | {
    "intercept": -0.3, "difficulty": 0.8, "ability": 0.5, "recent_ability": 0.6, "topic": 0.4,
    "recent_topic": 0.1, "first_in_topic": -0.9, "forgetting": 0.25,
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A row of int_attempt_predictions, as far as it matters here."""

    person_key: str
    topic_key: str
    learner_attempt_number: int
    topic_attempt_number: int
    attempted_us: int
    difficulty: float
    learner_skill: float
    learner_recent_skill: float
    topic_skill: float
    topic_recent_skill: float
    hours: float | None
    is_first_attempt: bool
    is_success: bool = False
    is_profiled: bool = True
    is_rapid_guess: bool = False

    def chance(self, numbers: dict[str, float]) -> float:
        """By the slow reference of the learner model."""
        practised = practice(Skill(self.topic_skill, self.topic_recent_skill), numbers)
        score = numbers["intercept"] + numbers["difficulty"] * self.difficulty + practised
        score += ability(Skill(self.learner_skill, self.learner_recent_skill), numbers)
        if self.hours is None:
            return logistic(score + numbers["first_in_topic"])
        return logistic(score - forgotten(self.hours, practised, numbers))


def answers(
    truth: dict[str, float], learners: int = 200, each: int = 60, random_seed: int = 1
) -> list[Answer]:
    """Of learners who answer as the model says, in five topics, with pauses of minutes to weeks;
    one answer in twenty is a rapid guess, a coin."""
    random = Random(random_seed)
    found = []
    for learner in range(learners):
        person = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{random_seed} {learner}"))
        now, last, told = 1_770_000_000_000_000, {}, {}
        for number in range(1, each + 1):
            now += int(HOUR * math.exp(random.gauss(0, 2))) + 1
            topic = random.choice("abcde")
            told[topic] = told.get(topic, 0) + 1
            answer = Answer(
                person, topic, number, told[topic], now,
                *(random.gauss(0, 1) for _ in range(5)),
                (now - last[topic]) / HOUR if topic in last else None,
                random.random() < 0.7,
                is_rapid_guess=random.random() < 0.05,
            )  # fmt: skip
            chance = 0.5 if answer.is_rapid_guess else answer.chance(truth)
            found.append(replace(answer, is_success=random.random() < chance))
            last[topic] = now
    return found


def build(data: Path, rows: list[Answer], numbers: dict[str, float]) -> None:
    """What `dbt build` leaves of them, as far as it is read here."""
    data.mkdir(exist_ok=True)
    table = pa.table(
        {name: [getattr(row, name) for row in rows] for name in Answer.__dataclass_fields__}
        | {"predicted_rate": [row.chance(numbers) for row in rows]}
    )
    coefficients = pa.table({"name": list(numbers), "value": list(numbers.values())})
    (data / "work.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(data / "work.duckdb")) as con:
        for schema in ("raw", "seeds", "intermediate"):
            con.execute(f"create schema {schema}")
        con.execute("create table raw.load_ledger (load_id bigint)")
        con.register("coefficients", coefficients)
        con.execute("create table seeds.mastery_coefficients as from coefficients")
        con.register("answers", table)
        con.execute(
            "create table intermediate.int_attempt_predictions as select * exclude (person_key, "
            "attempted_us), cast(person_key as uuid) as person_key, "
            "make_timestamp(attempted_us) as attempted_at from answers"
        )


@dataclass
class Place:
    """A data folder and a project of one's own."""

    data: Path
    seed: Path
    monkeypatch: pytest.MonkeyPatch

    def run(self, *arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["fit-mastery", *map(str, arguments)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout + done.stderr

    def values(self, path: Path | None = None) -> dict[str, float]:
        with (path or self.seed).open(encoding="utf-8") as file:
            return {row["name"]: float(row["value"]) for row in csv.DictReader(file)}

    def state(self) -> dict[str, tuple[str, int]]:
        """Every file of the data folder: its bytes, and when it was written."""
        return {
            str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in self.data.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    monkeypatch.setenv("SIGHTLINE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DBT_PROJECT_DIR", str(tmp_path / "project"))
    seed = tmp_path / "project" / "seeds" / "mastery_coefficients.csv"
    seed.parent.mkdir(parents=True)
    seed.write_bytes(shipped_seed().encode())
    return Place(tmp_path / "data", seed, monkeypatch)


@pytest.fixture(scope="module")
def of_others() -> list[Answer]:
    return answers(OTHERS)


class TestFit:
    def test_the_truth_is_found_again(self, place):
        build(place.data, answers(OTHERS, 400, 100), NUMBERS)
        code, said = place.run()
        assert code == 0, said
        found = place.values()
        off = {name: abs(found[name] - OTHERS[name]) for name in NAMES}
        assert off.pop("forgetting") < 0.03
        assert max(off.values()) < 0.08, off
        assert "Next: dbt build" in said

    def test_it_predicts_as_the_reference_does(self, of_others):
        """Where forgetting reaches its floor, where it does not, and where nothing can be lost."""
        numbers = NUMBERS | {"first_in_topic": -0.2, "topic": 0.3}
        coefficients = np.array([numbers[name] for name in NAMES])
        rows = [row for row in of_others if not row.is_rapid_guess]
        found = learner_model.scores(coefficients, attempts_of(rows))
        expected = [row.chance(numbers) for row in rows]
        assert np.allclose(learner_model.chances(found), expected, rtol=0, atol=1e-12)
        design = learner_model.design(coefficients, attempts_of(rows))
        at_floor = (design[:, 4] == 0) & (design[:, 6] == 1)
        for some in (at_floor, design[:, 7] < 0, (design[:, 6] == 0) & (design[:, 7] == 0)):
            assert some.sum() > 50

    def test_a_learner_has_no_part_in_her_own_prediction(self, of_others):
        present = np.array([NUMBERS[name] for name in NAMES])
        told = attempts_of(of_others)
        was = learner_model.held_out_scores(told, present)
        turned = replace(told, is_success=told.is_success ^ (told.fold == 0))
        is_now = learner_model.held_out_scores(turned, present)
        assert (was[told.fold == 0] == is_now[told.fold == 0]).all()
        assert (was[told.fold != 0] != is_now[told.fold != 0]).all()

    @pytest.mark.parametrize(
        ("name", "against", "stays"),
        [
            ("recent_topic", -0.4, 0),
            ("ability", -0.5, 0),
            ("first_in_topic", 0.8, 0),
            ("forgetting", 0.0, 0.005),
        ],
    )
    def test_no_sign_that_makes_no_sense(self, name, against, stays):
        truth = OTHERS | {"topic": 0.6, name: against}
        told = attempts_of(answers(truth, 100))
        # Of a score that rises with time there is no truth in the model.
        if name == "forgetting":
            told = replace(told, is_success=told.is_success | (told.log_hours > 4))
        found = learner_model.fitted(told, np.array([NUMBERS[each] for each in NAMES]))
        assert found[NAMES.index(name)] == stays
        assert np.isfinite(found).all()

    def test_few_answers_lead_nowhere_far(self):
        """Ten learners who were right every time: without the pull there would be no end to it."""
        rows = [replace(row, is_success=True) for row in answers(OTHERS, 10, 5)]
        present = np.array([NUMBERS[name] for name in NAMES])
        assert np.abs(learner_model.fitted(attempts_of(rows), present) - present).max() < 2


class TestRefusal:
    def test_where_the_present_ones_are_the_truth(self, place):
        build(place.data, answers(NUMBERS), NUMBERS)
        code, said = place.run()
        assert code == 3
        assert "Nothing was written." in said
        assert place.seed.read_bytes() == shipped_seed().encode()
        code, _ = place.run("--output", place.data.parent / "other.csv")
        assert code == 3
        assert not (place.data.parent / "other.csv").exists()

    def test_where_only_repeats_are_predicted_better(self, place):
        easier = NUMBERS | {"intercept": 1.5}
        rows = [
            replace(
                row,
                is_first_attempt=number % 5 == 0,
                is_success=Random(number).random()
                < row.chance(NUMBERS if number % 5 == 0 else easier),
            )
            for number, row in enumerate(answers(NUMBERS))
        ]
        build(place.data, rows, NUMBERS)
        code, said = place.run()
        assert code == 3
        assert "the log-loss of first attempts, which mastery_score is about, would rise by" in said
        assert place.seed.read_bytes() == shipped_seed().encode()

    @pytest.mark.parametrize(
        ("gain", "error", "firsts", "said"),
        [
            (0.0201, 0.01, 0.6, None),
            (0.0200, 0.01, 0.6, "no more than 2 standard errors of 0.0100: that may be chance"),
            (0.0000, 0.00, 0.6, "would fall by 0.0000"),
            (-0.003, 0.01, 0.6, "the log-loss would rise by 0.0030"),
            (0.0500, 0.01, 0.6001, "first attempts, which mastery_score is about, would rise by"),
            (0.0500, 0.01, None, None),
        ],
    )
    def test_at_the_boundary(self, gain, error, firsts, said):
        before = {"first attempts": Measures(None if firsts is None else 0.6, None, None)}
        after = {"first attempts": Measures(firsts, None, None)}
        refusal = Fit(50, 5000, 50, {}, {}, before, after, gain, error).refusal
        assert refusal is said is None or said in refusal

    def test_too_few(self, place):
        build(place.data, answers(OTHERS, 29, 60), NUMBERS)
        code, said = place.run()
        assert code == 1
        assert "of 29 learners, and it takes 1,000 of 30" in said
        build(place.data, answers(OTHERS, 50, 10), NUMBERS)
        assert "answers of 50 learners, and it takes" in place.run()[1]
        build(place.data, [], NUMBERS)
        assert "there are 0 answers of 0 learners" in place.run()[1]

    def test_nothing_there_yet(self, place):
        code, said = place.run()
        assert code == 1
        assert "sightline land" in said
        place.data.mkdir()
        with duckdb.connect(str(place.data / "work.duckdb")) as con:
            con.execute("create schema raw; create table raw.load_ledger (load_id bigint)")
        code, said = place.run()
        assert code == 1
        assert said.strip().endswith("Run: dbt build")
        assert len(said.strip().splitlines()) == 1

    def test_a_seed_that_was_not_built_with(self, place, of_others):
        build(place.data, of_others, NUMBERS | {"topic_decay": 0.9})
        code, said = place.run()
        assert code == 1
        assert "says 0.85 for topic_decay, and the warehouse was built with 0.9" in said

    def test_twice_without_a_build_between(self, place, of_others):
        build(place.data, of_others, NUMBERS)
        assert place.run()[0] == 0
        code, said = place.run()
        assert code == 1
        assert "Run: dbt build" in said

    def test_after_it_was_taken_up_there_is_nothing_more_to_gain(self, place, of_others):
        build(place.data, of_others, NUMBERS)
        assert place.run()[0] == 0
        build(place.data, of_others, place.values())
        assert place.run()[0] == 3

    def test_predictions_of_another_model(self, place, of_others):
        build(place.data, of_others, NUMBERS)
        with duckdb.connect(str(place.data / "work.duckdb")) as con:
            con.execute(
                "update intermediate.int_attempt_predictions set predicted_rate = .5"
                " where learner_attempt_number = 60 and not is_rapid_guess"
            )
        code, said = place.run()
        assert code == 1
        assert "dbt build --full-refresh" in said

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda text: text.replace("intercept,", "beginning,"), "no row for intercept"),
            (lambda text: text.replace("0.077", "much"), "cannot be read as name, value, meaning"),
            (lambda text: text.replace("name,value", "what,value"), "cannot be read as name"),
        ],
    )
    def test_a_seed_that_is_none(self, place, of_others, change: Callable, said):
        build(place.data, of_others, NUMBERS)
        place.seed.write_text(change(place.seed.read_text("utf-8")), "utf-8")
        code, found = place.run()
        assert code == 1
        assert said in found
        place.seed.unlink()
        assert "It holds the coefficients" in place.run()[1]


class TestSeed:
    def test_only_the_eight_values_are_others(self, place, of_others):
        build(place.data, of_others, NUMBERS)
        assert place.run()[0] == 0
        was = shipped_seed().splitlines(keepends=True)
        is_now = place.seed.read_text("utf-8").splitlines(keepends=True)
        assert is_now[0] == was[0]
        assert is_now[9:] == was[9:]
        for old, new in zip(was[1:9], is_now[1:9], strict=True):
            name, value, meaning = new.split(",", 2)
            assert [name, meaning] == [old.split(",", 2)[0], old.split(",", 2)[2]]
            assert float(value) != NUMBERS[name]
            assert len(value.partition(".")[2]) <= 4

    def test_other_ways_to_end_lines_and_to_quote_stay(self, place, of_others):
        text = shipped_seed().replace("\n", "\r\n")
        text = text.replace("topic,0.118", '"topic","0.118"')
        place.seed.write_bytes(text.encode())
        build(place.data, of_others, NUMBERS)
        assert place.run()[0] == 0
        assert place.seed.read_bytes().count(b"\r\n") == text.count("\r\n")
        assert place.values().keys() == NUMBERS.keys()
        assert b'\r\n"topic",' in place.seed.read_bytes()

    def test_the_data_are_only_read(self, place, of_others):
        build(place.data, of_others, NUMBERS)
        was = place.state()
        assert place.run()[0] == 0
        assert place.state() == was

    def test_a_dry_run_writes_nothing(self, place, of_others):
        build(place.data, of_others, NUMBERS)
        code, said = place.run("--dry-run")
        assert code == 0
        assert "Nothing was written (--dry-run)" in said
        assert place.seed.read_bytes() == shipped_seed().encode()
        assert list(place.seed.parent.iterdir()) == [place.seed]

    def test_another_file(self, place, of_others, tmp_path):
        build(place.data, of_others, NUMBERS)
        code, said = place.run("--output", tmp_path / "new.csv")
        assert code == 0
        assert place.seed.read_bytes() == shipped_seed().encode()
        assert f"copy it to {place.seed}" in said
        assert place.run()[0] == 0
        assert place.seed.read_bytes() == (tmp_path / "new.csv").read_bytes()

    def test_never_over_what_is_no_seed(self, place, of_others):
        build(place.data, of_others, NUMBERS)
        was = place.state()
        code, said = place.run("--output", place.data / "work.duckdb")
        assert code == 1
        assert "ends in .csv" in said
        assert place.state() == was
        code, said = place.run("--output", place.data / "nowhere" / "new.csv")
        assert code == 1
        assert "cannot be written: No such file or directory" in said

    def test_the_same_warehouse_gives_the_same_seed(self, place, of_others, tmp_path):
        for name, rows in (("a", of_others), ("b", Random(1).sample(of_others, len(of_others)))):
            build(place.data, rows, NUMBERS)
            assert place.run("--output", tmp_path / f"{name}.csv")[0] == 0
        assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


class TestWhoCounts:
    def test_neither_guesses_nor_people_without_consent(self, place, of_others, tmp_path):
        build(place.data, of_others, NUMBERS)
        _, said = place.run("--dry-run")
        # Both at odds with the truth, in topics of their own.
        others = [
            replace(row, topic_key="else", topic_attempt_number=row.learner_attempt_number,
                    hours=None if row.learner_attempt_number == 1 else 0.0, is_success=False,
                    attempted_us=of_others[0].attempted_us,
                    learner_attempt_number=row.learner_attempt_number + 1000)
            for row in of_others
        ]  # fmt: skip
        guesses = [replace(row, is_rapid_guess=True) for row in others]
        strangers = [
            replace(row, is_profiled=False, person_key=str(uuid.UUID(int=row.attempted_us)))
            for row in others
        ]
        build(place.data, [*of_others, *guesses, *strangers], NUMBERS)
        assert place.run("--dry-run") == (0, said)

    def test_of_too_many_some_whole_learners(self, place, of_others, monkeypatch):
        monkeypatch.setattr(fitting, "MOST_ANSWERS", 6000)
        build(place.data, of_others, NUMBERS)
        code, said = place.run("--dry-run")
        assert code == 0
        taken, of = int(said.split()[3]), said.split(" learners,")[0].split()[-1]
        assert of == "200"
        assert 100 <= taken <= 110  # of 60 answers, some of them guesses
        build(place.data, of_others[::-1], NUMBERS)
        assert place.run("--dry-run") == (code, said)


class TestMeasures:
    @given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), max_size=40))
    def test_auc_is_the_share_of_pairs_in_the_right_order(self, told):
        pairs = [(s > t) + (s == t) / 2 for s, y in told for t, no in told if y and not no]
        found = auc(np.array([s for s, _ in told], float), np.array([y for _, y in told], bool))
        assert found == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)

    @given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
    def test_the_calibration_error_is_taken_by_tenths(self, told):
        expected = 0.0
        for tenth in range(10):
            some = [(p, y) for p, y in told if min(int(p * 10), 9) == tenth]
            if some:
                mean = sum(p for p, _ in some) / len(some)
                share = sum(y for _, y in some) / len(some)
                expected += len(some) / len(told) * abs(mean - share)
        chance, is_success = (np.array(each) for each in zip(*told, strict=True))
        assert calibration_error(chance, is_success) == pytest.approx(expected, abs=1e-12)

    @given(st.lists(st.tuples(st.floats(-800, 800), st.booleans()), min_size=1, max_size=20))
    def test_the_log_loss_is_that_of_the_chance(self, told):
        score, is_success = (np.array(each) for each in zip(*told, strict=True))
        found = learner_model.losses(score, is_success)
        assert np.isfinite(found).all()
        for each, (s, y) in zip(found, told, strict=True):
            if abs(s) < 30:
                assert each == pytest.approx(-math.log(logistic(s) if y else logistic(-s)))

    def test_of_nothing(self):
        nothing = np.zeros(0)
        assert Measures.of(nothing, nothing.astype(bool)) == Measures(None, None, None)

    def test_the_error_of_a_mean_is_that_of_learners(self):
        """Said a hundred times over by each of them, what four learners say is no surer."""
        once = np.array([0.1, 0.3, -0.1, 0.5])
        mean, error = mean_gain(once, np.arange(4))
        assert (mean, error) == (pytest.approx(0.2), pytest.approx(once.std(ddof=1) / 2))
        again = mean_gain(np.repeat(once, 100), np.repeat(np.arange(4), 100))
        assert again == (pytest.approx(mean), pytest.approx(error))


def attempts_of(rows: list[Answer]) -> learner_model.Attempts:
    people = {person: number for number, person in enumerate({row.person_key: 0 for row in rows})}
    learner = np.array([people[row.person_key] for row in rows])
    return learner_model.Attempts(
        skills=np.array(
            [
                [
                    row.difficulty, row.learner_skill, row.learner_recent_skill, row.topic_skill,
                    row.topic_recent_skill,
                ]
                for row in rows
            ]
        ),
        log_hours=np.array([math.log1p(row.hours or 0) for row in rows]),
        is_first_in_topic=np.array([row.hours is None for row in rows]),
        is_success=np.array([row.is_success for row in rows]),
        is_first_attempt=np.array([row.is_first_attempt for row in rows]),
        learner=learner,
        fold=learner % 5,
    )  # fmt: skip
