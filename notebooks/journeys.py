import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Journeys")


@app.cell(hide_code=True)
def _():
    import json

    import altair as alt
    import marimo as mo

    import drawing
    import warehouse

    return alt, drawing, json, mo, warehouse


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Journeys
    """)
    return


@app.cell(hide_code=True)
def _(mo, warehouse):
    published = warehouse.latest()
    mo.stop(published is None, mo.md(warehouse.NOTHING_PUBLISHED))
    tell = mo.md  # so that whatever is told waits for a published file
    tell(published.freshness())
    return published, tell


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## One person

    A circle is a visit: left to right by day, top to bottom by the hour (UTC) at which it began,
    the larger the longer. Offered are the hundred people with most visits, those in several apps
    first; or write any `person_key` below. What would mislead: a person is an account, or a device
    on which nobody signed in, and these are not always one human being.
    """)
    return


@app.cell(hide_code=True)
def _(drawing, mo, published):
    _people = published.ask(
        """
        select cast(person_key as varchar) as person_key, app_count, session_count
        from users
        where session_count > 0
        order by is_anonymous, app_count desc, session_count desc, person_key
        limit 100
        """
    )
    _offered = {
        f"{drawing.short(one.person_key)} · {one.app_count} apps, {one.session_count} visits": (
            one.person_key
        )
        for one in _people.itertuples()
    }
    person_choice = mo.ui.dropdown(
        _offered, value=next(iter(_offered), None), label="Person", searchable=True
    )
    person_choice
    return (person_choice,)


@app.cell(hide_code=True)
def _(mo, published):
    person_written = mo.ui.text(label="or a person_key", full_width=True)
    person_written if published else None
    return (person_written,)


@app.cell(hide_code=True)
def _(person_choice, person_written, published):
    person = person_written.value.strip() or person_choice.value
    visits = published.ask(
        """
        select
            cast(session_id as varchar) as session_id,
            source_app,
            started_at,
            cast(started_at as date) as started_date,
            date_diff('minute', cast(started_at as date), started_at) / 60.0 as started_hour,
            duration_seconds,
            active_seconds,
            event_count,
            entry_point,
            exit_point
        from sessions
        where person_key = try_cast($person as uuid)
        order by started_at desc, session_id
        limit 1000
        """,
        person=person,
    )
    return person, visits


@app.cell(hide_code=True)
def _(alt, drawing, person, visits):
    visits_chart = (
        alt.Chart(visits)
        .mark_circle(opacity=0.75)
        .encode(
            x=drawing.days("started_date", grid=False),
            y=alt.Y(
                "started_hour:Q",
                title="hour of the day, UTC",
                scale=alt.Scale(domain=[24, 0]),
                axis=alt.Axis(values=[0, 6, 12, 18, 24], grid=True, gridColor="#EEEEEE"),
            ),
            size=alt.Size("duration_seconds:Q", scale=alt.Scale(range=[15, 260]), legend=None),
            color=alt.Color("source_app:N", scale=drawing.colours_of(visits.source_app)),
            tooltip=[
                "source_app:N",
                alt.Tooltip("started_at:T", format="%-d %b %Y, %H:%M"),
                "duration_seconds:Q",
                "event_count:Q",
                "entry_point:N",
                "exit_point:N",
            ],
        )
        .properties(
            width=drawing.WIDTH,
            height=200,
            title=f"Visits of {drawing.short(person or '')}",
        )
    )
    drawing.drawn(visits_chart, visits, "This person has no visit.")
    return (visits_chart,)


