import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Learning")


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
    # Learning
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
def _(drawing, published):
    _named = published.ask(
        """
        select topic_id, max(topic_name) as topic_name
        from topic_daily_stats
        where topic_name is not null
        group by topic_id
        order by topic_id
        limit 5000
        """
    )
    _names = dict(zip(_named.topic_id, _named.topic_name, strict=True))

    def with_names(rows):
        """With the topic's name first, or the beginning of its id where no day has one."""
        rows.insert(0, "topic", [_names.get(key) or drawing.short(key) for key in rows.topic_id])
        return rows

    return (with_names,)


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## What they know

    A row is a person, a column a topic. The darker, the better the chance that this person
    answers a typical question of the topic right today, without a hint. A grey dot is somebody
    who has answered too little to tell, an empty cell somebody who has not answered at all: read
    neither as not knowing. Shown are the forty people with most evidence and the topics that most
    people answered, those who have it best at the top left. These are no names but keys.
    """)
    return


@app.cell(hide_code=True)
def _(published, with_names):
    mastery = with_names(
        published.ask(
            """
            with people as (
                select person_key, sum(evidence) as evidence, sum(mastery_score) as known
                from topic_mastery
                where mastery_score is not null
                group by person_key
                order by evidence desc, person_key
                limit 40
            ),

            topics as (
                select topic_id, count(*) as learner_count
                from topic_mastery
                where mastery_score is not null
                group by topic_id
                order by learner_count desc, topic_id
                limit 40
            )

            select
                cast(topic_mastery.person_key as varchar) as person_key,
                topic_mastery.topic_id,
                topic_mastery.mastery_level,
                topic_mastery.mastery_score,
                topic_mastery.mastery_low,
                topic_mastery.mastery_high,
                topic_mastery.evidence,
                topic_mastery.questions_attempted
            from topic_mastery
            inner join people on topic_mastery.person_key = people.person_key
            inner join topics on topic_mastery.topic_id = topics.topic_id
            where topic_mastery.mastery_score is not null
            order by
                people.known desc, topic_mastery.person_key,
                topics.learner_count desc, topic_mastery.topic_id
            """
        )
    )
    return (mastery,)


@app.cell(hide_code=True)
def _(alt, drawing, mastery):
    _people = mastery.person_key.drop_duplicates().tolist()
    _by_learners = mastery.groupby("topic").person_key.count()
    _topics = sorted(_by_learners.index, key=lambda topic: (-_by_learners[topic], topic))
    _cells = alt.Chart(mastery).encode(
        x=alt.X(
            "topic:N",
            sort=_topics,
            title=None,
            axis=alt.Axis(
                orient="top", labelAngle=-45, domain=False, ticks=False, labelColor=drawing.INK
            ),
        ),
        y=alt.Y(
            "person_key:N",
            sort=_people,
            title=None,
            axis=alt.Axis(labelExpr="slice(datum.value, 0, 8)", labelFontSize=9),
        ),
        tooltip=[
            "person_key:N",
            "topic:N",
            "mastery_level:N",
            alt.Tooltip("mastery_score:Q", format=".0%"),
            alt.Tooltip("mastery_low:Q", format=".0%"),
            alt.Tooltip("mastery_high:Q", format=".0%"),
            "questions_attempted:Q",
        ],
    )
    mastery_chart = (
        _cells.transform_filter("datum.mastery_level != 'insufficient'")
        .mark_rect(stroke="white", strokeWidth=1.5)
        .encode(
            color=alt.Color(
                "mastery_level:O",
                scale=alt.Scale(domain=drawing.LEVELS, range=drawing.LEVEL_COLOURS),
                legend=alt.Legend(symbolType="square"),
            )
        )
        + _cells.transform_filter("datum.mastery_level == 'insufficient'").mark_circle(
            size=12, color="#BBBBBB", opacity=1
        )
    ).properties(
        width=alt.Step(20),
        height=alt.Step(13),
        title=alt.Title(
            "What people know",
            subtitle="grey dot: too few answers to tell; empty: never answered",
        ),
    )
    drawing.drawn(mastery_chart, mastery, "Nobody has answered a question yet.")
    return (mastery_chart,)


@app.cell(hide_code=True)
def _(mastery):
    mastery.drop(columns=["topic_id"])
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ### How many people are how far

    The same, counted over all people: how many have reached which level in a topic. What would
    mislead: who answers a topic at all chose to, and long bars are popular topics, not easy ones.
    """)
    return


