# One image for the API, fastpath, the streams, the workers, beat, the consumers, state metrics, Flower, setup and the
# sandbox: the command makes the difference. `make image` builds and tests it (docs/image.md).
#
# The base is named here alone, by release and by the digest of its index (all processors). A newer one: `docker buildx
# imagetools inspect docker.io/library/python:3.13-slim-trixie` says its digest; change the release and the digest in one
# commit. Debian trixie, because Debian's own Python there has the same minor release: `deploy/image/base.sh` makes the
# stand-in from it where no registry can be reached.
ARG BASE=docker.io/library/python:3.13.16-slim-trixie@sha256:bf44cdfcb76cd3b41e879bc058fc37ec5872002ccfde7fcb765e218cde0cd79c

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
COPY requirements/base.txt requirements/tracing.txt /build/
# /tracing is used where OTEL_EXPORTER_OTLP_ENDPOINT is set.
RUN python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install --quiet --no-compile --no-deps --require-hashes \
        --only-binary :all: -r /build/base.txt \
    && python -m pip install --quiet --no-compile --no-deps --require-hashes --only-binary :all: \
        --target /tracing -r /build/tracing.txt
COPY deploy/image/slim.py /build/
RUN python /build/slim.py /venv /tracing \
    && python -m compileall -q --invalidation-mode unchecked-hash /tracing
WORKDIR /app
COPY . .
# The settings want their servers named before they load; nothing here speaks to any of them.
# What was collected is not needed twice: in its package (Flower's own are served from there), and by
# its plain name, which no page of the explorer asks for.
RUN mv deploy/image/compiled.py /build/ && rm -rf requirements deploy \
    && export DJANGO_SETTINGS_MODULE=config.settings.local SECRET_KEY=build OPS_TOKEN=build STATIC_ROOT=/app/static \
    DATABASE_URL=postgresql://build/build IDEMPOTENCY_DATABASE_URL=postgresql://build/build \
    REDIS_CACHE_URL=redis://build REDIS_LOCK_URL=redis://build REDIS_QUEUE_URL=redis://build \
    CELERY_BROKER_URL=redis://build KAFKA_BOOTSTRAP_SERVERS="" PYTHONPATH=/app \
    SIGNING_KEYS_FILE=/tmp/signing-keys.json \
    && /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && find /venv -type d -name static ! -path '*/flower/*' ! -exec test -e '{}/__init__.py' ';' \
        -prune -exec rm -rf {} + \
    && find static/drf_spectacular_sidecar -regextype posix-extended -type f \
        ! -regex '.*\.[0-9a-f]{12}(\.[a-z0-9]+)*' -delete \
    && /venv/bin/python /build/compiled.py /compiled

FROM ${BASE}
# No installer stays.
# Folders that everybody may write to become root's, but /tmp, which is memory where it runs.
RUN python -c 'import ensurepip, pip, shutil; [shutil.rmtree(one.__path__[0]) for one in (ensurepip, pip)]' \
    && rm -rf /usr/local/bin/pip* /usr/local/bin/idle* /usr/local/lib/python3*/site-packages/pip-* \
    && useradd --no-log-init --uid 10001 --user-group --home-dir /app --no-create-home --shell /usr/sbin/nologin frontrow \
    && find / -xdev \( -type d -o -type f \) -perm -0002 ! -path /tmp -exec chmod o-w {} + \
    && install --directory --owner=frontrow --group=frontrow --mode=0700 \
        /var/lib/frontrow /var/lib/flower /var/lib/sandbox \
    && install --directory --owner=frontrow --group=frontrow --mode=0755 \
        /var/lib/storage/media /var/lib/storage/private
# The standard library's compiled modules: the base comes without.
COPY --from=build /compiled/ /
COPY --from=build /venv /venv
COPY --from=build /tracing /tracing
COPY --from=build /app /app
WORKDIR /app
ARG BASE
ARG FRONTROW_RELEASE=dev
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Frontrow" \
      org.opencontainers.image.description="An open platform for concert on-sales" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${FRONTROW_RELEASE}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    MALLOC_TRIM_THRESHOLD_=16777216 \
    TRACES_PACKAGES=/tracing \
    DJANGO_SETTINGS_MODULE=config.settings.production \
    STATIC_ROOT=/app/static \
    FRONTROW_RELEASE=${FRONTROW_RELEASE}
USER 10001:10001
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "config.wsgi:application", "--host", "0.0.0.0", \
     "--port", "8000", "--http", "1", "--no-ws", "--workers", "2", "--blocking-threads", "8", \
     "--backlog", "16384", "--backpressure", "8192", "--respawn-failed-workers", \
     "--workers-kill-timeout", "10", "--log-level", "warning"]