@app.cell(hide_code=True)
def _(visits):
    visits.drop(columns=["started_date", "started_hour"])
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ### One visit, step by step

    Its events in their order, with the time since the visit began. The longest of the newest
    visits is shown first.
    """)
    return


@app.cell(hide_code=True)
def _(mo, visits):
    _newest = visits.head(50)
    _offered = {
        f"{one.started_at:%Y-%m-%d %H:%M} · {one.source_app}, {one.event_count} events": (
            one.session_id
        )
        for one in _newest.itertuples()
    }
    _longest = _newest.sort_values(["event_count", "started_at"], ascending=False).session_id
    visit_choice = mo.ui.dropdown(
        _offered,
        value=next((name for name, key in _offered.items() if key == _longest.iloc[0]), None),
        label="Visit",
    )
    visit_choice if _offered else None
    return (visit_choice,)


@app.cell(hide_code=True)
def _(published, visit_choice):
    steps = published.ask(
        """
        select
            date_diff('second', sessions.started_at, events.occurred_at) as second,
            events.event_name,
            coalesce(events.page_path, events.component) as page_or_component,
            coalesce(
                events.lesson_id, events.material_id, events.question_id, events.sketch_id,
                events.quiz_id, events.topic_id, events.achievement_id
            ) as about,
            events.is_success,
            events.error_type
        from events
        inner join sessions on events.session_id = sessions.session_id
        where events.session_id = try_cast($visit as uuid)
        order by events.occurred_at, events.event_key
        limit 500
        """,
        visit=visit_choice.value,
    )
    return (steps,)


@app.cell(hide_code=True)
def _(alt, drawing, steps):
    _minutes = steps.assign(minute=steps.second / 60)
    steps_chart = (
        alt.Chart(_minutes)
        .mark_tick(thickness=2, size=13, color=drawing.ACCENT)
        .encode(
            x=alt.X("minute:Q", title="minutes since the visit began"),
            y=alt.Y(
                "event_name:N",
                sort=_minutes.event_name.drop_duplicates().tolist(),
                title=None,
                axis=alt.Axis(grid=True, gridColor="#EEEEEE"),
            ),
            tooltip=["second:Q", "event_name:N", "page_or_component:N", "about:N"],
        )
        .properties(
            width=drawing.WIDTH - 60,
            height=alt.Step(18),
            title="What happened when: kinds of events, by their first time",
        )
    )
    drawing.drawn(steps_chart, steps, "There is no visit to show.")
    return (steps_chart,)


@app.cell(hide_code=True)
def _(steps):
    steps
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## How far they come

    All who entered the funnel on complete days, and how many of them reached each step. The
    percentages are of those who entered. Funnels count people, or visits, once a day of entry:
    who enters on two days is counted twice. What would mislead: days on which somebody may still
    convert are left out here, for of these only the quick ones are known.
    """)
    return


@app.cell(hide_code=True)
def _(mo, published):
    _funnels = published.ask(
        """
        select funnel_name, max(step_number) as step_count
        from funnels
        group by funnel_name
        order by step_count desc, sum(entered_count) desc, funnel_name
        """
    ).funnel_name.tolist()
    funnel_choice = mo.ui.dropdown(
        _funnels, value=_funnels[0] if _funnels else None, label="Funnel"
    )
    funnel_choice
    return (funnel_choice,)


@app.cell(hide_code=True)
def _(funnel_choice, published):
    # Counts are summed, and divided only then: a mean of the days' rates would be another number.
    funnel = published.ask(
        """
        select
            step_number,
            min(step_name) as step_name,
            cast(sum(reached_count) as bigint) as reached_count,
            cast(sum(entered_count) as bigint) as entered_count,
            sum(reached_count) / nullif(sum(entered_count), 0) as reached_share
        from funnels
        where funnel_name = $funnel and breakdown_name = 'all' and is_complete
        group by step_number
        having sum(entered_count) > 0
        order by step_number
        """,
        funnel=funnel_choice.value,
    )
    return (funnel,)


@app.cell(hide_code=True)
def _(alt, drawing, funnel, funnel_choice):
    _steps = alt.Chart(funnel).encode(
        y=alt.Y(
            "step_name:N",
            sort=funnel.step_name.tolist(),
            title=None,
            axis=alt.Axis(labelColor=drawing.INK, labelFontSize=12),
        ),
        tooltip=[
            "step_name:N", "reached_count:Q", "entered_count:Q",
            alt.Tooltip("reached_share:Q", format=".1%"),
        ],
    )  # fmt: skip
    funnel_chart = (
        _steps.mark_bar(height={"band": 0.7}, color="#EEF2F6").encode(
            x=alt.X("entered_count:Q", axis=None)
        )
        + _steps.mark_bar(height={"band": 0.7}, color=drawing.ACCENT).encode(
            x=alt.X("reached_count:Q", axis=None)
        )
        + _steps.transform_calculate(
            said="format(datum.reached_count, ',') + ' · ' + format(datum.reached_share, '.0%')"
        )
        .mark_text(align="left", dx=6, fontSize=12)
        .encode(x=alt.X("entered_count:Q", axis=None), text="said:N")
    ).properties(
        width=drawing.WIDTH - 180,
        height=alt.Step(36),
        title=alt.Title(
            f"How far they come: {(funnel_choice.value or '').replace('_', ' ')}",
            subtitle="entered on complete days; share of those who entered",
        ),
    )
    drawing.drawn(funnel_chart, funnel, "Nobody has entered this funnel on a complete day.")
    return (funnel_chart,)


