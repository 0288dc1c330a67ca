"""dbt's `adapter` for sqlfluff, which renders our macros without dbt or a database."""

from jinja2 import pass_context


@pass_context
def dispatch(context, name):
    return context.resolve(f"duckdb__{name}")
