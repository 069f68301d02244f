"""The command line over three tiny services in the places of the real ones; run as a program."""

import sys

from stack import cli, topology
from stack.data_dir import DataDir
from stack.errors import StackError
from stack.settings import ports
from tests.stack.support import Script

# Tells in its log when it is asked to stop; says two lines at SIGUSR1.
POLITE = (
    "import signal, sys, time\n"
    "def stop(*_):\n"
    "    print(time.monotonic_ns(), flush=True)\n"
    "    sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, stop)\n"
    'lines = \'{"level": "INFO", "message": "as usual"}\', \'WARNING: look here\'\n'
    "signal.signal(signal.SIGUSR1, lambda *_: print(*lines, sep=chr(10), flush=True))\n"
    "time.sleep(600)"
)


def plan(data_dir: DataDir, *args: object, **options: object) -> topology.Plan:
    services = [
        Script("primary", POLITE),
        Script("api", POLITE, after=("primary",)),
        Script("gateway", POLITE, after=("api",)),
    ]
    return topology.Plan(
        services, {"kafka": "external"}, topology.local_environment(data_dir, ports())
    )


cli.PROGRAM = (sys.executable, "-m", "tests.stack.tiny_stack")
topology.plan = plan
topology.find_programs = lambda *args: topology.Programs(StackError("none"), StackError("none"))
if __name__ == "__main__":
    sys.exit(cli.main(sys.argv[1:]))