@app.cell(hide_code=True)
def _(funnel):
    funnel
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ### Day by day

    The share who came through, by the day on which they entered. The larger the circle, the more
    entered; a hollow one is a day that is not complete, on which the share is too high. What
    would mislead: single days with few people jump about.
    """)
    return


@app.cell(hide_code=True)
def _(funnel_choice, published):
    conversions = published.ask(
        """
        select
            entry_date, step_name, entered_count, reached_count, open_count,
            conversion_rate, median_seconds, p90_seconds, is_complete
        from funnels
        where
            funnel_name = $funnel
            and breakdown_name = 'all'
            and step_number = (select max(step_number) from funnels where funnel_name = $funnel)
            and entry_date > (select max(entry_date) from funnels) - 120
        order by entry_date
        """,
        funnel=funnel_choice.value,
    )
    return (conversions,)


@app.cell(hide_code=True)
def _(alt, conversions, drawing):
    _decided = conversions.dropna(subset=["conversion_rate"])
    _days = alt.Chart(_decided).encode(
        x=drawing.days("entry_date"),
        y=alt.Y(
            "conversion_rate:Q",
            title=None,
            axis=drawing.percent(grid=True, gridColor="#EEEEEE"),
            scale=alt.Scale(domainMin=0),
        ),
        tooltip=[
            "entry_date:T",
            alt.Tooltip("conversion_rate:Q", format=".1%"),
            "entered_count:Q",
            "reached_count:Q",
            "open_count:Q",
            "is_complete:N",
        ],
    )
    conversions_chart = (
        _days.transform_filter("datum.is_complete").mark_line(size=1, color="#8FB6D6")
        + _days.mark_point(filled=True, opacity=1, strokeWidth=1.2, stroke=drawing.ACCENT).encode(
            size=alt.Size("entered_count:Q", scale=alt.Scale(range=[8, 110]), legend=None),
            fill=drawing.filled_if_complete(drawing.ACCENT),
        )
    ).properties(
        width=drawing.WIDTH,
        height=170,
        title=alt.Title(
            "Share of those who entered on a day that came through",
            subtitle="hollow: somebody may still come through, so the share is too high",
        ),
    )
    drawing.drawn(conversions_chart, _decided, "Nobody's outcome is known yet.")
    return (conversions_chart,)


@app.cell(hide_code=True)
def _(conversions):
    conversions.iloc[::-1]
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ### Where they stop, and why

    Of the same days, those who did not come through, by the last step that they reached. *Out of
    window*: the next step came, but too late. *No event*: it never came. *Counted for a later
    start*: it came, after they had begun anew.
    """)
    return


@app.cell(hide_code=True)
def _(funnel_choice, published):
    stops = published.ask(
        """
        with complete_days as (
            select distinct entry_date
            from funnels
            where funnel_name = $funnel and breakdown_name = 'all' and is_complete
        ),

        steps as (
            select step_number, min(step_name) as step_name
            from funnels
            where funnel_name = $funnel
            group by step_number
        )

        select
            funnel_people.level_reached,
            steps.step_name as last_step,
            funnel_people.stop_reason,
            count(*) as attempt_count
        from funnel_people
        inner join complete_days on funnel_people.entry_date = complete_days.entry_date
        inner join steps on funnel_people.level_reached = steps.step_number
        where funnel_people.funnel_name = $funnel and not funnel_people.is_converted
        group by funnel_people.level_reached, steps.step_name, funnel_people.stop_reason
        order by funnel_people.level_reached, attempt_count desc, funnel_people.stop_reason
        """,
        funnel=funnel_choice.value,
    )
    return (stops,)


