"""What the learners of a planted world truly know, beside what the tables say of them.

The truth is the simulator's learner, told once more from what was planted alone: no formula and no
coefficient of the warehouse's own model is used.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import exp, log1p
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from tests.warehouse.planted import Planted

TARGET, LEAST_EVIDENCE = 0.75, 3
# Answers' worth of evidence, and days since the last answer, which parts begin with.
EVIDENCE = (0, 3, 6, 12, np.inf)
DAYS_AWAY = (14, 21, 28, np.inf)
TREND = timedelta(days=14)
# Half a level, of five, surer than her chance warrants: one in four is.
OVERCONFIDENT = 0.5


class Minds:
    """Who knew what at which moment: ability by topic, as planted, practised and forgotten."""

    def __init__(self, planted: Planted):
        self.numbers = planted.parameters
        self.base = {
            (row["person"], row["topic_id"]): row["base_ability"]
            for row in planted.truth("topic_abilities")
        }
        self.prerequisites = defaultdict(list)
        for row in planted.truth("prerequisites"):
            self.prerequisites[row["topic_id"]].append(row["prerequisite_id"])
        self.questions = {row["question_id"]: row for row in planted.truth("questions")}
        self.of_topic = defaultdict(list)
        for question in self.questions.values():
            self.of_topic[question["topic_id"]].append(question)
        self.answers: dict[tuple[int, str], list[datetime]] = defaultdict(list)
        self.tries: dict[tuple[int, str], int] = defaultdict(int)
        # (attempt of the truth, chance by this account), in the order of the truth.
        self.attempts = [(row, self._answer(row)) for row in planted.truth("attempts")]

    def _answer(self, attempt: dict) -> float:
        """The chance of an answer; it is remembered."""
        person, at = attempt["person"], attempt["attempted_at"]
        question = self.questions[attempt["question_id"]]
        topic, asked = question["topic_id"], (person, attempt["question_id"])
        ability = self.ability(person, topic, at)
        again = self.numbers["repeat_question_gain"] * self.tries[asked]
        helped = min(again, self.numbers["repeat_question_gain_most"])
        helped += self.numbers["hint_gain"] * attempt["has_hint"]
        self.answers[person, topic].append(at)
        self.tries[asked] += 1
        if question["is_faulty"]:
            return self.numbers["faulty_question_success"]
        if attempt["is_rapid_guess"]:
            return self.numbers["rapid_guess_success"]
        return 1 / (1 + exp(question["difficulty"] - ability - helped))

    def ability(self, person: int, topic: str, at: datetime, forgets: bool = True) -> float:
        """Before what is answered at that very moment."""
        practice = self._practice(self._count(person, topic, at))
        if forgets and practice:
            last = self.answers[person, topic][self._count(person, topic, at) - 1]
            hours = (at - last) / timedelta(hours=1)
            practice -= min(self.numbers["forgetting_per_log_hour"] * log1p(hours), practice)
        missing = [
            exp(-self._count(person, wanted, at) / self.numbers["prerequisite_rate"])
            for wanted in self.prerequisites[topic]
        ]
        lost = self.numbers["prerequisite_penalty"] * sum(missing) / max(len(missing), 1)
        return self.base[person, topic] + practice - lost

    def _practice(self, answers: int) -> float:
        rate = self.numbers["learning_rate"]
        return self.numbers["learning_gain"] * (1 - exp(-answers / rate))

    def _count(self, person: int, topic: str, before: datetime) -> int:
        return bisect_left(self.answers[person, topic], before)

    def typical(self, topic: str, ability: float) -> float:
        """The chance of a question of the topic, whichever is asked, without hint or guess."""
        chances = [
            self.numbers["faulty_question_success"]
            if question["is_faulty"]
            else 1 / (1 + exp(question["difficulty"] - ability))
            for question in self.of_topic[topic]
        ]
        return sum(chances) / len(chances)


def learners_topics(planted: Planted, minds: Minds) -> pd.DataFrame:
    """A row per person and topic that the tables name: what is true now, and what they say."""
    [(now,)] = planted.query("select now_at from intermediate.int_data_now")
    found = planted.con.execute(
        """
        select
            cast(person_key as varchar) as person_key, topic_id, mastery_score as mastery,
            mastery_low as low, mastery_high as high, coalesce(evidence, 0) as evidence,
            questions_correct / nullif(cast(questions_attempted as double), 0) as accuracy,
            mastery_change as change, forgetting, topic_mastery.last_attempted_at, gap_type as gap
        from topic_mastery
        full join (select person_key, topic_id, gap_type from knowledge_gaps) as gaps
            using (person_key, topic_id)
        left join (select person_key, topic_id, forgetting from intermediate.int_topic_skills)
            using (person_key, topic_id)
        """
    ).df()
    found["person"] = found["person_key"].map(planted.person_of_key)
    found["days_away"] = (now - found["last_attempted_at"]) / timedelta(days=1)
    habits = {row["person"]: row for row in planted.truth("learners")}
    truths = []
    for person, topic in zip(found["person"], found["topic_id"], strict=True):
        abilities = (minds.ability(person, topic, now, forgets) for forgets in (True, False))
        chances = [minds.typical(topic, ability) for ability in abilities]
        earlier = minds.typical(topic, minds.ability(person, topic, now - TREND))
        habit = habits[person]
        truths.append(
            (*chances, chances[0] - earlier, habit["gives_confidence"], habit["overconfidence"])
        )
    columns = ["true", "unforgotten", "true_change", "gives_confidence", "overconfidence"]
    found[columns] = pd.DataFrame(truths, columns=columns, index=found.index)
    return found.sort_values(["person", "topic_id"], ignore_index=True)


def predicted_answers(planted: Planted, minds: Minds) -> pd.DataFrame:
    """A row per answer of who consents: its true chance, and what was predicted before it."""
    true = pd.DataFrame([attempt for attempt, _ in minds.attempts])
    found = planted.con.execute(
        """
        select
            cast(question_attempts.person_key as varchar) as person_key,
            question_attempts.question_id,
            question_attempts.attempted_at,
            question_attempts.hint_used,
            question_attempts.is_first_attempt,
            predictions.is_success,
            predictions.is_rapid_guess as seems_rapid,
            predictions.predicted_rate
        from question_attempts
        inner join intermediate.int_attempt_predictions as predictions using (attempt_key)
        where consent_mode <> 'anonymous'
        """
    ).df()
    found["person"] = found["person_key"].map(planted.person_of_key)
    for frame in (true, found):
        frame["attempted_at"] = frame["attempted_at"].astype("datetime64[us]")
    true = true[true["person"].isin(planted.consenting)]
    both = found.merge(true, on=["person", "question_id", "attempted_at"], validate="1:1")
    assert len(both) == len(found) == len(true)
    return both.sort_values(["person", "attempted_at"], ignore_index=True)


def items(planted: Planted, minds: Minds) -> pd.DataFrame:
    found = planted.con.execute("select * from question_items").df()
    faulty = {name for name, question in minds.questions.items() if question["is_faulty"]}
    found["is_faulty"] = found["question_id"].isin(faulty)
    return found


def spearman(frame: pd.DataFrame, score: str, true: str = "true") -> float:
    return float(np.corrcoef(frame[score].rank(), frame[true].rank())[0, 1])


def ordered_right(frame: pd.DataFrame, score: str, within: str) -> float:
    """Of all two rows of one topic (or person), the share whose scores tell who knows more.

    Two equal scores are a coin.
    """
    group = pd.factorize(frame[within])[0]
    order = np.argsort(group, kind="stable")
    found, true = (frame[column].to_numpy()[order] for column in (score, "true"))
    starts = np.flatnonzero(np.diff(group[order])) + 1
    right = total = 0.0
    for part in np.split(np.arange(len(frame)), starts):
        higher, knows_more = (
            np.sign(values[part][:, None] - values[part][None, :]) for values in (found, true)
        )
        # Every two of them twice.
        right += (higher * knows_more > 0).sum() + 0.5 * ((higher == 0) & (knows_more != 0)).sum()
        total += (knows_more != 0).sum()
    return right / total


@dataclass(frozen=True)
class Figure:
    """With its standard error over people: how it varies as each twentieth of them is left out."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ± {self.error:.2f}"


