"""The hidden learner: ability per topic, growing with practice, fading with time.

    ability  = person + person's topic + practice - forgetting - missing prerequisites
    practice = gain * (1 - exp(-attempts in the topic / rate))
    forgetting = min(0.12 * ln(1 + hours since the last attempt in the topic), practice)
    P(right) = logistic(ability - difficulty + hint + repeats of the same question)

Everything depends only on what came before in the same person's attempts, as counts and gaps, so
one pass over sorted columns computes it exactly. Forgetting never takes a learner below somebody
of the same ability who never practised.
"""

from dataclasses import dataclass, field

import numpy as np

from simulator.parameters import DAY_MS, HOUR_MS, Behaviour
from simulator.timeline import rank_within
from simulator.world import World


@dataclass
class Attempts:
    """Answers to questions, in order of person and time, with what came of them."""

    person: np.ndarray
    question: np.ndarray
    topic: np.ndarray
    time: np.ndarray
    hint: np.ndarray
    rapid: np.ndarray
    attempt_number: np.ndarray
    ability_before: np.ndarray
    ability_after: np.ndarray
    chance: np.ndarray
    is_correct: np.ndarray
    of_question: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def base_abilities(
    rng: np.random.Generator, behaviour: Behaviour, people: int, topics: int
) -> np.ndarray:
    """Ability of people who have not practised, person by topic."""
    general = rng.normal(0, behaviour.ability_spread, people)
    special = rng.normal(0, behaviour.topic_ability_spread, (people, topics))
    return general[:, None] + special


def answer(
    rng: np.random.Generator,
    behaviour: Behaviour,
    world: World,
    base: np.ndarray,
    person: np.ndarray,
    question: np.ndarray,
    time: np.ndarray,
    hint: np.ndarray,
    rapid: np.ndarray,
) -> Attempts:
    """Answer every question, given the attempts before it. Rows must be in (person, time) order."""
    topic = world.question_topic[question]
    n = len(person)
    in_topic = person * np.int64(world.topics) + topic
    before = rank_within(in_topic)

    # Gap since the last attempt in the topic.
    order = np.argsort(in_topic, kind="stable")
    same = np.r_[False, in_topic[order][1:] == in_topic[order][:-1]]
    gap = np.zeros(n)
    hours = np.diff(time[order], prepend=0) / HOUR_MS
    gap[order] = np.where(same, hours, 0.0)

    def practice(attempts: np.ndarray) -> np.ndarray:
        return behaviour.learning_gain * (1 - np.exp(-attempts / behaviour.learning_rate))

    gained = practice(before)
    forgotten = np.minimum(behaviour.forgetting_per_log_hour * np.log1p(gap), gained)
    missing = _missing_prerequisites(
        behaviour, world, person, topic, time, in_topic[order], time[order]
    )
    floor = base[person, topic] - behaviour.prerequisite_penalty * missing
    ability = floor + gained - forgotten

    in_question = person * np.int64(world.questions) + question
    repeat = rank_within(in_question)
    logit = (
        ability
        - world.question_difficulty[question]
        + behaviour.hint_gain * hint
        + np.minimum(behaviour.repeat_question_gain * repeat, behaviour.repeat_question_gain_most)
    )
    chance = 1 / (1 + np.exp(-logit))
    chance = np.where(rapid, behaviour.rapid_guess_success, chance)
    # A faulty question's key is wrong: knowing the topic does not help.
    faulty = world.question_faulty[question]
    chance = np.where(faulty, behaviour.faulty_question_success, chance)
    return Attempts(
        person,
        question,
        topic,
        time,
        hint,
        rapid,
        repeat + 1,
        ability,
        floor + practice(before + 1),
        chance,
        rng.random(n) < chance,
    )


def _missing_prerequisites(
    behaviour: Behaviour,
    world: World,
    person: np.ndarray,
    topic: np.ndarray,
    time: np.ndarray,
    sorted_topics: np.ndarray,
    sorted_times: np.ndarray,
) -> np.ndarray:
    """Share of the topic's prerequisites not yet practised, 0 when there are none.

    A prerequisite counts as practised by degrees: half after about four attempts.
    """
    most = max((len(p) for p in world.prerequisites), default=0)
    table = np.full((world.topics, max(most, 1)), -1)
    for t, wanted in enumerate(world.prerequisites):
        table[t, : len(wanted)] = wanted
    span = np.int64(1) << 42
    composite = sorted_topics * span + sorted_times
    total = np.zeros(len(person))
    known = np.zeros(len(person))
    for column in range(table.shape[1]):
        wanted = table[topic, column]
        exists = wanted >= 0
        key = (person * np.int64(world.topics) + np.maximum(wanted, 0)) * span
        seen = np.searchsorted(composite, key + time) - np.searchsorted(composite, key)
        total += exists
        known += exists * (1 - np.exp(-seen / behaviour.prerequisite_rate))
    return np.where(total > 0, 1 - known / np.maximum(total, 1), 0.0)


def ability_by_day(attempts: Attempts) -> np.ndarray:
    """Row numbers of the last attempt of each (person, topic, day): the state that evening."""
    day = attempts.time // DAY_MS
    order = np.lexsort((attempts.time, day, attempts.topic, attempts.person))
    p, t, d = attempts.person[order], attempts.topic[order], day[order]
    last = np.r_[(p[1:] != p[:-1]) | (t[1:] != t[:-1]) | (d[1:] != d[:-1]), True]
    return order[last[: len(order)]]
