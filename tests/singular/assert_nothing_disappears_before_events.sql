-- Every record that landed is either an event or a rejected event, in each app, load by load. What the
-- ledger says has landed is what is there.
with landed as (
    select source_app, load_id, landed_count
    from {{ ref('load_ledger') }}
    where
        status = 'loaded'
        -- What landed while the build ran is taken in by the next one.
        and load_id <= (
            select through_load_id from {{ build_progress() }} where model_name = 'int_events_judged'
        )
        and concat(source_app, '.', stream) in ({{ event_streams() }})
),

accepted as (
    select source_app, load_id, count(*) as event_count
    from {{ ref('events') }}
    group by source_app, load_id
),

rejected as (
    select source_app, load_id, count(*) as event_count
    from {{ ref('rejected_events') }}
    group by source_app, load_id
),

compared as (
    select
        landed.source_app,
        landed.load_id,
        landed.landed_count,
        coalesce(accepted.event_count, 0) as accepted_count,
        coalesce(rejected.event_count, 0) as rejected_count
    from landed
    left join accepted on landed.load_id = accepted.load_id
    left join rejected on landed.load_id = rejected.load_id
)

select * from compared
where landed_count <> accepted_count + rejected_count
