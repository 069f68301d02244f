"""The supervisor: starts the plan, keeps it running, obeys requests, stops it in order."""

import logging
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from types import FrameType

from stack import control_socket, report, settings, topology
from stack.data_dir import DataDir, release
from stack.engine import Engine
from stack.errors import StackError
from stack.launch import raise_file_limit
from stack.log_pump import LogPump
from stack.logs import Follower, is_warning, rotate, tail
from stack.policy import Policy
from stack.process import Tools
from stack.process_registry import locked, record_holder, write_json
from stack.profiles import PLAIN, Profile
from stack.states import READY, RESTING, State
from stack.unit import Unit
from stack.verbs import PART_VERBS, PartVerb

logger = logging.getLogger("stack")

STOP_SECONDS = 13.0  # for everything together, the last of it spent on what has to be killed
ATTEMPTS = 3
FILES_WANTED = 16384
ROTATE_EVERY = 60.0
BUSY_TICK = 0.05
IDLE_TICK = 0.3


@dataclass
class Pending:
    """A client that waits until its request has been carried out."""

    connection: socket.socket
    units: list[Unit]
    verb: PartVerb
    deadline: float


def _has_failed(unit: Unit, verb: PartVerb) -> bool:
    return unit.state is State.FAILED or (verb.may_refuse and bool(unit.last_error))


