ARMS = ("control", "treatment")
ENTRY_POINTS = ("homepage", "gallery", "shared-link", "newsletter", "search")
FAILURES = ("timeout", "syntax_error", "unsafe_code", "model_overloaded")
TOOLS = ("brush", "eraser", "text", "shape", "fill")
SETTING_NAMES = ("theme", "autosave", "frame_rate", "language")
VERSIONS = ("1.4.0", "1.5.0", "1.5.1", "1.6.0")
API_PATHS = ("/api/sketches", "/api/prompts", "/api/share", "/api/render")
class _Renderer:
    """Draws what the events say, once; renders it for whatever times the dirt decides on."""

    def __init__(self, rng, plan, world, people, visits, rows, session, sketch, arm, prompts):
        self.rows, self.clock = rows, Clock(plan.start_ms)
        n, k = len(visits), len(rows)
        self.event_id = uuids(rng, k)
        made = int(sketch.max()) + 1 if n else 0
        self.sketch_id = uuids(rng, max(made, n))
        self.complexity = np.round(rng.lognormal(1.2, 0.6, max(made, n)), 2)
        ids = fill('"@s@"', s=self.sketch_id)
        of_row = pick(ids, sketch[rows.visit])
        self.sketch = pc.if_else(pa.array(np.isin(rows.kind, SKETCHLESS)), "null", of_row)
        self.session = session.take(pa.array(rows.visit))
        self.user = people.sketch_id.take(pa.array(visits.person[rows.visit]))
        # The device's clock runs a little before or after the server's.
        drift = np.rint(rng.normal(0, 1500, n)).astype(np.int64)
        self.client_lag = drift[rows.visit] - rng.integers(5, 400, k)
        client = people.device_client[
            people.device[visits.person, (rng.random(n) < 0.3).astype(np.int64)]
        ]
        release = np.minimum(
            visits.start // DAY_MS * len(VERSIONS) // max(plan.days, 1), len(VERSIONS) - 1
        )
        platforms = pa.array(
            [
                f'"platform_info":{{"browser":"{c[1]}","version":"{c[2]}","os":"{c[3]}","device_type":"{c[5]}"}}'
                for c in texts.CLIENTS
            ]
        )
        stated = pa.array(["", ',"consent":true', ',"consent":false'])
        self.metadata = fill(
            ',"app_version":"@v@",@p@@c@',
            v=pick(pa.array(VERSIONS), release),
            p=pick(platforms, client),
            c=pick(stated, people.consent[visits.person]),
        )
        self.where = {kind: rows.of(kind) for kind in range(len(KINDS))}
        self.properties: dict[int, pa.StringArray] = {}
        self._describe(rng, plan, world, people, visits, sketch, arm, prompts)

    def _describe(self, rng, plan, world, people, visits, sketch, arm, prompts) -> None:
        rows = self.rows

        def put(kind: int, template: str = "", **columns) -> None:
            count = len(self.where[kind])
            self.properties[kind] = (
                fill(template, **columns) if columns else pa.array([template] * count, pa.string())
            )

        def one_of(kind: int, names: tuple[str, ...]) -> pa.StringArray:
            return pick(json_texts(names), rng.integers(0, len(names), len(self.where[kind])))

        entry = rng.choice(len(ENTRY_POINTS), len(visits), p=[0.4, 0.2, 0.2, 0.1, 0.1])
        countries = json_texts([c for c, _, _, _ in texts.COUNTRIES])
        where = rows.visit[self.where[SESSION_START]]
        put(
            SESSION_START,
            '"entry_point":@e@,"country":@c@',
            e=pick(json_texts(ENTRY_POINTS), entry[where]),
            c=pick(countries, people.country[visits.person[where]]),
        )
        put(SESSION_END)
        put(
            IDENTIFY,
            '"country":@c@',
            c=pick(countries, people.country[visits.person[rows.visit[self.where[IDENTIFY]]]]),
        )
        prompt_id = uuids(rng, len(prompts.parent))
        category = rng.choice(
            len(texts.PROMPT_CATEGORIES), len(prompts.parent), p=[0.35, 0.25, 0.1, 0.15, 0.15]
        )
        words = json_texts(world.texts.sketch_prompts)
        text = (rng.random(len(prompts.parent)) ** 1.7 * len(words)).astype(np.int64)
        unit = rows.ref[self.where[SUBMIT]]
        put(
            SUBMIT,
            '"prompt_id":"@i@","prompt_text":@t@,"prompt_category":@c@',
            i=pick(prompt_id, unit),
            t=pick(words, text[unit]),
            c=pick(json_texts(texts.PROMPT_CATEGORIES), category[unit]),
        )
        unit = rows.ref[self.where[MODIFY_PROMPT]]
        put(
            MODIFY_PROMPT,
            '"prompt_id":"@i@","parent_prompt_id":"@p@","prompt_text":@t@',
            i=pick(prompt_id, unit),
            p=pick(prompt_id, prompts.parent[unit]),
            t=pick(words, text[unit]),
        )
        for kind, template in (
            (SUCCESS, '"prompt_id":"@i@","processing_time":@t@'),
            (FAILURE, '"prompt_id":"@i@","processing_time":@t@,"error_type":@e@'),
        ):
            unit = rows.ref[self.where[kind]]
            put(
                kind,
                template,
                i=pick(prompt_id, unit),
                e=one_of(kind, FAILURES),
                t=np.rint(prompts.seconds[unit] * 1000).astype(np.int64),
            )
        for kind in (CREATE, VIEW, MODIFY):
            put(
                kind,
                '"complexity_score":@s@',
                s=self.complexity[sketch[rows.visit[self.where[kind]]]],
            )
        k = len(self.where[EXECUTE])
        render = rng.lognormal(np.log(plan.behaviour.render_ms_median), 0.6, k)
        put(
            EXECUTE,
            '"render_ms":@r@,"fps":@f@',
            r=np.round(render, 1),
            f=np.round(np.clip(1000 / np.maximum(render, 16.6), 2, 60), 1),
        )
        put(CANVAS, '"kind":@k@', k=one_of(CANVAS, ("draw", "pan", "zoom", "select")))
        put(JOIN, '"kind":@k@', k=one_of(JOIN, ("invite", "link")))
        put(LEAVE, '"kind":"left"')
        put(
            INTERACT,
            '"kind":@k@,"contribution_size":@s@',
            k=one_of(INTERACT, ("draw", "comment", "cursor", "prompt")),
            s=np.round(rng.lognormal(2, 1, len(self.where[INTERACT])), 1),
        )
        put(HISTORY)
        put(CODE)
        put(SETTINGS, '"setting":@s@', s=one_of(SETTINGS, SETTING_NAMES))
        put(TOOL, '"tool":@t@', t=one_of(TOOL, TOOLS))
        put(
            CLIENT_ERROR,
            '"error_type":@e@,"message":@m@',
            e=one_of(CLIENT_ERROR, ("TypeError", "RangeError", "NetworkError")),
            m=one_of(CLIENT_ERROR, texts.ERROR_MESSAGES),
        )
        put(
            PERFORMANCE,
            '"error_type":@e@,"value":@v@',
            e=one_of(PERFORMANCE, ("long_task", "low_fps", "memory")),
            v=np.round(rng.lognormal(5, 0.8, len(self.where[PERFORMANCE])), 1),
        )
        for kind, kinds in (
            (VIOLATION, ("blocked_script", "bad_token")),
            (RATE_LIMITED, ("prompts_per_minute", "requests_per_minute")),
            (MODERATED, ("language", "image")),
        ):
            put(
                kind,
                '"kind":@k@,"severity":@s@,"endpoint":@p@',
                k=one_of(kind, kinds),
                s=one_of(kind, ("low", "medium", "high")),
                p=one_of(kind, API_PATHS),
            )
        k = len(self.where[API_REQUEST])
        codes = pa.array(["200"] * 46 + ["404", "429", "500", "503"])
        put(
            API_REQUEST,
            '"endpoint":@p@,"status_code":@s@,"response_time_ms":@t@',
            p=one_of(API_REQUEST, API_PATHS),
            s=pick(codes, rng.integers(0, 50, k)),
            t=np.rint(rng.lognormal(4.6, 0.6, k)).astype(np.int64),
        )
        put(
            RESOURCE,
            '"resource":@r@,"value":@v@',
            r=one_of(RESOURCE, ("cpu", "memory", "queue")),
            v=np.round(rng.uniform(1, 95, len(self.where[RESOURCE])), 1),
        )
        put(
            EXPOSE,
            f'"experiment_id":"{plan.behaviour.experiment_id}","variant":@a@',
            a=pick(json_texts(ARMS), arm[visits.person[rows.visit[self.where[EXPOSE]]]]),
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


def _required_fields(record: dict) -> list[str]:
    kind = str(record.get("event_type", ""))
    if kind.startswith("prompt:"):
        return ["prompt_id"]
    if kind.startswith(("sketch:", "collaboration:")):
        return ["sketch_id"]
    return ["experiment_id", "variant"] if kind == "experiment:expose" else []