@app.cell(hide_code=True)
def _(published, with_names):
    levels = with_names(
        published.ask(
            """
            with topics as (
                select topic_id, count(*) as learner_count
                from topic_mastery
                where mastery_score is not null
                group by topic_id
                order by learner_count desc, topic_id
                limit 40
            )

            select
                topic_mastery.topic_id,
                topic_mastery.mastery_level,
                count(*) as person_count
            from topic_mastery
            inner join topics on topic_mastery.topic_id = topics.topic_id
            where topic_mastery.mastery_score is not null
            group by topic_mastery.topic_id, topic_mastery.mastery_level, topics.learner_count
            order by
                topics.learner_count desc, topic_mastery.topic_id, topic_mastery.mastery_level
            """
        )
    )
    return (levels,)


@app.cell(hide_code=True)
def _(alt, drawing, levels):
    _all_levels = ("insufficient", *drawing.LEVELS)
    _ranked = levels.assign(rank=levels.mastery_level.map(_all_levels.index))
    levels_chart = (
        alt.Chart(_ranked)
        .mark_bar(height={"band": 0.8}, stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("person_count:Q", title="people", axis=alt.Axis(grid=True, gridColor="#EEE")),
            y=alt.Y("topic:N", sort=levels.topic.drop_duplicates().tolist(), title=None),
            color=alt.Color(
                "mastery_level:O",
                scale=alt.Scale(domain=_all_levels, range=("#DDDDDD", *drawing.LEVEL_COLOURS)),
            ),
            order="rank:Q",
            tooltip=["topic:N", "mastery_level:N", "person_count:Q"],
        )
        .properties(
            width=drawing.WIDTH - 120,
            height=alt.Step(17),
            title="People, by what they have reached",
        )
    )
    drawing.drawn(levels_chart, levels, "Nobody has answered a question yet.")
    return (levels_chart,)


