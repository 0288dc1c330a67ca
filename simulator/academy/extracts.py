def _extracts(
    rng, plan, world, people, logins, visits, rows, signed_in, renderer
) -> list[Versions]:
    clock = Clock(plan.start_ms)
    person = visits.person[rows.visit]
    member = people.member[:, ACADEMY]
    far = np.iinfo(np.int64).max

    # users: from their first login; some change their name or picture later.
    created = np.full(people.n, far)
    at = np.flatnonzero(signed_in)
    np.minimum.at(created, person[at], rows.time[at])
    has_row = member & (created < far)
    who = np.flatnonzero(has_row)
    changed = who[rng.random(len(who)) < 0.3]
    later = created[changed] + rng.integers(1, 30, len(changed)) * DAY_MS
    users_who = np.concatenate([who, changed])
    since = np.concatenate([created[who], later])
    number = people.number[users_who]
    version = np.r_[np.zeros(len(who), dtype=int), np.ones(len(changed), dtype=int)]
    suffix = pick(pa.array(["", " Renamed"]), version)
    mail = pa.array([texts.email(int(x)) for x in number])
    users = Versions(
        "academy",
        "users",
        users_who,
        since,
        fill(
            '{"id":"@id@","name":"Invented Person @n@@suffix@","email":"@mail@",'
            '"image":"https://images.example.com/people/@n@.png","createdAt":"@c@","updatedAt":"@u@"}\n',
            id=people.academy_id.take(pa.array(users_who)),
            n=number,
            suffix=suffix,
            mail=mail,
            c=clock.iso(created[users_who]),
            u=clock.iso(since),
        ),
    )

    # anonymous_tracking_profiles: a device; its user is the latest one that signed in on it.
    device = logins.device[rows.visit]
    by_device = np.lexsort((rows.time, device))
    device, time = device[by_device], rows.time[by_device]
    named = last_seen(signed_in[by_device], device)
    owner = np.where(named >= 0, person[by_device][named], -1)
    first = np.r_[True, device[1:] != device[:-1]]
    first_seen = time[np.maximum.accumulate(np.where(first, np.arange(len(time)), 0))]
    dump = plan.dump_of(time)
    last = np.r_[(device[1:] != device[:-1]) | (dump[1:] != dump[:-1]), True]
    d, o, t, f = device[last], owner[last], time[last], first_seen[last]
    profile_id = uuids(rng, len(people.device_id))
    user = fill('"@u@"', u=people.academy_id.take(pa.array(np.maximum(o, 0))))
    profiles = Versions(
        "academy",
        "anonymous_tracking_profiles",
        d,
        t,
        fill(
            '{"id":"@id@","anonymousId":"@a@","userId":@u@,"firstSeen":"@f@","lastSeen":"@l@",'
            '"metadata":{"source":"tracker"}}\n',
            id=profile_id.take(pa.array(d)),
            a=people.device_id.take(pa.array(d)),
            u=pc.if_else(pa.array(o >= 0), user, "null"),
            f=clock.iso(f),
            l=clock.iso(t),
        ),
    )

    # user_identity_mappings: people whose other accounts are known.
    linked = np.flatnonzero(has_row & people.is_linked & (people.member.sum(axis=1) > 1))
    external = pa.array(["{}"] * len(linked))
    if len(linked):
        pieces = []
        for app, ids in (
            ("studyin", people.study_id),
            ("sketchychain", people.sketch_id),
            ("interaction_log", people.log_id),
        ):
            column = ["academy", "studyin", "sketchychain", "interaction_log"].index(app)
            pieces.append(
                optional(
                    people.member[linked, column],
                    fill(f',"{app}":"@id@"', id=ids.take(pa.array(linked))),
                )
            )
        joined = pc.binary_join_element_wise(*pieces, "")
        external = fill("{@ids@}", ids=pc.utf8_slice_codeunits(joined, 1))
    mappings = Versions(
        "academy",
        "user_identity_mappings",
        linked,
        created[linked] + rng.integers(0, 20, len(linked)) * DAY_MS,
        fill(
            '{"userId":"@u@","externalSystemIds":@e@}\n',
            u=people.academy_id.take(pa.array(linked)),
            e=external,
        ),
    )
    return [
        users,
        profiles,
        mappings,
        *_prompt_extracts(rng, plan, people, person, rows, signed_in, renderer),
    ]


