import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="What is in the warehouse")


@app.cell(hide_code=True)
def _():
    import altair as alt
    import marimo as mo

    import drawing
    import warehouse

    return alt, drawing, mo, warehouse


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # What is in the warehouse
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
    ## Who was there

    Bars: people active on the day. Thick line: in the 7 days that end with it. Thin line: in
    the 28 days that end with it. Each panel has a scale of its own. In `all`, who uses two apps
    is one person, so it is less than the apps together. What would mislead: in the first 28 days
    of an app the lines can only rise, for there is nothing yet to look back on.
    """)
    return


@app.cell(hide_code=True)
def _(mo, published):
    days_shown = mo.ui.dropdown({"60 days": 60, "a year": 366}, value="60 days", label="Show")
    days_shown if published else None
    return (days_shown,)


@app.cell(hide_code=True)
def _(days_shown, published):
    active = published.ask(
        """
        select activity_date, source_app, dau, wau, mau, is_complete
        from active_users
        where
            breakdown_name = 'all'
            and activity_date > (select max(activity_date) from active_users) - $days
            -- An app before its first user would be a flat line.
            and mau > 0
        order by activity_date, source_app
        """,
        days=days_shown.value,
    )
    return (active,)


@app.cell(hide_code=True)
def _(active, alt, drawing):
    def _line(field, size, label):
        over_days = _base.transform_filter("datum.is_complete").encode(y=alt.Y(f"{field}:Q"))
        newest = over_days.transform_window(
            [{"op": "row_number", "as": "age"}],
            sort=[{"field": "activity_date", "order": "descending"}],
            groupby=["source_app"],
        ).transform_filter("datum.age == 1")
        said = alt.expr.format(alt.datum[field], ",") + label
        return over_days.mark_line(size=size, clip=True) + newest.transform_calculate(
            said=said
        ).mark_text(align="left", dx=8, fontSize=10).encode(text="said:N")

    _colour = alt.Color("source_app:N", scale=drawing.colours_of(active.source_app), legend=None)
    _base = alt.Chart().encode(
        x=drawing.days("activity_date"),
        color=_colour,
        tooltip=["activity_date:T", "source_app:N", "dau:Q", "wau:Q", "mau:Q", "is_complete:N"],
    )
    _days = _base.encode(y=alt.Y("dau:Q", title=None, axis=alt.Axis(tickCount=3)))
    _bars = _days.transform_filter("datum.is_complete").mark_bar(
        width={"band": 0.75}, fillOpacity=0.35
    )
    _open = _days.transform_filter("!datum.is_complete").mark_bar(
        width={"band": 0.75}, filled=False, strokeWidth=1
    )
    active_chart = (
        alt.layer(
            _bars,
            _open,
            _line("wau", 2.2, " in 7 days"),
            _line("mau", 0.8, " in 28 days"),
            data=active,
        )
        .properties(width=drawing.WIDTH, height=74)
        .facet(
            row=alt.Row(
                "source_app:N",
                sort=drawing.colours_of(active.source_app).domain,
                header=alt.Header(labelOrient="top", labelAnchor="start", labelPadding=4),
            ),
            spacing=14,
            title=alt.Title("People active", subtitle="a hollow bar is a day that is not over"),
        )
        .resolve_scale(y="independent")
    )
    drawing.drawn(active_chart, active, "Nobody has been active yet.")
    return (active_chart,)


@app.cell(hide_code=True)
def _(active):
    active.tail(20).iloc[::-1]
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## Who comes back

    A row is everybody who was new in a week (Monday's date, and how many), a column a week since.
    The number is the share who were active in that week, in per cent. Read down a column to see
    whether newer people stay better than older ones. What would mislead: small weeks, in which
    one person is many per cent. A hollow cell is a week that is not over. Only people with
    consent can be seen to come back.
    """)
    return


@app.cell(hide_code=True)
def _(mo, published):
    _apps = published.ask(
        "select distinct source_app from retention order by source_app <> 'all', source_app"
    ).source_app.tolist()
    retention_app = mo.ui.dropdown(_apps, value=_apps[0] if _apps else None, label="App")
    retention_app
    return (retention_app,)