@app.cell(hide_code=True)
def _(levels):
    levels.drop(columns=["topic_id"])
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## One person

    A dot is the chance of a right answer today, the line how certain that is: with nine chances
    in ten the truth is on it. The dashed line is the target. What would mislead: two dots whose
    lines overlap widely are not known to differ.
    """)
    return


@app.cell(hide_code=True)
def _(drawing, mo, published):
    _learners = published.ask(
        """
        select
            cast(person_key as varchar) as person_key,
            count(*) as topic_count,
            cast(sum(questions_attempted) as bigint) as answer_count
        from topic_mastery
        where mastery_score is not null
        group by person_key
        order by answer_count desc, person_key
        limit 100
        """
    )
    _offered = {
        f"{drawing.short(one.person_key)} · {one.topic_count} topics, {one.answer_count} answers": (
            one.person_key
        )
        for one in _learners.itertuples()
    }
    learner_choice = mo.ui.dropdown(
        _offered, value=next(iter(_offered), None), label="Person", searchable=True
    )
    learner_choice
    return (learner_choice,)


@app.cell(hide_code=True)
def _(learner_choice, published, with_names):
    own_topics = with_names(
        published.ask(
            """
            select
                topic_id, mastery_level, mastery_score, mastery_low, mastery_high, trend,
                distance_to_target, evidence, questions_attempted, questions_correct,
                review_due_date
            from topic_mastery
            where person_key = try_cast($person as uuid) and mastery_score is not null
            order by mastery_score desc, topic_id
            limit 60
            """,
            person=learner_choice.value,
        )
    )
    return (own_topics,)


@app.cell(hide_code=True)
def _(alt, drawing, learner_choice, own_topics):
    _topics = alt.Chart(own_topics).encode(
        y=alt.Y(
            "topic:N",
            sort=own_topics.topic.tolist(),
            title=None,
            axis=alt.Axis(labelColor=drawing.INK),
        ),
        tooltip=[
            "topic:N",
            "mastery_level:N",
            alt.Tooltip("mastery_score:Q", format=".0%"),
            alt.Tooltip("mastery_low:Q", format=".0%"),
            alt.Tooltip("mastery_high:Q", format=".0%"),
            "questions_attempted:Q",
            "trend:N",
        ],
    )
    _x = {
        "scale": alt.Scale(domain=[0, 1]),
        "title": "chance of a right answer today",
        "axis": drawing.percent(),
    }
    _targets = own_topics.mastery_score + own_topics.distance_to_target
    _target = (
        alt.Chart(_targets.head(1).to_frame("target"))
        .mark_rule(color=drawing.SOFT, strokeDash=[3, 3])
        .encode(x=alt.X("target:Q", **_x))
    )
    own_chart = (
        _target
        + _topics.mark_rule(size=2.5, color="#A9C6DC").encode(
            x=alt.X("mastery_low:Q", **_x), x2="mastery_high:Q"
        )
        + _topics.mark_point(filled=True, size=55, opacity=1, color=drawing.ACCENT).encode(
            x=alt.X("mastery_score:Q", **_x)
        )
        + _topics.transform_calculate(
            said="datum.trend == 'rising' ? '↗' : datum.trend == 'falling' ? '↘' : ''"
        )
        .mark_text(align="left", dx=7, dy=-5, fontSize=12)
        .encode(x=alt.X("mastery_score:Q", **_x), text="said:N")
    ).properties(
        width=drawing.WIDTH - 160,
        height=alt.Step(20),
        title=alt.Title(
            f"What {drawing.short(learner_choice.value or '')} knows",
            subtitle="90 % interval; dashed: the target; arrow: 5 points or more in 14 days",
        ),
    )
    drawing.drawn(own_chart, own_topics, "There is nobody to show yet.")
    return (own_chart,)


@app.cell(hide_code=True)
def _(own_topics):
    own_topics.drop(columns=["topic_id"])
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ### What this person should work on next

    By priority: how far below the target, how important the topic is, how many other topics wait
    for it. A root gap is one whose prerequisites are not gaps themselves, so it can be begun.
    """)
    return


