-- Empty where it is built: what was published before, only the published file knows. `sightline
-- publish` puts its rows in there.
select
    cast(null as integer) as version,
    cast(null as integer) as previous_version,
    cast(null as timestamp) as published_at,
    cast(null as varchar) as table_name,
    cast(null as varchar) as number_name,
    cast(null as date) as number_date,
    cast(null as varchar) as number_of,
    cast(null as double) as value_before,
    cast(null as double) as value_after,
    cast(null as varchar) as reason,
    cast(null as bigint) as late_event_count,
    cast(null as boolean) as has_identity_change,
    cast(null as boolean) as has_changed_definition
where false
