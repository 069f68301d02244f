#!/bin/sh
# Copies the primary into an empty folder, then serves as its standby on the slot `replica`.
set -eu
mkdir -p "$(dirname "$PGDATA")"
password_file="$(dirname "$PGDATA")/.replicator"
umask 077
echo "primary:5432:*:replicator:$REPLICATION_PASSWORD" >"$password_file"
unset REPLICATION_PASSWORD
if [ ! -f "$PGDATA/PG_VERSION" ]; then
    rm -rf "$PGDATA.new"
    PGPASSFILE="$password_file" pg_basebackup --host=primary --username=replicator --no-password \
        --pgdata="$PGDATA.new" --wal-method=stream --slot=replica --checkpoint=fast
    touch "$PGDATA.new/standby.signal"
    mv "$PGDATA.new" "$PGDATA"
fi
exec postgres "$@" \
    -c primary_slot_name=replica \
    -c primary_conninfo="host=primary user=replicator passfile=$password_file application_name=replica"
