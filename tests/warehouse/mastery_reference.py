"""The learner model said once more: plain Python, one answer at a time, sums taken anew each time.

The SQL has to agree with this on any data. Times are microseconds, days are those of UTC.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

HOUR = 3_600 * 1_000_000
DAY = 24 * HOUR
Numbers = dict[str, float]
# As they come: the project's own may have been refitted.
SHIPPED = {
    "intercept": 0.077, "difficulty": 1.168, "ability": 0.764, "recent_ability": 0.334,
    "topic": 0.118, "recent_topic": 0.212, "first_in_topic": -0.551, "forgetting": 0.12,
}  # fmt: skip


def shipped_seed() -> str:
    """The project's, with the coefficients as they come."""
    seed = Path(__file__).resolve().parents[2] / "seeds" / "mastery_coefficients.csv"
    rows = [row.split(",", 2) for row in seed.read_text("utf-8").splitlines(keepends=True)]
    return "".join(f"{name},{SHIPPED.get(name, value)},{rest}" for name, value, rest in rows)


@dataclass(frozen=True)
class Answer:
    key: str
    person: str
    question: str
    topic: str | None
    time: int
    is_correct: bool
    hint_used: bool = False
    seconds: float | None = None
    confidence: int | None = None
    has_consent: bool = True

    @property
    def success(self) -> int:
        return int(self.is_correct and not self.hint_used)

    @property
    def day(self) -> int:
        return self.time // DAY


@dataclass(frozen=True)
class Skill:
    """What answers say: of all of them, and of the latest."""

    plain: float
    recent: float


@dataclass(frozen=True)
class Prediction:
    answer: Answer
    weight: float
    difficulty: float
    learner: Skill
    topic: Skill
    forgetting: float
    chance: float
    learner_after: Skill
    topic_after: Skill
    evidence_after: float


@dataclass
class Mastery:
    score: float
    low: float
    high: float
    level: str
    evidence: float
    due_days: float
    trend: str | None
    velocity: float | None
    peak: float
    unforgotten: float
    forgetting: float
    answers: list[Answer] = field(default_factory=list)


def logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def logit(share: float) -> float:
    return math.log(share / (1 - share))


def smoothed(successes: float, answers: float, prior_answers: float, prior: float) -> float:
    return (successes + prior_answers * prior) / (answers + prior_answers)


def skill(evidence: list[tuple[float, float]], decay: float, numbers: Numbers) -> Skill:
    """Of (error, information), the latest answer last."""
    fading = [decay**age for age in range(len(evidence) - 1, -1, -1)]
    return Skill(
        math.fsum(error for error, _ in evidence)
        / (math.fsum(information for _, information in evidence) + numbers["shrinkage"]),
        math.fsum(error * fade for (error, _), fade in zip(evidence, fading, strict=True))
        / (
            math.fsum(inf * fade for (_, inf), fade in zip(evidence, fading, strict=True))
            + numbers["recent_shrinkage"]
        ),
    )


def forgotten(hours: float, practised: float, numbers: Numbers) -> float:
    floor = max(practised - numbers["first_in_topic"], 0)
    return min(numbers["forgetting"] * math.log(1 + hours), floor)


def practice(known: Skill, numbers: Numbers) -> float:
    return numbers["topic"] * known.plain + numbers["recent_topic"] * known.recent


def ability(known: Skill, numbers: Numbers) -> float:
    return numbers["ability"] * known.plain + numbers["recent_ability"] * known.recent


class Difficulty:
    """From first attempts on earlier days."""

    def __init__(self, answers: list[Answer], firsts: set[str], numbers: Numbers):
        self.firsts = [answer for answer in answers if answer.key in firsts]
        self.timed = [a for a in answers if a.is_correct and a.seconds is not None]
        self.asked = defaultdict(list)
        for answer in answers:
            self.asked[answer.question].append(answer)
        self.numbers = numbers

    def _rate(self, day: int, prior_answers: float, prior: float, **of) -> float:
        told = [
            answer.success
            for answer in self.firsts
            if answer.day < day and all(getattr(answer, name) == of[name] for name in of)
        ]
        return smoothed(sum(told), len(told), prior_answers, prior)

    def of_topic(self, topic: str | None, day: int) -> float:
        n = self.numbers
        everything = self._rate(day, n["success_prior_answers"], n["success_prior"])
        return self._rate(day, n["topic_prior_answers"], everything, topic=topic)

    def of_question(self, answer: Answer) -> float:
        topic = self.of_topic(answer.topic, answer.day)
        prior_answers = self.numbers["question_prior_answers"]
        return self._rate(answer.day, prior_answers, topic, question=answer.question)

    def is_rapid_guess(self, answer: Answer) -> bool:
        """Against the median as it was when the number of known times had last doubled."""
        n = self.numbers
        timed = [other for other in self.timed if other.question == answer.question]
        known = [other for other in timed if other.day < answer.day]
        enough = n["rapid_least_answers"]
        if answer.seconds is None or len(known) < enough:
            return False
        while enough * 2 <= len(known):
            enough *= 2
        days = {other.day for other in self.asked[answer.question]}
        renewed = min(day for day in days if sum(other.day < day for other in timed) >= enough)
        times = [round(other.seconds * 1000) for other in timed if other.day < renewed]
        median = statistics.median(times) / 1000
        return answer.seconds < min(median * n["rapid_share"], n["rapid_most_seconds"])


