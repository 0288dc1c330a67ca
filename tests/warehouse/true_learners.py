"""What the learners of a planted world truly know, beside what the tables say of them.

The truth is the simulator's learner, told once more from what was planted alone: no formula and no
coefficient of the warehouse's own model is used.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from math import exp, log1p
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from tests.warehouse.planted import Planted

TARGET = 0.75
# Answers' worth of evidence, from and below.
EVIDENCE = ((0, 3), (3, 6), (6, 12), (12, np.inf))


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
    """A row per person and topic of the app: what is true now, and what the tables say."""
    [(now,)] = planted.query("select now_at from intermediate.int_data_now")
    found = planted.con.execute(
        """
        select
            cast(person_key as varchar) as person_key, topic_id, mastery_score as mastery,
            mastery_low as low, mastery_high as high, coalesce(evidence, 0) as evidence,
            coalesce(questions_attempted, 0) as answered,
            questions_correct / nullif(cast(questions_attempted as double), 0) as accuracy,
            gap_type as gap, topic_mastery.person_key is not null as is_touched_upon
        from topic_mastery
        full join (select person_key, topic_id, gap_type from knowledge_gaps) as gaps
            using (person_key, topic_id)
        """
    ).df()
    found["person"] = found["person_key"].map(planted.person_of_key)
    habits = {row["person"]: row for row in planted.truth("learners")}
    rows = []
    for person, topic in zip(found["person"], found["topic_id"], strict=True):
        ability = minds.ability(person, topic, now)
        unforgotten = minds.ability(person, topic, now, forgets=False)
        rows.append(
            (
                minds.typical(topic, ability),
                minds.typical(topic, unforgotten),
                habits[person]["overconfidence"],
                habits[person]["gives_confidence"],
            )
        )
    columns = ["true", "unforgotten", "overconfidence", "gives_confidence"]
    found[columns] = pd.DataFrame(rows, columns=columns, index=found.index)
    return found.sort_values(["person", "topic_id"]).reset_index(drop=True)


def spearman(frame: pd.DataFrame, score: str) -> float:
    return float(np.corrcoef(frame[score].rank(), frame["true"].rank())[0, 1])


def ordered_right(frame: pd.DataFrame, score: str, within: str) -> float:
    """Of all two rows of one topic (or person), the share whose scores tell who knows more.

    Two equal scores are a coin.
    """
    right = total = 0.0
    for _, part in frame.groupby(within):
        above = np.triu_indices(len(part), 1)
        true, found = (
            np.sign(values[:, None] - values[None, :])[above]
            for values in (part["true"].to_numpy(), part[score].to_numpy())
        )
        right += (found * true > 0).sum() + 0.5 * ((found == 0) & (true != 0)).sum()
        total += (true != 0).sum()
    return right / total


def with_error(
    frame: pd.DataFrame, statistic: Callable[[pd.DataFrame], float], groups: int = 20
) -> tuple[float, float]:
    """A figure and its standard error over people: as it is without each twentieth of them."""
    part = frame["person"].rank(method="dense").astype(int) % groups
    without = np.array([statistic(frame[part != group]) for group in range(groups)])
    spread = np.sqrt((groups - 1) * np.mean((without - without.mean()) ** 2))
    return statistic(frame), float(spread)


def by_evidence(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    parts = [("all", frame)]
    for low, high in EVIDENCE:
        name = f"{low} to {high}" if high < np.inf else f"{low} and more"
        parts.append((name, frame[(frame["evidence"] >= low) & (frame["evidence"] < high)]))
    return parts
