# One image for the API, fastpath, the streams, the workers, beat, the consumers, Flower and the sandbox: the command makes the difference.
FROM python:3.13.7-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
COPY requirements/base.txt /tmp/base.txt
RUN /venv/bin/pip install --no-deps --require-hashes -r /tmp/base.txt
# Used where OTEL_EXPORTER_OTLP_ENDPOINT is set.
COPY requirements/tracing.txt /tmp/tracing.txt
RUN /venv/bin/pip install --no-deps --require-hashes --target /tracing -r /tmp/tracing.txt

FROM python:3.13.7-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    MALLOC_TRIM_THRESHOLD_=16777216 \
    TRACES_PACKAGES=/tracing \
    DJANGO_SETTINGS_MODULE=config.settings.production \
    STATIC_ROOT=/app/static
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin frontrow \
    && install --directory --owner=frontrow --mode=0700 /var/lib/frontrow /var/lib/flower /var/lib/sandbox \
    && install --directory --owner=frontrow --mode=0755 /var/lib/storage/media \
        /var/lib/storage/private
COPY --from=build /venv /venv
COPY --from=build /tracing /tracing
WORKDIR /app
COPY . .
# The settings want their servers named before they load; collecting files speaks to none of them.
RUN DJANGO_SETTINGS_MODULE=config.settings.local SECRET_KEY=build OPS_TOKEN=build \
    DATABASE_URL=postgresql://build/build IDEMPOTENCY_DATABASE_URL=postgresql://build/build \
    REDIS_CACHE_URL=redis://build REDIS_LOCK_URL=redis://build REDIS_QUEUE_URL=redis://build \
    CELERY_BROKER_URL=redis://build KAFKA_BOOTSTRAP_SERVERS="" \
    SIGNING_KEYS_FILE=/var/lib/frontrow/signing-keys.json \
    python manage.py collectstatic --no-input --verbosity 0
USER 10001
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "config.wsgi:application", "--host", "0.0.0.0", \
     "--port", "8000", "--http", "1", "--no-ws", "--workers", "2", "--blocking-threads", "8", \
     "--backlog", "16384", "--backpressure", "8192", "--respawn-failed-workers", \
     "--workers-kill-timeout", "10", "--log-level", "warning"]
