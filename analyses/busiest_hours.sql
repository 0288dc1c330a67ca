-- When in the week is each app busiest?
--
-- The ten hours of the week with most deeds, of each app. Weekday 1 is Monday; hours are those of
-- reporting_timezone, not of where people live. All of history together: where your data does not
-- cover whole weeks, some weekdays had more chances. Few persons and many deeds: it is not an
-- hour that is busy, but somebody.

with activity_by_hour as (
    select * from {{ ref('activity_by_hour') }}
),

apps as (
    select
        source_app,
        sum(deed_count) as deed_count
    from activity_by_hour
    group by source_app
),

ranked as (
    select
        *,
        row_number() over (
            partition by source_app order by deed_count desc, weekday asc, hour asc
        ) as place
    from activity_by_hour
)

select
    ranked.source_app,
    ranked.place,
    ranked.weekday,
    ranked.hour,
    ranked.deed_count,
    ranked.session_count,
    ranked.person_count,
    cast(ranked.deed_count as double) / apps.deed_count as share_of_deeds
from ranked
inner join apps on ranked.source_app = apps.source_app
where ranked.place <= 10
order by ranked.source_app, ranked.place
