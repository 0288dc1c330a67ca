{{ config(materialized='incremental', unique_key='everything') }}

with days as (
    select
        *,
        cast({{ dbt.date_trunc('week', 'stat_date') }} as date) as week_start
    from {{ ref('int_person_days') }}
),

watermark as (
    select * from {{ ref('int_data_watermark') }}
),

summed as (
    select
        week_start,
        source_app,
        person_key,
        count(case when deed_count > 0 then 1 end) as active_days,
        cast(sum(session_count) as bigint) as session_count,
        cast(sum(bounce_count) as bigint) as bounce_count,
        cast(sum(event_count) as bigint) as event_count,
        cast(sum(deed_count) as bigint) as deed_count,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        cast(sum(active_seconds) as bigint) as active_seconds,
        cast(sum(pause_count) as bigint) as pause_count,
        cast(sum(view_count) as bigint) as view_count,
        cast(sum(interaction_count) as bigint) as interaction_count,
        cast(sum(materials_viewed) as bigint) as materials_viewed,
        cast(sum(materials_completed) as bigint) as materials_completed,
        cast(sum(chunks_read) as bigint) as chunks_read,
        cast(sum(floor(reading_ms / 1000)) as bigint) as reading_seconds,
        cast(sum(annotations) as bigint) as annotations,
        cast(sum(questions_viewed) as bigint) as questions_viewed,
        cast(sum(questions_attempted) as bigint) as questions_attempted,
        cast(sum(questions_correct) as bigint) as questions_correct,
        cast(sum(quizzes_completed) as bigint) as quizzes_completed,
        cast(sum(ai_interactions) as bigint) as ai_interactions,
        cast(sum(hints_requested) as bigint) as hints_requested,
        cast(sum(xp_earned) as bigint) as xp_earned,
        cast(sum(achievements_unlocked) as bigint) as achievements_unlocked,
        {{ last_by('level', ['stat_date']) }} as level,
        cast(sum(prompts_submitted) as bigint) as prompts_submitted,
        cast(sum(generations) as bigint) as generations,
        cast(sum(sketches_created) as bigint) as sketches_created,
        cast(sum(lessons_started) as bigint) as lessons_started,
        cast(sum(lessons_completed) as bigint) as lessons_completed,
        cast(sum(searches) as bigint) as searches,
        cast(sum(error_count) as bigint) as error_count
    from days
    group by week_start, source_app, person_key
),

-- Of the week before, not of the last week with a row: who was away comes back from nothing.
compared as (
    select
        summed.*,
        earlier.active_seconds as active_seconds_before,
        earlier.deed_count as deeds_before
    from summed
    left join summed as earlier
        on
            summed.source_app = earlier.source_app
            and summed.person_key = earlier.person_key
            and earlier.week_start = {{ dbt.dateadd('day', -7, 'summed.week_start') }}
)

select
    compared.week_start,
    compared.source_app,
    compared.person_key,
    compared.active_days,
    compared.session_count,
    compared.bounce_count,
    compared.event_count,
    compared.deed_count,
    compared.duration_seconds,
    compared.active_seconds,
    compared.pause_count,
    compared.view_count,
    compared.interaction_count,
    compared.materials_viewed,
    compared.materials_completed,
    compared.chunks_read,
    compared.reading_seconds,
    compared.annotations,
    compared.questions_viewed,
    compared.questions_attempted,
    compared.questions_correct,
    cast(compared.questions_correct as double) / nullif(compared.questions_attempted, 0)
        as accuracy,
    compared.quizzes_completed,
    compared.ai_interactions,
    compared.hints_requested,
    compared.xp_earned,
    compared.achievements_unlocked,
    compared.level,
    compared.prompts_submitted,
    compared.generations,
    compared.sketches_created,
    compared.lessons_started,
    compared.lessons_completed,
    compared.searches,
    compared.error_count,
    coalesce(compared.active_seconds, 0) - coalesce(compared.active_seconds_before, 0)
        as active_seconds_change,
    compared.deed_count - coalesce(compared.deeds_before, 0) as deed_count_change,
    {{ dbt.dateadd('day', 6, 'compared.week_start') }} <= watermark.as_of_date as is_complete
from compared
cross join watermark
where {{ is_touched('everything') }}