@app.cell(hide_code=True)
def _(learner_choice, published, with_names):
    own_gaps = with_names(
        published.ask(
            """
            select topic_id, gap_type, reason, is_root_gap, blocked_topic_count, priority
            from knowledge_gaps
            where person_key = try_cast($person as uuid)
            order by priority desc, topic_id
            limit 15
            """,
            person=learner_choice.value,
        )
    )
    own_gaps.drop(columns=["topic_id"])
    return (own_gaps,)


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## What is missing in the class

    People with a gap in a topic, by its kind. Left out is *not covered*, topics that somebody has
    neither read nor answered: nobody can be said to lack what nobody taught them. What would
    mislead: more people have gaps in what more people tried.
    """)
    return


@app.cell(hide_code=True)
def _(published, with_names):
    gaps = with_names(
        published.ask(
            """
            with topics as (
                select topic_id, count(*) as person_count
                from knowledge_gaps
                where gap_type <> 'not_covered'
                group by topic_id
                order by person_count desc, topic_id
                limit 25
            )

            select
                knowledge_gaps.topic_id,
                replace(knowledge_gaps.gap_type, '_', ' ') as gap_type,
                count(*) as person_count,
                count(*) filter (where knowledge_gaps.is_root_gap) as root_gap_count
            from knowledge_gaps
            inner join topics on knowledge_gaps.topic_id = topics.topic_id
            where knowledge_gaps.gap_type <> 'not_covered'
            group by knowledge_gaps.topic_id, knowledge_gaps.gap_type, topics.person_count
            order by topics.person_count desc, knowledge_gaps.topic_id, person_count desc, gap_type
            """
        )
    )
    return (gaps,)


@app.cell(hide_code=True)
def _(alt, drawing, gaps):
    _kinds = gaps.groupby("gap_type").person_count.sum().sort_values(ascending=False).index.tolist()
    _cells = alt.Chart(gaps).encode(
        x=alt.X(
            "gap_type:N",
            sort=_kinds,
            title=None,
            axis=alt.Axis(
                orient="top", labelAngle=0, domain=False, ticks=False, labelColor=drawing.INK
            ),
        ),
        y=alt.Y("topic:N", sort=gaps.topic.drop_duplicates().tolist(), title=None),
        tooltip=["topic:N", "gap_type:N", "person_count:Q", "root_gap_count:Q"],
    )
    gaps_chart = (
        _cells.mark_rect(stroke="white", strokeWidth=2).encode(
            color=alt.Color(
                "person_count:Q",
                scale=alt.Scale(range=["#FDF3EC", "#F2A978", "#B34700"], domainMin=0),
                legend=None,
            )
        )
        + _cells.mark_text().encode(
            text="person_count:Q",
            color=alt.when(f"datum.person_count > {0.6 * (gaps.person_count.max() or 0)}")
            .then(alt.value("white"))
            .otherwise(alt.value(drawing.INK)),
        )
    ).properties(
        width=alt.Step(118),
        height=alt.Step(20),
        title="People with a gap, by topic and kind",
    )
    drawing.drawn(gaps_chart, gaps, "Nobody has a gap in what they tried, or nobody tried.")
    return (gaps_chart,)


@app.cell(hide_code=True)
def _(gaps):
    gaps.drop(columns=["topic_id"])
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## Are the questions good

    A circle is a question: the share of people who had it right at the first attempt and without a
    hint, beside what the reference says of its difficulty. The larger, the more people. Red ones
    are flagged: answered right by nearly all (above 90 %) or nearly nobody (below 20 %), or with an
    answer that has nothing to do with what people know otherwise. What would mislead: questions
    that fewer than 30 people have answered are not judged, and not drawn. A flag says look at the
    question, not that it is wrong.
    """)
    return


@app.cell(hide_code=True)
def _(published, with_names):
    questions = with_names(
        published.ask(
            """
            select
                question_id, topic_id,
                coalesce(claimed_difficulty, 'not said') as claimed_difficulty,
                first_answer_count, p_value, discrimination, guess_rate, hint_rate, median_seconds,
                is_flagged, has_low_discrimination, is_too_easy, is_too_hard
            from question_items
            where p_value is not null
            order by is_flagged desc, p_value, question_id
            limit 2000
            """
        )
    )
    [_counts] = published.ask(
        """
        select
            count(*) as question_count,
            count(p_value) as judged_count,
            count(discrimination) as discrimination_count,
            count(*) filter (where is_flagged) as flagged_count
        from question_items
        """
    ).itertuples(index=False)
    question_counts = _counts
    return question_counts, questions


