PATHS = ("/", "/courses", "/examples", "/prompt-studio", "/profile", "/progress")
SOURCES = ("direct", "menu", "search", "newsletter", "course-list")
LEVELS = ("beginner", "intermediate", "advanced")
_COURSE = ',"courseId":"@course@","moduleId":"@module@","lessonId":"@lesson@"'
_SCORES = ",".join(f'"{name}":{{"score":@s{i}@}}' for i, name in enumerate(CRITERIA))
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


class _Renderer:
    """Draws what the events say, once; renders it for whatever times the dirt decides on."""

    def __init__(
        self,
        rng,
        plan,
        world,
        people,
        visits,
        logins,
        rows,
        signed_in,
        session,
        lesson,
        prompts,
        quality,
    ):
        self.plan, self.world, self.people, self.rows = plan, world, people, rows
        self.signed_in, self.session, self.lesson = signed_in, session, lesson
        self.clock = Clock(plan.start_ms)
        n = len(rows)
        self.person = visits.person[rows.visit]
        self.event_id = uuids(rng, n)
        anonymous = people.device_id.take(pa.array(logins.device[rows.visit]))
        self.user = people.academy_id.take(pa.array(self.person))
        self.actor = pc.if_else(pa.array(signed_in), self.user, anonymous)
        self.anonymous = anonymous
        # The first client version stated only that a visitor was not signed in.
        states_login = ~signed_in | (rng.random(len(visits)) < 0.9)[rows.visit]
        consent = people.consent[self.person]
        client = people.device_client[logins.device]
        network = rng.integers(0, 3, people.n)[visits.person]
        host = rng.integers(1, 255, people.n)[visits.person]
        shows_ip = rng.random(len(visits)) < 0.6
        ip = [
            f',"ip_address":"{("192.0.2.", "198.51.100.", "203.0.113.")[a]}{b}"'
            if b % 11
            else f',"ip_address":"2001:db8::{b:x}:{a + 1}"'
            for a, b in zip(network.tolist(), host.tolist(), strict=True)
        ]
        agents = pa.array([f',"clientInfo":{{"userAgent":"{c[0]}"}}' for c in texts.CLIENTS])
        tail = pc.binary_join_element_wise(
            pick(agents, client), optional(shows_ip, pa.array(ip)), "}\n", ""
        )
        self.tail = pick(tail, rows.visit)
        stated = pa.array(["", ',"consent":true', ',"consent":false'])
        assert (CONSENT_UNSTATED, CONSENT_DENIED) == (0, 2)
        self.about_actor = pc.binary_join_element_wise(
            optional(states_login, fill(',"isAuthenticated":@v@', v=signed_in)),
            pick(stated, consent),
            "}",
            "",
        )
        in_course = lesson >= 0
        at = np.maximum(lesson, 0)
        course = fill(
            _COURSE,
            course=pick(COURSE_IDS, course_of(at)),
            module=pick(MODULE_IDS, module_of(at)),
            lesson=pick(LESSON_IDS, at),
        )
        self.course = optional(in_course, course)
        self._draw_contents(rng, prompts, quality)

    def _draw_contents(self, rng, prompts, quality) -> None:
        rows, n = self.rows, len(self.rows)
        self.contents: dict[int, dict] = {}
        where = {kind: rows.of(kind) for kind in range(len(KINDS))}
        self.where = where
        pages = where[PAGE_VIEW]
        referrer = rng.random(len(pages)) < 0.15
        self.contents[PAGE_VIEW] = {
            "source": pick(json_texts(SOURCES), rng.integers(0, len(SOURCES), len(pages))),
            "path": pick(json_texts(PATHS), rows.ref[pages]),
            "referrer": optional(
                referrer,
                pick(
                    pa.array(
                        [
                            ',"referrer":"https://search.example.com/?q=prompt+course"',
                            ',"referrer":"https://news.example.com/mail?to=invented.person7'
                            '%40example.com"',
                        ]
                    ),
                    (rng.random(len(pages)) < 0.05).astype(np.int8),
                ),
            ),
        }
        temp = fill('"promptId":"@user@-temp",', user=self.user)
        of_user = optional(self.signed_in, temp)
        at = where[LLM_RESPONSE]
        took = prompts.response_ms[rows.ref[at]]
        length = np.rint(rng.lognormal(6.3, 0.6, len(at))).astype(np.int64)
        success = rng.random(len(at)) < 0.96
        models = pa.array(["tutor-large", "tutor-small"])
        self.result_length = length
        self.contents[LLM_RESPONSE] = {
            "prompt_id": of_user.take(pa.array(at)),
            "length": np.where(success, length, 0),
            "took": took,
            "model": pick(models, (rng.random(len(at)) < 0.3).astype(np.int8)),
            "success": success,
        }
        at, _, scores = quality
        self.contents[LLM_EVALUATION] = {
            "prompt_id": of_user.take(pa.array(at)),
            **{f"s{i}": scores[:, i] for i in range(len(CRITERIA))},
        }
        # A saved prompt has an id of its own; its unit's save and favourite share it.
        saved = uuids(rng, len(prompts.visit))
        for kind in (PROMPT_SAVE, PROMPT_FAVORITE):
            self.contents[kind] = {"saved": pick(saved, rows.ref[where[kind]])}
        self.saved = saved
        skills = json_texts(SKILLS)
        for kind in (QUIZ_COMPLETE, SKILL_ASSESS, PROFICIENCY_MEASURE):
            k = len(where[kind])
            self.contents[kind] = {
                "quiz": np.maximum(self.lesson[where[kind]], 0) + 1,
                "skill": pick(skills, rng.integers(0, len(SKILLS), k)),
                "score": np.clip(np.rint(rng.normal(72, 15, k)), 0, 100).astype(np.int64),
                "level": pick(json_texts(LEVELS), rng.integers(0, len(LEVELS), k)),
            }
        uses = where[EXAMPLE_PROMPT_USE]
        self.contents[EXAMPLE_PROMPT_USE] = {
            "example": pick(EXAMPLE_IDS, prompts.example[rows.ref[uses]])
        }
        pool = self.world.texts.prompts
        self.prompt_text = json_texts(pool)
        text = np.zeros(n, dtype=np.int64)
        text[where[LLM_PROMPT]] = prompts.text[rows.ref[where[LLM_PROMPT]]] % len(pool)
        self.text = text

    def render(self, shown: np.ndarray, received: np.ndarray) -> pa.StringArray:
        rows, clock = self.rows, self.clock
        time, arrival = clock.iso(shown), clock.iso(received)
        # Some days are exports of stored rows: `createdAt` beside the client's time, or alone.
        day = rows.time // DAY_MS
        beside, alone = day % 6 == 4, day % 12 == 9
        stamp = pc.if_else(
            pa.array(alone),
            fill('"createdAt":"@t@"', t=time),
            pc.binary_join_element_wise(
                '"timestamp":"',
                time,
                '"',
                optional(beside, fill(',"createdAt":"@t@"', t=arrival)),
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
            prompt: pa.StringArray | str = ""
            if kind == LLM_PROMPT:
                prompt = fill(',"prompt":@p@', p=pick(self.prompt_text, self.text[at]))
                contents["sent"] = clock.iso(shown[at] - 2)
            parts.append(
                fill(
                    '{"id":"@id@",@stamp@,"eventType":"'
                    + name
                    + '","eventCategory":"'
                    + category
                    + '","userId":"@actor@","sessionId":"@session@"@course@@prompt@,'
                    '"metadata":{"anonymousId":"@anonymous@",' + _METADATA[kind] + "@about@@tail@",
                    id=self.event_id.take(index),
                    stamp=stamp.take(index),
                    actor=self.actor.take(index),
                    session=pick(self.session, rows.visit[at]),
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


def _required_fields(record: dict) -> list[str]:
    fields = ["eventCategory"]
    if record.get("eventType") in ("LESSON_START", "LESSON_COMPLETE", "MODULE_COMPLETE"):
        fields.append("courseId")
    return fields


