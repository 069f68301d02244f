"""postgresql.conf and pg_hba.conf, fit for the machine.

Note [No values in the log]
A statement carries what people typed: addresses, password hashes, session keys. PostgreSQL would
log it, and the refused row, with every error. So it writes errors without statement, detail and
parameters, nothing of slow statements (their text is all there is), and of the application's own
sessions not even the message, which may quote a value ("invalid input syntax for ..."): the
application reports its errors itself. A production server needs the same (docs/runbook.md). The
JSON form of a line has its detail all the same, where a session of PostgreSQL's own meets an error:
it stays in the server's file, which only its user reads, and isn't taken over (stack/log_lines.py).
"""

from collections.abc import Mapping
from pathlib import Path

MIB = 1024 * 1024

ACCESS = """\
# Written by the stack at every start. Nobody without a password, nobody from elsewhere.
host all         all        127.0.0.1/32 scram-sha-256
host replication replicator 127.0.0.1/32 scram-sha-256
"""

# See Note [No values in the log].
NO_VALUES = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_duration_statement": "-1",
    "log_statement": "none",
}


def memory_settings(total: int) -> dict[str, str]:
    """Return settings for a machine of `total` bytes, of which the stack is only one tenant."""
    shared = min(max(total // 64, 64 * MIB), 256 * MIB)
    return {
        "shared_buffers": f"{shared // MIB}MB",
        "effective_cache_size": f"{total // 4 // MIB}MB",
        "maintenance_work_mem": "64MB",
        "work_mem": "8MB",
    }


def log_file(home: Path, name: str) -> Path:
    """Return where the server `name` writes its lines as JSON."""
    return home / "logs" / f"{name}.json"


def json_log(file: Path) -> dict[str, str]:
    """Return what lets a server write its lines as JSON to `file`, whose name ends in .json."""
    return {
        "logging_collector": "on",
        "log_destination": "jsonlog",
        "log_directory": str(file.parent),
        "log_filename": f"{file.stem}.log",  # its end becomes .json
        "log_rotation_age": "0",  # the supervisor cuts it
        "log_rotation_size": "0",
    }


def server_settings(*, port: int, memory: int, durable: bool) -> dict[str, str]:
    """Return what primary and replica share. Not `durable`: faster, and a power cut loses all."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",  # a socket's path has a length limit, a checkout's has none
        "max_connections": "200",
        "password_encryption": "scram-sha-256",
        **memory_settings(memory),
        "wal_level": "replica",
        "max_wal_senders": "8",
        "max_replication_slots": "8",
        "max_slot_wal_keep_size": "512MB",  # a replica that is gone for longer is rebuilt
        "wal_keep_size": "64MB",
        "hot_standby": "on",
        "hot_standby_feedback": "on",
        "max_wal_size": "1GB",
        "min_wal_size": "128MB",
        "checkpoint_timeout": "15min",
        "wal_receiver_status_interval": "1s",
        "wal_retrieve_retry_interval": "500ms",  # how soon the replica finds a primary that is back
        "random_page_cost": "1.1",
        "jit": "off",  # short statements: compiling them costs more than it saves
        "default_toast_compression": "pglz",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d %a %e ",
        **NO_VALUES,
        "log_lock_waits": "on",
        "log_checkpoints": "off",
        "track_io_timing": "on",
    }
    if not durable:
        # A server that is killed still loses nothing: the kernel has what was committed.
        settings |= {"fsync": "off", "full_page_writes": "off"}
    return settings


def render(settings: Mapping[str, str]) -> str:
    """Return the settings in postgresql.conf's syntax."""
    lines = ["# Written by the stack at every start: changes made here are lost."]
    for name, value in settings.items():
        quoted = value.replace("'", "''")
        lines.append(f"{name} = '{quoted}'")
    return "\n".join(lines) + "\n"