@app.cell(hide_code=True)
def _(alt, drawing, question_counts, questions):
    _known = ["easy", "medium", "hard"]
    _words = [word for word in _known if word in set(questions.claimed_difficulty)]
    _words += sorted(set(questions.claimed_difficulty) - set(_known))
    # Side by side within a row, by the question's place in its level: the same every time.
    _spread = questions.assign(
        place=questions.groupby("claimed_difficulty").cumcount() * 0.618 % 1,
    )
    questions_chart = (
        alt.Chart(_spread)
        .mark_point(filled=True, strokeWidth=0)
        .encode(
            x=alt.X(
                "p_value:Q",
                title="right at the first attempt",
                scale=alt.Scale(domain=[0, 1]),
                axis=drawing.percent(values=[0, 0.2, 0.5, 0.9, 1], grid=True, gridColor="#E4E4E4"),
            ),
            y=alt.Y(
                "claimed_difficulty:N",
                sort=_words,
                title=None,
                axis=alt.Axis(labelColor=drawing.INK, labelFontSize=12),
            ),
            yOffset=alt.YOffset("place:Q", scale=alt.Scale(domain=[-0.1, 1.1])),
            size=alt.Size("first_answer_count:Q", scale=alt.Scale(range=[14, 90]), legend=None),
            color=alt.when("datum.is_flagged")
            .then(alt.value(drawing.ALARM))
            .otherwise(alt.value(drawing.ACCENT)),
            opacity=alt.when("datum.is_flagged").then(alt.value(1)).otherwise(alt.value(0.55)),
            tooltip=[
                "question_id:N",
                "topic:N",
                alt.Tooltip("p_value:Q", format=".0%"),
                "first_answer_count:Q",
                alt.Tooltip("discrimination:Q", format=".2f"),
                alt.Tooltip("hint_rate:Q", format=".0%"),
            ],
        )
        .properties(
            width=drawing.WIDTH - 80,
            height=alt.Step(70),
            title=alt.Title(
                "How hard questions are, beside what is said of them",
                subtitle=(
                    f"{question_counts.judged_count:,} of {question_counts.question_count:,}"
                    " questions have enough answers to be judged, "
                    f"{question_counts.discrimination_count:,} of these enough to say whether they"
                    f" tell people apart; {question_counts.flagged_count:,} are flagged"
                ),
            ),
        )
    )
    drawing.drawn(questions_chart, questions, "No question has been answered by 30 people yet.")
    return (questions_chart,)


