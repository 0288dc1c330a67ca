"""What was planted as a chance comes back from the tables within what chance alone explains.

Each outcome is a count of independent trials whose chances were planted, so its exact range is
known: see sampling.py. The numbers that are found stand in docs/evidence.md.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.warehouse.planted import DAYS, START, assert_documented
from tests.warehouse.sampling import Outcome, central_range, probabilities

HARD_LESSONS = [f"lesson-{course}-2-3" for course in range(1, 5)]


@pytest.fixture(scope="module")
def outcomes(planted) -> dict[str, Outcome]:
    found = [*_shares(planted), *_answers(planted), *_sketch_prompts(planted)]
    return {outcome.name: outcome for outcome in found}


def _shares(planted) -> list[Outcome]:
    """Events of one name among events of another: each of these was a trial."""
    # Visits that the world's end may have cut short are no whole trials.
    planted.con.execute(
        f"""
        create or replace temp view whole_visits as
        select * from events
        where client_session_id not in (
            select client_session_id from events where client_session_id is not null
            group by client_session_id
            having max(occurred_at) >= timestamp '{START + timedelta(days=DAYS)}' - interval 2 hours
        )
        """
    )
    hard = f"lesson_id in {tuple(HARD_LESSONS)}"
    start, end = planted.outage
    calm = (
        f"not occurred_at between timestamp '{start}' - interval 1 hour"
        f" and timestamp '{end}' + interval 1 hour and source_app = 'studyin'"
    )
    prompts = "event_name = 'LLM_PROMPT'"
    visits = "count(distinct client_session_id)"
    in_log = "source_app = 'interaction_log' and consent_mode = 'full'"
    p = planted.parameters
    found = []
    for name, chance, trials, successes in (
        ("a visit of the academy has a prompt", "prompt_session_probability",
         f"{visits} filter (where source_app = 'academy')",
         f"{visits} filter (where {prompts})"),
        ("a prompt uses an example", "example_use_probability", prompts,
         "event_name = 'EXAMPLE_PROMPT_USE'"),
        ("a prompt is evaluated", "evaluation_probability", prompts,
         "event_name = 'LLM_EVALUATION'"),
        ("a prompt is saved, by who is signed in", "prompt_save_probability",
         f"{prompts} and user_key is not null", "event_name = 'PROMPT_SAVE'"),
        ("a prompt becomes a favourite", "prompt_favorite_probability",
         f"{prompts} and user_key is not null", "event_name = 'PROMPT_FAVORITE'"),
        ("a lesson is completed", "lesson_complete_probability",
         f"event_name = 'LESSON_START' and not {hard}",
         f"event_name = 'LESSON_COMPLETE' and not {hard}"),
        ("a hard lesson is completed", "hard_lesson_complete_probability",
         f"event_name = 'LESSON_START' and {hard}", f"event_name = 'LESSON_COMPLETE' and {hard}"),
        ("a generation succeeds", "generation_success", "event_name = 'GENERATION_COMPLETE'",
         "event_name = 'GENERATION_COMPLETE' and is_success"),
        ("a visit of the log is a visitor's", "visitor_share",
         f"{visits} filter (where {in_log})",
         f"{visits} filter (where {in_log} and user_key is null)"),
        ("a request of studyin fails", "api_error_probability",
         f"event_name in ('API_REQUEST', 'API_ERROR') and {calm}",
         f"event_name = 'API_ERROR' and {calm}"),
    ):  # fmt: skip
        counted = [
            part if part.startswith("count") else f"count(case when {part} then 1 end)"
            for part in (trials, successes)
        ]
        [(all_trials, true)] = planted.query(f"select {', '.join(counted)} from whole_visits")
        found.append(Outcome(name, np.full(all_trials, p[chance]), true))
    return found


def _answers(planted) -> list[Outcome]:
    """Every answer has a chance of its own: what the person knew against how hard it was."""
    chances = np.array([row["chance"] for row in planted.truth("attempts")])
    [(attempted, correct)] = planted.query(
        "select sum(questions_attempted), sum(questions_correct) from daily_user_stats"
    )
    assert attempted == len(chances)
    assert correct == sum(row["is_correct"] for row in planted.truth("attempts"))
    return [Outcome("an answer is right", chances, int(correct))]


def _sketch_prompts(planted) -> list[Outcome]:
    """With the new panel everybody has a lift on top of what she had without it."""
    arms = {row["person"]: row for row in planted.truth("experiment_arms")}
    chances: dict[bool, list[float]] = {True: [], False: []}
    true = {True: 0, False: 0}
    for key, at, succeeded in planted.query(
        "select cast(person_key as varchar), occurred_at, event_name = 'PROMPT_SUCCEED' from events"
        " where event_name in ('PROMPT_SUCCEED', 'PROMPT_FAIL') and consent_mode = 'full'"
    ):
        arm = arms.get(planted.person_of_key[key])
        if arm is not None:
            helped = arm["arm"] == "treatment" and at >= arm["exposed_at"]
            lift = planted.parameters["experiment_lift"] if helped else 0
            chances[helped].append(arm["success_before"] + lift)
            true[helped] += succeeded
    return [
        Outcome(f"a sketch's prompt succeeds {panel}", np.array(chances[helped]), true[helped])
        for helped, panel in ((False, "without the panel"), (True, "with the panel"))
    ]


def test_propensities_come_back_within_their_sampling_error(outcomes):
    for outcome in outcomes.values():
        assert outcome.is_within(), outcome.line()
        assert len(outcome.chances) > 100, outcome.name
    assert len(outcomes) == 13


def test_a_propensity_that_is_off_by_a_tenth_is_noticed(outcomes):
    """Of the few who came to the hard lesson, one that is off by a fifth."""
    for outcome in outcomes.values():
        off = 0.1 if len(outcome.chances) > 1000 else 0.2
        assert not outcome.is_within(off=off), outcome.name
        assert not outcome.is_within(off=-off), outcome.name


def test_the_exact_range_is_the_binomials():
    """Of 10 coins, 99.9 % of throws show 0 to 10 heads; of 20, 3 to 17."""
    assert central_range(np.full(10, 0.5)) == (0, 10)
    assert central_range(np.full(20, 0.5)) == (3, 17)
    assert probabilities(np.array([0.5, 0.2, 1.0])) == pytest.approx([0, 0.4, 0.5, 0.1])


def test_the_documented_propensities_are_those_that_are_found(outcomes):
    assert_documented(*(outcome.line() for outcome in outcomes.values()))
