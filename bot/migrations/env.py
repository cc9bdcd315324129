"""Run Alembic on the connection that `store` hands over; main and keys have their own folders and tables."""

from alembic import context

connection = context.config.attributes["connection"]
schema = context.config.attributes["schema"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    version_table="alembic_version",
    version_table_schema=schema,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
