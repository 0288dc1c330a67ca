class _Details:
    """Everything the events say besides their times, drawn once for all rows."""

    def __init__(
        self,
        rng,
        plan,
        world,
        people,
        person,
        visits,
        session,
        second,
        topic,
        reading,
        questions,
        attempts,
        habits,
        streaks,
        points,
        night_streak,
        rows,
    ):
        self.plan, self.world, self.rows, self.clock = plan, world, rows, Clock(plan.start_ms)
        self.event_id = uuids(rng, len(rows))
        n = len(person)
        user = pa.concat_arrays([people.study_id.take(pa.array(person))])
        hashed = pa.array(
            [hashlib.sha256(u.encode()).hexdigest() for u in people.study_id.to_pylist()]
        )
        self.user = {False: user, True: hashed.take(pa.array(person))}
        quoted = fill('"@s@"', s=session)
        self.session = pa.concat_arrays([quoted, pa.array(["null"] * (n - visits), pa.string())])
        consent = pick(pa.array(["", '"consent":true', '"consent":false']), people.consent[person])
        # The server cuts the last octet, or hashes the address.
        host = rng.integers(0, 3, people.n)
        addresses = pa.array(
            [
                '"ip_address":"192.0.2.0"',
                '"ip_address":"198.51.100.0"',
                '"ip_address":"203.0.113.0"',
            ]
        )
        address = optional(rng.random(n) < 0.3, pick(addresses, host[person]))
        self.address = optional(pc.not_equal(address, ""), fill(",@a@", a=address))
        self.consent = consent
        device = people.device_client[people.device[person, (rng.random(n) < 0.3).astype(np.int64)]]
        agents = json_texts([c[0] for c in texts.CLIENTS])
        devices = json_texts([c[4] for c in texts.CLIENTS])
        zones = json_texts([zone for _, _, _, zone in texts.COUNTRIES])
        countries = json_texts([c for c, _, _, _ in texts.COUNTRIES])
        country = people.country[person]
        self.start_properties = fill(
            '"device_type":@d@,"user_agent":@a@,"timezone":@z@,"country":@c@',
            d=pick(devices, device),
            a=pick(agents, device),
            z=pick(zones, country),
            c=pick(countries, country),
        )
        self.objects: dict[int, dict[str, pa.StringArray]] = {}
        self.properties: dict[int, pa.StringArray] = {}
        self.where = {kind: rows.of(kind) for kind in range(len(KINDS))}
        self.shouts = rng.random(n) < 0.1
        self._describe(
            rng,
            people,
            person,
            topic,
            second,
            reading,
            questions,
            attempts,
            habits,
            streaks,
            points,
            night_streak,
        )

    def _describe(
        self,
        rng,
        people,
        person,
        topic,
        second,
        reading,
        questions,
        attempts,
        habits,
        streaks,
        points,
        night_streak,
    ):
        rows, world, at_kind = self.rows, self.world, self.where
        topic_ids = fill('"@s@"', s=world.topic_id)
        material_ids = fill('"@s@"', s=world.material_id)
        chunk_ids = fill('"@s@"', s=world.chunk_id)
        question_ids = fill('"@s@"', s=world.question_id)

        def put(kind: int, template: str = "", objects: dict | None = None, **columns) -> None:
            count = len(at_kind[kind])
            self.properties[kind] = (
                fill(template, **columns) if columns else pa.array([template] * count, pa.string())
            )
            self.objects[kind] = objects or {}

        put(
            SESSION_PAUSE,
            '"pause_reason":@r@',
            r=pick(
                json_texts(texts.PAUSE_REASONS), rng.integers(0, 4, len(at_kind[SESSION_PAUSE]))
            ),
        )
        put(SESSION_RESUME)
        self._sessions(rng, person, topic, attempts, points)

        # Reading.
        names = pa.array(
            [
                f'"{TOPIC_NAMES[m // 2].lower()} part {m % 2 + 1}.pdf"'
                for m in range(world.materials)
            ]
        )
        at = at_kind[MATERIAL_OPEN]
        material = reading.material[rows.ref[at]]
        is_second = second[rows.visit[at]]
        objects = {
            "material_id": pick(material_ids, material),
            "topic_id": pick(topic_ids, material // MATERIALS_PER_TOPIC),
        }
        progress = np.round(rng.uniform(5, 100, len(at)), 1)
        put(
            MATERIAL_OPEN,
            "@p@",
            objects,
            p=pc.if_else(
                pa.array(is_second),
                fill(
                    '"material_type":"pdf","interaction_type":"view","progress_percentage":@p@',
                    p=progress,
                ),
                fill(
                    '"material_type":"pdf","material_name":@n@,"total_pages":@g@',
                    n=pick(names, material),
                    g=world.material_pages[material],
                ),
            ),
        )
        at = at_kind[MATERIAL_READ]
        beat = rows.ref[at]
        material = reading.material[reading.read_opening[beat]]
        place = reading.read_place[beat]
        chunk_index = np.minimum(place * 2 // 3, CHUNKS_PER_MATERIAL - 1)
        depth = np.minimum(100, 12 * (place + 1) + rng.integers(0, 12, len(at)))
        put(
            MATERIAL_READ,
            '"time_spent_seconds":30,"scroll_depth_percent":@d@,"chunk_index":@c@,"is_complete":@e@',
            {
                "material_id": pick(material_ids, material),
                "chunk_id": pick(chunk_ids, material * CHUNKS_PER_MATERIAL + chunk_index),
                "topic_id": pick(topic_ids, material // MATERIALS_PER_TOPIC),
            },
            d=depth,
            c=chunk_index,
            e=place % 3 == 2,
        )
        at = at_kind[MATERIAL_COMPLETE]
        material = reading.material[rows.ref[at]]
        beats = np.bincount(reading.read_opening, minlength=len(reading.material))[rows.ref[at]]
        put(
            MATERIAL_COMPLETE,
            '"total_time_seconds":@s@,"completion_percentage":100',
            {
                "material_id": pick(material_ids, material),
                "topic_id": pick(topic_ids, material // MATERIALS_PER_TOPIC),
            },
            s=beats * 30 + 20,
        )
        for kind, name in (
            (HIGHLIGHT, "highlight"),
            (NOTE, "note"),
            (SHORT_NOTE, "note"),
            (BOOKMARK, "bookmark"),
            (SHORT_BOOKMARK, "bookmark"),
        ):
            at = at_kind[kind]
            material = reading.material[rows.ref[at]]
            chunk = material * CHUNKS_PER_MATERIAL + rng.integers(0, CHUNKS_PER_MATERIAL, len(at))
            put(
                kind,
                f'"annotation_type":"{name}","text_length":@l@,"chunk_position":"@p@"',
                {
                    "material_id": pick(material_ids, material),
                    "chunk_id": pick(chunk_ids, chunk),
                    "topic_id": pick(topic_ids, material // MATERIALS_PER_TOPIC),
                },
                l=rng.integers(5, 300, len(at)),
                p=rng.integers(0, 2000, len(at)),
            )

        # Questions.
        label = json_texts(DIFFICULTY_NAMES)
        seen = np.zeros(len(questions.visit), dtype=bool)
        views = at_kind[QUESTION_VIEW]
        key = (
            person[rows.visit[views]] * np.int64(world.questions)
            + questions.question[rows.ref[views]]
        )
        by_time = np.lexsort((rows.time[views], key))
        seen[rows.ref[views[by_time]]] = rank_within(key[by_time]) == 0

        def about(unit: np.ndarray) -> dict[str, pa.StringArray]:
            question = questions.question[unit]
            return {
                "question_id": pick(question_ids, question),
                "topic_id": pick(topic_ids, world.question_topic[question]),
            }

        unit = rows.ref[views]
        put(
            QUESTION_VIEW,
            '"question_type":"multiple_choice","difficulty":@d@,"is_first_view":@f@',
            about(unit),
            d=pick(label, world.question_label[questions.question[unit]]),
            f=seen[unit],
        )
        wrong = rng.integers(1, len(OPTIONS), len(attempts.person))
        key = world.question_answer[attempts.question]
        chosen = np.where(attempts.is_correct, key, (key + wrong) % len(OPTIONS))
        feels = np.clip(
            np.rint(
                1
                + 4 * attempts.chance
                + habits.overconfidence[attempts.person]
                + rng.normal(0, 0.6, len(wrong))
            ),
            1,
            5,
        ).astype(np.int64)
        confident = habits.asks_confidence[attempts.person] & (rng.random(len(wrong)) < 0.9)
        options = json_texts(OPTIONS)
        for kind in (QUESTION_SUBMIT, QUESTION_ATTEMPT):
            unit = rows.ref[at_kind[kind]]
            a = attempts.of_question[unit]
            put(
                kind,
                '"selected_answer":@s@,"correct_answer":@c@,"is_correct":@r@,'
                '"time_to_answer_seconds":@t@@f@,"is_first_attempt":@i@,"attempt_number":@n@,'
                '"hint_used":@h@',
                about(unit),
                s=pick(options, chosen[a]),
                c=pick(options, key[a]),
                r=attempts.is_correct[a],
                t=questions.seconds[unit],
                f=optional(confident[a], fill(',"confidence_level":@c@', c=feels[a])),
                i=attempts.attempt_number[a] == 1,
                n=attempts.attempt_number[a],
                h=questions.hint[unit],
            )
        for kind in (HINT, EXPLANATION):
            unit = rows.ref[at_kind[kind]]
            put(
                kind,
                '"hint_type":@k@,"time_before_hint":@t@',
                about(unit),
                k=pick(json_texts(("guided", "direct")), rng.integers(0, 2, len(unit))),
                t=np.round(questions.seconds[unit] / 2, 1),
            )
        self._quizzes(rng, questions, attempts, len(person))
        self._coach(rng, person, topic, topic_ids)

        # Points.
        at = at_kind[XP]
        put(
            XP,
            '"xp_amount":@a@,"xp_source":@s@,"new_total_xp":@t@',
            a=XP_AMOUNTS[rows.ref[at]],
            s=pick(XP_SOURCES, rows.ref[at]),
            t=points.total[at],
        )
        total = rows.ref[at_kind[LEVEL_UP]]
        put(
            LEVEL_UP,
            '"old_level":@o@,"new_level":@n@,"total_xp":@t@',
            o=_level(total) - 1,
            n=_level(total),
            t=total,
        )
        which = rows.ref[at_kind[ACHIEVEMENT]]
        put(
            ACHIEVEMENT,
            '"achievement_id":"@i@","achievement_name":@n@,"achievement_type":@k@,"xp_reward":@x@',
            i=pick(world.achievement_id, which),
            n=pick(json_texts([a[1] for a in texts.ACHIEVEMENTS]), which),
            k=pick(json_texts([a[2] for a in texts.ACHIEVEMENTS]), which),
            x=np.array([a[3] for a in texts.ACHIEVEMENTS])[which],
        )
        at = at_kind[STREAK_CONTINUED]
        entry = streaks.at(person[rows.visit[at]], rows.time[at])
        length = streaks.length[entry]
        put(
            STREAK_CONTINUED,
            '"old_streak":@o@,"new_streak":@n@,"is_new_record":@r@',
            o=length - 1,
            n=length,
            r=length > streaks.best_before[entry],
        )
        put(
            STREAK_BROKEN,
            '"old_streak":@o@,"new_streak":0,"is_new_record":false',
            o=night_streak[rows.ref[at_kind[STREAK_BROKEN]]],
        )
        at = at_kind[STREAK_UPDATE]
        entry = streaks.at(person[rows.visit[at]], rows.time[at])
        put(STREAK_UPDATE, '"new_streak":@n@', n=streaks.length[entry])

        # Finding things, and the server.
        k = len(at_kind[SEARCH])
        queries = json_texts(world.texts.queries)
        filters = pa.array(["{}", '{"level":"core"}', '{"type":["pdf"],"recent":true}'])
        put(
            SEARCH,
            '"query":@q@,"result_count":@c@,"filters_applied":@f@,"search_type":@t@',
            q=pick(queries, rng.integers(0, len(queries), k)),
            c=rng.integers(0, 40, k),
            f=pick(filters, rng.integers(0, 3, k)),
            t=pick(json_texts(("semantic", "keyword")), rng.integers(0, 2, k)),
        )
        which = topic[rows.visit[at_kind[EXPLORE]]]
        put(
            EXPLORE,
            '"topic_name":@n@,"topic_level":@l@@m@',
            {"topic_id": pick(topic_ids, which)},
            n=pick(json_texts(TOPIC_NAMES), which),
            l=pick(json_texts(TOPIC_LEVELS), world.topic_level[which]),
            m=optional(
                rng.random(len(which)) < 0.5,
                fill(',"current_mastery":@m@', m=np.round(rng.uniform(0.2, 0.95, len(which)), 2)),
            ),
        )
        endpoints = json_texts(ENDPOINTS)
        for kind, extra in ((API_REQUEST, ""), (API_ERROR, ',"error_type":@e@')):
            k = len(at_kind[kind])
            code = pa.array(
                ["200", "200", "200", "304"]
                if kind == API_REQUEST
                else ["500", "502", "503", "504"]
            )
            put(
                kind,
                '"endpoint":@p@,"method":@m@,"status_code":@s@,"response_time_ms":@t@' + extra,
                p=pick(endpoints, rng.integers(0, len(ENDPOINTS), k)),
                m=pick(json_texts(("GET", "POST")), rng.integers(0, 2, k)),
                s=pick(code, rng.integers(0, 4, k)),
                t=np.rint(rng.lognormal(5.0 if kind == API_REQUEST else 7.5, 0.6, k)).astype(
                    np.int64
                ),
                e=pick(json_texts(("timeout", "upstream_error")), rng.integers(0, 2, k)),
            )

    def _sessions(self, rng, person, topic, attempts, points) -> None:
        """Starts, and ends with the client's own count of what happened: mostly right."""
        rows = self.rows
        n = len(person)

        def count(*kinds: int) -> np.ndarray:
            return np.bincount(rows.visit[np.isin(rows.kind, kinds)], minlength=n)

        start = self.where[SESSION_START]
        self.properties[SESSION_START] = self.start_properties.take(pa.array(rows.visit[start]))
        self.objects[SESSION_START] = {}
        self.start_material = fill(
            '"@s@"', s=self.world.material_id.take(pa.array(topic * MATERIALS_PER_TOPIC))
        )
        end = self.where[SESSION_END]
        first = np.full(n, np.iinfo(np.int64).max)
        np.minimum.at(first, rows.visit, rows.time)
        visit = rows.visit[end]
        seconds = (rows.time[end] - first[visit]) // 1000
        earned = np.bincount(
            rows.visit[self.where[XP]], XP_AMOUNTS[rows.ref[self.where[XP]]], minlength=n
        ).astype(np.int64)
        viewed = count(MATERIAL_OPEN)[visit]
        # The client forgets some views when the tab was reloaded.
        viewed = np.maximum(viewed - (rng.random(len(end)) < 0.05), 0)
        self.properties[SESSION_END] = fill(
            '"duration_seconds":@d@,"active_seconds":@a@,"materials_viewed":@m@,'
            '"questions_attempted":@q@,"xp_earned":@x@',
            d=seconds,
            a=(seconds * rng.uniform(0.6, 0.95, len(end))).astype(np.int64),
            m=viewed,
            q=count(QUESTION_SUBMIT, QUESTION_ATTEMPT)[visit],
            x=earned[visit],
        )
        self.objects[SESSION_END] = {}

    def _quizzes(self, rng, questions, attempts, visits: int) -> None:
        rows = self.rows
        quiz_id = uuids(rng, visits)
        kind = rng.choice(3, visits, p=[0.7, 0.2, 0.1])
        asked = np.bincount(questions.visit, minlength=visits)
        submits = np.isin(rows.kind, (QUESTION_SUBMIT, QUESTION_ATTEMPT))
        right = attempts.is_correct[attempts.of_question[rows.ref[submits]]]
        correct = np.bincount(rows.visit[submits], right, minlength=visits).astype(np.int64)
        seconds = np.bincount(questions.visit, questions.seconds, minlength=visits)
        for event, template in (
            (QUIZ_START, '"quiz_id":"@i@","quiz_type":@k@,"total_questions":@n@'),
            (
                QUIZ_COMPLETE,
                '"quiz_id":"@i@","total_questions":@n@,"correct_answers":@c@,"accuracy":@a@,'
                '"total_time_seconds":@s@,"quiz_type":@k@',
            ),
        ):
            visit = rows.visit[self.where[event]]
            total = np.maximum(asked[visit], 1)
            self.properties[event] = fill(
                template,
                i=quiz_id.take(pa.array(visit)),
                k=pick(QUIZ_TYPES, kind[visit]),
                n=total,
                c=correct[visit],
                a=np.round(correct[visit] / total, 4),
                s=np.rint(seconds[visit]).astype(np.int64),
            )
            self.objects[event] = {}

    def _coach(self, rng, person, topic, topic_ids) -> None:
        rows = self.rows
        at = self.where[AI_ASKED]
        about = topic[rows.visit[at]]
        ids = pick(topic_ids, about)
        self.objects[AI_ASKED] = {"topic_id": ids}
        self.properties[AI_ASKED] = fill(
            '"question_length":@l@,"context_provided":@c@,"conversation_turn":@n@,"detected_topics":[@d@]',
            l=rng.integers(12, 400, len(at)),
            c=rng.random(len(at)) < 0.4,
            n=rows.ref[at] + 1,
            d=ids,
        )
        at = self.where[AI_ANSWERED]
        k = len(at)
        took = rows.time[at] - rows.time[np.maximum(at - 1, 0)]
        tokens = rng.integers(60, 900, k)
        self.objects[AI_ANSWERED] = {}
        self.properties[AI_ANSWERED] = fill(
            '"response_length":@l@,"response_time_ms":@t@,"model_used":"gpt-5","tokens_used":@n@',
            l=tokens * 4,
            t=np.clip(took, 1, 60_000),
            n=tokens,
        )
        message = uuids(
            rng,
            len(
                rows.kind[
                    np.isin(rows.kind, (FEEDBACK_POSITIVE, FEEDBACK_NEGATIVE, FEEDBACK_RATED))
                ]
            ),
        )
        used = 0
        comments = json_texts(self.world.texts.feedback)
        for kind, least, most in (
            (FEEDBACK_POSITIVE, 4, 5),
            (FEEDBACK_NEGATIVE, 1, 2),
            (FEEDBACK_RATED, 1, 5),
        ):
            k = len(self.where[kind])
            comment = fill(
                ',"feedback_text":@c@', c=pick(comments, rng.integers(0, len(comments), k))
            )
            self.objects[kind] = {}
            self.properties[kind] = fill(
                '"message_id":"@m@","rating":@r@@c@',
                m=message.slice(used, k),
                r=rng.integers(least, most + 1, k),
                c=optional(rng.random(k) < 0.4, comment),
            )
            used += k


_OBJECTS = ("material_id", "chunk_id", "question_id", "topic_id")


def _renderer(details: _Details, chosen: np.ndarray, second: bool):
    """A render function for the rows of one vocabulary."""
    rows = details.rows
    number = np.cumsum(chosen) - 1

    def render(shown: np.ndarray, received: np.ndarray) -> pa.StringArray:
        time = details.clock.iso(shown, zone="")
        parts, order = [], []
        for kind, names in enumerate(KINDS):
            name = names[second]
            at = details.where[kind]
            inside = chosen[at]
            mine = at[inside]
            if name is None or len(mine) == 0:
                continue
            local = pa.array(np.flatnonzero(inside))
            visit = pa.array(rows.visit[mine])
            properties = details.properties[kind].take(local)
            objects = {k: v.take(local) for k, v in details.objects[kind].items()}
            properties = _join(properties, details.consent.take(visit))
            shared = {
                "id": details.event_id.take(pa.array(mine)),
                "time": time.take(pa.array(number[mine])),
                "user": details.user[second].take(visit),
                "session": details.session.take(visit),
                "address": details.address.take(visit),
            }
            if second:
                if kind == SESSION_START:
                    objects = {"material_id": details.start_material.take(visit)}
                named = [fill(f'"{k}":@v@', v=v) for k, v in objects.items()]
                for piece in named:
                    properties = _join(piece, properties)
                loud = pa.array(details.shouts[rows.visit[mine]])
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
        return lines if second else _spaced(lines, details.rows.time[chosen] // DAY_MS % 6 == 1)

    return render


def _spaced(lines: pa.StringArray, chosen: np.ndarray) -> pa.StringArray:
    """Some days' lines as Python's own encoder writes them, spaces and escapes included."""
    some = [json.dumps(orjson.loads(x)) + "\n" for x in lines.filter(pa.array(chosen)).to_pylist()]
    return pc.replace_with_mask(lines, pa.array(chosen), pa.array(some, pa.string()))


def _join(first: pa.StringArray, then: pa.StringArray) -> pa.StringArray:
    """Two stretches of JSON members with a comma between them, if there is something on both sides."""
    both = pc.and_(pc.not_equal(first, ""), pc.not_equal(then, ""))
    return pc.binary_join_element_wise(first, pc.if_else(both, ",", ""), then, "")


def _required_fields(record: dict) -> list[str]:
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


