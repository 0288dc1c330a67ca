def _sketch_extract(plan, people, visits, rows, sketch, renderer) -> Versions:
    """The state of every sketch at each dump in which it had changed."""
    of_row = sketch[rows.visit]
    created_row = np.full(len(renderer.sketch_id), -1)
    made = rows.of(CREATE)
    created_row[of_row[made]] = made
    exists = created_row >= 0
    touching = np.flatnonzero(
        np.isin(rows.kind, (CREATE, VIEW, MODIFY, SUBMIT, JOIN)) & exists[of_row]
    )
    dump = plan.dump_of(rows.time[touching])
    shape = (len(renderer.sketch_id), len(plan.dump_days()))

    def counted(*kinds: int) -> np.ndarray:
        table = np.zeros(shape, dtype=np.int64)
        mine = np.isin(rows.kind[touching], kinds)
        np.add.at(table, (of_row[touching[mine]], dump[mine]), 1)
        return np.cumsum(table, axis=1)

    latest = np.full(shape, -1, dtype=np.int64)
    np.maximum.at(latest, (of_row[touching], dump), rows.time[touching])
    which, at_dump = np.nonzero(latest >= 0)
    # Collaborators: people other than the creator who ever joined.
    joined = touching[rows.kind[touching] == JOIN]
    who = visits.person[rows.visit[joined]]
    pair = of_row[joined] * np.int64(people.n) + who
    first_join = np.sort(joined[rank_within(pair) == 0])
    partners = np.zeros(shape, dtype=np.int64)
    np.add.at(partners, (of_row[first_join], plan.dump_of(rows.time[first_join])), 1)
    partners = np.cumsum(partners, axis=1)
    row = created_row[which]
    clock = renderer.clock
    return Versions(
        "sketchychain",
        "sketches",
        which,
        latest[which, at_dump],
        fill(
            '{"sketch_id":"@i@","creator_user_id":"@u@","creation_time":"@c@","last_modified":"@m@",'
            '"collaborator_count":@k@,"prompt_count":@p@,"view_count":@v@,"complexity_score":@x@}\n',
            i=pick(renderer.sketch_id, which),
            u=people.sketch_id.take(pa.array(visits.person[rows.visit[row]])),
            c=clock.iso(rows.time[row]),
            m=clock.iso(latest[which, at_dump]),
            k=partners[which, at_dump],
            p=counted(SUBMIT)[which, at_dump],
            v=counted(VIEW)[which, at_dump],
            x=renderer.complexity[which],
        ),
    )
