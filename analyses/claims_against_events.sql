-- Can we believe what the app says of its own sessions?
--
-- Of each measure, how often the app's claim is what its events tell (to the second, where it is
-- time), and by how much it is above them. A count above is most often events that were lost or
-- rejected on the way; one below can be a session with several ends, each claiming a part. Length
-- above is mostly idling before the end. Activity is not measured alike (here a gap counts for a
-- minute at most), so look at its size, not at agreement. Sessions whose end claims nothing are not
-- here.

with session_reconciliation as (
    select * from {{ ref('session_reconciliation') }}
),

differences as (
    select
        'duration_seconds' as measure,
        duration_difference as difference
    from session_reconciliation
    union all
    select
        'active_seconds' as measure,
        active_difference as difference
    from session_reconciliation
    union all
    select
        'materials_viewed' as measure,
        materials_difference as difference
    from session_reconciliation
    union all
    select
        'questions_attempted' as measure,
        questions_difference as difference
    from session_reconciliation
    union all
    select
        'xp_earned' as measure,
        xp_difference as difference
    from session_reconciliation
),

counted as (
    select
        measure,
        count(difference) as compared_count,
        count(case when abs(difference) < 1 then 1 end) as agreeing_count,
        count(case when difference >= 1 then 1 end) as above_count,
        count(case when difference <= -1 then 1 end) as below_count,
        {{ quantile('difference', 0.5) }} as median_difference,
        {{ quantile('abs(difference)', 0.9) }} as p90_absolute_difference
    from differences
    group by measure
)

select
    measure,
    compared_count,
    agreeing_count,
    above_count,
    below_count,
    cast(agreeing_count as double) / nullif(compared_count, 0) as agreement_rate,
    median_difference,
    p90_absolute_difference
from counted
order by measure
