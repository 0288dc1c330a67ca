"""The interaction log: clicks, state transitions, web vitals and generations, mostly of visitors.

Its records carry no id, and a visitor's session is all that identifies them.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator import texts
from simulator.feeds import INTERACTIONS, AppBlock, EventRows
from simulator.lines import Clock, Column, fill, in_row_order, json_texts, optional, pick, uuids
from simulator.parameters import INTERACTION_LOG, MINUTE_MS, Plan
from simulator.people import People
from simulator.seeding import Purpose, generator
from simulator.timeline import Rows, Script, expand
from simulator.visits import Visits, draw_visits
from simulator.world import World

KINDS = (
    "click", "input", "scroll", "navigation", "state_transition", "performance", "api_call",
    "error", "generation",
)  # fmt: skip
CLICK, INPUT, SCROLL, NAVIGATION, TRANSITION, PERFORMANCE, API_CALL, ERROR, GENERATION = range(9)
SYSTEM_KINDS = (PERFORMANCE, API_CALL, ERROR, GENERATION)

# (from, to, event) of the page's state machine; the last is a failed generation.
TRANSITIONS = (
    ("idle", "typing", "FOCUS"),
    ("typing", "generating", "SUBMIT"),
    ("generating", "done", "RESOLVE"),
    ("generating", "failed", "REJECT"),
)
METRICS = ("FCP", "TTI", "CLS", "API")
PROVIDERS = ("alpha-models", "beta-models", "local")
PATHS = ("/", "/create", "/gallery", "/settings", "/help", "/history")
BUTTONS = ("GenerateButton", "CopyButton", "ShareButton", "MenuButton", "ThemeToggle")
ROOM_MS = 40 * MINUTE_MS


def simulate_interaction_log(plan: Plan, world: World, people: People, block: int) -> AppBlock:
    rng = generator(plan.seed, Purpose.INTERACTION_LOG, block)
    b = plan.behaviour
    visits = draw_visits(rng, plan, people, INTERACTION_LOG)
    n = len(visits)
    if n == 0:
        return AppBlock([])
    success, script = _write_script(rng, plan, visits)
    idle = np.where(rng.random(n) < b.idle_gap_probability, rng.integers(31, 120, n) * MINUTE_MS, 0)
    rows, _ = script.play(visits.start, visits.person, ROOM_MS, idle)
    rows = rows.where(rows.time < plan.horizon_ms)
    if len(rows) == 0:
        return AppBlock([])
    session = uuids(rng, n)
    records = _Records(rng, plan, world, people, visits, rows, session, success)
    events = EventRows(
        feed=INTERACTIONS,
        rows=rows,
        is_activity=~np.isin(rows.kind, SYSTEM_KINDS),
        is_pause=np.zeros(len(rows), dtype=bool),
        is_end=np.zeros(len(rows), dtype=bool),
        client_session=session,
        session_of_visit=np.arange(n),
        person_of_visit=visits.person,
        render=records.render,
        required_fields=_required_fields,
    )
    return AppBlock([events])


def _write_script(
    rng: np.random.Generator, plan: Plan, visits: Visits
) -> tuple[np.ndarray, Script]:
    """The script, and for every generation in it whether it succeeds."""
    n = len(visits)
    every = np.arange(n)
    script = Script()

    def wait(mean: float, least: float, k: int) -> np.ndarray:
        return rng.exponential(mean, k) + least

    script.add(NAVIGATION, every, 0.0, 0.0, np.zeros(n))
    for metric, pause in ((0, 0.9), (1, 1.2), (2, 0.5)):
        script.add(PERFORMANCE, every, 0.1 + metric / 10, pause, np.full(n, metric))
    visit, _ = expand(rng.poisson(1.6, n))
    page = rng.integers(1, len(PATHS), len(visit))
    script.add(NAVIGATION, visit, rng.uniform(1, 90, len(visit)), wait(30, 1, len(visit)), page)
    for kind, mean, pause in (
        (CLICK, 2.4, 15),
        (SCROLL, 1.4, 12),
        (ERROR, 0.12, 3),
        (API_CALL, 0.5, 2),
    ):
        visit, _ = expand(rng.poisson(mean, n))
        script.add(kind, visit, rng.uniform(1, 95, len(visit)), wait(pause, 0.2, len(visit)))

    # A generation: typing, submitting, waiting, and what came of it.
    visit, turn = expand(np.where(rng.random(n) < 0.6, 1 + rng.poisson(0.5, n), 0))
    g = len(visit)
    unit = np.arange(g)
    success = rng.random(g) < plan.behaviour.generation_success
    order = 10.0 + turn * 20 + rng.uniform(0, 5, g)
    seconds = np.where(success, rng.lognormal(1.0, 0.5, g), 30.0)
    script.add(TRANSITION, visit, order, wait(8, 0.5, g), np.zeros(g))
    script.add(INPUT, visit, order + 0.001, wait(20, 2, g), unit)
    script.add(TRANSITION, visit, order + 0.002, wait(3, 0.3, g), np.ones(g))
    script.add(API_CALL, visit, order + 0.003, seconds, unit)
    script.add(PERFORMANCE, visit, order + 0.004, 0.01, np.full(g, 3))
    script.add(GENERATION, visit, order + 0.005, 0.02, unit)
    script.add(TRANSITION, visit, order + 0.006, 0.05, np.where(success, 2, 3))
    return success, script


class _Records:
    """Draws what the records say, once; renders it for whatever times the dirt decides on."""

    def __init__(
        self,
        rng: np.random.Generator,
        plan: Plan,
        world: World,
        people: People,
        visits: Visits,
        rows: Rows,
        session: pa.StringArray,
        success: np.ndarray,
    ):
        self._rng, self._plan, self.rows = rng, plan, rows
        self.clock = Clock(plan.start_ms)
        self.where = {kind: rows.of(kind) for kind in range(len(KINDS))}
        self.component: dict[int, pa.StringArray] = {}
        self.details: dict[int, pa.StringArray] = {}
        self._senders(people, visits, session)
        self._gestures(world, len(success))
        self._generations(success)
        self._performance()
        self._errors()

    def _put(
        self, kind: int, components: tuple[str, ...], template: str, **columns: Column
    ) -> None:
        self.component[kind] = self._one_of(kind, components)
        self.details[kind] = fill(template, **columns)

    def _count(self, kind: int) -> int:
        return len(self.where[kind])

    def _ref(self, kind: int) -> np.ndarray:
        return self.rows.ref[self.where[kind]]

    def _one_of(self, kind: int, pool: tuple[str, ...]) -> pa.StringArray:
        return pick(json_texts(pool), self._rng.integers(0, len(pool), self._count(kind)))

    def _senders(self, people: People, visits: Visits, session: pa.StringArray) -> None:
        """Visitors are nobody but their session; some clients write a nothing as a word."""
        rng, n, person = self._rng, len(visits), visits.person
        known = fill('"@u@"', u=pick(people.log_id, person))
        nobody = rng.random(n) < self._plan.dirt.placeholder_user
        absent = np.where(nobody & (not self._plan.clean), 1, 0)
        user = pc.if_else(
            pa.array(rng.random(n) < self._plan.behaviour.visitor_share),
            pick(pa.array(["null", '"undefined"']), absent),
            known,
        )
        self.who = fill('"sessionId":"@s@","userId":@u@', s=session, u=user)
        stated = pa.array(["", '"consent":true', '"consent":false'])
        host = rng.integers(1, 255, people.n)[person]
        self.tail = fill(
            '"metadata":{@c@}@a@}\n',
            c=pick(stated, people.consent[person]),
            a=optional(
                rng.random(n) < 0.5,
                fill(
                    ',"ip_address":"203.0.113.@h@","properties":{"country":@c@}',
                    h=host,
                    c=pick(texts.country_names(), people.country[person]),
                ),
            ),
        )
        which = (rng.random(n) < 0.3).astype(np.int64)
        client = people.device_client[people.device[person, which]]
        self.agent = pick(json_texts([c[0] for c in texts.CLIENTS]), client)

    def _gestures(self, world: World, generations: int) -> None:
        rng = self._rng
        self._put(
            CLICK,
            BUTTONS,
            '"x":@x@,"y":@y@',
            x=rng.integers(0, 1440, self._count(CLICK)),
            y=rng.integers(0, 900, self._count(CLICK)),
        )
        depth = rng.integers(5, 101, self._count(SCROLL))
        self._put(SCROLL, ("Gallery", "HistoryList", "HelpPage"), '"depth":@d@', d=depth)
        page = self._ref(NAVIGATION)
        self._put(NAVIGATION, ("Router",), '"path":@p@', p=pick(json_texts(PATHS), page))
        # What is typed into the prompt field is what is then generated from.
        self._words = json_texts(world.texts.prompts)
        self._text = (rng.random(generations) ** 2 * len(self._words)).astype(np.int64)
        self._length = np.array([len(text) for text in world.texts.prompts])
        typed = self._text[self._ref(INPUT)]
        self._put(
            INPUT,
            ("PromptInput",),
            '"field":"prompt","value":@v@,"length":@n@',
            v=pick(self._words, typed),
            n=self._length[typed],
        )
        k = self._count(TRANSITION)
        moves = pa.array(
            [f'"fromState":"{a}","toState":"{b}","event":"{e}"' for a, b, e in TRANSITIONS]
        )
        self._put(
            TRANSITION,
            ("GenerationMachine",),
            '@m@,"context":{"retries":@r@},"duration":@d@',
            m=pick(moves, self._ref(TRANSITION)),
            r=rng.integers(0, 3, k),
            d=np.rint(rng.lognormal(6.5, 0.9, k)).astype(np.int64),
        )

    def _generations(self, success: np.ndarray) -> None:
        rng = self._rng
        unit = self._ref(GENERATION)
        provider = rng.choice(len(PROVIDERS), len(unit), p=[0.6, 0.3, 0.1])
        took = np.rint(rng.lognormal(7.6, 0.5, len(unit))).astype(np.int64)
        reason = self._one_of(GENERATION, ("timeout", "provider_error", "content_filter"))
        self._put(
            GENERATION,
            ("Generator",),
            '"generationTime":@t@,"promptLength":@n@,"provider":@p@,"success":@s@@e@,"prompt":@w@',
            t=np.where(success[unit], took, 30_000),
            n=self._length[self._text[unit]],
            p=pick(json_texts(PROVIDERS), provider),
            s=success[unit],
            e=optional(~success[unit], fill(',"errorType":@r@', r=reason)),
            w=pick(self._words, self._text[unit]),
        )
        # Calls made for a generation end as it does; the others mostly well.
        unit = self._ref(API_CALL)
        generates = unit >= 0
        good = np.append(success, True)[unit]
        other = pick(pa.array(["200"] * 28 + ["404", "500"]), rng.integers(0, 30, len(unit)))
        code = pc.if_else(
            pa.array(generates), pick(pa.array(["504", "200"]), good.astype(np.int8)), other
        )
        endpoints = json_texts(("/api/history", "/api/generate"))
        self._put(
            API_CALL,
            ("ApiClient",),
            '"endpoint":@p@,"status_code":@s@,"response_time_ms":@t@',
            p=pick(endpoints, generates.astype(np.int8)),
            s=code,
            t=np.rint(rng.lognormal(5.5, 0.7, len(unit))).astype(np.int64),
        )

    def _performance(self) -> None:
        rng, b = self._rng, self._plan.behaviour
        metric = self._ref(PERFORMANCE)
        k = len(metric)
        medians = np.array([b.first_paint_ms_median, b.interactive_ms_median, 0, 320.0])
        milliseconds = np.round(medians[metric] * rng.lognormal(0, 0.45, k), 1)
        shift = np.round(rng.exponential(0.06, k), 3)
        endpoint = fill(',"endpoint":@p@', p=self._one_of(PERFORMANCE, ("/api/generate",)))
        self._put(
            PERFORMANCE,
            ("PerformanceObserver",),
            '"metric":@m@,"value":@v@@e@',
            m=pick(json_texts(METRICS), metric),
            v=np.where(metric == METRICS.index("CLS"), shift, milliseconds),
            e=optional(metric == METRICS.index("API"), endpoint),
        )

    def _errors(self) -> None:
        rng, k = self._rng, self._count(ERROR)
        message = rng.integers(0, len(texts.ERROR_MESSAGES), k)
        stacks = json_texts(
            f"Error: {text}\n    at render (app.js:{i * 7 + 12}:3)"
            for i, text in enumerate(texts.ERROR_MESSAGES)
        )
        drafts = json_texts(f"draft of {texts.email(i)}" for i in range(1, 20))
        self._put(
            ERROR,
            ("Gallery", "PromptInput", "Canvas"),
            '"error":@m@,"stack":@s@,"component":"ErrorBoundary","props":{"title":@p@},'
            '"userAgent":@a@,"critical":@c@',
            m=pick(json_texts(texts.ERROR_MESSAGES), message),
            s=pick(stacks, message),
            p=pick(drafts, rng.integers(0, len(drafts), k)),
            a=pick(self.agent, self.rows.visit[self.where[ERROR]]),
            c=rng.random(k) < 0.1,
        )

    def render(self, shown: np.ndarray, received: np.ndarray) -> pa.StringArray:
        time = self.clock.iso(shown)
        parts, order = [], []
        for kind, name in enumerate(KINDS):
            at = self.where[kind]
            if len(at) == 0:
                continue
            visit = pa.array(self.rows.visit[at])
            parts.append(
                fill(
                    '{"timestamp":"@time@",@who@,"action":"' + name + '","component":@component@,'
                    '"details":{@details@},@tail@',
                    time=time.take(pa.array(at)),
                    who=self.who.take(visit),
                    component=self.component[kind],
                    details=self.details[kind],
                    tail=self.tail.take(visit),
                )
            )
            order.append(at)
        return in_row_order(parts, order)


def _required_fields(record: dict) -> list[str]:
    return {
        "state_transition": ["fromState", "toState"],
        "performance": ["metric", "value"],
        "generation": ["success"],
    }.get(str(record.get("action", "")), [])
