{% set source_apps = apps() %}

with user_identity_mappings as (
    select * from {{ source('academy', 'user_identity_mappings') }}
),

newest as (
    select *
    from user_identity_mappings
    qualify
        row_number() over (
            partition by user_key
            order by received_at desc, load_id desc, line desc, item desc
        ) = 1
),

unpacked as (
    select
        *,
        {{ unpack_json('external_user_keys', dict.fromkeys(source_apps, 'string')) }} as mapped
    from newest
),

mappings as (
    {% for source_app in source_apps %}
        select
            user_key,
            '{{ source_app }}' as external_source_app,
            mapped.{{ source_app }} as external_user_key_text,
            received_at,
            properties,
            load_id,
            file,
            line,
            item
        from unpacked
        where mapped.{{ source_app }} is not null
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    -- keys
    user_key,
    external_source_app,
    {{ text_as_key('external_user_key_text') }} as external_user_key,

    -- times
    received_at,

    -- JSON
    properties,

    -- where it stands
    load_id,
    file,
    line,
    item
from mappings
