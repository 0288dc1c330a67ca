-- An event on a material is in one interaction and in one day of its person: none is lost or
-- doubled where the person, the session or a reference is joined on. Seconds are cut in every
-- interaction and every day, so those may differ by less than one a row.
with of_interactions as (
    select
        person_key,
        count(*) as row_count,
        sum(materials_viewed) as materials_viewed,
        sum(chunks_read) as chunks_read,
        sum(materials_completed) as materials_completed,
        sum(highlights_count + notes_count + bookmarks_count) as annotations,
        sum(duration_seconds) as reading_seconds
    from {{ ref('material_interactions') }}
    group by person_key
),

of_days as (
    select
        person_key,
        count(*) as row_count,
        sum(materials_viewed) as materials_viewed,
        sum(chunks_read) as chunks_read,
        sum(materials_completed) as materials_completed,
        sum(annotations) as annotations,
        sum(reading_seconds) as reading_seconds
    from {{ ref('daily_user_stats') }}
    where materials_viewed + chunks_read + materials_completed + annotations > 0
    group by person_key
)

select *
from of_interactions
full outer join of_days on of_interactions.person_key = of_days.person_key
where
    of_interactions.person_key is null
    or of_days.person_key is null
    or of_interactions.materials_viewed <> of_days.materials_viewed
    or of_interactions.chunks_read <> of_days.chunks_read
    or of_interactions.materials_completed <> of_days.materials_completed
    or of_interactions.annotations <> of_days.annotations
    or of_interactions.reading_seconds - of_days.reading_seconds >= of_days.row_count
    or of_days.reading_seconds - of_interactions.reading_seconds >= of_interactions.row_count
