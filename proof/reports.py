"""Reports that are kept: audits and rehearsals, each written once (Note [Stored once])."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from kernel import stored_files
from proof.findings import AuditReport

FOLDER = "reports"
AUDITS, RUSH = f"{FOLDER}/audits", f"{FOLDER}/rush"


def keep_audit(report: AuditReport) -> str:
    """Keep an audit's report and return its name. Raises `FileNotKept`."""
    content = json.dumps(report.as_json(), ensure_ascii=False).encode()
    return stored_files.keep(AUDITS, content, ending="json", now=report.as_of)


def keep_rush(files: Iterable[Path], *, now: datetime) -> list[str]:
    """Keep the files of a rehearsal's report and return their names. Raises `FileNotKept`."""
    return [
        stored_files.keep(RUSH, one.read_bytes(), ending=one.suffix[1:], now=now) for one in files
    ]
