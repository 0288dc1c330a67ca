"""What exists before anybody arrives: topics, materials, questions, lessons, texts."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from simulator.lines import json_texts, uuids
from simulator.parameters import Behaviour
from simulator.seeding import Purpose, generator
from simulator.texts import TextPools, text_pools

TOPIC_NAMES = (
    "Cells", "Tissues", "Water and salts", "Proteins", "Enzymes", "Membranes", "Genes",
    "Cell division", "Blood", "The heart", "Blood vessels", "Blood pressure", "Breathing",
    "Gas exchange", "The kidney", "Acids and bases", "Nerves", "Muscles", "The brain", "Senses",
    "Hormones", "Digestion", "Immunity", "Infection",
)  # fmt: skip
TOPIC_LEVELS = ("foundation", "core", "advanced")
QUESTIONS_PER_TOPIC = 25
MATERIALS_PER_TOPIC = 2
MATERIAL_NAMES = tuple(
    f"{topic.lower()} part {part + 1}.pdf"
    for topic in TOPIC_NAMES
    for part in range(MATERIALS_PER_TOPIC)
)
CHUNKS_PER_MATERIAL = 6
OPTIONS = ("A", "B", "C", "D")
DIFFICULTY_NAMES = ("easy", "medium", "hard")
COURSES, MODULES, LESSONS = 4, 4, 4
LESSON_COUNT = COURSES * MODULES * LESSONS
EXAMPLE_PROMPTS = 24
SKILLS = ("tone", "clarity", "context", "format")
CRITERIA = ("tonePersona", "taskClarity", "contextDetail", "outputFormat", "constraints")


@dataclass(frozen=True)
class World:
    """The reference data and its hidden truth. Ids are Arrow arrays, to be picked by index."""

    topic_id: pa.StringArray
    topic_level: np.ndarray
    topic_importance: np.ndarray
    prerequisites: tuple[tuple[int, ...], ...]
    material_id: pa.StringArray
    material_pages: np.ndarray
    chunk_id: pa.StringArray
    question_id: pa.StringArray
    question_topic: np.ndarray
    question_difficulty: np.ndarray
    question_label: np.ndarray
    question_answer: np.ndarray
    question_faulty: np.ndarray
    achievement_id: pa.StringArray
    quiz_skill: pa.StringArray
    texts: TextPools

    @property
    def topics(self) -> int:
        return len(self.topic_id)

    @property
    def questions(self) -> int:
        return len(self.question_id)

    @property
    def materials(self) -> int:
        return len(self.material_id)


@lru_cache(maxsize=4)
def build_world(seed: int, behaviour: Behaviour) -> World:
    rng = generator(seed, Purpose.WORLD)
    topics = len(TOPIC_NAMES)
    questions = topics * QUESTIONS_PER_TOPIC
    materials = topics * MATERIALS_PER_TOPIC
    # A prerequisite always comes earlier in the list, so the graph has no cycles.
    prerequisites = tuple(
        tuple(sorted({int(rng.integers(max(0, t - 6), t)) for _ in range(1 + t % 2)}))
        if t >= 3
        else ()
        for t in range(topics)
    )
    difficulty = np.round(
        rng.normal(behaviour.difficulty_mean, behaviour.difficulty_spread, questions), 3
    )
    # The label that the app shows is its authors' guess at the difficulty.
    guessed = difficulty + rng.normal(0, 0.4, questions)
    return World(
        topic_id=uuids(rng, topics),
        topic_level=np.arange(topics) * len(TOPIC_LEVELS) // topics,
        topic_importance=np.round(rng.uniform(0.3, 1.0, topics), 2),
        prerequisites=prerequisites,
        material_id=uuids(rng, materials),
        material_pages=rng.integers(6, 40, materials),
        chunk_id=uuids(rng, materials * CHUNKS_PER_MATERIAL),
        question_id=uuids(rng, questions),
        question_topic=np.repeat(np.arange(topics), QUESTIONS_PER_TOPIC),
        question_difficulty=difficulty,
        question_label=np.searchsorted([-0.9, 0.0], guessed),
        question_answer=rng.integers(0, len(OPTIONS), questions),
        question_faulty=rng.random(questions) < behaviour.faulty_question_share,
        achievement_id=uuids(rng, 4),
        quiz_skill=json_texts(SKILLS),
        texts=text_pools(rng),
    )


def course_of(lesson: np.ndarray) -> np.ndarray:
    return lesson // (MODULES * LESSONS)


def module_of(lesson: np.ndarray) -> np.ndarray:
    return lesson // LESSONS


COURSE_IDS = pa.array([f"course-{c + 1}" for c in range(COURSES)])
MODULE_IDS = pa.array([f"module-{c + 1}-{m + 1}" for c in range(COURSES) for m in range(MODULES)])
LESSON_IDS = pa.array(
    [
        f"lesson-{c + 1}-{m + 1}-{n + 1}"
        for c in range(COURSES)
        for m in range(MODULES)
        for n in range(LESSONS)
    ]
)
EXAMPLE_IDS = pa.array([f"example-{n + 1:02d}" for n in range(EXAMPLE_PROMPTS)])
