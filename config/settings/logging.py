"""The settings of logging: JSON lines with the request id."""

from config.settings.telemetry import FRONTROW_RELEASE, SERVICE_NAME
from kernel import env
from kernel.telemetry.logs import line_format

_level = env.choice(
    "LOG_LEVEL", of=("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO", help="Log threshold."
)
LOG_FORMAT = env.choice(
    "LOG_FORMAT", of=("json", "console"), default="json", help="Form of log lines."
)
LOG_FOLDER = env.string(
    "LOG_FOLDER", default="", help="Where `manage.py trace` finds log files; `stack env` says it."
)
_ticks = "DEBUG" if _level == "DEBUG" else "WARNING"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "correlation": {"()": "kernel.telemetry.logs.CorrelationFilter"},
        "discreet": {"()": "kernel.telemetry.logs.DiscreetFilter"},
    },
    "formatters": {
        "json": line_format(SERVICE_NAME, FRONTROW_RELEASE),
        "console": {
            "()": "kernel.telemetry.logs.TextFormatter",
            "format": "%(levelname)s %(name)s %(message)s",
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["correlation", "discreet"],
        },
        "security": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["correlation", "discreet"],
        },
    },
    "root": {"handlers": ["stderr"], "level": _level},
    "loggers": {
        # JSON whatever LOG_FORMAT says, and kept whatever LOG_LEVEL says: Note [Security log].
        "frontrow.security": {"level": "INFO", "handlers": ["security"], "propagate": False},
        "django.server": {"level": "WARNING"},
        # Repeats what the access line says of each refusal.
        "django.request": {"level": "ERROR"},
        # Would write every URL that we call, payment keys among them; calls are counted.
        "httpx": {"level": "WARNING"},
        # Ticks come several times a second; Flower and the metrics show them better. Lines only at
        # DEBUG.
        "celery.beat": {"level": _ticks},
        "celery.worker.strategy": {"level": _ticks},
        "celery.app.trace": {"level": _ticks},
    },
}
