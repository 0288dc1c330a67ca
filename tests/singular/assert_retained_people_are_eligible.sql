-- A share above one: somebody was counted as back for whom the period is not over, or counted twice.
select * from {{ ref('retention') }}
where retained_count > eligible_count or eligible_count > cohort_size
