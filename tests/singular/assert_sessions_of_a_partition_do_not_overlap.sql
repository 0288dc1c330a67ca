-- Born from idle ends: a session that an end event stretched ran into the next one.
with ordered as (
    select
        partition_key,
        session_id,
        ended_at,
        lead(started_at) over (partition by partition_key order by started_at) as next_started_at
    from {{ ref('int_sessions') }}
)

select * from ordered
where next_started_at <= ended_at