@app.cell(hide_code=True)
def _(published, retention_app):
    returning = published.ask(
        """
        select
            cohort_start, cohort_size, period_number,
            eligible_count, retained_count, retention_rate, is_complete
        from retention
        where
            source_app = $app and breakdown_name = 'all' and cohort_grain = 'week' and kind = 'on'
            and period_number between 1 and 16
            and cohort_start >= (
                select max(cohort_start) - 16 * 7 from retention
                where source_app = $app and breakdown_name = 'all' and cohort_grain = 'week'
            )
        order by cohort_start, period_number
        """,
        app=retention_app.value,
    )
    return (returning,)


@app.cell(hide_code=True)
def _(alt, drawing, retention_app, returning):
    _cohorts = returning.assign(
        cohort=[
            f"{day.day} {day:%b} · {size:,} new"
            for day, size in zip(returning.cohort_start, returning.cohort_size, strict=True)
        ]
    )
    _cells = alt.Chart(_cohorts).encode(
        x=alt.X(
            "period_number:O",
            title="weeks since the first",
            axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False),
        ),
        y=alt.Y("cohort:N", sort=_cohorts.cohort.drop_duplicates().tolist(), title=None),
        tooltip=[
            "cohort_start:T",
            "period_number:Q",
            "retained_count:Q",
            "eligible_count:Q",
            alt.Tooltip("retention_rate:Q", format=".1%"),
        ],
    )
    _done = _cells.transform_filter("datum.is_complete")
    _open = _cells.transform_filter("!datum.is_complete")
    cohort_chart = (
        _done.mark_rect(stroke="white", strokeWidth=2).encode(
            color=alt.Color("retention_rate:Q", scale=drawing.SHARES, legend=None)
        )
        + _done.transform_calculate(said="format(datum.retention_rate * 100, '.0f')")
        .mark_text(fontSize=11)
        .encode(
            text="said:N",
            color=alt.when("datum.retention_rate > 0.5")
            .then(alt.value("white"))
            .otherwise(alt.value(drawing.INK)),
        )
        + _open.mark_rect(fill="white", stroke=drawing.FAINT, strokeWidth=1)
    ).properties(
        width=alt.Step(40),
        height=alt.Step(26),
        title=alt.Title(
            f"Of those new in a week, per cent active in a later one: {retention_app.value}",
            subtitle="the week of their first day, and how many they are",
        ),
    )
    drawing.drawn(cohort_chart, returning, "Nobody's first week is over yet.")
    return (cohort_chart,)


@app.cell(hide_code=True)
def _(returning):
    returning
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## Did the files come

    A tick is a day on which files of a stream were received, by the day that the files say (UTC):
    a gap is a day on which none came. A red cross is a file that could not be loaded, and of
    which nothing is in any table.
    """)
    return


@app.cell(hide_code=True)
def _(days_shown, published):
    received = published.ask(
        """
        select
            source_app, stream,
            cast(received_at as date) as received_date,
            count(*) filter (where status = 'loaded') as loaded_file_count,
            count(*) filter (where status <> 'loaded') as rejected_file_count,
            cast(sum(landed_count) as bigint) as landed_count
        from load_ledger
        where received_at >= (select max(received_at) from load_ledger) - to_days($days)
        group by source_app, stream, received_date
        order by received_date, source_app, stream
        """,
        days=days_shown.value,
    )
    return (received,)


@app.cell(hide_code=True)
def _(alt, drawing, received):
    _files = alt.Chart(
        received.assign(stream=received.source_app + " · " + received.stream)
    ).encode(
        x=drawing.days("received_date"),
        y=alt.Y("stream:N", title=None),
        tooltip=[
            "stream:N",
            "received_date:T",
            "loaded_file_count:Q",
            "rejected_file_count:Q",
            "landed_count:Q",
        ],
    )
    files_chart = (
        _files.transform_filter("datum.loaded_file_count > 0")
        .mark_tick(thickness=3, size=12)
        .encode(
            color=alt.Color(
                "source_app:N", scale=drawing.colours_of(received.source_app), legend=None
            )
        )
        + _files.transform_filter("datum.rejected_file_count > 0").mark_point(
            shape="cross", angle=45, size=60, filled=True, color=drawing.ALARM
        )
    ).properties(
        width=drawing.WIDTH, height=alt.Step(18), title="Days on which files of a stream came"
    )
    drawing.drawn(files_chart, received, "No file has come yet.")
    return (files_chart,)


@app.cell(hide_code=True)
def _(published):
    published.ask(
        """
        select
            source_app, stream,
            count(*) as file_count,
            count(*) filter (where status <> 'loaded') as rejected_file_count,
            cast(sum(landed_count) as bigint) as landed_count,
            max(received_at) as last_received_at,
            max(finished_at) as last_landed_at
        from load_ledger
        group by source_app, stream
        order by source_app, stream
        """
    )
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## How much of it is good

    The share of landed records that became events, by the day on which they were received. What
    would mislead: the scale does not begin at 0, or nothing could be seen; and duplicates and
    lines that cannot be read are not in the share, they are counted in the table and in the next
    picture. A sudden dip is most often a new version of an app that sends something new.
    """)
    return