def first_attempts(answers: list[Answer]) -> set[str]:
    seen, firsts = set(), set()
    for answer in sorted(answers, key=lambda a: (a.time, a.key)):
        if (answer.person, answer.question) not in seen:
            seen.add((answer.person, answer.question))
            firsts.add(answer.key)
    return firsts


def predictions(answers: list[Answer], numbers: Numbers) -> list[Prediction]:
    answers = sorted(answers, key=lambda answer: (answer.time, answer.key))
    firsts = first_attempts(answers)
    difficulty = Difficulty(answers, firsts, numbers)
    of_learner, of_topic = defaultdict(list), defaultdict(list)
    last, weights = {}, defaultdict(float)
    found = []
    for answer in answers:
        place = answer.person, answer.topic
        rate = difficulty.of_question(answer)
        b = logit(rate)
        weight = 1.0 if answer.key in firsts else numbers["repeat_weight"]
        if difficulty.is_rapid_guess(answer):
            weight = 0.0
        learner = skill(of_learner[answer.person], numbers["ability_decay"], numbers)
        topic = skill(of_topic[place], numbers["topic_decay"], numbers)
        practised = practice(topic, numbers)
        forgetting = 0.0
        if place in last:
            forgetting = forgotten((answer.time - last[place]) / HOUR, practised, numbers)
        score = numbers["intercept"] + numbers["difficulty"] * b + ability(learner, numbers)
        score += practised - forgetting + (0 if place in last else numbers["first_in_topic"])
        expected = logistic(b + learner.plain)
        of_learner[answer.person].append(
            (weight * (answer.success - rate), weight * rate * (1 - rate))
        )
        of_topic[place].append(
            (weight * (answer.success - expected), weight * expected * (1 - expected))
        )
        last[place] = answer.time
        weights[place] += weight
        found.append(
            Prediction(
                answer,
                weight,
                b,
                learner,
                topic,
                forgetting,
                logistic(score),
                skill(of_learner[answer.person], numbers["ability_decay"], numbers),
                skill(of_topic[place], numbers["topic_decay"], numbers),
                weights[place],
            )
        )
    return found


def wilson(share: float, answers: float, z: float) -> tuple[float, float]:
    middle = share + z * z / (2 * answers)
    half = z * math.sqrt(share * (1 - share) / answers + z * z / (4 * answers * answers))
    return (middle - half) / (1 + z * z / answers), (middle + half) / (1 + z * z / answers)


def level(score: float, low: float, evidence: float, numbers: Numbers) -> str:
    if evidence < numbers["least_evidence"]:
        return "insufficient"
    if score >= numbers["mastered_from"] and low >= numbers["mastered_low_from"]:
        return "mastered"
    for name in ("proficient", "competent", "developing"):
        if score >= numbers[f"{name}_from"]:
            return name
    return "novice"


def due_days(score: float, floor: float, numbers: Numbers) -> float:
    target = logit(numbers["target"])
    if score < target:
        return 0
    if floor >= target:
        return numbers["due_most_days"]
    days = (math.exp(min((score - target) / numbers["forgetting"], 50)) - 1) / 24
    return min(max(days, numbers["due_least_days"]), numbers["due_most_days"])


