"""The academy's records: its envelope, its metadata, and who the server says has sent them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator import texts
from simulator.academy.kinds import (
    EXAMPLE_PROMPT_USE,
    KINDS,
    LESSON_COMPLETE,
    LESSON_START,
    LLM_EVALUATION,
    LLM_PROMPT,
    LLM_RESPONSE,
    MODULE_COMPLETE,
    PAGE_VIEW,
    PROFICIENCY_MEASURE,
    PROMPT_FAVORITE,
    PROMPT_SAVE,
    QUIZ_COMPLETE,
    SKILL_ASSESS,
    USER_LOGIN,
    USER_LOGOUT,
)
from simulator.academy.units import Academy
from simulator.lines import (
    Clock,
    Column,
    fill,
    hex_ids,
    in_row_order,
    json_texts,
    optional,
    pick,
    uuids,
)
from simulator.parameters import DAY_MS
from simulator.world import (
    COURSE_IDS,
    CRITERIA,
    EXAMPLE_IDS,
    LESSON_IDS,
    MODULE_IDS,
    SKILLS,
    course_of,
    module_of,
)

PATHS = ("/", "/courses", "/examples", "/prompt-studio", "/profile", "/progress")
SOURCES = ("direct", "menu", "search", "newsletter", "course-list")
REFERRERS = (
    "https://search.example.com/?q=prompt+course",
    "https://news.example.com/mail?to=invented.person7%40example.com",
)
MODELS = ("tutor-large", "tutor-small")
LEVELS = ("beginner", "intermediate", "advanced")
_COURSE = ',"courseId":"@course@","moduleId":"@module@","lessonId":"@lesson@"'
_SCORES = ",".join(f'"{name}":{{"score":@s{i}@}}' for i, name in enumerate(CRITERIA))
_ENVELOPE = (
    '{"id":"@id@",@stamp@,"eventType":"@name@","eventCategory":"@category@","userId":"@actor@",'
    '"sessionId":"@session@"@course@@prompt@,'
    '"metadata":{"anonymousId":"@anonymous@",@contents@@about@@tail@'
)
_METADATA = {
    PAGE_VIEW: '"source":@source@,"path":@path@@referrer@',
    LESSON_START: '"source":"course-list","action":"start"',
    LLM_PROMPT: (
        '"action":"execute","source":"prompt-input","interface":"execution-tool",'
        '"timestamp":"@sent@"'
    ),
    LLM_RESPONSE: (
        '@prompt_id@"responseLength":@length@,"responseTimeMs":@took@,"model":"@model@",'
        '"success":@success@'
    ),
    LLM_EVALUATION: '@prompt_id@"action":"evaluate","evaluation":{' + _SCORES + "}",
    PROMPT_SAVE: '"promptId":"@saved@","action":"save"',
    LESSON_COMPLETE: '"action":"complete"',
    MODULE_COMPLETE: '"action":"complete"',
    QUIZ_COMPLETE: '"quizId":"quiz-@quiz@","skill":@skill@,"score":@score@',
    SKILL_ASSESS: '"skill":@skill@,"score":@score@',
    PROFICIENCY_MEASURE: '"skill":@skill@,"level":@level@',
    USER_LOGIN: '"action":"login","source":"google"',
    USER_LOGOUT: '"action":"logout"',
    EXAMPLE_PROMPT_USE: '"examplePromptId":"@example@","action":"use"',
    PROMPT_FAVORITE: '"promptId":"@saved@","action":"favorite"',
}


class AcademyRecords:
    """Draws what the events say, once; renders it for whatever times the dirt decides on."""

    def __init__(self, rng: np.random.Generator, academy: Academy):
        self._rng, self._academy, self.rows = rng, academy, academy.rows
        self.clock = Clock(academy.plan.start_ms)
        self.where = {kind: self.rows.of(kind) for kind in range(len(KINDS))}
        # What an event's template needs besides the envelope, kind by kind.
        self.contents: dict[int, dict[str, Column]] = {}
        self.event_id = uuids(rng, len(self.rows))
        # Some days are exports of stored rows: `createdAt` beside the client's time, or alone.
        day = self.rows.time // DAY_MS
        self._shows_receipt, self.is_server_timed = day % 6 == 4, day % 12 == 9
        self._senders()
        self._places()
        self._pages()
        self._prompts()
        self._assessments()

    def _senders(self) -> None:
        """Who the server says has sent an event: the user, or else the anonymous id."""
        rng, academy, rows = self._rng, self._academy, self.rows
        people, visits, logins = academy.people, academy.visits, academy.logins
        n = len(visits)
        self.user = people.academy_id.take(pa.array(academy.person))
        self.anonymous = people.device_id.take(pa.array(logins.device[rows.visit]))
        # A few visitors' clients send a made-up user id of their own, which the server keeps.
        guest = fill("guest-@g@", g=hex_ids(rng, n, 12))
        is_guest = rng.random(n) < 0.03
        visitor = pc.if_else(
            pa.array(is_guest[rows.visit]), pick(guest, rows.visit), self.anonymous
        )
        self.actor = pc.if_else(pa.array(academy.signed_in), self.user, visitor)
        # Most clients say whether the visitor is signed in; all that send a made-up id do.
        says = (rng.random(n) < 0.9) | is_guest
        stated = pa.array(["", ',"consent":true', ',"consent":false'])
        self.about_actor = pc.binary_join_element_wise(
            optional(says[rows.visit], fill(',"isAuthenticated":@v@', v=academy.signed_in)),
            pick(stated, people.consent[academy.person]),
            "}",
            "",
        )
        # A collector that sees the address looks up the country.
        agents = pa.array([f',"clientInfo":{{"userAgent":"{c[0]}"}}' for c in texts.CLIENTS])
        addresses = json_texts(texts.addresses())
        host = rng.integers(0, len(addresses), people.n)[visits.person]
        tail = pc.binary_join_element_wise(
            pick(agents, people.device_client[logins.device]),
            optional(
                rng.random(n) < 0.6,
                fill(
                    ',"ip_address":@a@,"properties":{"country":@c@}',
                    a=pick(addresses, host),
                    c=pick(texts.country_names(), people.country[visits.person]),
                ),
            ),
            "}\n",
            "",
        )
        self.tail = pick(tail, rows.visit)

    def _places(self) -> None:
        """The course, module and lesson in which an event happened."""
        at = np.maximum(self._academy.lesson, 0)
        course = fill(
            _COURSE,
            course=pick(COURSE_IDS, course_of(at)),
            module=pick(MODULE_IDS, module_of(at)),
            lesson=pick(LESSON_IDS, at),
        )
        self.course = optional(self._academy.lesson >= 0, course)

    def _pages(self) -> None:
        rng, k = self._rng, len(self.where[PAGE_VIEW])
        # A referrer may carry somebody's address.
        personal = (rng.random(k) < 0.05).astype(np.int8)
        self.contents[PAGE_VIEW] = {
            "source": pick(json_texts(SOURCES), rng.integers(0, len(SOURCES), k)),
            "path": pick(json_texts(PATHS), self.rows.ref[self.where[PAGE_VIEW]]),
            "referrer": optional(
                rng.random(k) < 0.15,
                fill(',"referrer":@r@', r=pick(json_texts(REFERRERS), personal)),
            ),
        }

    def _prompts(self) -> None:
        rng, rows, prompts = self._rng, self.rows, self._academy.prompts
        # The trap: a person's latest prompt always has the id `<userId>-temp`.
        draft = optional(self._academy.signed_in, fill('"promptId":"@user@-temp",', user=self.user))
        at = self.where[LLM_PROMPT]
        pool = self._academy.world.texts.prompts
        self.prompt_texts = json_texts(pool)
        self.text_of_prompt = prompts.text % len(pool)
        self.contents[LLM_PROMPT] = {}
        at = self.where[LLM_RESPONSE]
        k = len(at)
        success = rng.random(k) < 0.96
        length = np.rint(rng.lognormal(6.3, 0.6, k)).astype(np.int64)
        self.contents[LLM_RESPONSE] = {
            "prompt_id": pick(draft, at),
            "length": np.where(success, length, 0),
            "took": prompts.response_ms[rows.ref[at]],
            "model": pick(pa.array(MODELS), (rng.random(k) < 0.3).astype(np.int8)),
            "success": success,
        }
        scores = self._academy.evaluations.scores
        self.contents[LLM_EVALUATION] = {
            "prompt_id": pick(draft, self.where[LLM_EVALUATION]),
            **{f"s{i}": scores[:, i] for i in range(len(CRITERIA))},
        }
        # A saved prompt has an id of its own; its unit's save and favourite share it.
        self.saved_id = uuids(rng, len(prompts.visit))
        for kind in (PROMPT_SAVE, PROMPT_FAVORITE):
            self.contents[kind] = {"saved": pick(self.saved_id, rows.ref[self.where[kind]])}
        at = self.where[EXAMPLE_PROMPT_USE]
        self.contents[EXAMPLE_PROMPT_USE] = {
            "example": pick(EXAMPLE_IDS, prompts.example[rows.ref[at]])
        }

    def _assessments(self) -> None:
        rng = self._rng
        for kind in (QUIZ_COMPLETE, SKILL_ASSESS, PROFICIENCY_MEASURE):
            at = self.where[kind]
            k = len(at)
            self.contents[kind] = {
                "quiz": np.maximum(self._academy.lesson[at], 0) + 1,
                "skill": pick(json_texts(SKILLS), rng.integers(0, len(SKILLS), k)),
                "score": np.clip(np.rint(rng.normal(72, 15, k)), 0, 100).astype(np.int64),
                "level": pick(json_texts(LEVELS), rng.integers(0, len(LEVELS), k)),
            }

    def render(self, shown: np.ndarray, received: np.ndarray) -> pa.StringArray:
        rows, clock = self.rows, self.clock
        time, arrival = clock.iso(shown), clock.iso(received)
        stamp = pc.if_else(
            pa.array(self.is_server_timed),
            fill('"createdAt":"@t@"', t=time),
            pc.binary_join_element_wise(
                '"timestamp":"',
                time,
                '"',
                optional(self._shows_receipt, fill(',"createdAt":"@t@"', t=arrival)),
                "",
            ),
        )
        parts, order = [], []
        for kind, (name, category) in enumerate(KINDS):
            at = self.where[kind]
            if len(at) == 0:
                continue
            index = pa.array(at)
            contents = dict(self.contents.get(kind, {}))
            prompt: Column = ""
            if kind == LLM_PROMPT:
                prompt = fill(
                    ',"prompt":@p@', p=pick(self.prompt_texts, self.text_of_prompt[rows.ref[at]])
                )
                contents["sent"] = clock.iso(shown[at] - 2)
            parts.append(
                fill(
                    _ENVELOPE.replace("@contents@", _METADATA[kind]),
                    name=name,
                    category=category,
                    id=self.event_id.take(index),
                    stamp=stamp.take(index),
                    actor=self.actor.take(index),
                    session=pick(self._academy.session, rows.visit[at]),
                    course=self.course.take(index),
                    prompt=prompt,
                    anonymous=self.anonymous.take(index),
                    about=self.about_actor.take(index),
                    tail=self.tail.take(index),
                    **contents,
                )
            )
            order.append(at)
        return in_row_order(parts, order)


def required_fields(record: dict) -> list[str]:
    fields = ["eventCategory"]
    if record.get("eventType") in ("LESSON_START", "LESSON_COMPLETE", "MODULE_COMPLETE"):
        fields.append("courseId")
    return fields