@app.cell(hide_code=True)
def _(alt, drawing, stops):
    _labelled = stops.assign(label=stops.last_step + " · " + stops.stop_reason)
    _stops = alt.Chart(_labelled).encode(
        x=alt.X("attempt_count:Q", axis=None),
        y=alt.Y("label:N", sort=_labelled.label.tolist(), title=None),
        tooltip=["last_step:N", "stop_reason:N", "attempt_count:Q"],
    )
    stops_chart = (
        _stops.mark_bar(height={"band": 0.7}, color=drawing.ALARM)
        + _stops.mark_text(align="left", dx=4).encode(text=alt.Text("attempt_count:Q", format=","))
    ).properties(
        width=drawing.WIDTH - 220,
        height=alt.Step(20),
        title=alt.Title("Who did not come through", subtitle="last step reached · why no further"),
    )
    drawing.drawn(stops_chart, stops, "Everybody came through, or nobody entered.")
    return (stops_chart,)


@app.cell(hide_code=True)
def _(stops):
    stops
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ### Who comes through more often

    The same days, by what the funnel is broken down by. The larger the circle, the more entered;
    the upright line is everybody. What would mislead: a value with few people, and taking what
    goes together for a cause.
    """)
    return


@app.cell(hide_code=True)
def _(funnel_choice, published):
    breakdowns = published.ask(
        """
        select
            breakdown_name,
            breakdown_value,
            cast(sum(entered_count) as bigint) as entered_count,
            cast(sum(reached_count) as bigint) as reached_count,
            sum(reached_count) / sum(entered_count) as reached_share
        from funnels
        where
            funnel_name = $funnel
            and is_complete
            and step_number = (select max(step_number) from funnels where funnel_name = $funnel)
        group by breakdown_name, breakdown_value
        having sum(entered_count) > 0
        order by breakdown_name = 'all', entered_count desc, breakdown_value
        limit 200
        """,
        funnel=funnel_choice.value,
    )
    return (breakdowns,)


@app.cell(hide_code=True)
def _(alt, breakdowns, drawing):
    _values = breakdowns[breakdowns.breakdown_name != "all"].head(15)
    _all = breakdowns[breakdowns.breakdown_name == "all"]
    _x = alt.X(
        "reached_share:Q",
        title="share of those who entered that came through",
        scale=alt.Scale(domainMin=0),
        axis=drawing.percent(),
    )
    _dots = alt.Chart(_values).encode(
        x=_x,
        y=alt.Y("breakdown_value:N", sort=_values.breakdown_value.tolist(), title=None),
        tooltip=[
            "breakdown_value:N",
            "entered_count:Q",
            "reached_count:Q",
            alt.Tooltip("reached_share:Q", format=".1%"),
        ],
    )
    breakdowns_chart = (
        alt.Chart(_all[["reached_share"]]).mark_rule(color=drawing.SOFT).encode(x=_x)
        + _dots.mark_point(filled=True, opacity=1, color=drawing.ACCENT).encode(
            size=alt.Size("entered_count:Q", scale=alt.Scale(range=[12, 200]), legend=None)
        )
        + _dots.transform_calculate(said="'of ' + format(datum.entered_count, ',')")
        .mark_text(align="left", dx=11, fontSize=10, color=drawing.SOFT)
        .encode(text="said:N")
    ).properties(
        width=drawing.WIDTH - 160,
        height=alt.Step(22),
        title=f"Who came through, by {', '.join(_values.breakdown_name.head(1))}",
    )
    drawing.drawn(breakdowns_chart, _values, "This funnel is not broken down by anything.")
    return (breakdowns_chart,)


@app.cell(hide_code=True)
def _(breakdowns):
    breakdowns
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## Which ways they take

    Read from left to right: the first steps of all visits with a step, over all time. A line is
    as wide as the number of visits that went this way, a circle as large as the number that came
    to this step there. Drawn are the fifteen widest lines of each place; `(exit)` is where visits
    end. What would mislead: a visit that is still going on ends where it stands, and `other`
    stands for many rare steps.
    """)
    return


@app.cell(hide_code=True)
def _(mo, published):
    _apps = published.ask(
        """
        select source_app from path_edges
        group by source_app order by sum(session_count) desc, source_app
        """
    ).source_app.tolist()
    path_app = mo.ui.dropdown(_apps, value=_apps[0] if _apps else None, label="App")
    path_app
    return (path_app,)


