"""Invented words: prompts, queries, feedback, error messages, browsers, addresses.

People, e-mail addresses (`.invalid`), telephone numbers (555-01xx) and IP addresses (documentation
ranges) are all invented; a known share of the free text holds one, for the loader to find.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.lines import json_texts

PERSONAL_TEXT_SHARE = 0.04

_TASKS = (
    "Explain {t} to a class of ten-year-olds",
    "Write a lesson plan about {t}",
    "Summarise the main ideas of {t} in five bullet points",
    "Give me three quiz questions on {t}, with answers",
    "Act as a patient tutor and help me understand {t}",
    "Rewrite this paragraph about {t} in plain English",
    "Compare {t} with something from everyday life",
    "Draft a friendly note to parents about our unit on {t}",
    "Turn my notes on {t} into flashcards",
    "What do students usually get wrong about {t}?",
    "Create a worksheet on {t} for mixed abilities",
    "Suggest a hands-on activity for {t}",
)
_THEMES = (
    "photosynthesis", "fractions", "the water cycle", "persuasive writing", "simple machines",
    "plate tectonics", "the heart", "supply and demand", "poetry", "magnetism", "cell division",
    "the French Revolution", "probability", "healthy food", "coding loops", "climate",
    "negative numbers", "Newton's laws", "café culture", "the solar system",
)  # fmt: skip
_TAILS = (
    "", ".", " Keep it under 200 words.", " Use a warm tone.", " Answer as a table.",
    " Give one example at each step.", " Say \"why\", not only \"what\".", " Avoid jargon.",
)  # fmt: skip
_SKETCHES = (
    "Draw a bouncing ball that changes colour",
    "Make the particles follow the mouse",
    "Add gravity to the circles",
    "Fix the flickering when I resize the window",
    "Make it faster with fewer shapes",
    "Add a slider for the speed",
    "Draw a tree that grows with the music",
    "Why does the canvas stay blank?",
    "Make the background fade to night",
    "Let two people paint at once",
    "Add a button that saves a picture",
    "Turn the grid into hexagons",
)
PROMPT_CATEGORIES = ("feature_request", "bug_fix", "optimization", "explanation", "styling")
FEEDBACK = (
    "Clear and to the point",
    "Too long",
    "The example helped a lot",
    "That was wrong, the answer key says C",
    "Nice, thank you!",
    "I still do not get it",
)
EVALUATION_FEEDBACK = (
    "Name the audience.",
    "Say what form the answer should take.",
    "Good context.",
    "State the goal in the first sentence.",
    "Give an example of what you want.",
    "The tone fits the reader.",
)
RESULTS = (
    "Here is a short plan in three steps.",
    "Imagine a garden hose: the water is the current.",
    "1. Read the question. 2. Draw it. 3. Check the units.",
    "A fraction is a share of one whole.",
    "Dear families, this month we study the sky.",
    "Flashcard 1: What moves the blood? The heart.",
)
ERROR_MESSAGES = (
    "Cannot read properties of undefined (reading 'map')",
    "NetworkError when attempting to fetch resource.",
    "Maximum call stack size exceeded",
    "ResizeObserver loop limit exceeded",
    "Failed to load chunk 42",
)
PAUSE_REASONS = ("break", "lunch", "phone call", "break")
ACHIEVEMENTS = (
    ("first-question", "First answer", "milestone", 10),
    ("first-material", "First material finished", "milestone", 15),
    ("seven-days", "Seven days in a row", "streak", 50),
    ("hundred-right", "A hundred right answers", "mastery", 100),
)

# (user agent, browser, version, os, studyin device, sketchychain device)
CLIENTS = (
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/122.0.0.0 Safari/537.36",
        "Chrome", "122.0.6261.95", "Windows", "web", "desktop",
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.3 Safari/605.1.15",
        "Safari", "17.3.1", "macOS", "web", "desktop",
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:123.0) Gecko/20100101 Firefox/123.0",
        "Firefox", "123.0", "Linux", "web", "desktop",
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/17.3 Mobile/15E148 Safari/604.1",
        "Safari", "17.3", "iOS", "mobile", "mobile",
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/122.0.0.0 Mobile Safari/537.36",
        "Chrome", "122.0.6261.90", "Android", "mobile", "mobile",
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 17_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.3 Mobile/15E148 Safari/604.1",
        "Safari", "17.3", "iPadOS", "tablet", "tablet",
    ),
)  # fmt: skip
DESKTOP_CLIENTS, HANDHELD_CLIENTS = (0, 1, 2), (3, 4, 5)

# (country, share, hours ahead of UTC, timezone)
COUNTRIES = (
    ("US", 0.26, -6, "America/Chicago"),
    ("GB", 0.16, 0, "Europe/London"),
    ("DE", 0.13, 1, "Europe/Berlin"),
    ("IN", 0.14, 5, "Asia/Kolkata"),
    ("BR", 0.08, -3, "America/Sao_Paulo"),
    ("KE", 0.07, 3, "Africa/Nairobi"),
    ("JP", 0.06, 9, "Asia/Tokyo"),
    ("FR", 0.06, 1, "Europe/Paris"),
    ("AU", 0.04, 10, "Australia/Brisbane"),
)

# Share of visits that begin in each hour of the local day.
HOUR_WEIGHTS = np.array(
    [1, 0.5, 0.3, 0.2, 0.2, 0.5, 1.5, 3, 5, 6.5, 7, 6.5, 5, 5.5, 6.5, 7, 6.5, 6, 6, 7, 8, 7, 4.5, 2]
)


@dataclass(frozen=True)
class TextPools:
    """Free texts, some with an invented person's details in them."""

    prompts: list[str]
    sketch_prompts: list[str]
    queries: list[str]
    feedback: list[str]


def email(number: int) -> str:
    return f"invented.person{number}@example.{'invalid' if number % 2 else 'com'}"


def phone(number: int) -> str:
    return f"+1 202-555-01{number % 100:02d}"


def addresses() -> list[str]:
    """IP addresses of the documentation ranges, old and new."""
    old = [
        f"{net}.{host}" for net in ("192.0.2", "198.51.100", "203.0.113") for host in range(1, 250)
    ]
    return old + [f"2001:db8::{host:x}:{host % 7 + 1}" for host in range(1, 80)]


def country_names() -> pa.StringArray:
    """Countries as JSON strings, by number."""
    return json_texts(name for name, _, _, _ in COUNTRIES)


def text_pools(rng: np.random.Generator) -> TextPools:
    prompts = [
        task.format(t=theme) + _TAILS[int(rng.integers(len(_TAILS)))]
        for task in _TASKS
        for theme in _THEMES
    ]
    rng.shuffle(prompts)
    sketch_prompts = [s + tail for s in _SKETCHES for tail in _TAILS[:4]]
    queries = [f"{theme} {word}" for theme in _THEMES for word in ("summary", "practice", "exam")]
    return TextPools(
        *(
            _with_details(rng, pool)
            for pool in (prompts, sketch_prompts, queries, [*FEEDBACK, *FEEDBACK, *FEEDBACK])
        )
    )


def _with_details(rng: np.random.Generator, pool: list[str]) -> list[str]:
    """The pool with details of invented people at the end of a known share of its texts."""
    out = list(pool)
    chosen = rng.permutation(len(pool))[: max(1, round(PERSONAL_TEXT_SHARE * len(pool)))]
    for i in chosen:
        number = int(rng.integers(1, 1000))
        detail = email(number) if number % 3 else phone(number)
        out[i] = f"{pool[i]} Write to {detail}."
    return out
