"""Log records that say which request they belong to."""

import logging

from kernel.telemetry import context


class CorrelationFilter(logging.Filter):
    """Put the running request's id on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = context.current().request_id
        return True
