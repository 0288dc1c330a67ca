"""What else predicts an answer, each from what came before it alone.

Whatever has something to fit is fitted on the answers of the learners of the other four folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from math import exp

import numpy as np

from benchmarks.mastery.scores import losses

# Answers that all shares begin with, so that none is 0 or 1 before there is anything to count.
_LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Answers:
    """In order of time. Learners, questions and topics are numbers from 0."""

    learner: np.ndarray
    question: np.ndarray
    topic: np.ndarray
    correct: np.ndarray
    is_first: np.ndarray
    fold: np.ndarray

    def __len__(self) -> int:
        return len(self.correct)

    def learner_topic(self) -> np.ndarray:
        return _dense(self.learner * (self.topic.max() + 1) + self.topic)

    def learner_question(self) -> np.ndarray:
        return _dense(self.learner * (self.question.max() + 1) + self.question)

    def share_so_far(self) -> np.ndarray:
        """Of all learners' earlier answers, the share that was right."""
        before = np.cumsum(self.correct) - self.correct
        return (before + 1) / (np.arange(len(self)) + 2)


def _dense(keys: np.ndarray) -> np.ndarray:
    return np.unique(keys, return_inverse=True)[1]


class Steps:
    """Sequences of several lengths, walked through together: first answers, second answers, …"""

    def __init__(self, keys: np.ndarray):
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(keys[order]) != 0])
        lengths = np.diff(np.r_[starts, len(keys)])
        self.place = np.empty(len(keys), dtype=np.int64)
        self.place[order] = np.arange(len(keys)) - np.repeat(starts, lengths)
        by_place = np.argsort(self.place, kind="stable")
        counts = np.bincount(self.place)
        self.rows = np.split(by_place, np.cumsum(counts)[:-1])


