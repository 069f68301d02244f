"""The command line: python -m stack COMMAND."""

import argparse
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from stack import control_socket, report, settings, topology
from stack.backups import command as backups
from stack.data_dir import ROOT, DataDir, default_data
from stack.errors import StackError
from stack.launch import end_with
from stack.logs import tail
from stack.process import start_time, wait_until
from stack.process_registry import holder, locked, read_json
from stack.profiles import PLAIN, PROFILES, Profile
from stack.supervisor import Supervisor
from stack.verbs import PART_VERBS

DESCRIPTION = "Run Frontrow's whole stack on this machine: real servers and all its processes."
PROGRAM = (sys.executable, "-m", "stack")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="python -m stack", description=DESCRIPTION)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start everything, show warnings; Ctrl-C stops it")
    up.add_argument("--detach", action="store_true", help="start it, print the table, come back")
    up.add_argument("--reload", action="store_true", help="restart the API when code changes")
    up.add_argument("--logs", action="store_true", help="show every line, not warnings alone")
    up.add_argument(
        "--profile",
        choices=sorted(PROFILES),
        default=PLAIN.name,
        help="ha: with spare parts for all that a sale needs (default: plain)",
    )
    up.add_argument(
        "--observe",
        action="store_true",
        help="with Prometheus, Alertmanager and what they ask (docs/stack.md)",
    )
    up.add_argument("--background", action="store_true", help=argparse.SUPPRESS)
    up.add_argument(
        "--while-parent-runs",
        type=int,
        metavar="PID",
        help="stop when the process that started it, of this id, ends",
    )
    commands.add_parser("down", help="stop everything, also what a killed supervisor left behind")
    status = commands.add_parser("status", help="every part: state, pid, restarts, memory")
    status.add_argument("--json", action="store_true", help="for programs")
    commands.add_parser("env", help="print `export NAME=value` lines that lead to the parts")
    backups.add_to(commands)
    reset = commands.add_parser("reset", help="stop everything and remove all data")
    reset.add_argument("--all", action="store_true", help="remove downloaded programs too")
    take = commands.add_parser(
        "take",
        help="give variables of this shell to what starts from now on; print the parts that"
        " have them, which are to be stopped and started one after the other",
    )
    take.add_argument("names", nargs="+", metavar="NAME")
    for name, verb in PART_VERBS.items():
        one = commands.add_parser(name, help=verb.says, description=verb.says)
        one.add_argument(
            "part", choices=topology.ALL_PARTS, metavar="PART", help=", ".join(topology.ALL_PARTS)
        )
    return top


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    options = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="stack: %(message)s", stream=sys.stdout)
    data_dir = DataDir(default_data())
    try:
        if options.command in PART_VERBS:
            control_socket.send_request(data_dir.run, {"do": options.command, "part": options.part})
            return 0
        match options.command:
            case "up":
                return _up(data_dir, options)
            case "down":
                return _down(data_dir)
            case "status":
                return _status(data_dir, as_json=options.json)
            case "env":
                return _env(data_dir)
            case "take":
                return _take(data_dir, options.names)
            case "backups":
                return backups.run(data_dir, options)
            case _:
                return _reset(data_dir, downloads=options.all)
    except StackError as error:
        for line in str(error).splitlines():
            print(f"stack: {line}", file=sys.stderr)
        return 1


def _up(data_dir: DataDir, options: argparse.Namespace) -> int:
    if options.while_parent_runs is not None:
        end_with(options.while_parent_runs, signal.SIGTERM)
    profile = PROFILES[options.profile]
    if options.observe:
        profile = profile.observed()
    ports = settings.ports(profile=profile)
    data_dir.make()
    if options.detach:
        return _detach(data_dir, profile, reload=options.reload)
    return Supervisor(
        data_dir,
        ports,
        reload=options.reload,
        follow=not options.background,
        all_logs=options.logs,
        profile=profile,
    ).run()


def _detach(data_dir: DataDir, profile: Profile, *, reload: bool) -> int:
    if holder(data_dir.run / "supervisor.json"):
        print("stack: already running")
        return 0
    log = data_dir.logs / "supervisor.log"
    command = [*PROGRAM, "up", "--background", "--profile", profile.name]
    command += ["--observe"] if profile.is_observed else []
    command += ["--reload"] if reload else []
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
    while child.poll() is None:
        if _complete(data_dir):
            print("\n".join(tail(log, 200)))
            return 0
        time.sleep(0.2)
    print("\n".join(tail(log, 60)), file=sys.stderr)
    return 1


def _complete(data_dir: DataDir) -> bool:
    try:
        return bool(control_socket.send_request(data_dir.run, {"do": "complete"}, 20)["complete"])
    except StackError:
        return False


def _down(data_dir: DataDir) -> int:
    if not data_dir.root.is_dir():
        return 0
    pid = holder(data_dir.run / "supervisor.json")
    if pid:
        started = start_time(pid)
        control_socket.send_request(data_dir.run, {"do": "down"})
        if not wait_until(lambda: start_time(pid) != started, 30):
            raise StackError(f"the supervisor ({pid}) is still stopping after 30 s")
        return 0
    with locked(data_dir.make().lock) as free:
        if not free:
            raise StackError("the supervisor is just starting; try again")
        for name in data_dir.registry.clear(data_dir.marker):
            print(f"stack: ended {name}, left over from a supervisor that was killed")
    return 0


def _status(data_dir: DataDir, *, as_json: bool) -> int:
    if not holder(data_dir.run / "supervisor.json"):
        print(json.dumps({"running": False}) if as_json else "stack: not running")
        return 3
    value = control_socket.send_request(data_dir.run, {"do": "status"})
    print(
        json.dumps({"running": True, **value}, indent=1) if as_json else report.status_text(value)
    )
    return 0


def _env(data_dir: DataDir) -> int:
    """Print the running stack's environment, or the one it would have."""
    values = read_json(data_dir.run / "environment.json")
    if not (values and holder(data_dir.run / "supervisor.json")):
        local = topology.local_environment(data_dir.make(), settings.ports())
        values = local | settings.from_outside(local, read_json(data_dir.run / "local.json"))
    for name, value in sorted(values.items()):
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _take(data_dir: DataDir, names: Sequence[str]) -> int:
    unset = [name for name in names if name not in os.environ]
    if unset:
        raise StackError(f"not set here: {', '.join(unset)}")
    values = {name: os.environ[name] for name in names}
    reply = control_socket.send_request(data_dir.run, {"do": "take", "environment": values})
    print("\n".join(reply["parts"]))
    return 0


def _reset(data_dir: DataDir, *, downloads: bool) -> int:
    _down(data_dir)
    data_dir.erase(downloads=downloads)
    print(f"stack: removed the data in {os.path.relpath(data_dir.root)}")
    return 0
