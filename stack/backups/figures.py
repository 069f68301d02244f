"""When the newest copy was taken, for the operators' alarm, as node_exporter's textfile has it."""

from stack.backups.archive import BaseBackup
from stack.data_dir import DataDir

NAME = "frontrow_backup_last_timestamp_seconds"


def note_newest(data_dir: DataDir, backups: list[BaseBackup]) -> None:
    """Write when the newest of these copies ended, its file whole at any moment; none says 0.

    They are those of one cluster: what the archive had when this machine looked last.
    """
    newest = max((one.ended.timestamp() for one in backups), default=0.0)
    folder = data_dir.figures
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = folder / "backups.new"
    unfinished.write_text(
        f"# HELP {NAME} When the newest usable base backup ended\n"
        f"# TYPE {NAME} gauge\n"
        f"{NAME} {int(newest)}\n"
    )
    unfinished.rename(folder / "backups.prom")