@app.cell(hide_code=True)
def _(days_shown, published):
    quality = published.ask(
        """
        select
            source_app, received_date, collection_reliability,
            landed_count, accepted_count, rejected_count,
            duplicate_count, quarantined_count, late_count, skewed_count, anonymous_count
        from event_quality
        where received_date > (select max(received_date) from event_quality) - $days
        order by received_date, source_app
        """,
        days=days_shown.value,
    )
    return (quality,)


@app.cell(hide_code=True)
def _(alt, drawing, quality):
    _measured = quality.dropna(subset=["collection_reliability"])
    _shares = alt.Chart().encode(
        x=drawing.days("received_date"),
        y=alt.Y(
            "collection_reliability:Q",
            title=None,
            scale=alt.Scale(zero=False, nice=True),
            axis=alt.Axis(format=".1%", tickCount=3),
        ),
        color=alt.Color("source_app:N", scale=drawing.colours_of(quality.source_app), legend=None),
        tooltip=[
            "source_app:N",
            "received_date:T",
            alt.Tooltip("collection_reliability:Q", format=".2%"),
            "accepted_count:Q",
            "landed_count:Q",
        ],
    )
    _worst = (
        _shares.transform_window(
            [{"op": "row_number", "as": "place"}],
            sort=[{"field": "collection_reliability"}, {"field": "received_date"}],
            groupby=["source_app"],
        )
        .transform_filter("datum.place == 1")
        .transform_calculate(said="format(datum.collection_reliability, '.2%')")
    )
    quality_chart = (
        alt.layer(
            _shares.mark_line(size=1.2),
            _shares.mark_circle(size=14, opacity=1),
            _worst.mark_text(dy=11, fontSize=10).encode(text="said:N"),
            data=_measured,
        )
        .properties(width=drawing.WIDTH, height=58)
        .facet(
            row=alt.Row(
                "source_app:N",
                header=alt.Header(labelOrient="top", labelAnchor="start", labelPadding=2),
            ),
            spacing=14,
            title=alt.Title("Landed records that became events", subtitle="the worst day is named"),
        )
    )
    drawing.drawn(quality_chart, _measured, "No events have landed yet.")
    return (quality_chart,)