@app.cell(hide_code=True)
def _(questions):
    questions.drop(columns=["topic_id"])
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## Are the chances to be trusted

    Each answer was predicted from what was known before it. A circle gathers the answers that got
    about the same chance: on the diagonal as many were right as predicted, above it the model was
    too modest, below it too sure. The larger, the more answers. What would mislead: small circles.
    """)
    return


@app.cell(hide_code=True)
def _(mo, published):
    attempt_kind = mo.ui.dropdown(
        {"all answers": "all", "first attempts only": "first"}, value="all answers", label="Of"
    )
    attempt_kind if published else None
    return (attempt_kind,)


@app.cell(hide_code=True)
def _(attempt_kind, published):
    calibration = published.ask(
        """
        select tenth, attempt_count, predicted_rate, actual_rate, difference, log_loss
        from mastery_calibration
        where week_start is null and attempt_kind = $kind
        order by tenth
        """,
        kind=attempt_kind.value,
    )
    return (calibration,)


@app.cell(hide_code=True)
def _(alt, calibration, drawing):
    _axis = {"scale": alt.Scale(domain=[0, 1])}
    _diagonal = (
        alt.Chart(alt.InlineData(values=[{"p": 0}, {"p": 1}]))
        .mark_line(size=1, color=drawing.FAINT)
        .encode(
            x=alt.X("p:Q", title="predicted", axis=drawing.percent(), **_axis),
            y=alt.Y("p:Q", title="were right", axis=drawing.percent(), **_axis),
        )
    )
    _tenths = alt.Chart(calibration).encode(
        x=alt.X("predicted_rate:Q", **_axis),
        y=alt.Y("actual_rate:Q", **_axis),
        tooltip=[
            alt.Tooltip("predicted_rate:Q", format=".1%"),
            alt.Tooltip("actual_rate:Q", format=".1%"),
            "attempt_count:Q",
        ],
    )
    calibration_chart = (
        _diagonal
        + _tenths.mark_point(filled=True, opacity=1, color=drawing.ACCENT).encode(
            size=alt.Size("attempt_count:Q", scale=alt.Scale(range=[8, 260]), legend=None)
        )
        + _tenths.mark_text(align="left", dx=12, dy=4, fontSize=10, color=drawing.SOFT).encode(
            text=alt.Text("attempt_count:Q", format=",")
        )
    ).properties(
        width=300,
        height=300,
        title=alt.Title("Predicted and come true", subtitle="and how many answers"),
    )
    drawing.drawn(calibration_chart, calibration, "No answer has been predicted yet.")
    return (calibration_chart,)


@app.cell(hide_code=True)
def _(calibration):
    calibration
    return


@app.cell(hide_code=True)
def _(tell):
    tell("""
    ## Where courses lose people

    Of those who started a lesson (pale), how many completed it (dark), in the order of the
    lessons' ids. The percentage is the completion rate. A red number is those who stopped in the
    middle of it, and have not been seen in the course since. What would mislead: who began
    yesterday counts as not having completed it, so the newest lessons look worse; rates of few
    people jump. Only people with consent are counted here.
    """)
    return


@app.cell(hide_code=True)
def _(mo, published):
    _courses = published.ask(
        """
        select course_id
        from course_content_stats
        where content_level = 'course'
        order by people_started desc, course_id
        limit 200
        """
    ).course_id.tolist()
    course_choice = mo.ui.dropdown(
        _courses, value=_courses[0] if _courses else None, label="Course", searchable=True
    )
    course_choice
    return (course_choice,)


@app.cell(hide_code=True)
def _(course_choice, published):
    lessons = published.ask(
        """
        select
            module_id, lesson_id, recognised_started, recognised_completed, completion_rate,
            drop_off_count, drop_off_share, median_seconds, completion_rate_difference
        from course_content_stats
        where content_level = 'lesson' and course_id = $course
        order by module_id nulls last, lesson_id
        limit 200
        """,
        course=course_choice.value,
    )
    return (lessons,)


@app.cell(hide_code=True)
def _(alt, course_choice, drawing, lessons):
    _lessons = alt.Chart(lessons).encode(
        y=alt.Y("lesson_id:N", sort=lessons.lesson_id.tolist(), title=None),
        tooltip=[
            "module_id:N", "lesson_id:N", "recognised_started:Q", "recognised_completed:Q",
            alt.Tooltip("completion_rate:Q", format=".1%"), "drop_off_count:Q",
        ],
    )  # fmt: skip
    _people = {"title": "people with consent"}
    lessons_chart = (
        _lessons.mark_bar(height={"band": 0.75}, color="#CFE0EC").encode(
            x=alt.X("recognised_started:Q", **_people)
        )
        + _lessons.mark_bar(height={"band": 0.75}, color=drawing.ACCENT).encode(
            x=alt.X("recognised_completed:Q", **_people)
        )
        + _lessons.transform_calculate(
            said="datum.completion_rate == null ? '' : format(datum.completion_rate, '.0%')"
        )
        .mark_text(align="left", dx=5, fontSize=10)
        .encode(x=alt.X("recognised_started:Q", **_people), text="said:N")
        + _lessons.transform_filter("datum.drop_off_count > 0")
        .mark_text(align="left", dx=36, fontSize=10, color=drawing.ALARM)
        .encode(
            x=alt.X("recognised_started:Q", **_people),
            text=alt.Text("drop_off_count:Q", format=","),
        )
    ).properties(
        width=drawing.WIDTH - 160,
        height=alt.Step(17),
        title=alt.Title(
            f"Lessons of {course_choice.value}: started, and completed",
            subtitle="completion rate; red: stopped in the middle of it",
        ),
    )
    drawing.drawn(lessons_chart, lessons, "Nobody has begun a lesson yet.")
    return (lessons_chart,)


@app.cell(hide_code=True)
def _(lessons):
    lessons
    return


if __name__ == "__main__":
    app.run()