@app.cell(hide_code=True)
def _(path_app, published):
    edges = published.ask(
        """
        select depth, from_step, to_step, session_count, person_count
        from path_edges
        where source_app = $app and depth < 5
        qualify
            row_number() over (
                partition by depth order by session_count desc, from_step, to_step
            ) <= 15
        order by depth, session_count desc, from_step, to_step
        """,
        app=path_app.value,
    )
    # What comes in at a place, by all lines and not only by those that are drawn.
    nodes = published.ask(
        """
        select
            depth + 1 as place,
            to_step as step,
            cast(sum(session_count) as bigint) as session_count
        from path_edges
        where source_app = $app and depth < 5
        group by place, step
        order by place, session_count desc, step
        """,
        app=path_app.value,
    )
    return edges, nodes


@app.cell(hide_code=True)
def _(alt, drawing, edges, json, nodes, path_app):
    _drawn = set(edges.to_step) | set(edges.from_step) - {"(entry)"}
    _places = nodes[nodes.step.isin(_drawn)]
    _order = sorted(
        _drawn,
        key=lambda step: (
            step in ("(exit)", "(more)"),
            step == "other",
            -_places[_places.step == step].session_count.sum(),
            step,
        ),
    )
    _rank = {step: place for place, step in enumerate(_order)} | {"(entry)": 0}
    _lines = edges[edges.depth > 0].assign(
        place=lambda rows: rows.depth,
        next_place=lambda rows: rows.depth + 1,
        y=lambda rows: rows.from_step.map(_rank),
        next_y=lambda rows: rows.to_step.map(_rank),
    )
    _names = json.dumps(_order)
    _y = alt.Y(
        "y:Q",
        title=None,
        scale=alt.Scale(domain=[len(_order) - 0.5, -0.5], nice=False),
        axis=alt.Axis(
            values=list(range(len(_order))),
            labelExpr=f"{_names}[datum.value]",
            tickCount=len(_order),
            labelColor=drawing.INK,
        ),
    )
    _x = alt.X(
        "place:Q",
        title="step of the visit",
        scale=alt.Scale(domain=[0.8, 5.2], nice=False),
        axis=alt.Axis(values=[1, 2, 3, 4, 5], orient="top", domain=False, ticks=False),
    )
    paths_chart = (
        (
            alt.Chart(_lines)
            .mark_rule(opacity=0.45, color=drawing.ACCENT, strokeCap="round")
            .encode(
                x=_x,
                x2="next_place:Q",
                y=_y,
                y2="next_y:Q",
                size=alt.Size("session_count:Q", scale=alt.Scale(range=[0.6, 14]), legend=None),
                tooltip=[
                    "depth:Q",
                    "from_step:N",
                    "to_step:N",
                    "session_count:Q",
                    "person_count:Q",
                ],
            )
            + alt.Chart(_places.assign(y=_places.step.map(_rank)))
            .mark_circle(opacity=1, color=drawing.ACCENT)
            .encode(
                x=_x,
                y=_y,
                size=alt.Size("session_count:Q", scale=alt.Scale(range=[4, 500]), legend=None),
                tooltip=["place:Q", "step:N", "session_count:Q"],
            )
        )
        .resolve_scale(size="independent")
        .properties(
            width=drawing.WIDTH - 160,
            height=max(24 * len(_order), 60),
            title=f"The first steps of visits: {path_app.value}",
        )
    )
    drawing.drawn(paths_chart, _lines, "No visit has two steps yet.")
    return (paths_chart,)


@app.cell(hide_code=True)
def _(edges):
    edges
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ### The most common beginnings

    Whole beginnings of visits, up to five steps. `dropoff_rate` is, of all visits that begin so,
    the share that takes no further step.
    """)
    return


@app.cell(hide_code=True)
def _(path_app, published):
    paths = published.ask(
        """
        select path, frequency, person_count, avg_duration_seconds, dropoff_rate
        from common_paths
        where source_app = $app
        order by frequency desc, path
        limit 25
        """,
        app=path_app.value,
    )
    paths
    return (paths,)


if __name__ == "__main__":
    app.run()
