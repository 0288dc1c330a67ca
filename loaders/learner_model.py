"""The learner model in numpy: what it predicts (as macros/learner_model.sql has it), and its fit.

Where forgetting has reached its floor, or has nothing to take, a prediction is another sum of the
same coefficients. So a row of `design` is what each coefficient is multiplied with, given how much
is forgotten under these very coefficients, and a score is the row times the coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

# In the order of the columns of `design`; the names are those of seeds/mastery_coefficients.csv.
NAMES = (
    "intercept", "difficulty", "ability", "recent_ability", "topic", "recent_topic",
    "first_in_topic", "forgetting",
)  # fmt: skip
_TOPIC, _RECENT_TOPIC, _FIRST, _FORGETTING = range(4, 8)

# A skill that counts against, or practice that makes worse, is chance or a mistake in the data.
# With nothing forgotten at all no review would ever be due: 180 days cost at least .04.
_LEAST = np.array([-np.inf, 0, 0, 0, 0, 0, -np.inf, 0.005])
_MOST = np.array([np.inf] * 6 + [0, np.inf])

# How far from the present coefficients a few answers may lead: a standard deviation before any is
# seen. A thousand answers weigh more than this.
_REACH = np.array([0.5] * 7 + [0.1])

# A step that makes the answers likelier by less (a difference of log-likelihoods) moves no
# coefficient by more than a fiftieth of its standard error.
_ENOUGH = 1e-4

# Rows whose design is held in memory at once.
_CHUNK = 250_000


@dataclass(frozen=True)
class Attempts:
    """What was known before each answer, and the answer."""

    skills: np.ndarray  # difficulty, learner's, learner's recent, topic's, topic's recent
    log_hours: np.ndarray  # ln(1 + hours since the last answer in the topic); 0 for the first
    is_first_in_topic: np.ndarray
    is_success: np.ndarray
    is_first_attempt: np.ndarray
    learner: np.ndarray  # numbered from 0
    fold: np.ndarray  # of the learner

    def __len__(self) -> int:
        return len(self.is_success)

    def where(self, chosen: np.ndarray | slice) -> Attempts:
        return Attempts(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def chunks(self) -> Iterator[Attempts]:
        for begin in range(0, len(self), _CHUNK):
            yield self.where(slice(begin, begin + _CHUNK))


def design(coefficients: np.ndarray, attempts: Attempts) -> np.ndarray:
    rows = np.zeros((len(attempts), len(NAMES)))
    rows[:, 0] = 1
    rows[:, 1:_FIRST] = attempts.skills
    practised = attempts.skills[:, 3:] @ coefficients[_TOPIC:_FIRST]
    can_fade = ~attempts.is_first_in_topic & (practised > coefficients[_FIRST])
    is_faded = can_fade & (
        coefficients[_FORGETTING] * attempts.log_hours >= practised - coefficients[_FIRST]
    )
    # Nobody forgets more than practice gave: she then is as if she had never practised.
    rows[is_faded, _TOPIC:_FIRST] = 0
    rows[:, _FIRST] = attempts.is_first_in_topic | is_faded
    rows[:, _FORGETTING] = np.where(can_fade & ~is_faded, -attempts.log_hours, 0)
    return rows


def scores(coefficients: np.ndarray, attempts: Attempts) -> np.ndarray:
    """The log-odds of a right answer."""
    parts = [design(coefficients, part) @ coefficients for part in attempts.chunks()]
    return np.concatenate([np.zeros(0), *parts])


def chances(score: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -score))


def losses(score: np.ndarray, is_success: np.ndarray) -> np.ndarray:
    """-ln of the chance that was given to what happened."""
    return np.logaddexp(0, np.where(is_success, -score, score))


def fitted(attempts: Attempts, present: np.ndarray) -> np.ndarray:
    """The coefficients that make the answers likeliest, drawn weakly towards the present ones.

    Newton's method within the bounds. Which sum a row is may change with a step; a step that makes
    things worse is halved until it does not.
    """
    found = np.clip(present, _LEAST, _MOST)
    loss, slope, bend = _loss(found, attempts, present)
    for _ in range(200):
        stays = ((found <= _LEAST) & (slope > 0)) | ((found >= _MOST) & (slope < 0))
        free = np.flatnonzero(~stays)
        step = np.zeros(len(NAMES))
        step[free] = np.linalg.solve(bend[np.ix_(free, free)], slope[free])
        for share in 0.5 ** np.arange(20):
            trial = np.clip(found - share * step, _LEAST, _MOST)
            trial_loss, trial_slope, trial_bend = _loss(trial, attempts, present)
            if trial_loss < loss:
                break
        else:
            return found
        gain = loss - trial_loss
        found, loss, slope, bend = trial, trial_loss, trial_slope, trial_bend
        if gain < _ENOUGH:
            return found
    return found


def _loss(
    coefficients: np.ndarray, attempts: Attempts, present: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """With its first and second derivatives."""
    away = (coefficients - present) / _REACH
    loss, slope, bend = away @ away / 2, away / _REACH, np.diag(1 / _REACH**2)
    for part in attempts.chunks():
        rows = design(coefficients, part)
        score = rows @ coefficients
        chance = chances(score)
        loss += losses(score, part.is_success).sum()
        slope = slope + rows.T @ (chance - part.is_success)
        bend = bend + (rows * (chance * (1 - chance))[:, None]).T @ rows
    return float(loss), slope, bend


def held_out_scores(attempts: Attempts, present: np.ndarray) -> np.ndarray:
    """Each learner's, with coefficients fitted without her."""
    score = np.empty(len(attempts))
    for fold in np.unique(attempts.fold):
        is_held_out = attempts.fold == fold
        without = fitted(attempts.where(~is_held_out), present)
        score[is_held_out] = scores(without, attempts.where(is_held_out))
    return score


@dataclass(frozen=True)
class Measures:
    """How good predictions are; none of no answers, and no auc where all came out alike."""

    log_loss: float | None
    auc: float | None
    ece: float | None

    @classmethod
    def of(cls, score: np.ndarray, is_success: np.ndarray) -> Measures:
        if not len(score):
            return cls(None, None, None)
        return cls(
            float(losses(score, is_success).mean()),
            auc(score, is_success),
            calibration_error(chances(score), is_success),
        )


def auc(score: np.ndarray, is_success: np.ndarray) -> float | None:
    """How often a right answer was given a higher chance than a wrong one; a tie is half."""
    right = int(is_success.sum())
    wrong = len(is_success) - right
    if not right or not wrong:
        return None
    _, place, ties = np.unique(score, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(ties) - (ties - 1) / 2
    return float((middle_rank[place][is_success].sum() - right * (right + 1) / 2) / right / wrong)


def calibration_error(chance: np.ndarray, is_success: np.ndarray) -> float:
    """How far what was predicted is from what happened, on average over the tenths of chance."""
    tenth = np.minimum((chance * 10).astype(int), 9)
    off = np.bincount(tenth, weights=chance - is_success, minlength=10)
    return float(np.abs(off).sum() / len(chance))


def mean_gain(gains: np.ndarray, learner: np.ndarray) -> tuple[float, float]:
    """A mean over answers and its standard error. The answers of one learner are not independent:
    what varies by chance is which learners there are."""
    of_learner, answers = np.bincount(learner, weights=gains), np.bincount(learner)
    of_learner, answers = of_learner[answers > 0], answers[answers > 0]
    mean = gains.mean()
    spread = ((of_learner - answers * mean) ** 2).sum() * len(answers) / max(len(answers) - 1, 1)
    return float(mean), float(np.sqrt(spread) / len(gains))