class Supervisor:
    """The stack of one data folder."""

    def __init__(
        self,
        data_dir: DataDir,
        ports: dict[str, int],
        *,
        reload: bool,
        follow: bool,
        all_logs: bool = False,
        profile: Profile = PLAIN,
    ) -> None:
        self.data_dir = data_dir
        self.ports = ports
        self.profile = profile
        self.started = time.time()
        self._reload = reload
        self._follow = follow
        self._all_logs = all_logs
        self._shown: set[str] = set()
        self._tools = Tools(data_dir.marker)
        self._signals = 0
        self._done = False
        self._announced = False
        self._pending: list[Pending] = []
        self._plan: topology.Plan
        self._engine: Engine
        self._follower: Follower

    def run(self) -> int:
        """Run until a signal or `down`; return the exit code. Raises StackError where it can't."""
        with locked(self.data_dir.lock) as free:
            if not free:
                raise StackError("this stack is already running: python -m stack status | down")
            self._listen_to_signals()
            for name in self.data_dir.registry.clear(self.data_dir.marker):
                logger.warning("ended %s, left over from a supervisor that was killed", name)
            self._check_files()
            programs = topology.find_programs(self.data_dir, self._tools, self.profile)
            if self._signals:
                return 130
            self._plan = topology.plan(
                self.data_dir,
                self.ports,
                programs,
                self._tools,
                reload=self._reload,
                profile=self.profile,
            )
            settings.check_free(self.ports, self._plan.parts(), profile=self.profile)
            return self._serve()

    def _serve(self) -> int:
        run = self.data_dir.run
        record_holder(run / "supervisor.json")
        write_json(run / "environment.json", self._plan.environment)
        local = topology.local_environment(self.data_dir, self.ports, self.profile)
        write_json(run / "local.json", local)
        for part, reason in self._plan.absent.items():
            logger.warning("%s: %s", part, reason)
        pump = LogPump(release())
        policy = Policy(attempts=ATTEMPTS, marker=self.data_dir.marker, pump=pump)
        self._engine = Engine(self.data_dir.logs, policy, self.data_dir.registry)
        self._engine.add(self._plan.services)
        units = self._engine.units
        for unit in units.values():
            rotate(unit.log)
        self._follower = Follower({name: unit.log for name, unit in units.items()})
        for unit in units.values():
            unit.start(time.monotonic(), wait=True)
        server = control_socket.listen(run)
        try:
            return self._loop(server)
        finally:
            self._shut_down()
            pump.close()
            server.close()
            for name in (control_socket.NAME, "supervisor.json", "environment.json"):
                (run / name).unlink(missing_ok=True)

    def _loop(self, server: socket.socket) -> int:
        rotated = time.monotonic()
        while not (self._done or self._signals):
            tick = IDLE_TICK if self._announced and self._quiet() else BUSY_TICK
            requests = self._await(tick, server)
            if self._signals:
                break
            if requests:
                self._accept(server)
            self._step()
            failed = [unit for unit in self._engine.units.values() if unit.state is State.FAILED]
            if not self._announced:
                if failed:
                    self._explain(failed)
                    return 1
                self._show_steps()
                self._announce()
            if time.monotonic() - rotated > ROTATE_EVERY:
                rotated = time.monotonic()
                for path in self.data_dir.logs.glob("*.log"):
                    rotate(path)
        return 0

    def _await(self, seconds: float, *sockets: socket.socket) -> list[socket.socket]:
        """Sleep until a signal comes, one of `sockets` has something or the time is over."""
        ready, _, _ = select.select([*sockets, self._wake], [], [], seconds)
        if self._wake in ready:
            self._wake.recv(4096)
            ready.remove(self._wake)
        return ready

    def _step(self) -> None:
        self._engine.tick(time.monotonic())
        self._reply_to_pending()
        if self._follow:
            # A line a step until the table is printed; after that warnings only.
            for line in self._follower.lines(self._is_wanted):
                self._say(line)

    def _is_wanted(self, line: str) -> bool:
        return self._all_logs or (self._announced and is_warning(line))

    def _show_steps(self) -> None:
        for unit in self._engine.units.values():
            if unit.was_ready and unit.name not in self._shown:
                self._shown.add(unit.name)
                self._say(f"stack: {unit.name} is ready ({time.time() - self.started:.1f} s)")

    def _quiet(self) -> bool:
        return all(unit.state in RESTING | READY for unit in self._engine.units.values())

    def _say(self, line: str) -> None:
        try:
            print(line, flush=True)
        except OSError:  # the reader of our output has gone
            self._follow = False
            sys.stdout = open("/dev/null", "w")  # noqa: SIM115

    def _announce(self) -> None:
        if all(unit.was_ready for unit in self._engine.units.values()):
            self._announced = True
            seconds = time.time() - self.started
            stop = "Ctrl-C" if self._follow else "python -m stack down"
            self._say(f"stack: Everything is up after {seconds:.1f} s. {stop} stops it.")
            self._say(report.table(self._plan.environment))

    def _explain(self, failed: list[Unit]) -> None:
        for unit in failed:
            lines = "\n".join(tail(unit.log))
            logger.error("%s does not start: %s\n%s", unit.name, unit.last_error, lines)

    # --- requests

    def _accept(self, server: socket.socket) -> None:
        connection, _ = server.accept()
        request = control_socket.receive_request(connection)
        try:
            reply = self._obey(request, connection)
        except StackError as error:
            reply = {"error": str(error)}
        if reply is not None:
            control_socket.reply(connection, reply)

    def _obey(
        self, request: control_socket.Message, connection: socket.socket
    ) -> control_socket.Message | None:
        """Carry out a request; None where the reply comes once that has happened."""
        verb = request.get("do")
        if verb == "status":
            return report.status(self._engine, self._plan.absent, self.started, self._announced)
        if verb == "complete":  # status without its measuring, which isn't cheap
            return {"complete": self._announced}
        if verb == "down":
            self._done = True
            return {"stopping": True}
        if verb == "take":
            return {"parts": self._take(request.get("environment") or {})}
        if verb not in PART_VERBS:
            raise StackError(f"unknown request {verb}")
        part = str(request.get("part"))
        units = self._engine.part(part)
        if not units:
            raise StackError(f"{part} does not run here: {self._plan.absent.get(part, 'unknown')}")
        for unit in units:
            PART_VERBS[verb].act(unit, time.monotonic())
        deadline = time.monotonic() + control_socket.REPLY_SECONDS / 2
        self._pending.append(Pending(connection, units, PART_VERBS[verb], deadline))
        return None

    def _take(self, values: dict[str, str]) -> list[str]:
        """Give variables to what starts from now on; return the parts that have any of them."""
        parts = self._plan.take(values)
        write_json(self.data_dir.run / "environment.json", self._plan.environment)
        return parts

    def _reply_to_pending(self) -> None:
        for waiting in list(self._pending):
            verb = waiting.verb
            there = all(unit.state in verb.done for unit in waiting.units)
            if there or time.monotonic() > waiting.deadline:
                self._pending.remove(waiting)
                bad = [u for u in waiting.units if not there or _has_failed(u, verb)]
                error = "; ".join(f"{unit.name} is {unit.state} {unit.last_error}" for unit in bad)
                control_socket.reply(waiting.connection, {"error": error} if bad else {"ok": True})

    # --- the end

    def _shut_down(self) -> None:
        """Stop level by level, last started first; kill what doesn't end in its time."""
        self._say("stack: stopping" + (" (Ctrl-C again: at once)" if self._follow else ""))
        patience = self._signals + 1
        end = time.monotonic() + STOP_SECONDS
        self._tools.close()
        for level in reversed(self._engine.levels()):
            for unit in level:
                left = max(0.0, min(unit.service.stop_seconds, end - time.monotonic()))
                unit.stop(time.monotonic(), left)
            while any(unit.state not in RESTING for unit in level):
                if self._signals >= patience:
                    for unit in level:
                        unit.kill(time.monotonic())
                self._await(BUSY_TICK)
                self._step()
        self._engine.close()
        self.data_dir.registry.path.unlink(missing_ok=True)
        self._say("stack: stopped")

    def _listen_to_signals(self) -> None:
        self._wake, writer = socket.socketpair()
        self._wake.setblocking(False)
        writer.setblocking(False)
        self._writer = writer  # kept open as long as the supervisor lives
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

        def stop(number: int, frame: FrameType | None) -> None:
            self._signals += 1
            self._tools.close()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # wakes the loop

    def _check_files(self) -> None:
        raise_file_limit()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < FILES_WANTED:
            logger.warning("the file limit is %d: too few for %d connections", hard, FILES_WANTED)