def _prompt_extracts(rng, plan, people, person, rows, signed_in, renderer) -> list[Versions]:
    clock = renderer.clock
    # Every prompt row's text is the one that was evaluated or saved.
    text_of_unit = np.zeros(len(renderer.saved), dtype=np.int64)
    written = renderer.where[LLM_PROMPT]
    text_of_unit[rows.ref[written]] = renderer.text[written]
    quoted = renderer.prompt_text

    at = renderer.where[LLM_EVALUATION]
    pick_signed = signed_in[at]
    scores = renderer.contents[LLM_EVALUATION]
    at = at[pick_signed]
    by_person = np.lexsort((rows.time[at], person[at]))
    at = at[by_person]
    who = person[at]
    version = rank_within(who) + 1
    first_time = np.zeros(people.n, dtype=np.int64)
    first_time[who[version == 1]] = rows.time[at[version == 1]]
    user = people.academy_id.take(pa.array(who))
    prompt_row = (
        '{"id":"@id@","userId":"@user@","promptText":@text@,"version":@version@,"createdAt":"@c@",'
        '"updatedAt":"@u@","isFavorite":@favorite@}\n'
    )
    drafts = fill(
        prompt_row,
        id=fill("@u@-temp", u=user),
        user=user,
        text=pick(quoted, text_of_unit[rows.ref[at]]),
        version=version,
        c=clock.iso(first_time[who]),
        u=clock.iso(rows.time[at]),
        favorite="false",
    )
    evaluation_text = ",".join(
        f'"{name}":{{"score":@s{i}@,"feedback":@f{i}@}}' for i, name in enumerate(CRITERIA)
    )
    feedback = json_texts(texts.EVALUATION_FEEDBACK)
    rows_in_kind = np.flatnonzero(pick_signed)[by_person]
    evaluations = fill(
        '{"id":"@id@","promptId":"@user@-temp","evaluationData":{'
        + evaluation_text
        + '},"evaluatedAt":"@t@"}\n',
        id=uuids(rng, len(at)),
        user=user,
        t=clock.iso(rows.time[at]),
        **{f"s{i}": scores[f"s{i}"][rows_in_kind] for i in range(len(CRITERIA))},
        **{
            f"f{i}": pick(feedback, rng.integers(0, len(feedback), len(at)))
            for i in range(len(CRITERIA))
        },
    )

    saved = renderer.where[PROMPT_SAVE]
    favorite_time = np.full(len(renderer.saved), np.iinfo(np.int64).max)
    stars = renderer.where[PROMPT_FAVORITE]
    favorite_time[rows.ref[stars]] = rows.time[stars]
    unit = rows.ref[saved]
    starred = saved[favorite_time[unit] < np.iinfo(np.int64).max]
    kept = np.concatenate([saved, starred])
    unit = rows.ref[kept]
    is_star = np.r_[np.zeros(len(saved), dtype=bool), np.ones(len(starred), dtype=bool)]
    since = np.where(is_star, favorite_time[unit], rows.time[kept])
    library = fill(
        prompt_row,
        id=pick(renderer.saved, unit),
        user=people.academy_id.take(pa.array(person[kept])),
        text=pick(quoted, text_of_unit[unit]),
        version="1",
        c=clock.iso(rows.time[kept]),
        u=clock.iso(since),
        favorite=is_star,
    )

    answered = renderer.where[LLM_RESPONSE]
    signed = signed_in[answered]
    answered = answered[signed]
    results = fill(
        '{"id":"@id@","promptId":"@user@-temp","resultText":@text@,"generatedAt":"@t@"}\n',
        id=uuids(rng, len(answered)),
        user=people.academy_id.take(pa.array(person[answered])),
        text=pick(json_texts(texts.RESULTS), rng.integers(0, len(texts.RESULTS), len(answered))),
        t=clock.iso(rows.time[answered]),
    )
    return [
        Versions(
            "academy",
            "prompts",
            np.concatenate([who, people.n + unit]),
            np.concatenate([rows.time[at], since]),
            pa.concat_arrays([drafts, library]),
        ),
        Versions(
            "academy", "prompt_evaluations", np.arange(len(at)), rows.time[at], evaluations, True
        ),
        Versions(
            "academy",
            "prompt_results",
            np.arange(len(answered)),
            rows.time[answered],
            results,
            True,
        ),
    ]


