"""SketchyChain's records."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator import texts
from simulator.lines import Clock, Column, fill, in_row_order, json_texts, pick, uuids
from simulator.parameters import DAY_MS
from simulator.sketchychain.kinds import (
    API_REQUEST,
    CANVAS,
    CLIENT_ERROR,
    CODE,
    CREATE,
    EXECUTE,
    EXPOSE,
    FAILURE,
    HISTORY,
    IDENTIFY,
    INTERACT,
    JOIN,
    KINDS,
    LEAVE,
    MODERATED,
    MODIFY,
    MODIFY_PROMPT,
    PERFORMANCE,
    RATE_LIMITED,
    RESOURCE,
    SESSION_END,
    SESSION_START,
    SETTINGS,
    SKETCHLESS,
    SUBMIT,
    SUCCESS,
    TOOL,
    VIEW,
    VIOLATION,
)
from simulator.sketchychain.units import Studio

ARMS = ("control", "treatment")
ENTRY_POINTS = ("homepage", "gallery", "shared-link", "newsletter", "search")
ENTRY_SHARES = (0.4, 0.2, 0.2, 0.1, 0.1)
CATEGORY_SHARES = (0.35, 0.25, 0.10, 0.15, 0.15)
FAILURES = ("timeout", "syntax_error", "unsafe_code", "model_overloaded")
TOOLS = ("brush", "eraser", "text", "shape", "fill")
SETTING_NAMES = ("theme", "autosave", "frame_rate", "language")
VERSIONS = ("1.4.0", "1.5.0", "1.5.1", "1.6.0")
API_PATHS = ("/api/sketches", "/api/prompts", "/api/share", "/api/render")


class SketchRecords:
    """Draws what the events say, once; renders it for whatever times the dirt decides on."""

    def __init__(self, rng: np.random.Generator, studio: Studio):
        self._rng, self._studio, self.rows = rng, studio, studio.rows
        self.clock = Clock(studio.plan.start_ms)
        self.where = {kind: self.rows.of(kind) for kind in range(len(KINDS))}
        self.properties: dict[int, pa.StringArray] = {}
        self.event_id = uuids(rng, len(self.rows))
        self._senders()
        self._sketches()
        self._sessions()
        self._prompts()
        self._drawing()
        self._collaboration()
        self._features()
        self._troubles()
        self._server()

    def _put(self, kind: int, template: str, **columns: Column) -> None:
        self.properties[kind] = fill(template, **columns)

    def _put_nothing(self, kind: int) -> None:
        self.properties[kind] = pa.array([""] * self._count(kind), pa.string())

    def _count(self, kind: int) -> int:
        return len(self.where[kind])

    def _visit(self, kind: int) -> np.ndarray:
        return self.rows.visit[self.where[kind]]

    def _one_of(self, kind: int, pool: tuple[str, ...]) -> pa.StringArray:
        return pick(json_texts(pool), self._rng.integers(0, len(pool), self._count(kind)))

    def _senders(self) -> None:
        rng, rows, studio = self._rng, self.rows, self._studio
        people, visits = studio.people, studio.visits
        n = len(visits)
        self.session = pick(studio.session, rows.visit)
        self.user = pick(people.sketch_id, visits.person[rows.visit])
        # The device's clock runs a little before or after the server's.
        drift = np.rint(rng.normal(0, 1500, n)).astype(np.int64)
        self.client_lag = drift[rows.visit] - rng.integers(5, 400, len(rows))
        which = (rng.random(n) < 0.3).astype(np.int64)
        client = people.device_client[people.device[visits.person, which]]
        # Releases follow each other over the world's days.
        release = visits.start // DAY_MS * len(VERSIONS) // studio.plan.days
        platforms = pa.array(
            [
                f'{{"browser":"{browser}","version":"{version}","os":"{os}","device_type":"{device}"}}'
                for _, browser, version, os, _, device in texts.CLIENTS
            ]
        )
        stated = pa.array(["", ',"consent":true', ',"consent":false'])
        self.metadata = fill(
            ',"app_version":"@version@","platform_info":@platform@@consent@',
            version=pick(pa.array(VERSIONS), release.clip(0, len(VERSIONS) - 1)),
            platform=pick(platforms, client),
            consent=pick(stated, people.consent[visits.person]),
        )

    def _sketches(self) -> None:
        rng, sketch = self._rng, self._studio.sketch
        sketches = int(sketch.max()) + 1
        self.sketch_id = uuids(rng, sketches)
        self.complexity = np.round(rng.lognormal(1.2, 0.6, sketches), 2)
        of_row = pick(fill('"@s@"', s=self.sketch_id), sketch[self.rows.visit])
        self.sketch = pc.if_else(pa.array(np.isin(self.rows.kind, SKETCHLESS)), "null", of_row)
        for kind in (CREATE, VIEW, MODIFY):
            score = self.complexity[sketch[self._visit(kind)]]
            self._put(kind, '"complexity_score":@s@', s=score)

    def _sessions(self) -> None:
        rng, people, visits = self._rng, self._studio.people, self._studio.visits
        entry = rng.choice(len(ENTRY_POINTS), len(visits), p=ENTRY_SHARES)
        country = pick(texts.country_names(), people.country[visits.person])
        self._put(
            SESSION_START,
            '"entry_point":@e@,"country":@c@',
            e=pick(json_texts(ENTRY_POINTS), entry[self._visit(SESSION_START)]),
            c=pick(country, self._visit(SESSION_START)),
        )
        self._put(IDENTIFY, '"country":@c@', c=pick(country, self._visit(IDENTIFY)))
        self._put_nothing(SESSION_END)
        arm = self._studio.arm[visits.person[self._visit(EXPOSE)]]
        self._put(
            EXPOSE,
            '"experiment_id":@e@,"variant":@a@',
            e=pick(json_texts([self._studio.plan.behaviour.experiment_id]), arm * 0),
            a=pick(json_texts(ARMS), arm),
        )

    def _prompts(self) -> None:
        rng, rows, prompts = self._rng, self.rows, self._studio.prompts
        n = len(prompts.visit)
        prompt_id = uuids(rng, n)
        category = rng.choice(len(texts.PROMPT_CATEGORIES), n, p=CATEGORY_SHARES)
        words = json_texts(self._studio.world.texts.sketch_prompts)
        text = (rng.random(n) ** 1.7 * len(words)).astype(np.int64)
        unit = rows.ref[self.where[SUBMIT]]
        self._put(
            SUBMIT,
            '"prompt_id":"@i@","prompt_text":@t@,"prompt_category":@c@',
            i=pick(prompt_id, unit),
            t=pick(words, text[unit]),
            c=pick(json_texts(texts.PROMPT_CATEGORIES), category[unit]),
        )
        unit = rows.ref[self.where[MODIFY_PROMPT]]
        self._put(
            MODIFY_PROMPT,
            '"prompt_id":"@i@","parent_prompt_id":"@p@","prompt_text":@t@',
            i=pick(prompt_id, unit),
            p=pick(prompt_id, prompts.parent[unit]),
            t=pick(words, text[unit]),
        )
        for kind, reason in ((SUCCESS, ""), (FAILURE, ',"error_type":@e@')):
            unit = rows.ref[self.where[kind]]
            self._put(
                kind,
                '"prompt_id":"@i@","processing_time":@t@' + reason,
                i=pick(prompt_id, unit),
                t=np.rint(prompts.seconds[unit] * 1000).astype(np.int64),
                e=self._one_of(kind, FAILURES),
            )

    def _drawing(self) -> None:
        rng, k = self._rng, self._count(EXECUTE)
        median = self._studio.plan.behaviour.render_ms_median
        milliseconds = rng.lognormal(np.log(median), 0.6, k)
        self._put(
            EXECUTE,
            '"render_ms":@r@,"fps":@f@',
            r=np.round(milliseconds, 1),
            f=np.round(np.clip(1000 / np.maximum(milliseconds, 16.6), 2, 60), 1),
        )
        self._put(CANVAS, '"kind":@k@', k=self._one_of(CANVAS, ("draw", "pan", "zoom", "select")))

    def _collaboration(self) -> None:
        rng = self._rng
        self._put(JOIN, '"kind":@k@', k=self._one_of(JOIN, ("invite", "link")))
        self._put(LEAVE, '"kind":@k@', k=self._one_of(LEAVE, ("left", "closed")))
        self._put(
            INTERACT,
            '"kind":@k@,"contribution_size":@s@',
            k=self._one_of(INTERACT, ("draw", "comment", "cursor", "prompt")),
            s=np.round(rng.lognormal(2, 1, self._count(INTERACT)), 1),
        )

    def _features(self) -> None:
        self._put_nothing(HISTORY)
        self._put_nothing(CODE)
        self._put(SETTINGS, '"setting":@s@', s=self._one_of(SETTINGS, SETTING_NAMES))
        self._put(TOOL, '"tool":@t@', t=self._one_of(TOOL, TOOLS))

    def _troubles(self) -> None:
        self._put(
            CLIENT_ERROR,
            '"error_type":@e@,"message":@m@',
            e=self._one_of(CLIENT_ERROR, ("TypeError", "RangeError", "NetworkError")),
            m=self._one_of(CLIENT_ERROR, texts.ERROR_MESSAGES),
        )
        self._put(
            PERFORMANCE,
            '"error_type":@e@,"value":@v@',
            e=self._one_of(PERFORMANCE, ("long_task", "low_fps", "memory")),
            v=np.round(self._rng.lognormal(5, 0.8, self._count(PERFORMANCE)), 1),
        )
        for kind, names in (
            (VIOLATION, ("blocked_script", "bad_token")),
            (RATE_LIMITED, ("prompts_per_minute", "requests_per_minute")),
            (MODERATED, ("language", "image")),
        ):
            self._put(
                kind,
                '"kind":@k@,"severity":@s@,"endpoint":@p@',
                k=self._one_of(kind, names),
                s=self._one_of(kind, ("low", "medium", "high")),
                p=self._one_of(kind, API_PATHS),
            )

    def _server(self) -> None:
        rng, k = self._rng, self._count(API_REQUEST)
        codes = pa.array(["200"] * 46 + ["404", "429", "500", "503"])
        self._put(
            API_REQUEST,
            '"endpoint":@p@,"status_code":@s@,"response_time_ms":@t@',
            p=self._one_of(API_REQUEST, API_PATHS),
            s=pick(codes, rng.integers(0, len(codes), k)),
            t=np.rint(rng.lognormal(4.6, 0.6, k)).astype(np.int64),
        )
        self._put(
            RESOURCE,
            '"resource":@r@,"value":@v@',
            r=self._one_of(RESOURCE, ("cpu", "memory", "queue")),
            v=np.round(rng.uniform(1, 95, self._count(RESOURCE)), 1),
        )

    def render(self, shown: np.ndarray, received: np.ndarray) -> pa.StringArray:
        time = self.clock.iso(shown)
        client_time = self.clock.iso(shown + self.client_lag)
        parts, order = [], []
        for kind, name in enumerate(KINDS):
            at = self.where[kind]
            if len(at) == 0:
                continue
            index = pa.array(at)
            parts.append(
                fill(
                    '{"event_id":"@id@","event_type":"' + name + '","timestamp":"@time@",'
                    '"session_id":"@session@","user_id":"@user@","sketch_id":@sketch@,'
                    '"properties":{@properties@},"metadata":{"client_timestamp":"@client@"@metadata@}}\n',
                    id=self.event_id.take(index),
                    time=time.take(index),
                    session=self.session.take(index),
                    user=self.user.take(index),
                    sketch=self.sketch.take(index),
                    properties=self.properties[kind],
                    client=client_time.take(index),
                    metadata=pick(self.metadata, self.rows.visit[at]),
                )
            )
            order.append(at)
        return in_row_order(parts, order)


def required_fields(record: dict) -> list[str]:
    kind = str(record.get("event_type", ""))
    if kind.startswith("prompt:"):
        return ["prompt_id"]
    if kind.startswith(("sketch:", "collaboration:")):
        return ["sketch_id"]
    return ["experiment_id", "variant"] if kind == "experiment:expose" else []