class Learners:
    """All predictions, looked back upon from a moment."""

    def __init__(self, answers: list[Answer], now: int, numbers: Numbers):
        self.numbers, self.now = numbers, now
        self.predictions = [p for p in predictions(answers, numbers) if p.answer.has_consent]
        self.difficulty = Difficulty(answers, first_attempts(answers), numbers)

    def latest(self, moment: int, person: str, *topic: str | None) -> list[Prediction]:
        return [
            p
            for p in self.predictions
            if p.answer.person == person
            and p.answer.time <= moment
            and (not topic or p.answer.topic == topic[0])
        ]

    def topic_score(self, topic: str | None, moment: int) -> float:
        b = logit(self.difficulty.of_topic(topic, moment // DAY))
        return self.numbers["intercept"] + self.numbers["difficulty"] * b

    def never_practised(self, person: str, topic: str | None) -> float:
        told = self.latest(self.now, person)
        known = ability(told[-1].learner_after, self.numbers) if told else 0
        return self.topic_score(topic, self.now) + known + self.numbers["first_in_topic"]

    def score(self, person: str, topic: str, moment: int) -> tuple[float, float] | None:
        """With nothing forgotten, and what was."""
        in_topic = self.latest(moment, person, topic)
        if not in_topic:
            return None
        practised = practice(in_topic[-1].topic_after, self.numbers)
        learner = ability(self.latest(moment, person)[-1].learner_after, self.numbers)
        hours = (moment - in_topic[-1].answer.time) / HOUR
        score = self.topic_score(topic, moment) + learner + practised
        return score, forgotten(hours, practised, self.numbers)

    def mastery(self, person: str, topic: str) -> Mastery | None:
        n = self.numbers
        found = self.score(person, topic, self.now)
        if found is None:
            return None
        score, forgetting = found
        in_topic = self.latest(self.now, person, topic)
        evidence = in_topic[-1].evidence_after
        now = logistic(score - forgetting)
        answers = n["interval_prior"] + n["interval_evidence"] * evidence
        low, high = wilson(now, answers, n["interval_quantile"])
        before = self.score(person, topic, self.now - int(n["trend_days"]) * DAY)
        trend = None
        if before is not None:
            change = now - logistic(before[0] - before[1])
            trend = "rising" if change > n["trend_flat"] else "flat"
            trend = "falling" if change < -n["trend_flat"] else trend
        skills = [ability(p.learner_after, n) + practice(p.topic_after, n) for p in in_topic]
        return Mastery(
            now,
            low,
            high,
            level(now, low, evidence, n),
            evidence,
            due_days(score, self.never_practised(person, topic), n),
            trend,
            slope(skills[-int(n["velocity_attempts"]) :]),
            self.topic_score(topic, self.now) + max(skills),
            score,
            forgetting,
            [p.answer for p in in_topic],
        )

    def gap(self, person: str, topic: str, has_read: bool) -> tuple[str, float] | None:
        """Its kind and how severe it is."""
        n = self.numbers
        mastery = self.mastery(person, topic)
        score = mastery.score if mastery else logistic(self.never_practised(person, topic))
        kind = self._kind(mastery, has_read)
        severity = max(0.0, (n["target"] - score) / n["target"])
        return (kind, severity) if kind else None

    def _kind(self, mastery: Mastery | None, has_read: bool) -> str | None:
        n = self.numbers
        if mastery is None:
            return "covered_untested" if has_read else "not_covered"
        if mastery.evidence < n["least_evidence"]:
            return "insufficient_evidence"
        lately = mastery.answers[-int(n["confident_attempts"]) :]
        wrong = [answer for answer in lately if not answer.is_correct]
        sure = [a for a in wrong if a.confidence and a.confidence >= n["confident_from"]]
        if len(sure) >= max(n["confident_wrong_least"], n["confident_wrong_share"] * len(wrong)):
            return "misconception"
        fallen = mastery.peak - (mastery.unforgotten - mastery.forgetting)
        if (
            mastery.score < n["target"]
            and mastery.peak >= logit(n["target"])
            and mastery.forgetting >= n["forgotten_share"] * fallen
        ):
            return "forgotten"
        right = [answer for answer in mastery.answers if answer.is_correct]
        hinted = [answer for answer in right if answer.hint_used]
        if right and len(hinted) >= n["hinted_share"] * len(right):
            return "hint_dependent"
        return "weak" if mastery.score < n["target"] else None


def slope(values: list[float]) -> float | None:
    """Ten steps along the least-squares line."""
    if len(values) < 2:
        return None
    middle = (len(values) - 1) / 2
    mean = math.fsum(values) / len(values)
    along = math.fsum((x - middle) * (y - mean) for x, y in enumerate(values))
    return 10 * along / math.fsum((x - middle) ** 2 for x in range(len(values)))
