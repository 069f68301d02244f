#!/bin/sh
# Runs once in the empty primary: roles, the second database, the replica's slot and its way in.
set -eu
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v application_password="$APPLICATION_PASSWORD" \
    -v replication_password="$REPLICATION_PASSWORD" <<'SQL'
CREATE ROLE frontrow LOGIN NOSUPERUSER PASSWORD :'application_password';
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replication_password';
ALTER ROLE frontrow SET log_min_messages = 'fatal';
GRANT pg_monitor TO frontrow;
CREATE DATABASE frontrow OWNER frontrow;
CREATE DATABASE idempotency OWNER frontrow;
SELECT pg_create_physical_replication_slot('replica', true);
SQL
echo "host replication replicator all scram-sha-256" >>"$PGDATA/pg_hba.conf"
