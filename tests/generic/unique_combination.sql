{#- No two rows agree in all of `columns`, which may be expressions. Example:
        data_tests:
          - unique_combination:
              arguments: {columns: [source_app, lower(event_type)]} -#}
{% test unique_combination(model, columns) %}
    select
        {{ columns | join(', ') }},
        count(*) as row_count
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
