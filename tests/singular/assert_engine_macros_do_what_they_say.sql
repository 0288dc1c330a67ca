-- A line an expression of macros/engine: what it gives, and what it should. Both sides as text.
with results as (
    select 'epoch_us' as macro_name, cast({{ epoch_us("timestamp '1970-01-02 00:00:00.000001'") }} as varchar) as found, '86400000001' as expected
    union all
    select 'from_epoch_us', cast({{ from_epoch_us('86400000001') }} as varchar), '1970-01-02 00:00:00.000001'
    union all
    select 'hash_key', cast({{ hash_key(["'a'", "'b'"]) }} as varchar), '218ba1e6-8c29-a64a-b176-0602416272d0'
    union all
    select 'hash_key', cast({{ hash_key(["'a|b'"]) }} = {{ hash_key(["'a'", "'b'"]) }} as varchar), 'true'
    union all
    -- In whatever zone the days are cut: a day begins with its first instant, and a day later the next.
    select 'local_date', cast({{ local_date(utc_midnight("date '2026-03-02'")) }} as varchar), '2026-03-02'
    union all
    select
        'utc_midnight',
        cast({{ local_date(utc_midnight("date '2026-03-02'") ~ " - interval 1 microsecond") }} as varchar),
        '2026-03-01'
    union all
    select
        'local_time',
        cast({{ local_time(utc_midnight("date '2026-03-02'")) }} as varchar),
        '2026-03-02 00:00:00'
    union all
    select 'local_hour', cast({{ local_hour(utc_midnight("date '2026-03-02'")) }} as varchar), '0'
    union all
    select
        'local_hour',
        cast({{ local_hour(utc_midnight("date '2026-03-02'") ~ " - interval 1 microsecond") }} as varchar),
        '23'
    union all
    select
        'zone_time',
        cast({{ zone_time("timestamp '2026-03-02 18:29:59'", "'Asia/Kolkata'") }} as varchar),
        '2026-03-02 23:59:59'
    {%- for name, expected in [('Asia/Kolkata', 'true'), ('Atlantis/Poseidonis', 'false')] %}
    union all
    select 'is_zone', cast({{ is_zone("'" ~ name ~ "'") }} as varchar), '{{ expected }}'
    {%- endfor %}
    {%- for day in range(2, 9) %}
    union all
    select
        'local_weekday',
        cast({{ local_weekday(utc_midnight("date '2026-03-0" ~ day ~ "'")) }} as varchar),
        '{{ day - 1 }}'
    {%- endfor %}
    union all
    select 'text_as_key', cast({{ text_as_key("'00000000-0000-0000-0000-000000000001'") }} as varchar), '00000000-0000-0000-0000-000000000001'
    {%- for case in [
        ('int', '12', 'true'), ('int', '12.0', 'true'), ('int', '-3', 'true'),
        ('int', '1.5', 'false'), ('int', 'true', 'false'), ('int', 'soon', 'false'),
        ('number', '1.5e3', 'true'), ('number', '.5', 'true'), ('number', 'nan', 'false'),
        ('number', '1e999', 'false'), ('number', '1e15', 'false'), ('int', '1234567890123456', 'false'),
        ('number', '-1', 'false', '0..'), ('number', '0', 'true', '0..'), ('int', '6', 'false', '1..5'),
        ('number', '1e9', 'false', '..1'), ('number', 'soon', 'false', '0..1'),
        ('bool', 'true', 'true'), ('bool', '1', 'false'),
        ('list', '[1]', 'true'), ('list', '{}', 'false'),
        ('timestamp', '2026-03-02T09:15:04Z', 'true'), ('timestamp', 'soon', 'false'),
    ] %}
    union all
    select
        'fits_type {{ case[0] }}',
        cast({{ fits_type("'" ~ case[1] ~ "'", case[0], case[3] or '') }} as varchar),
        '{{ case[2] }}'
    {%- endfor %}
    union all
    select 'matches', cast({{ matches("'abc'", '^a.c$') }} as varchar), 'true'
    union all
    select 'unpack_json', cast(unpacked.sent.a.b as varchar), '7'
    from (select {{ unpack_json("cast('{\"a\": {\"b\": 7}}' as json)", {'a': {'b': 'integer'}}) }} as sent) as unpacked
    union all
    select 'json_text', {{ json_text("cast('{\"a\": {\"b\": 7}}' as json)", 'a.b') }}, '7'
    {%- for path, expected in [('a', "'2'"), ('b', 'null'), ('c', 'null')] %}
    union all
    select
        'json_list_length',
        cast({{ json_list_length("cast('{\"a\": [7, 8], \"b\": {}}' as json)", path) }} as varchar),
        {{ expected }}
    {%- endfor %}
    union all
    select 'quantile', cast({{ quantile('number', 0.5) }} as varchar), '15.0'
    from (values (10), (20)) as numbers (number)
    union all
    select 'each_date', cast(max(day) as varchar) || ' ' || count(*), '2026-03-09 2'
    from (
        select {{ each_date("date '2026-03-02'", "date '2026-03-15'", 7) }} as day
    ) as days
    union all
    select 'first_by', {{ first_by('letter', ['turn', 'place']) }}, 'b'
    from (values (2, 1, 'a'), (1, 2, 'b'), (1, 1, null)) as letters (turn, place, letter)
    union all
    select 'last_by', {{ last_by('letter', ['turn', 'place']) }}, 'b'
    from (values (1, 1, 'a'), (1, 2, 'b'), (2, 2, null)) as letters (turn, place, letter)
    union all
    select 'numbers_through', concat_ws(' ', min(number), max(number), count(*)), '0 4 5'
    from {{ numbers_through(4) }} as numbers
    union all
    select 'each_text', string_agg(letter, ' '), 'a b'
    from (select {{ each_text("cast('[\"a\", \"b\"]' as json)") }} as letter) as letters
    union all
    select 'each_text', cast(count(*) as varchar), '0'
    from (select {{ each_text("cast('\"a\"' as json)") }} as letter) as letters
    union all
    select 'units', cast({{ from_units('sum(' ~ units('number') ~ ')') }} as varchar), '-0.75'
    from (values (0.25), (-131072.0), (131071.0)) as numbers (number)
)

select * from results
where found is distinct from expected
