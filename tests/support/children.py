"""Processes of the product on the test's own database."""

import os

from django.db import connection

from tests.support.waiting import await_that

_NAME = "frontrow-child"


def child_environment(kafka: str = "", **more: str) -> dict[str, str]:
    """Return an environment that leads a child to the test's database and servers."""
    database = connection.settings_dict["NAME"]
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    # A replica that another test has started is read as well: its copy of the same database.
    replica = os.environ["REPLICA_URL"].rpartition("/")[0]
    return {
        **os.environ,
        "DATABASE_URL": f"{server}/{database}?application_name={_NAME}",
        "REPLICA_URL": f"{replica}/{database}",
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "LOG_LEVEL": "INFO",
        **more,
    }


def await_children_gone() -> None:
    """Wait until the server has noticed the children's end: else it can't drop the database."""
    await_that(_gone, "the children's sessions ended")


def _gone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE datname = current_database()"
            " AND application_name IN (%s, 'frontrow-relay'))",
            [_NAME],
        )
        return cursor.fetchone()[0]
