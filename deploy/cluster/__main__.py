"""Start and stop a cluster on this machine: `.venv/bin/python -m deploy.cluster up`.

A real control plane on loopback whose nodes and pods only say that they run (docs/cluster.md).
Its programs are built once, by Go; kubectl has to be there.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence

from deploy.cluster.cluster import Cluster
from deploy.tools.build import NoTool
from stack.errors import StackError

NOT_RUNNING = 3
_HELP = {
    "up": "start it, with nothing in it, and wait until it is ready; it goes on until `down`",
    "down": "end it and remove what it kept",
    "status": "show its processes; exit 3 unless all of them run",
    "env": 'print KUBECONFIG for a shell: eval "$(python -m deploy.cluster env)"',
}


def up(cluster: Cluster, *, as_json: bool) -> int:
    """Start the cluster."""
    seconds = cluster.up()
    values = {"KUBECONFIG": str(cluster.kubeconfig)}
    if as_json:
        print(json.dumps({"seconds": round(seconds, 1), "environment": values}))
    else:
        print(f"cluster: ready after {seconds:.1f} s" if seconds else "cluster: runs already")
        print('cluster: eval "$(.venv/bin/python -m deploy.cluster env)"; kubectl get nodes')
    return 0


def down(cluster: Cluster, *, as_json: bool) -> int:
    """End the cluster."""
    ended = cluster.down()
    text = "cluster: ended" if ended else "cluster: none runs here"
    print(json.dumps({"ended": ended}) if as_json else text)
    return 0


def status(cluster: Cluster, *, as_json: bool) -> int:
    """Show the processes."""
    found = cluster.status()
    if as_json:
        print(json.dumps([vars(one) for one in found]))
    else:
        for one in found:
            state = f"pid {one.pid}, {one.memory / 2**20:.0f} MiB" if one.pid else "does not run"
            print(f"{one.name:20} {state}")
    return 0 if all(one.pid for one in found) else NOT_RUNNING


def env(cluster: Cluster, *, as_json: bool) -> int:
    """Print the variables."""
    path = str(cluster.kubectl.kubeconfig)
    text = f"export KUBECONFIG={shlex.quote(path)}"
    print(json.dumps({"KUBECONFIG": path}) if as_json else text)
    return 0


COMMANDS: dict[str, Callable[..., int]] = {"up": up, "down": down, "status": status, "env": env}


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Do what the argument says; 0: done, 1: it can't be, 2: a tool is missing, 3: not running."""
    parser = argparse.ArgumentParser(prog="python -m deploy.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in _HELP.items():
        one = commands.add_parser(name, help=text)
        one.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args(arguments)
    try:
        return COMMANDS[chosen.command](Cluster(), as_json=chosen.json)
    except StackError as problem:
        print(f"cluster: {problem}", file=sys.stderr)
        return 1
    except NoTool as problem:
        print(f"cluster: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