@app.cell(hide_code=True)
def _(quality):
    quality.sort_values(
        ["collection_reliability", "received_date", "source_app"], ignore_index=True
    )
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## What was put aside, and why

    Records of all time that are no events. *Not readable* is what could not be read at all: it
    stays in its file, and the table `quarantine` says in which line. *Not accepted* is what could
    be read and has a type, or lacks a field, that the registry does not allow: `rejected_events`
    has what was sent, and it comes back when the registry is put right.
    """)
    return


@app.cell(hide_code=True)
def _(published):
    put_aside = published.ask(
        """
        select source_app, 'not accepted' as fate, reason, count(*) as record_count
        from rejected_events
        group by source_app, reason
        union all
        select source_app, 'not readable' as fate, reason, count(*) as record_count
        from quarantine
        group by source_app, reason
        order by record_count desc, source_app, fate, reason
        limit 200
        """
    )
    return (put_aside,)


@app.cell(hide_code=True)
def _(alt, drawing, put_aside):
    _reasons = put_aside.head(25).assign(label=put_aside.source_app + " · " + put_aside.reason)
    _bars = alt.Chart(_reasons).encode(
        x=alt.X("record_count:Q", axis=None),
        y=alt.Y("label:N", sort=_reasons.label.tolist(), title=None),
        tooltip=["source_app:N", "fate:N", "reason:N", "record_count:Q"],
    )
    put_aside_chart = (
        _bars.mark_bar(height={"band": 0.7}).encode(
            color=alt.Color(
                "fate:N",
                scale=alt.Scale(
                    domain=["not accepted", "not readable"],
                    range=[drawing.ACCENT, drawing.ALARM],
                ),
            )
        )
        + _bars.mark_text(align="left", dx=4).encode(text=alt.Text("record_count:Q", format=","))
    ).properties(
        width=drawing.WIDTH - 200,
        height=alt.Step(18),
        title=f"Records put aside{', the 25 most frequent reasons' * (len(put_aside) > 25)}",
    )
    drawing.drawn(put_aside_chart, put_aside, "Nothing has been put aside.")
    return (put_aside_chart,)


@app.cell(hide_code=True)
def _(put_aside):
    put_aside
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## Which published numbers have changed since

    Numbers that were complete when they were published, and that a later publication made others,
    by what it was that changed them: events that arrived late, a login or a mapping that made two
    people one, a changed definition. If a number in last week's report is no longer the same, look
    here first. What would mislead: a definition that changes, changes all of its history at once.
    """)
    return


@app.cell(hide_code=True)
def _(published):
    restated = published.ask(
        """
        select
            version,
            cast(published_at as date) as published_date,
            replace(reason, '_', ' ') as reason,
            count(*) as number_count
        from restatements
        where version > (select max(version) - 30 from restatements)
        group by version, published_date, reason
        order by version desc, number_count desc, reason
        """
    )
    return (restated,)


@app.cell(hide_code=True)
def _(alt, drawing, restated):
    _versions = restated.assign(
        label=[
            f"version {one.version} · {one.published_date.day} {one.published_date:%b}"
            for one in restated.itertuples()
        ]
    )
    _numbers = alt.Chart(_versions).encode(
        y=alt.Y("label:N", sort=_versions.label.drop_duplicates().tolist(), title=None),
        tooltip=["version:Q", "published_date:T", "reason:N", "number_count:Q"],
    )
    restated_chart = (
        _numbers.mark_bar(height={"band": 0.7})
        .encode(
            x=alt.X("number_count:Q", title="numbers changed"),
            color=alt.Color(
                "reason:N",
                scale=alt.Scale(
                    domain=list(drawing.REASON_COLOURS),
                    range=list(drawing.REASON_COLOURS.values()),
                ),
                legend=alt.Legend(columns=3, labelLimit=240),
            ),
        )
        .properties(
            width=drawing.WIDTH - 120,
            height=alt.Step(18),
            title="Published numbers that a later version changed",
        )
    )
    drawing.drawn(restated_chart, restated, "No published number has changed.")
    return (restated_chart,)


@app.cell(hide_code=True)
def _(published):
    published.ask(
        """
        select
            version, table_name, number_name, number_date, number_of,
            value_before, value_after, replace(reason, '_', ' ') as reason, late_event_count
        from restatements
        order by version desc, table_name, number_name, number_date, number_of
        limit 200
        """
    )
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## Every table

    What can be asked. Each column is described in the file as well:
    `select column_name, comment from duckdb_columns() where table_name = 'sessions'`.
    """)
    return


@app.cell(hide_code=True)
def _(published):
    catalogue = published.ask(
        r"""
        select
            concept, table_name, row_count,
            regexp_replace(split_part(description, E'\n\n', 1), '\s+', ' ', 'g') as one_row_is
        from published_tables
        order by concept, table_name
        """
    )
    catalogue
    return (catalogue,)


if __name__ == "__main__":
    app.run()
