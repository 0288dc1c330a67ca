-- What a person did belongs to a session, unless the clock of the device was ahead.
select event_key
from {{ ref('events') }}
where is_activity and not is_clock_skewed and session_id is null
