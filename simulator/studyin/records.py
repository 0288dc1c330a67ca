"""StudyIn's records: what each event says, and how the two vocabularies say it.

`StudyRecords` holds, kind by kind and in row order, the events' properties (the inside of the JSON
object) and the ids of the objects that they are about; `renderer` puts both into an envelope.
"""

import hashlib
import json
from collections.abc import Callable

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from simulator import texts
from simulator.lines import Clock, Column, fill, in_row_order, json_texts, optional, pick, uuids
from simulator.parameters import DAY_MS
from simulator.studyin.gamification import XP_AMOUNTS, XP_SOURCES, level_of
from simulator.studyin.kinds import (
    ACHIEVEMENT,
    AI_ANSWERED,
    AI_ASKED,
    API_ERROR,
    API_REQUEST,
    BOOKMARK,
    EXPLANATION,
    EXPLORE,
    FEEDBACK_NEGATIVE,
    FEEDBACK_POSITIVE,
    FEEDBACK_RATED,
    HIGHLIGHT,
    HINT,
    KINDS,
    LEVEL_UP,
    MATERIAL_COMPLETE,
    MATERIAL_OPEN,
    MATERIAL_READ,
    NOTE,
    QUESTION_ATTEMPT,
    QUESTION_SUBMIT,
    QUESTION_VIEW,
    QUIZ_COMPLETE,
    QUIZ_START,
    SEARCH,
    SESSION_END,
    SESSION_PAUSE,
    SESSION_RESUME,
    SESSION_START,
    SHORT_BOOKMARK,
    SHORT_NOTE,
    STREAK_BROKEN,
    STREAK_CONTINUED,
    STREAK_UPDATE,
    XP,
)
from simulator.studyin.units import Study
from simulator.timeline import rank_within
from simulator.world import (
    CHUNKS_PER_MATERIAL,
    DIFFICULTY_NAMES,
    MATERIAL_NAMES,
    MATERIALS_PER_TOPIC,
    OPTIONS,
    TOPIC_LEVELS,
    TOPIC_NAMES,
)

ENDPOINTS = json_texts(
    ("/api/materials", "/api/questions", "/api/ai-coach/ask", "/api/search", "/api/progress")
)
QUIZ_TYPES = json_texts(("practice", "mock_exam", "flashcards"))
ANNOTATIONS = (
    (HIGHLIGHT, "highlight"),
    (NOTE, "note"),
    (SHORT_NOTE, "note"),
    (BOOKMARK, "bookmark"),
    (SHORT_BOOKMARK, "bookmark"),
)


