-- The kinds of retention drift apart: somebody active in a period must be active in it or later, and
-- later periods cannot have more of those than earlier ones.
with on_or_after as (
    select * from {{ ref('retention') }}
    where kind = 'on_or_after'
),

compared as (
    select
        on_or_after.*,
        on_period.retained_count as on_count,
        next_period.retained_count as next_count
    from on_or_after
    left join {{ ref('retention') }} as on_period
        on
            on_or_after.source_app = on_period.source_app
            and on_or_after.breakdown_name = on_period.breakdown_name
            and on_or_after.breakdown_value = on_period.breakdown_value
            and on_or_after.cohort_grain = on_period.cohort_grain
            and on_or_after.cohort_start = on_period.cohort_start
            and on_or_after.period_number = on_period.period_number
            and on_period.kind = 'on'
    left join {{ ref('retention') }} as next_period
        on
            on_or_after.source_app = next_period.source_app
            and on_or_after.breakdown_name = next_period.breakdown_name
            and on_or_after.breakdown_value = next_period.breakdown_value
            and on_or_after.cohort_grain = next_period.cohort_grain
            and on_or_after.cohort_start = next_period.cohort_start
            and on_or_after.period_number + 1 = next_period.period_number
            and next_period.kind = 'on_or_after'
)

select * from compared
where on_count is null or on_count > retained_count or next_count > retained_count