def over_people(frame: pd.DataFrame, statistic: Callable[[pd.DataFrame], float]) -> Figure:
    groups = 20
    group = frame["person"].rank(method="dense").astype(int) % groups
    without = np.array([statistic(frame[group != one]) for one in range(groups)])
    error = np.sqrt((groups - 1) * np.mean((without - without.mean()) ** 2))
    return Figure(float(statistic(frame)), float(error))


def by_evidence(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    parts = {"all": frame}
    for low, high in pairwise(EVIDENCE):
        name = f"{low} to {high}" if high < np.inf else f"{low} or more"
        parts[name] = frame[(frame["evidence"] >= low) & (frame["evidence"] < high)]
    return parts


@dataclass(frozen=True)
class Ranking:
    """How well mastery tells who knows more, and whether running accuracy tells it as well."""

    name: str
    count: int
    spearman: Figure
    right: Figure
    right_by_accuracy: float
    gain: Figure
    within_people: float

    @classmethod
    def of(cls, name: str, frame: pd.DataFrame) -> Ranking:
        def right(part: pd.DataFrame) -> float:
            return ordered_right(part, "mastery", "topic_id")

        def by_accuracy(part: pd.DataFrame) -> float:
            return ordered_right(part, "accuracy", "topic_id")

        return cls(
            name,
            len(frame),
            over_people(frame, lambda part: spearman(part, "mastery")),
            over_people(frame, right),
            by_accuracy(frame),
            over_people(frame, lambda part: right(part) - by_accuracy(part)),
            ordered_right(frame, "mastery", "person"),
        )

    def line(self) -> str:
        return (
            f"| {self.name} | {self.count:,} | {self.spearman} | {self.right} "
            f"| {self.right_by_accuracy:.2f} | {self.within_people:.2f} |"
        )


@dataclass(frozen=True)
class Coverage:
    """How often the truth lies in the interval, and on which side when it does not."""

    name: str
    count: int
    mastery: float
    true: float
    width: float
    inside: Figure
    below: float
    above: float

    @classmethod
    def of(cls, name: str, frame: pd.DataFrame) -> Coverage:
        return cls(
            name,
            len(frame),
            frame["mastery"].mean(),
            frame["true"].mean(),
            (frame["high"] - frame["low"]).mean(),
            over_people(frame, lambda part: part["true"].between(part["low"], part["high"]).mean()),
            (frame["true"] < frame["low"]).mean(),
            (frame["true"] > frame["high"]).mean(),
        )

    def line(self) -> str:
        return (
            f"| {self.name} | {self.count:,} | {self.mastery:.2f} | {self.true:.2f} "
            f"| {self.width:.2f} | {self.inside} | {self.below:.2f} | {self.above:.2f} |"
        )


@dataclass(frozen=True)
class Finding:
    """What was planted, what was found of it, and how common it is: what a blind guess would be."""

    name: str
    planted: int
    found: int
    both: int
    among: int

    @classmethod
    def of(cls, name: str, planted: pd.Series, found: pd.Series) -> Finding:
        counts = (int(part.sum()) for part in (planted, found, planted & found))
        return cls(name, *counts, len(planted))

    @property
    def precision(self) -> float:
        return self.both / self.found if self.found else np.nan

    @property
    def recall(self) -> float:
        return self.both / self.planted if self.planted else np.nan

    @property
    def base(self) -> float:
        return self.planted / self.among if self.among else np.nan

    def line(self) -> str:
        parts = [
            "none" if np.isnan(share) else f"{100 * share:.0f} %"
            for share in (self.precision, self.recall, self.base)
        ]
        return (
            f"| {self.name} | {self.among:,} | {self.planted:,} | {self.found:,} "
            f"| {' | '.join(parts)} |"
        )


def gaps(known: pd.DataFrame) -> dict[str, Finding]:
    """Kinds of gap against what was planted, among topics with enough answers to be judged."""
    confident = known[known["gives_confidence"]]
    below = known["true"] < TARGET
    kinds = {
        "any gap": (below, known["gap"].notna()),
        "`weak`": (below, known["gap"] == "weak"),
        "`forgotten`": (
            below & (known["unforgotten"] >= TARGET),
            known["gap"] == "forgotten",
        ),
        "`misconception`": (
            confident["overconfidence"] >= OVERCONFIDENT,
            confident["gap"] == "misconception",
        ),
        "`hint_dependent`": (
            pd.Series(False, index=known.index),
            known["gap"] == "hint_dependent",
        ),
    }
    return {name: Finding.of(name, *both) for name, both in kinds.items()}


def told_apart(score: pd.Series, is_planted: pd.Series) -> float:
    """How often the planted of two has the higher score (the area under the curve)."""
    ranks = score.rank()[is_planted]
    pairs = len(ranks) * (~is_planted).sum()
    return float((ranks.sum() - len(ranks) * (len(ranks) + 1) / 2) / pairs)


def modesty(frame: pd.DataFrame) -> float:
    """How far the truth is above mastery, in log-odds."""
    true, found = (np.log(share / (1 - share)) for share in (frame["true"], frame["mastery"]))
    return float((true - found).mean())


def coverage_without_bias(frame: pd.DataFrame) -> float:
    """What the interval would cover if mastery were right in the mean."""
    odds = np.log(frame["true"] / (1 - frame["true"])) - modesty(frame)
    moved = 1 / (1 + np.exp(-odds))
    return float(moved.between(frame["low"], frame["high"]).mean())


def by_absence(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Of topics without an answer for as long as `mastery_change` looks back."""
    parts = {}
    for low, high in pairwise(DAYS_AWAY):
        name = f"{low} to {high} days" if high < np.inf else f"{low} days or more"
        parts[name] = frame[(frame["days_away"] >= low) & (frame["days_away"] < high)]
    return parts


def absence_line(name: str, part: pd.DataFrame) -> str:
    found, true = (
        over_people(part, lambda rows, column=column: rows[column].mean())
        for column in ("change", "true_change")
    )
    return (
        f"| {name} | {len(part):,} | {part['mastery'].mean():.2f} | {part['true'].mean():.2f} "
        f"| {100 * found.value:.1f} ± {100 * found.error:.1f} "
        f"| {100 * true.value:.1f} ± {100 * true.error:.1f} |"
    )


def calibration_error(planted: Planted, kind: str) -> float:
    """Mean distance of predicted and actual by tenth (ECE), of all weeks together."""
    [(error,)] = planted.query(
        "select sum(attempt_count * abs(difference)) / sum(attempt_count) from mastery_calibration"
        f" where week_start is null and attempt_kind = '{kind}'"
    )
    return error


def answer_lines(planted: Planted, answers: pd.DataFrame) -> list[str]:
    """How predictions of single answers compare with the chances that they had."""
    lines = []
    alone = answers[~answers["has_hint"]]
    for name, part, true in (
        ("without a hint, against its chance", alone, alone["chance"]),
        ("without a hint, against what came", alone, alone["is_success"].astype(float)),
        ("all, against what came (a hint is not right)", answers, answers["is_success"] * 1.0),
    ):
        lines.append(
            f"| {name} | {len(part):,} | {part['predicted_rate'].mean():.3f} | {true.mean():.3f} "
            f"| {np.corrcoef(part['predicted_rate'], true)[0, 1]:.2f} |"
        )
    errors = [f"{calibration_error(planted, kind):.3f}" for kind in ("all", "first")]
    return [
        *lines,
        "",
        f"The calibration error is {errors[0]}, of first attempts {errors[1]}.",
    ]


def item_lines(found: pd.DataFrame) -> list[str]:
    """What flags find of the faulty questions, among those that enough people answered."""
    enough = found[found["discrimination"].notna()]
    shown = found[found["p_value"].notna()]
    return [
        Finding.of(name, part["is_faulty"], part[flag]).line()
        for name, part, flag in (
            ("`has_low_discrimination`, of 100 first answers", enough, "has_low_discrimination"),
            ("`is_too_hard`, of 30", shown, "is_too_hard"),
            ("`is_too_easy`, of 30", shown, "is_too_easy"),
        )
    ]


@dataclass(frozen=True)
class Learners:
    """Everything that is compared."""

    planted: Planted
    minds: Minds
    topics: pd.DataFrame
    answers: pd.DataFrame

    @classmethod
    def of(cls, planted: Planted) -> Learners:
        minds = Minds(planted)
        topics, answers = learners_topics(planted, minds), predicted_answers(planted, minds)
        return cls(planted, minds, topics, answers)

    @property
    def answered(self) -> pd.DataFrame:
        return self.topics[self.topics["mastery"].notna()]

    @property
    def known(self) -> pd.DataFrame:
        """With enough answers to be judged."""
        return self.topics[self.topics["evidence"] >= LEAST_EVIDENCE]

    def ranking_lines(self) -> list[str]:
        return [Ranking.of(*part).line() for part in by_evidence(self.answered).items()]

    def coverage_lines(self) -> list[str]:
        lines = [Coverage.of(*part).line() for part in by_evidence(self.answered).items()]
        covered = 100 * coverage_without_bias(self.answered)
        return [*lines, "", f"Were mastery right in the mean, {covered:.0f} % would lie in it."]

    def absence_lines(self) -> list[str]:
        return [absence_line(*part) for part in by_absence(self.answered).items()]

    def gap_lines(self) -> list[str]:
        below = told_apart(-self.known["mastery"], self.known["true"] < TARGET)
        return [
            *(finding.line() for finding in gaps(self.known).values()),
            "",
            "Of two topics, one of which is truly below the target, mastery is lower in that one "
            f"in {100 * below:.0f} % of cases.",
        ]

    def answer_lines(self) -> list[str]:
        seems, is_rapid = self.answers["seems_rapid"], self.answers["is_rapid_guess"]
        rapid = Finding.of("rapid guesses, of all answers", is_rapid, seems)
        return [*answer_lines(self.planted, self.answers), "", rapid.line()]

    def item_lines(self) -> list[str]:
        return item_lines(items(self.planted, self.minds))


@click.command()
@click.option("--users", default=2000)
@click.option("--days", default=90)
def main(users: int, days: int) -> None:
    """Print the tables of docs/evidence.md for a world of another size."""
    from tests.warehouse.planted import plant  # it needs pytest

    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        learners = Learners.of(plant(data, Path(folder) / "target", users, days))
        for lines in (
            learners.ranking_lines(), learners.coverage_lines(), learners.absence_lines(),
            learners.gap_lines(), learners.answer_lines(), learners.item_lines(),
        ):  # fmt: skip
            print(*lines, "", sep="\n")
        learners.planted.con.close()


if __name__ == "__main__":
    main()
