"""The questions, one function each: measures, and returns a section of Markdown."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.build import worlds
from benchmarks.build.sections import dbt
from benchmarks.mastery import attempts
from benchmarks.mastery.baselines import BASELINES, Answers
from benchmarks.mastery.models import (
    PREDICTING,
    SUMMING_UP,
    Model,
    compile_models,
    compute,
    connect,
    prepare,
)
from benchmarks.mastery.scores import compare
from benchmarks.measuring import ContestantFailed, Measured, measure, note
from benchmarks.report import megabytes, million, section, table, thousands

CONTESTANTS = "benchmarks.mastery.contestants"
OURS = "the model, as shipped"
TYPICAL = "its typical question"
CEILING = "the true chance"


@dataclass(frozen=True)
class Size:
    users: int
    drawn: int
    attempts: tuple[int, ...]
    learners: int
    events: int


class Bench:
    """The temporary folder, the models, and the file of attempts."""

    def __init__(self, folder: Path, size: Size, file: Path | None = None):
        self.folder, self.size, self.file = folder, size, file
        self._models: list[Model] = []

    def models(self) -> list[Model]:
        if not self._models:
            note("compiling the models")
            self._models = compile_models(self.folder / "compiled")
        return self._models

    def attempts_file(self) -> Path:
        if self.file is None:
            note(f"simulating {self.size.users:,} people")
            self.file = attempts.simulate(self.folder / "world", self.size.users)
        return self.file


# ── predictions ───────────────────────────────────────────────────────────────────────────────


def predictions(bench: Bench) -> str:
    file = bench.attempts_file()
    with connect(bench.folder / "predictions") as con:
        prepare(con)
        try:
            found = attempts.load_file(con, file)
        except attempts.UnreadableFile as error:
            raise ContestantFailed(str(error)) from None
        note(f"{found.answers:,} answers")
        compute(con, [model for model in bench.models() if model.name in PREDICTING])
        answers, ours = attempts.load_answers(con), attempts.load_predictions(con)
    predicted = {OURS: ours["predicted_rate"], TYPICAL: ours["typical_rate"]}
    if found.has_chances:
        predicted[CEILING] = ours["chance"]
    for name, baseline in BASELINES.items():
        note(name)
        predicted[name] = baseline(answers)
    note("scoring")
    first = answers.is_first
    source = "the simulator's learners" if file.parent == bench.folder / "world" else file.name
    return section(
        f"Predictions of {million(found.answers)} answers, {source}",
        _described(answers, found),
        f"New questions: the {million(first.sum())} first answers of a learner to a question",
        _scored(predicted, answers, first, bench.size.drawn),
        "All answers",
        _scored(predicted, answers, np.ones(len(answers), dtype=bool), bench.size.drawn),
    )


def _described(answers: Answers, found: attempts.Found) -> str:
    counts = [len(np.unique(part)) for part in (answers.learner, answers.question, answers.topic)]
    times = "" if found.has_times else " The file has an order and no times: nothing is forgotten."
    left_out = f" {found.left_out:,} rows that tell nothing were left out." * (found.left_out > 0)
    return (
        "{:,} learners, {:,} questions, {:,} topics; ".format(*counts)
        + f"{answers.correct.mean():.3f} of the answers are right.{times}{left_out}"
    )


def _scored(
    predicted: dict[str, np.ndarray], answers: Answers, among: np.ndarray, drawn: int
) -> str:
    compared = compare(
        {name: each[among] for name, each in predicted.items()},
        OURS,
        answers.correct[among],
        answers.learner[among],
        drawn,
    )
    rows = []
    for name, result in compared.items():
        auc, loss, _ = zip(result.low, result.high, strict=True)
        rows.append([
            name,
            *(f"{score:.3f}" for score in result.scores),
            *("" if name == OURS else "{:+.3f} to {:+.3f}".format(*apart) for apart in (auc, loss)),
        ])  # fmt: skip
    heads = ["", "AUC", "log-loss", "ECE", "AUC less the model's", "log-loss less the model's"]
    return table(heads, rows)


# ── speed ─────────────────────────────────────────────────────────────────────────────────────


def speed(bench: Bench) -> str:
    rows, largest = [], None
    for count in bench.size.attempts:
        folder = bench.folder / f"invented-{count}"
        note(f"inventing {count:,} attempts")
        job = {"folder": str(folder), "learners": bench.size.learners}
        measure(CONTESTANTS, "invent", job | {"first": 0, "last": count})
        whole = _run(bench, folder)
        more = count // 100
        measure(CONTESTANTS, "invent", job | {"first": count, "last": count + more})
        again = _run(bench, folder)
        shutil.rmtree(folder)
        rows += [
            _speed_row(million(count), count, whole),
            _speed_row("then 1 % more", count + more, again, whole),
        ]
        largest = whole
    heads = [
        "attempts", "predictions", "and mastery", "processor", "of the whole",
        "predicted a second", "peak memory",
    ]  # fmt: skip
    taken = largest.facts["models"]
    where = [
        [name, f"{each['seconds']:.1f} s", f"{each['cpu_seconds']:.1f} s"]
        for name, each in sorted(taken.items(), key=lambda item: -item[1]["seconds"])
    ]
    return section(
        f"Speed: {bench.size.learners:,} learners, 5,000 questions of 100 topics, half a year",
        table(heads, rows),
        f"Where the time of {million(bench.size.attempts[-1])} goes:",
        table(["model", "time", "processor"], where),
    )


def _run(bench: Bench, folder: Path) -> Measured:
    note("predicting, and summing up")
    job = {"folder": str(folder), "models": [asdict(model) for model in bench.models()]}
    return measure(CONTESTANTS, "mastery", job)


def _speed_row(name: str, count: int, ran: Measured, whole: Measured | None = None) -> list[str]:
    predicting = sum(
        each["seconds"] for model, each in ran.facts["models"].items() if model in PREDICTING
    )
    return [
        name,
        f"{predicting:.1f} s",
        f"{ran.seconds:.1f} s",
        f"{ran.cpu_seconds:.1f} s",
        "" if whole is None else f"{ran.cpu_seconds / whole.cpu_seconds:.2f}",
        thousands(count / predicting),
        megabytes(ran.peak_bytes),
    ]


# ── share ─────────────────────────────────────────────────────────────────────────────────────


def share(bench: Bench) -> str:
    """Of builds of the whole project, what mastery takes."""
    events = bench.size.events
    world = worlds.land_world(bench.folder / f"world-{events}", events)
    base, later = worlds.hold_back(world, bench.folder / "share", spread=False)
    folder = base.parent
    dbt(folder, "seed")
    rows = []
    for name in ("full build", "then 1 % more, the last"):
        note(name)
        dbt(folder, "run")
        rows.append([name, *_shared(folder)])
        if later.exists():
            worlds.let_arrive(later, base)
            later.unlink()
    with worlds.connect(base) as con:
        count = con.execute("select count(*) from work.main.question_attempts").fetchall()[0][0]
    shutil.rmtree(folder)
    return section(
        f"Of a build of {million(events)} events, {million(count)} of them attempts",
        table(["", "all models", "of mastery", "share", "int_attempt_predictions"], rows),
        "Times of models summed up, four at once.",
    )


def _shared(folder: Path) -> list[str]:
    results = json.loads((folder / "target" / "run_results.json").read_text(encoding="utf-8"))
    taken = {
        each["unique_id"].rpartition(".")[2]: each["execution_time"] for each in results["results"]
    }
    mastery = sum(taken[name] for name in (*PREDICTING, *SUMMING_UP))
    whole = sum(taken.values())
    return [
        f"{whole:.1f} s",
        f"{mastery:.1f} s",
        f"{mastery / whole:.0%}",
        f"{taken['int_attempt_predictions']:.1f} s",
    ]


SECTIONS = {"predictions": predictions, "speed": speed, "share": share}
