-- A line an expression of macros/engine: what it gives, and what it should. Both sides as text.
with results as (
    select 'epoch_us' as macro_name, cast({{ epoch_us("timestamp '1970-01-02 00:00:00.000001'") }} as varchar) as found, '86400000001' as expected
    union all
    select 'from_epoch_us', cast({{ from_epoch_us('86400000001') }} as varchar), '1970-01-02 00:00:00.000001'
    union all
    select 'hash_key', cast({{ hash_key(["'a'", "'b'"]) }} as varchar), 'd0726241-0206-76b1-4aa6-298ce6a18b21'
    union all
    select 'hash_key', cast({{ hash_key(["'a|b'"]) }} = {{ hash_key(["'a'", "'b'"]) }} as varchar), 'true'
    union all
    select 'local_date', cast({{ local_date("timestamp '2026-03-02 23:30:00'") }} as varchar), '2026-03-02'
    union all
    select 'utc_midnight', cast({{ utc_midnight("date '2026-03-02'") }} as varchar), '2026-03-02 00:00:00'
    union all
    select 'text_as_key', cast({{ text_as_key("'00000000-0000-0000-0000-000000000001'") }} as varchar), '00000000-0000-0000-0000-000000000001'
    {%- for type, text, expected in [
        ('int', '12', 'true'), ('int', '12.0', 'true'), ('int', '-3', 'true'),
        ('int', '1.5', 'false'), ('int', 'true', 'false'), ('int', 'soon', 'false'),
        ('number', '1.5e3', 'true'), ('number', '.5', 'true'), ('number', 'nan', 'false'),
        ('bool', 'true', 'true'), ('bool', '1', 'false'),
        ('list', '[1]', 'true'), ('list', '{}', 'false'),
        ('timestamp', '2026-03-02T09:15:04Z', 'true'), ('timestamp', 'soon', 'false'),
    ] %}
    union all
    select 'fits_type {{ type }}', cast({{ fits_type("'" ~ text ~ "'", type) }} as varchar), '{{ expected }}'
    {%- endfor %}
    union all
    select 'matches', cast({{ matches("'abc'", '^a.c$') }} as varchar), 'true'
    union all
    select 'unpack_json', cast(unpacked.sent.a.b as varchar), '7'
    from (select {{ unpack_json("cast('{\"a\": {\"b\": 7}}' as json)", {'a': {'b': 'integer'}}) }} as sent) as unpacked
    union all
    select 'first_by', {{ first_by('letter', ['turn', 'place']) }}, 'b'
    from (values (2, 1, 'a'), (1, 2, 'b'), (1, 1, null)) as letters (turn, place, letter)
    union all
    select 'last_by', {{ last_by('letter', ['turn', 'place']) }}, 'b'
    from (values (1, 1, 'a'), (1, 2, 'b'), (2, 2, null)) as letters (turn, place, letter)
)

select * from results
where found is distinct from expected