def _before(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The sum of earlier values with the same key."""
    order = np.argsort(keys, kind="stable")
    sums = np.cumsum(values[order]) - values[order]
    starts = np.flatnonzero(np.r_[True, np.diff(keys[order]) != 0])
    found = np.empty(len(keys))
    found[order] = sums - np.repeat(sums[starts], np.diff(np.r_[starts, len(keys)]))
    return found


def _best_elsewhere(answers: Answers, candidates: Iterable[np.ndarray]) -> np.ndarray:
    """In each fold the predictions that have the least log-loss in all others."""
    folds = np.unique(answers.fold)
    best = dict.fromkeys(folds, np.inf)
    found = np.empty(len(answers))
    for candidate in candidates:
        lost = losses(candidate, answers.correct)
        for fold in folds:
            here = answers.fold == fold
            elsewhere = lost[~here].mean() if not here.all() else lost.mean()
            if elsewhere < best[fold]:
                best[fold] = elsewhere
                found[here] = candidate[here]
    return found


# ── running accuracy ──────────────────────────────────────────────────────────────────────────


def running_accuracy(answers: Answers) -> np.ndarray:
    """The learner's share of right answers in the topic so far, as most dashboards show it; before
    the first, that of everybody in all topics."""
    keys = answers.learner_topic()
    count = _before(keys, np.ones(len(answers)))
    right = _before(keys, answers.correct)
    share = np.where(count > 0, right / np.maximum(count, 1), answers.share_so_far())
    return np.clip(share, _LEAST_SHARE, 1 - _LEAST_SHARE)


# ── EWMA ──────────────────────────────────────────────────────────────────────────────────────


def ewma(answers: Answers) -> np.ndarray:
    """The same share, of which the latest answers make up the more the greater alpha."""
    keys, start = answers.learner_topic(), answers.share_so_far()
    steps = Steps(keys)

    def with_alpha(alpha: float) -> np.ndarray:
        state, found = np.zeros(keys.max() + 1), np.empty(len(answers))
        state[keys[steps.rows[0]]] = start[steps.rows[0]]
        for rows in steps.rows:
            found[rows] = state[keys[rows]]
            state[keys[rows]] += alpha * (answers.correct[rows] - found[rows])
        return np.clip(found, _LEAST_SHARE, 1 - _LEAST_SHARE)

    alphas = (0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.45)
    return _best_elsewhere(answers, map(with_alpha, alphas))


# ── Elo ───────────────────────────────────────────────────────────────────────────────────────


def elo(answers: Answers) -> np.ndarray:
    """A rating of each learner in each topic and one of each question, both moved by every answer,
    the less the more answers they have. A new question begins with the share right so far."""
    # Plain lists: one answer after the other, they are faster than arrays.
    keys = answers.learner_topic().tolist()
    questions, correct = answers.question.tolist(), answers.correct.tolist()
    share = answers.share_so_far()
    start = (-np.log(share / (1 - share))).tolist()

    def with_steps(learner_step: float, question_step: float, slowing: float) -> np.ndarray:
        rating, answered = [0.0] * (max(keys) + 1), [0] * (max(keys) + 1)
        hardness, asked = [0.0] * (max(questions) + 1), [0] * (max(questions) + 1)
        found = []
        rows = zip(keys, questions, correct, start, strict=True)
        for key, question, right, begin in rows:
            if not asked[question]:
                hardness[question] = begin
            chance = 1 / (1 + exp(hardness[question] - rating[key]))
            found.append(chance)
            error = right - chance
            rating[key] += learner_step / (1 + slowing * answered[key]) * error
            hardness[question] -= question_step / (1 + slowing * asked[question]) * error
            answered[key] += 1
            asked[question] += 1
        return np.array(found)

    grid = product((0.3, 0.6, 1.0), (0.3, 0.6, 1.0), (0.02, 0.1))
    return _best_elsewhere(answers, (with_steps(*steps) for steps in grid))


# ── BKT ───────────────────────────────────────────────────────────────────────────────────────

# known before the first answer, learned with each, guessed, slipped
_BEGINNING = np.array([0.4, 0.1, 0.3, 0.15])
# How many sequences or answers the beginning counts for in each topic.
_PRIOR = 5
_ROUNDS = 20


def bkt(answers: Answers) -> np.ndarray:
    """Bayesian knowledge tracing: a learner knows a topic or does not, learns it at some answer,
    and forgets nothing; four numbers a topic, by expectation and maximisation."""
    found = np.empty(len(answers))
    keys = answers.learner_topic()
    for fold in np.unique(answers.fold):
        here = answers.fold == fold
        fitted = _fit_bkt(*(part[~here] for part in (keys, answers.topic, answers.correct)),
                          topics=answers.topic.max() + 1)  # fmt: skip
        sequences, topics = _dense(keys[here]), answers.topic[here]
        correct = answers.correct[here]
        found[here] = _forward(Steps(sequences), sequences, fitted[:, topics], correct)[1]
    return found


def _forward(
    steps: Steps, sequences: np.ndarray, numbers: np.ndarray, correct: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Before each answer: the chance that the topic is known, and that the answer is right."""
    begin, learn, guess, slip = numbers
    known, chance = np.empty(len(correct)), np.empty(len(correct))
    state = np.zeros(sequences.max() + 1)
    for place, rows in enumerate(steps.rows):
        knows = begin[rows] if place == 0 else state[sequences[rows]]
        right = knows * (1 - slip[rows]) + (1 - knows) * guess[rows]
        known[rows], chance[rows] = knows, right
        after = np.where(
            correct[rows] == 1,
            knows * (1 - slip[rows]) / right,
            knows * slip[rows] / (1 - right),
        )
        state[sequences[rows]] = after + (1 - after) * learn[rows]
    return known, chance


def _fit_bkt(keys: np.ndarray, topic: np.ndarray, correct: np.ndarray, topics: int) -> np.ndarray:
    fitted = np.repeat(_BEGINNING[:, None], topics, axis=1)
    if not len(keys):
        return fitted
    sequences = _dense(keys)
    steps = Steps(sequences)
    is_last = np.ones(len(keys), dtype=bool)
    for rows, following in zip(steps.rows, steps.rows[1:], strict=False):
        goes_on = np.isin(sequences[rows], sequences[following])
        is_last[rows[goes_on]] = False

    def summed(values: np.ndarray, where: np.ndarray) -> np.ndarray:
        return np.bincount(topic[where], weights=values[where], minlength=topics)

    first = steps.place == 0
    everywhere = np.ones(len(keys), dtype=bool)
    for _ in range(_ROUNDS):
        numbers = fitted[:, topic]
        before, _ = _forward(steps, sequences, numbers, correct)
        known, learned = _backward(steps, sequences, numbers, correct, before)
        pairs = (
            (known, 1 + 0 * known, first),
            (learned, 1 - known, ~is_last),
            ((1 - known) * correct, 1 - known, everywhere),
            (known * (1 - correct), known, everywhere),
        )
        for place, (part, whole, where) in enumerate(pairs):
            share = (summed(part, where) + _PRIOR * _BEGINNING[place]) / (
                summed(whole, where) + _PRIOR
            )
            # Above a half, a guess would be right more often than not.
            fitted[place] = np.clip(share, 0.001, 0.5 if place > 1 else 0.999)
    return fitted


def _backward(
    steps: Steps,
    sequences: np.ndarray,
    numbers: np.ndarray,
    correct: np.ndarray,
    before: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Given the whole sequence: the chance that the topic was known at each answer, and that it
    was learned there."""
    _, learn, guess, slip = numbers
    if_known = np.where(correct == 1, 1 - slip, slip)
    if_not = np.where(correct == 1, guess, 1 - guess)
    known, learned = np.empty(len(correct)), np.empty(len(correct))
    # What the answers after this one say, if the topic is then known, and if it is not.
    later = np.ones((2, sequences.max() + 1))
    for rows in reversed(steps.rows):
        then_known, then_not = later[:, sequences[rows]]
        p, t = before[rows], learn[rows]
        yes = p * if_known[rows] * then_known
        turning = (1 - p) * if_not[rows] * t * then_known
        never = (1 - p) * if_not[rows] * (1 - t) * then_not
        whole = yes + turning + never
        known[rows], learned[rows] = yes / whole, turning / whole
        after_known = if_known[rows] * then_known
        after_not = if_not[rows] * (t * then_known + (1 - t) * then_not)
        scale = after_known + after_not
        later[:, sequences[rows]] = after_known / scale, after_not / scale
    return known, learned


# ── Best-LR ───────────────────────────────────────────────────────────────────────────────────


def best_lr(answers: Answers) -> np.ndarray:
    """Logistic regression on the question, the topic, and how often the learner was right and
    wrong so far: in all, in the topic, at the question."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    columns = []
    for keys in (answers.learner, answers.learner_topic(), answers.learner_question()):
        for outcome in (answers.correct, 1 - answers.correct):
            columns.append(np.log1p(_before(keys, outcome)))
    ones, rows = np.ones(len(answers)), np.arange(len(answers))
    features = sparse.hstack(
        [
            *(
                sparse.csr_matrix((ones, (rows, keys)))
                for keys in (answers.question, answers.topic)
            ),
            sparse.csr_matrix(np.column_stack(columns)),
        ],
        format="csr",
    )
    found = np.empty(len(answers))
    for fold in np.unique(answers.fold):
        here = answers.fold == fold
        regression = LogisticRegression(max_iter=1000)
        regression.fit(features[~here], answers.correct[~here])
        found[here] = regression.predict_proba(features[here])[:, 1]
    return found


BASELINES: dict[str, Callable[[Answers], np.ndarray]] = {
    "running accuracy": running_accuracy,
    "EWMA": ewma,
    "Elo": elo,
    "BKT": bkt,
    "Best-LR": best_lr,
}