class StudyRecords:
    """Everything the events say besides their times, drawn once for all rows."""

    def __init__(self, rng: np.random.Generator, study: Study):
        self._rng, self._study, self.rows = rng, study, study.rows
        self._world = study.world
        self.clock = Clock(study.plan.start_ms)
        self.where = {kind: self.rows.of(kind) for kind in range(len(KINDS))}
        self.properties: dict[int, pa.StringArray] = {}
        self.objects: dict[int, dict[str, pa.StringArray]] = {}
        self._ids = {
            "material": fill('"@s@"', s=study.world.material_id),
            "chunk": fill('"@s@"', s=study.world.chunk_id),
            "question": fill('"@s@"', s=study.world.question_id),
            "topic": fill('"@s@"', s=study.world.topic_id),
        }
        self._senders()
        self._sessions()
        self._reading()
        self._questions()
        self._quizzes()
        self._coach()
        self._points()
        self._discovery()
        self._server()

    def _put(
        self, kind: int, template: str, objects: dict | None = None, **columns: Column
    ) -> None:
        self.properties[kind] = fill(template, **columns)
        self.objects[kind] = objects or {}

    def _count(self, kind: int) -> int:
        return len(self.where[kind])

    def _visit(self, kind: int) -> np.ndarray:
        return self.rows.visit[self.where[kind]]

    def _ref(self, kind: int) -> np.ndarray:
        return self.rows.ref[self.where[kind]]

    def _one_of(self, kind: int, pool: tuple[str, ...]) -> pa.StringArray:
        return pick(json_texts(pool), self._rng.integers(0, len(pool), self._count(kind)))

    def _senders(self) -> None:
        """Who sends a visit's events, from which device, with what consent."""
        rng, study, people = self._rng, self._study, self._study.people
        person, n = study.person, len(study.person)
        self.event_id = uuids(rng, len(self.rows))
        self.session_id = uuids(rng, study.visits)
        quoted = fill('"@s@"', s=self.session_id)
        # The nightly job has no session.
        self.session = pa.concat_arrays(
            [quoted, pa.array(["null"] * (n - study.visits), pa.string())]
        )
        hashed = pa.array(
            [hashlib.sha256(user.encode()).hexdigest() for user in people.study_id.to_pylist()]
        )
        self.user = {
            False: people.study_id.take(pa.array(person)),
            True: hashed.take(pa.array(person)),
        }
        stated = pa.array(["", '"consent":true', '"consent":false'])
        self.consent = pick(stated, people.consent[person])
        # The server removes the last octet.
        addresses = json_texts(("192.0.2.0", "198.51.100.0", "203.0.113.0"))
        host = rng.integers(0, len(addresses), people.n)[person]
        self.address = optional(
            rng.random(n) < 0.3, fill(',"ip_address":@a@', a=pick(addresses, host))
        )
        # Some builds of the second client write event types in capitals.
        self.shouts = rng.random(n) < 0.1
        device = people.device_client[people.device[person, (rng.random(n) < 0.3).astype(np.int64)]]
        country = people.country[person]
        self._start = fill(
            '"device_type":@d@,"user_agent":@a@,"timezone":@z@,"country":@c@',
            d=pick(json_texts([client[4] for client in texts.CLIENTS]), device),
            a=pick(json_texts([client[0] for client in texts.CLIENTS]), device),
            z=pick(json_texts([zone for _, _, _, zone in texts.COUNTRIES]), country),
            c=pick(texts.country_names(), country),
        )

    def _sessions(self) -> None:
        """Starts and pauses, and ends with the client's own count of what happened."""
        rng, rows, n = self._rng, self.rows, len(self._study.person)
        self._put(SESSION_START, "@p@", p=pick(self._start, self._visit(SESSION_START)))
        self.start_material = pick(self._ids["material"], self._study.topic * MATERIALS_PER_TOPIC)
        self._put(
            SESSION_PAUSE, '"pause_reason":@r@', r=self._one_of(SESSION_PAUSE, texts.PAUSE_REASONS)
        )
        self._put(
            SESSION_RESUME, "@p@", p=pa.array([""] * self._count(SESSION_RESUME), pa.string())
        )

        def count(*kinds: int) -> np.ndarray:
            return np.bincount(rows.visit[np.isin(rows.kind, kinds)], minlength=n)

        end = self.where[SESSION_END]
        visit = rows.visit[end]
        first = np.full(n, np.iinfo(np.int64).max)
        np.minimum.at(first, rows.visit, rows.time)
        seconds = (rows.time[end] - first[visit]) // 1000
        earned = np.bincount(self._visit(XP), XP_AMOUNTS[self._ref(XP)], minlength=n).astype(
            np.int64
        )
        # The client forgets a view when its tab was reloaded.
        viewed = np.maximum(count(MATERIAL_OPEN)[visit] - (rng.random(len(end)) < 0.05), 0)
        self._put(
            SESSION_END,
            '"duration_seconds":@d@,"active_seconds":@a@,"materials_viewed":@m@,'
            '"questions_attempted":@q@,"xp_earned":@x@',
            d=seconds,
            a=(seconds * rng.uniform(0.6, 0.95, len(end))).astype(np.int64),
            m=viewed,
            q=count(QUESTION_SUBMIT, QUESTION_ATTEMPT)[visit],
            x=earned[visit],
        )

    def _about_material(self, material: np.ndarray) -> dict[str, pa.StringArray]:
        return {
            "material_id": pick(self._ids["material"], material),
            "topic_id": pick(self._ids["topic"], material // MATERIALS_PER_TOPIC),
        }

    def _reading(self) -> None:
        rng, study, reading = self._rng, self._study, self._study.reading
        material = reading.material[self._ref(MATERIAL_OPEN)]
        opened = fill(
            '"material_type":"pdf","material_name":@n@,"total_pages":@g@',
            n=pick(json_texts(MATERIAL_NAMES), material),
            g=study.world.material_pages[material],
        )
        viewed = fill(
            '"material_type":"pdf","interaction_type":"view","progress_percentage":@p@',
            p=np.round(rng.uniform(5, 100, len(material)), 1),
        )
        in_second = pa.array(study.second[self._visit(MATERIAL_OPEN)])
        self._put(
            MATERIAL_OPEN,
            "@p@",
            self._about_material(material),
            p=pc.if_else(in_second, viewed, opened),
        )

        beat = self._ref(MATERIAL_READ)
        place = reading.read_place[beat]
        material = reading.material[reading.read_opening[beat]]
        chunk = np.minimum(place * 2 // 3, CHUNKS_PER_MATERIAL - 1)
        self._put(
            MATERIAL_READ,
            '"time_spent_seconds":30,"scroll_depth_percent":@d@,"chunk_index":@c@,"is_complete":@e@',
            {
                **self._about_material(material),
                "chunk_id": pick(self._ids["chunk"], material * CHUNKS_PER_MATERIAL + chunk),
            },
            d=np.minimum(100, 12 * (place + 1) + rng.integers(0, 12, len(beat))),
            c=chunk,
            e=place % 3 == 2,
        )
        opening = self._ref(MATERIAL_COMPLETE)
        beats = np.bincount(reading.read_opening, minlength=len(reading.material))
        self._put(
            MATERIAL_COMPLETE,
            '"total_time_seconds":@s@,"completion_percentage":100',
            self._about_material(reading.material[opening]),
            s=beats[opening] * 30 + 20,
        )
        for kind, name in ANNOTATIONS:
            k = self._count(kind)
            material = reading.material[self._ref(kind)]
            chunk = material * CHUNKS_PER_MATERIAL + rng.integers(0, CHUNKS_PER_MATERIAL, k)
            self._put(
                kind,
                f'"annotation_type":"{name}","text_length":@l@,"chunk_position":"@p@"',
                {**self._about_material(material), "chunk_id": pick(self._ids["chunk"], chunk)},
                l=rng.integers(5, 300, k),
                p=rng.integers(0, 2000, k),
            )

    def _about_question(self, question: np.ndarray) -> dict[str, pa.StringArray]:
        return {
            "question_id": pick(self._ids["question"], question),
            "topic_id": pick(self._ids["topic"], self._world.question_topic[question]),
        }

    def _questions(self) -> None:
        rng, world, rows = self._rng, self._world, self.rows
        questions, attempts, habits = (
            self._study.questions,
            self._study.attempts,
            self._study.habits,
        )
        views = self.where[QUESTION_VIEW]
        question = questions.question[rows.ref[views]]
        seen = self._study.person[rows.visit[views]] * np.int64(world.questions) + question
        by_time = np.lexsort((rows.time[views], seen))
        is_first = np.zeros(len(views), dtype=bool)
        is_first[by_time] = rank_within(seen[by_time]) == 0
        self._put(
            QUESTION_VIEW,
            '"question_type":"multiple_choice","difficulty":@d@,"is_first_view":@f@',
            self._about_question(question),
            d=pick(json_texts(DIFFICULTY_NAMES), world.question_label[question]),
            f=is_first,
        )

        k = len(attempts.person)
        key = world.question_answer[attempts.question]
        wrong = (key + rng.integers(1, len(OPTIONS), k)) % len(OPTIONS)
        chosen = np.where(attempts.is_correct, key, wrong)
        # How sure people feel follows their chance, plus what they think of themselves.
        felt = 1 + 4 * attempts.chance + habits.overconfidence[attempts.person]
        confidence = np.clip(np.rint(felt + rng.normal(0, 0.6, k)), 1, 5).astype(np.int64)
        gives = habits.gives_confidence[attempts.person] & (rng.random(k) < 0.9)
        options = json_texts(OPTIONS)
        for kind in (QUESTION_SUBMIT, QUESTION_ATTEMPT):
            unit = self._ref(kind)
            a = attempts.of_question[unit]
            self._put(
                kind,
                '"selected_answer":@s@,"correct_answer":@c@,"is_correct":@r@,'
                '"time_to_answer_seconds":@t@@f@,"is_first_attempt":@i@,"attempt_number":@n@,'
                '"hint_used":@h@',
                self._about_question(questions.question[unit]),
                s=pick(options, chosen[a]),
                c=pick(options, key[a]),
                r=attempts.is_correct[a],
                t=questions.seconds[unit],
                f=optional(gives[a], fill(',"confidence_level":@c@', c=confidence[a])),
                i=attempts.attempt_number[a] == 1,
                n=attempts.attempt_number[a],
                h=questions.hint[unit],
            )
        for kind in (HINT, EXPLANATION):
            unit = self._ref(kind)
            self._put(
                kind,
                '"hint_type":@k@,"time_before_hint":@t@',
                self._about_question(questions.question[unit]),
                k=self._one_of(kind, ("guided", "direct")),
                t=np.round(questions.seconds[unit] / 2, 1),
            )

    def _quizzes(self) -> None:
        rng, rows, n = self._rng, self.rows, len(self._study.person)
        questions, attempts = self._study.questions, self._study.attempts
        quiz_id = uuids(rng, n)
        quiz_type = rng.choice(len(QUIZ_TYPES), n, p=[0.7, 0.2, 0.1])
        asked = np.bincount(questions.visit, minlength=n)
        seconds = np.bincount(questions.visit, questions.seconds, minlength=n)
        submits = np.isin(rows.kind, (QUESTION_SUBMIT, QUESTION_ATTEMPT))
        right = attempts.is_correct[attempts.of_question[rows.ref[submits]]]
        correct = np.bincount(rows.visit[submits], right, minlength=n).astype(np.int64)
        for kind, template in (
            (QUIZ_START, '"quiz_id":"@i@","quiz_type":@k@,"total_questions":@n@'),
            (
                QUIZ_COMPLETE,
                '"quiz_id":"@i@","total_questions":@n@,"correct_answers":@c@,"accuracy":@a@,'
                '"total_time_seconds":@s@,"quiz_type":@k@',
            ),
        ):
            visit = self._visit(kind)
            total = np.maximum(asked[visit], 1)
            self._put(
                kind,
                template,
                i=pick(quiz_id, visit),
                k=pick(QUIZ_TYPES, quiz_type[visit]),
                n=total,
                c=correct[visit],
                a=np.round(correct[visit] / total, 4),
                s=np.rint(seconds[visit]).astype(np.int64),
            )

    def _coach(self) -> None:
        rng, rows = self._rng, self.rows
        k = self._count(AI_ASKED)
        topic = pick(self._ids["topic"], self._study.topic[self._visit(AI_ASKED)])
        self._put(
            AI_ASKED,
            '"question_length":@l@,"context_provided":@c@,"conversation_turn":@n@,'
            '"detected_topics":[@d@]',
            {"topic_id": topic},
            l=rng.integers(12, 400, k),
            c=rng.random(k) < 0.4,
            n=self._ref(AI_ASKED) + 1,
            d=topic,
        )
        at = self.where[AI_ANSWERED]
        took = rows.time[at] - rows.time[np.maximum(at - 1, 0)]
        tokens = rng.integers(60, 900, len(at))
        self._put(
            AI_ANSWERED,
            '"response_length":@l@,"response_time_ms":@t@,"model_used":"gpt-5","tokens_used":@n@',
            l=tokens * 4,
            t=np.clip(took, 1, 60_000),
            n=tokens,
        )
        comments = json_texts(self._world.texts.feedback)
        for kind, least, most in (
            (FEEDBACK_POSITIVE, 4, 5),
            (FEEDBACK_NEGATIVE, 1, 2),
            (FEEDBACK_RATED, 1, 5),
        ):
            k = self._count(kind)
            comment = pick(comments, rng.integers(0, len(comments), k))
            self._put(
                kind,
                '"message_id":"@m@","rating":@r@@c@',
                m=uuids(rng, k),
                r=rng.integers(least, most + 1, k),
                c=optional(rng.random(k) < 0.4, fill(',"feedback_text":@c@', c=comment)),
            )

    def _points(self) -> None:
        rows, streaks, person = self.rows, self._study.streaks, self._study.person
        source = self._ref(XP)
        self._put(
            XP,
            '"xp_amount":@a@,"xp_source":@s@,"new_total_xp":@t@',
            a=XP_AMOUNTS[source],
            s=pick(XP_SOURCES, source),
            t=self._study.points[self.where[XP]],
        )
        total = self._ref(LEVEL_UP)
        self._put(
            LEVEL_UP,
            '"old_level":@o@,"new_level":@n@,"total_xp":@t@',
            o=level_of(total) - 1,
            n=level_of(total),
            t=total,
        )
        which = self._ref(ACHIEVEMENT)
        self._put(
            ACHIEVEMENT,
            '"achievement_id":"@i@","achievement_name":@n@,"achievement_type":@k@,"xp_reward":@x@',
            i=pick(self._world.achievement_id, which),
            n=pick(json_texts([name for _, name, _, _ in texts.ACHIEVEMENTS]), which),
            k=pick(json_texts([kind for _, _, kind, _ in texts.ACHIEVEMENTS]), which),
            x=np.array([reward for _, _, _, reward in texts.ACHIEVEMENTS])[which],
        )
        at = self.where[STREAK_CONTINUED]
        entry = streaks.at(person[rows.visit[at]], rows.time[at])
        length = streaks.length[entry]
        self._put(
            STREAK_CONTINUED,
            '"old_streak":@o@,"new_streak":@n@,"is_new_record":@r@',
            o=length - 1,
            n=length,
            r=length > streaks.best_before[entry],
        )
        self._put(
            STREAK_BROKEN,
            '"old_streak":@o@,"new_streak":0,"is_new_record":false',
            o=streaks.broken_length[self._ref(STREAK_BROKEN)],
        )
        at = self.where[STREAK_UPDATE]
        entry = streaks.at(person[rows.visit[at]], rows.time[at])
        # The second client learns of a broken streak when its person comes back.
        now = np.where(streaks.is_return[entry], 0, streaks.length[entry])
        self._put(STREAK_UPDATE, '"new_streak":@n@', n=now)

    def _discovery(self) -> None:
        rng, world = self._rng, self._world
        k = self._count(SEARCH)
        queries = json_texts(world.texts.queries)
        filters = pa.array(["{}", '{"level":"core"}', '{"type":["pdf"],"recent":true}'])
        self._put(
            SEARCH,
            '"query":@q@,"result_count":@c@,"filters_applied":@f@,"search_type":@t@',
            q=pick(queries, rng.integers(0, len(queries), k)),
            c=rng.integers(0, 40, k),
            f=pick(filters, rng.integers(0, len(filters), k)),
            t=self._one_of(SEARCH, ("semantic", "keyword")),
        )
        topic = self._study.topic[self._visit(EXPLORE)]
        mastery = np.round(rng.uniform(0.2, 0.95, len(topic)), 2)
        self._put(
            EXPLORE,
            '"topic_name":@n@,"topic_level":@l@@m@',
            {"topic_id": pick(self._ids["topic"], topic)},
            n=pick(json_texts(TOPIC_NAMES), topic),
            l=pick(json_texts(TOPIC_LEVELS), world.topic_level[topic]),
            m=optional(rng.random(len(topic)) < 0.5, fill(',"current_mastery":@m@', m=mastery)),
        )

    def _server(self) -> None:
        rng = self._rng
        for kind, codes, milliseconds, failure in (
            (API_REQUEST, ("200", "200", "200", "304"), 5.0, ""),
            (API_ERROR, ("500", "502", "503", "504"), 7.5, ',"error_type":@e@'),
        ):
            k = self._count(kind)
            self._put(
                kind,
                '"endpoint":@p@,"method":@m@,"status_code":@s@,"response_time_ms":@t@' + failure,
                p=pick(ENDPOINTS, rng.integers(0, len(ENDPOINTS), k)),
                m=self._one_of(kind, ("GET", "POST")),
                s=pick(pa.array(codes), rng.integers(0, len(codes), k)),
                t=np.rint(rng.lognormal(milliseconds, 0.6, k)).astype(np.int64),
                e=self._one_of(kind, ("timeout", "upstream_error")),
            )


_OBJECTS = ("material_id", "chunk_id", "question_id", "topic_id")


def renderer(
    records: StudyRecords, chosen: np.ndarray, second: bool
) -> Callable[[np.ndarray, np.ndarray], pa.StringArray]:
    """A render function for the rows of one vocabulary."""
    rows = records.rows
    number = np.cumsum(chosen) - 1

    def render(shown: np.ndarray, received: np.ndarray) -> pa.StringArray:
        time = records.clock.iso(shown, zone="")
        parts, order = [], []
        for kind, names in enumerate(KINDS):
            name = names[second]
            at = records.where[kind]
            inside = chosen[at]
            mine = at[inside]
            if name is None or len(mine) == 0:
                continue
            local = pa.array(np.flatnonzero(inside))
            visit = pa.array(rows.visit[mine])
            properties = records.properties[kind].take(local)
            objects = {k: v.take(local) for k, v in records.objects[kind].items()}
            properties = _join(properties, records.consent.take(visit))
            shared = {
                "id": records.event_id.take(pa.array(mine)),
                "time": time.take(pa.array(number[mine])),
                "user": records.user[second].take(visit),
                "session": records.session.take(visit),
                "address": records.address.take(visit),
            }
            if second:
                if kind == SESSION_START:
                    objects = {"material_id": records.start_material.take(visit)}
                named = [fill(f'"{k}":@v@', v=v) for k, v in objects.items()]
                for piece in named:
                    properties = _join(piece, properties)
                loud = pa.array(records.shouts[rows.visit[mine]])
                parts.append(
                    fill(
                        '{"event_type":"@name@","event_id":"@id@","timestamp":"@time@","user_id":"@user@",'
                        '"session_id":@session@,"properties":{@properties@}@address@}\n',
                        name=pc.if_else(loud, name.upper(), name),
                        properties=properties,
                        **shared,
                    )
                )
            else:
                ids = {k: objects.get(k, "null") for k in _OBJECTS}
                parts.append(
                    fill(
                        '{"event_id":"@id@","timestamp":"@time@","user_id":"@user@","session_id":@session@,'
                        '"event_type":"'
                        + name
                        + '","material_id":@material_id@,"chunk_id":@chunk_id@,'
                        '"question_id":@question_id@,"topic_id":@topic_id@,"properties":{@properties@}'
                        "@address@}\n",
                        properties=properties,
                        **ids,
                        **shared,
                    )
                )
            order.append(number[mine])
        lines = in_row_order(parts, order)
        return lines if second else _spaced(lines, records.rows.time[chosen] // DAY_MS % 6 == 1)

    return render


def _spaced(lines: pa.StringArray, chosen: np.ndarray) -> pa.StringArray:
    """Some days' lines as Python's own encoder writes them, spaces and escapes included."""
    some = [json.dumps(orjson.loads(x)) + "\n" for x in lines.filter(pa.array(chosen)).to_pylist()]
    return pc.replace_with_mask(lines, pa.array(chosen), pa.array(some, pa.string()))


def _join(first: pa.StringArray, then: pa.StringArray) -> pa.StringArray:
    """Two stretches of JSON members, with a comma between them if neither is empty."""
    both = pc.and_(pc.not_equal(first, ""), pc.not_equal(then, ""))
    return pc.binary_join_element_wise(first, pc.if_else(both, ",", ""), then, "")


def required_fields(record: dict) -> list[str]:
    kind = str(record.get("event_type", "")).lower()
    return {
        "material_open": ["material_id"],
        "material_view": ["material_id"],
        "material_read": ["chunk_id", "time_spent_seconds"],
        "question_submit": ["question_id", "is_correct"],
        "question_attempt": ["question_id", "is_correct"],
        "quiz_complete": ["quiz_id", "total_questions", "correct_answers"],
        "xp_earned": ["xp_amount"],
        "level_up": ["new_level"],
        "topic_explored": ["topic_id"],
    }.get(kind, [])
