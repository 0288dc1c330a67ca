"""How good predictions are: AUC, log-loss, ECE, and how sure a difference of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A prediction of 0 or 1 that is wrong would cost infinitely much.
LEAST_CHANCE = 1e-6
BINS = 10


def losses(predicted: np.ndarray, correct: np.ndarray) -> np.ndarray:
    chance = np.clip(predicted, LEAST_CHANCE, 1 - LEAST_CHANCE)
    return -np.where(correct == 1, np.log(chance), np.log1p(-chance))


class Scores:
    """Of one predictor. A weight for each answer says how often it counts, for the bootstrap."""

    def __init__(self, predicted: np.ndarray, correct: np.ndarray):
        self.correct = correct
        self.losses = losses(predicted, correct)
        self.bins = np.minimum((predicted * BINS).astype(int), BINS - 1)
        self.errors = predicted - correct
        self.order = np.argsort(predicted, kind="stable")
        ranked = predicted[self.order]
        self.ties = np.flatnonzero(np.r_[True, np.diff(ranked) != 0])

    def of(self, weights: np.ndarray) -> np.ndarray:
        return np.array([self.auc(weights), self.log_loss(weights), self.ece(weights)])

    def auc(self, weights: np.ndarray) -> float:
        """The chance that of a right and a wrong answer the right one was thought likelier; a tie
        is half of that."""
        weight, right = weights[self.order], self.correct[self.order]
        rights = np.add.reduceat(weight * right, self.ties)
        wrongs = np.add.reduceat(weight * (1 - right), self.ties)
        below = np.cumsum(wrongs) - wrongs
        pairs = rights.sum() * wrongs.sum()
        return float((rights * (below + wrongs / 2)).sum() / pairs) if pairs else float("nan")

    def log_loss(self, weights: np.ndarray) -> float:
        return float((weights * self.losses).sum() / weights.sum())

    def ece(self, weights: np.ndarray) -> float:
        """How far predictions and shares of right answers lie apart, in ten bins of equal width,
        each as often as it was predicted."""
        apart = np.bincount(self.bins, weights=weights * self.errors, minlength=BINS)
        return float(np.abs(apart).sum() / weights.sum())


@dataclass(frozen=True)
class Compared:
    """AUC, log-loss and ECE of a predictor; and how much they are above another's: the 2.5 % and
    the 97.5 % of what other learners like these would have shown."""

    scores: np.ndarray
    low: np.ndarray
    high: np.ndarray


def compare(
    predictions: dict[str, np.ndarray],
    reference: str,
    correct: np.ndarray,
    learner: np.ndarray,
    rounds: int,
) -> dict[str, Compared]:
    """A learner's answers hang together, so learners are drawn, not answers."""
    scores = {name: Scores(predicted, correct) for name, predicted in predictions.items()}
    everyone = np.ones(len(correct))
    random = np.random.default_rng(7)
    drawn = {name: [] for name in scores}
    learners, position = np.unique(learner, return_inverse=True)
    for _ in range(rounds):
        times = np.bincount(
            random.integers(0, len(learners), len(learners)), minlength=len(learners)
        )
        weights = times[position].astype(float)
        for name, score in scores.items():
            drawn[name].append(score.of(weights))
    found = {}
    for name, score in scores.items():
        apart = np.array(drawn[name]) - np.array(drawn[reference])
        low, high = np.nanquantile(apart, [0.025, 0.975], axis=0)
        found[name] = Compared(score.of(everyone), low, high)
    return found
