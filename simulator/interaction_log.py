"""The interaction log: clicks, state transitions, web vitals and generations, mostly of visitors.

Its records carry no id, and a visitor's session is all that identifies them.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator import texts
from simulator.academy import in_row_order
from simulator.feeds import INTERACTIONS, AppBlock, EventRows
from simulator.lines import Clock, fill, json_texts, optional, pick, uuids
from simulator.parameters import INTERACTION_LOG, MINUTE_MS, Plan
from simulator.people import People
from simulator.seeding import Purpose, generator
from simulator.timeline import Script, expand
from simulator.visits import Visits, draw_visits
from simulator.world import World

KINDS = (
    "click", "input", "scroll", "navigation", "state_transition", "performance", "api_call", "error",
    "generation",
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
    generation_visit, success, script = _write_script(rng, plan, visits)
    idle = np.where(rng.random(n) < b.idle_gap_probability, rng.integers(31, 120, n) * MINUTE_MS, 0)
    rows, _ = script.play(visits.start, visits.person, ROOM_MS, idle)
    rows = rows.where(rows.time < plan.horizon_ms)
    session = uuids(rng, n)
    renderer = _Renderer(
        rng, plan, world, people, visits, rows, session, len(generation_visit), success
    )
    events = EventRows(
        feed=INTERACTIONS,
        rows=rows,
        is_activity=~np.isin(rows.kind, SYSTEM_KINDS),
        is_pause=np.zeros(len(rows), dtype=bool),
        is_end=np.zeros(len(rows), dtype=bool),
        client_session=session,
        session_of_visit=np.arange(n),
        person_of_visit=visits.person,
        render=renderer.render,
        required_fields=_required_fields,
    )
    return AppBlock([events])


def _write_script(
    rng: np.random.Generator, plan: Plan, visits: Visits
) -> tuple[np.ndarray, np.ndarray, Script]:
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
    return visit, success, script


class _Renderer:
    """Draws what the records say, once; renders it for whatever times the dirt decides on."""

    def __init__(self, rng, plan, world, people, visits, rows, session, generations, success):
        self.rows, self.clock = rows, Clock(plan.start_ms)
        n = len(visits)
        person = visits.person
        visitor = rng.random(n) < plan.behaviour.visitor_share
        user = pc.if_else(
            pa.array(visitor), "null", fill('"@u@"', u=people.log_id.take(pa.array(person)))
        )
        self.who = fill('"sessionId":"@s@","userId":@u@', s=session, u=user)
        consent = pick(pa.array(["", '"consent":true', '"consent":false']), people.consent[person])
        host = rng.integers(1, 255, people.n)[person]
        shows_ip = rng.random(n) < 0.5
        address = optional(shows_ip, fill(',"ip_address":"203.0.113.@h@"', h=host))
        self.tail = fill('"metadata":{@c@}@a@}\n', c=consent, a=address)
        client = people.device_client[people.device[person, (rng.random(n) < 0.3).astype(np.int64)]]
        self.agent = pick(json_texts([c[0] for c in texts.CLIENTS]), client)
        self.where = {kind: rows.of(kind) for kind in range(len(KINDS))}
        self.component: dict[int, pa.StringArray] = {}
        self.details: dict[int, pa.StringArray] = {}
        self._describe(rng, plan, world, generations, success)

    def _describe(self, rng, plan, world, generations, success) -> None:
        rows = self.rows

        def k(kind: int) -> int:
            return len(self.where[kind])

        def one_of(kind: int, names: tuple[str, ...]) -> pa.StringArray:
            return pick(json_texts(names), rng.integers(0, len(names), k(kind)))

        words = json_texts(world.texts.prompts)
        text = (rng.random(generations) ** 2 * len(words)).astype(np.int64)
        lengths = np.array([len(t) for t in world.texts.prompts])
        self.component[CLICK] = one_of(CLICK, BUTTONS)
        self.details[CLICK] = fill(
            '"x":@x@,"y":@y@', x=rng.integers(0, 1440, k(CLICK)), y=rng.integers(0, 900, k(CLICK))
        )
        self.component[INPUT] = pa.array(['"PromptInput"'] * k(INPUT), pa.string())
        unit = rows.ref[self.where[INPUT]]
        self.details[INPUT] = fill(
            '"field":"prompt","value":@v@,"length":@n@',
            v=pick(words, text[unit]),
            n=lengths[text[unit]],
        )
        self.component[SCROLL] = one_of(SCROLL, ("Gallery", "HistoryList", "HelpPage"))
        self.details[SCROLL] = fill('"depth":@d@', d=rng.integers(5, 101, k(SCROLL)))
        page = rows.ref[self.where[NAVIGATION]]
        self.component[NAVIGATION] = pa.array(['"Router"'] * k(NAVIGATION), pa.string())
        self.details[NAVIGATION] = fill('"path":@p@', p=pick(json_texts(PATHS), page))
        which = rows.ref[self.where[TRANSITION]]
        self.component[TRANSITION] = pa.array(['"GenerationMachine"'] * k(TRANSITION), pa.string())
        moves = pa.array(
            [f'"fromState":"{a}","toState":"{b}","event":"{e}"' for a, b, e in TRANSITIONS]
        )
        self.details[TRANSITION] = fill(
            '@m@,"context":{"retries":@r@},"duration":@d@',
            m=pick(moves, which),
            r=rng.integers(0, 3, len(which)),
            d=np.rint(rng.lognormal(6.5, 0.9, len(which))).astype(np.int64),
        )
        metric = rows.ref[self.where[PERFORMANCE]]
        b = plan.behaviour
        medians = np.array([b.first_paint_ms_median, b.interactive_ms_median, 1.0, 320.0])
        value = medians[metric] * rng.lognormal(0, 0.45, len(metric))
        value = np.where(
            metric == 2, np.round(rng.exponential(0.06, len(metric)), 3), np.round(value, 1)
        )
        self.component[PERFORMANCE] = pa.array(['"PerformanceObserver"'] * len(metric), pa.string())
        self.details[PERFORMANCE] = fill(
            '"metric":@m@,"value":@v@@e@',
            m=pick(json_texts(METRICS), metric),
            v=value,
            e=optional(
                metric == 3, fill(',"endpoint":@p@', p=one_of(PERFORMANCE, ("/api/generate",)))
            ),
        )
        unit = rows.ref[self.where[API_CALL]]
        is_generation = unit >= 0
        good = success[unit] if generations else np.zeros(len(unit), dtype=bool)
        other = pick(pa.array(["200"] * 28 + ["404", "500"]), rng.integers(0, 30, len(unit)))
        code = pc.if_else(
            pa.array(is_generation), pick(pa.array(["504", "200"]), good.astype(np.int8)), other
        )
        self.component[API_CALL] = pa.array(['"ApiClient"'] * len(unit), pa.string())
        self.details[API_CALL] = fill(
            '"endpoint":@p@,"status_code":@s@,"response_time_ms":@t@',
            s=code,
            p=pick(json_texts(("/api/history", "/api/generate")), is_generation.astype(np.int8)),
            t=np.rint(rng.lognormal(5.5, 0.7, len(unit))).astype(np.int64),
        )
        self.component[ERROR] = one_of(ERROR, ("Gallery", "PromptInput", "Canvas"))
        message = rng.integers(0, len(texts.ERROR_MESSAGES), k(ERROR))
        props = json_texts([f"draft of {texts.email(i)}" for i in range(1, 20)])
        self.details[ERROR] = fill(
            '"error":@m@,"stack":@s@,"component":@c@,"props":{"title":@p@},"userAgent":@a@,"critical":@k@',
            m=pick(json_texts(texts.ERROR_MESSAGES), message),
            s=pick(
                json_texts(
                    [
                        f"Error: {m}\n    at render (app.js:{i * 7 + 12}:3)"
                        for i, m in enumerate(texts.ERROR_MESSAGES)
                    ]
                ),
                message,
            ),
            c=self.component[ERROR],
            p=pick(props, rng.integers(0, len(props), k(ERROR))),
            a=self.agent.take(pa.array(rows.visit[self.where[ERROR]])),
            k=rng.random(k(ERROR)) < 0.1,
        )
        unit = rows.ref[self.where[GENERATION]]
        self.component[GENERATION] = pa.array(['"Generator"'] * len(unit), pa.string())
        provider = rng.choice(len(PROVIDERS), len(unit), p=[0.6, 0.3, 0.1])
        failure = one_of(GENERATION, ("timeout", "provider_error", "content_filter"))
        took = np.rint(rng.lognormal(7.6, 0.5, len(unit))).astype(np.int64)
        self.details[GENERATION] = fill(
            '"generationTime":@t@,"promptLength":@n@,"provider":@p@,"success":@s@@e@,"prompt":@w@',
            t=np.where(success[unit], took, 30_000),
            n=lengths[text[unit]],
            p=pick(json_texts(PROVIDERS), provider),
            s=success[unit],
            e=optional(~success[unit], fill(',"errorType":@f@', f=failure)),
            w=pick(words, text[unit]),
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
