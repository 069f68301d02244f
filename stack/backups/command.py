"""`python -m stack backups ...`: take a copy, list, restore to a moment, practise, look at one."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stack import servers
from stack.backups import figures, practising, restoring, taking
from stack.backups.archive import VARIABLE, Archive, ArchiveRefused, archive_of
from stack.data_dir import DataDir
from stack.errors import StackError
from stack.postgres.cluster import PostgresHost
from stack.process import Tools

REFUSED = 4
LATEST = "latest"
DESCRIPTION = f"""\
Keep PostgreSQL's copies and log in a bucket, and make servers of them. {VARIABLE} (s3://bucket/prefix)
has to be set as it was for `up`; keys, region and endpoint by AWS's names (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL). docs/backups.md says when to do what."""
EPILOG = """\
exit codes:
  0  done
  1  failed: the reason is in the last line
  2  a mistyped word
  4  refused: the archive cannot give what was asked for, nothing was made
"""


def add_to(commands: Any) -> None:
    """Add `backups` to the command line of the stack."""
    form = {"formatter_class": argparse.RawDescriptionHelpFormatter, "epilog": EPILOG}
    whole = commands.add_parser(
        "backups",
        help="copies of PostgreSQL in a bucket: now, list, restore, verify, serve, prune",
        description=DESCRIPTION,
        **form,
    )
    verbs = whole.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, meaning: str, *, cluster: bool = True) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = verbs.add_parser(name, help=meaning, description=meaning)
        one.add_argument("--json", action="store_true", help="one JSON object, for programs")
        if cluster:
            text = "the cluster's number, where the archive has several (`list` names them)"
            one.add_argument("--cluster", default="", metavar="NUMBER", help=text)
        return one

    verb("now", "copy the running cluster; back once its log is in the bucket too", cluster=False)
    verb("list", "the copies, and from when to when the archive can restore")
    made = verb(
        "restore",
        "make a server as it was at a moment, in a folder of its own",
    )
    made.add_argument("--to", required=True, type=moment, metavar="MOMENT", help=_TO)
    made.add_argument("--into", type=Path, metavar="FOLDER", help="default: beside the running one")
    verb("verify", "restore the newest copy with all its log, check every page, remove it again")
    shown = verb("serve", "run a restored folder until Ctrl-C, to look at it", cluster=False)
    shown.add_argument("folder", type=Path, metavar="FOLDER")
    shown.add_argument("--port", type=int, default=0, help="default: a free one")
    old = verb("prune", "delete copies and log that no moment of the last days needs")
    old.add_argument("--days", type=_days, required=True, metavar="N")


_EXAMPLE = "2026-11-27T12:00:00+09:00"
_TO = f"{_EXAMPLE} (the offset counts), or `latest`: all that is in the archive"


def moment(text: str) -> datetime | None:
    """Read a moment with its offset, or `latest` (None)."""
    if text == LATEST:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no moment like {_EXAMPLE}") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} needs its offset, as {text}+09:00 or {text}Z")
    return found


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError(f"{text} is no number of days")
    return int(text)


def run(data_dir: DataDir, options: argparse.Namespace) -> int:
    """Do what the command line says and return the exit code. Raises StackError."""
    if not data_dir.root.is_dir():
        data_dir.make()
    tools = Tools(data_dir.marker)
    archive = archive_of(data_dir, tools)
    host = servers.host_of(data_dir, tools, archive)
    try:
        if options.verb == "serve":
            return _serve(host, options)
        if archive is None:
            raise StackError(f"{VARIABLE} is not set (s3://bucket/prefix): docs/backups.md")
        found, text = _done(archive, host, data_dir, options)
    except ArchiveRefused as error:
        print(f"stack: refused: {error}", file=sys.stderr)
        return REFUSED
    finally:
        tools.close()
    print(json.dumps(found) if options.json else text)
    return 0


def _done(
    archive: Archive, host: PostgresHost, data_dir: DataDir, options: argparse.Namespace
) -> tuple[dict[str, Any], str]:
    """Carry a verb out; return what it found, for programs and for people."""
    if options.verb == "now":
        made = taking.take(archive, host)
        figures.note_newest(data_dir, [made])
        seconds = (made.ended - made.began).total_seconds()
        return made.as_json(), (
            f"copy {made.id}: {made.size / 2**20:.0f} MiB in {seconds:.0f} s,"
            f" usable from {made.ended.isoformat(timespec='seconds')} on"
        )
    cluster = taking.cluster_of(archive, host, options.cluster)
    match options.verb:
        case "list":
            held = taking.holdings(archive, cluster)
            figures.note_newest(data_dir, held.backups)
            return _as_json(held), _as_text(held)
        case "prune":
            taking.prune(archive, cluster, options.days)
            left = taking.holdings(archive, cluster)
            figures.note_newest(data_dir, left.backups)
            return _as_json(left), _as_text(left)
        case "verify":
            report = practising.verify(archive, host, servers.DATABASES, cluster, say)
            return report, practising.as_text(report)
        case _:
            order = restoring.RestoreOrder(cluster, options.to, _into(host, options.into))
            done = restoring.restore(archive, host, servers.DATABASES, order, say)
            return done.as_json(), _restored_text(done)


def _into(host: PostgresHost, given: Path | None) -> Path:
    if given:
        return given.absolute()
    return host.home / f"restored-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def _serve(host: PostgresHost, options: argparse.Namespace) -> int:
    for line in practising.serve(host, options.folder.absolute(), options.port):
        print(line, flush=True)
    return 0


def say(line: str) -> None:
    """Show a step; standard output is for the result alone."""
    print(f"stack: {line}", file=sys.stderr, flush=True)


def _as_json(held: taking.Holdings) -> dict[str, Any]:
    missing = held.log.missing if held.log else None
    return {
        "cluster": held.cluster,
        "backups": [one.as_json() for one in held.backups],
        "restorable_from": held.backups[0].ended.isoformat() if held.backups else None,
        "restorable_until": _utc(held.until) if held.until else None,
        "log_bytes": held.log_bytes,
        "missing": missing.name if missing else None,
    }


def _as_text(held: taking.Holdings) -> str:
    lines = [f"cluster {held.cluster}, {held.log_bytes / 2**20:.0f} MiB of log"]
    lines += [
        f"  {one.id}  {one.size / 2**20:>8.0f} MiB"
        f"  usable from {one.ended.isoformat(timespec='seconds')}"
        for one in held.backups
    ]
    if not held.backups or held.log is None:
        return "\n".join([*lines, "  no copy yet: python -m stack backups now"])
    lines.append(f"  can restore up to about {_utc(held.until or 0.0)}")
    if held.log.missing:
        lines.append(f"  MISSING {held.log.missing.name}: nothing behind it can be restored")
    return "\n".join(lines)


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _restored_text(done: restoring.Restored) -> str:
    return (
        f"restored into {done.folder}\n"
        f"  last commit {done.last_commit or 'none in the log'};"
        f" copy {done.backup.id} fetched in {done.fetch_seconds:.1f} s,"
        f" {done.log_files} files of the log in {done.replay_seconds:.1f} s\n"
        f"  look at it: python -m stack backups serve {done.folder}"
    )
