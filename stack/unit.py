"""The state machine of one service: keeps it in the wanted state, for `up` and for the tests.

`step` is called again and again; what blocks runs in a pool. Nothing here knows what a service is
for, and the time comes in from outside.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from signal import SIGCONT, SIGSTOP

from stack.errors import StackError
from stack.policy import Policy
from stack.process import MARKER, Child, Command
from stack.service import Service
from stack.states import LIVE, RESTING, State

logger = logging.getLogger("stack")

BACKOFF_FIRST = 0.5  # seconds; doubled by every start that comes to nothing
BACKOFF_MOST = 15.0
STEADY_AFTER = 30.0  # seconds of running after which earlier failures are forgotten
PROBE_EVERY = 0.1  # seconds between two questions whether a starting service is ready
CHECK_EVERY = 15.0  # seconds between two questions whether a running service is well


class Unit:
    """One service with its process and the state it is in."""

    def __init__(
        self, service: Service, log: Path, policy: Policy, pool: ThreadPoolExecutor
    ) -> None:
        self.service = service
        self.log = log
        self.policy = policy
        self.state = State.STOPPED
        self.child: Child | None = None
        self.failures = 0
        self.restarts = 0
        self.paused = False
        self.was_ready = False
        self.last_error = ""
        self.since = 0.0
        self._pool = pool
        self._wanted = False
        self._deadline = 0.0
        self._next = 0.0
        self._future: Future[object] | None = None

    @property
    def name(self) -> str:
        return self.service.name

    # --- what is wanted

    def start(self, now: float, *, wait: bool = False) -> None:
        """Want it running; with `wait`, only after the services it names in `after`."""
        if self._wanted and self.state not in RESTING:
            return
        self._wanted = True
        if self.state in RESTING:
            self.failures = 0
            if wait:
                self._enter(State.WAITING, now)
            else:
                self._prepare(now)

    def stop(self, now: float, seconds: float | None = None) -> None:
        """Want it stopped: asked politely, ended after `seconds`.

        By default it is drained first, if it can be, and has its own patience.
        """
        self._wanted = False
        if self.state in LIVE and self.child:
            self.resume()
            if seconds is None and self.service.drains and self.state is State.RUNNING:
                self._submit(self.service.drain)
                self._enter(State.DRAINING, now)
                return
            self._ask_to_stop(now, self.service.stop_seconds if seconds is None else seconds)
        elif self.state in {State.WAITING, State.RESTARTING, State.DONE, State.FAILED}:
            self._enter(State.STOPPED, now)

    def reload(self, now: float) -> None:
        """Let it read its configuration again; where that fails, `last_error` says why."""
        if not self.service.reloads or self.state is not State.RUNNING:
            raise StackError(f"{self.name} is {self.state}, with nothing to reload")
        self.last_error = ""
        self._submit(self.service.reload)
        self._enter(State.RELOADING, now)

    def kill(self, now: float) -> None:
        """End it at once, with all it started (SIGKILL); it stays dead until started."""
        self._wanted = False
        self.paused = False
        self._end_child()
        if self.state is not State.PREPARING:
            self._enter(State.KILLED, now)

    def pause(self) -> None:
        """Freeze it with all it started (SIGSTOP)."""
        if not self.child or self.state not in LIVE:
            raise StackError(f"{self.name} is {self.state}: nothing to pause")
        self.child.signal_family(SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        if self.child:
            self.child.signal_family(SIGCONT)
        self.paused = False

    def adopt(self, child: Child, now: float) -> None:
        """Take over a process found running."""
        self.child = child
        self.child.strays = self.service.strays
        self._wanted = self.was_ready = True
        self._enter(State.RUNNING, now)

    # --- the way there

    def step(self, now: float, ready: Callable[[str], bool]) -> None:
        """Go on by one step. `ready` tells of another service whether it has been ready."""
        match self.state:
            case State.WAITING:
                if all(ready(name) for name in self.service.after):
                    self._prepare(now)
            case State.PREPARING:
                self._when_prepared(now)
            case State.STARTING:
                self._when_started(now)
            case State.SETTLING:
                self._when_settled(now)
            case State.RUNNING:
                self._while_running(now)
            case State.RELOADING:
                if not self._ended(now) and self._is_done():
                    self._enter(State.RUNNING, now)
            case State.DRAINING:
                if self._is_done():  # or has failed: it is stopped all the same, as was asked for
                    self._ask_to_stop(now, self.service.stop_seconds)
            case State.STOPPING:
                self._while_stopping(now)
            case State.RESTARTING:
                if now >= self._next:
                    self._prepare(now)

    def _enter(self, state: State, now: float) -> None:
        if state is not self.state:
            logger.debug("%s: %s -> %s", self.name, self.state, state)
        self.state = state
        self.since = now

    def _submit(self, work: Callable[[], object]) -> None:
        self._future = self._pool.submit(work)

    def _prepare(self, now: float) -> None:
        failures = self.failures
        self._submit(lambda: self.service.prepare(failures))
        self._enter(State.PREPARING, now)

    def _when_prepared(self, now: float) -> None:
        if not self._future or not self._future.done():
            return
        error = self._future.exception()
        if not self._wanted:
            self._enter(State.STOPPED, now)
        elif error:
            self._fail(_text(error), now)
        else:
            self._spawn(now)

    def _spawn(self, now: float) -> None:
        try:
            command = self.service.command()
            if command:
                self.child = self._child(command)
        except (StackError, OSError) as error:
            self._fail(_text(error), now)
            return
        self._future, self._next = None, now
        self._deadline = now + self.service.ready_seconds
        self._enter(State.STARTING if command else State.DONE, now)
        self.was_ready = self.was_ready or not command

    def _child(self, command: Command) -> Child:
        marked = replace(command, environment={**command.environment, MARKER: self.policy.marker})
        pump = self.policy.pump
        pipe = pump.pipe_of(self.service, self.log) if pump else None
        child = Child.spawn(marked, self.log, death_signal=self.policy.death_signal, pipe=pipe)
        child.strays, self.service.pid = self.service.strays, child.pid
        return child

    def _when_started(self, now: float) -> None:
        if self._ended(now):
            return
        if self._future is None and now >= self._next:
            self._submit(self.service.ready)
        elif self._future and self._future.done():
            is_ready = not self._future.exception() and bool(self._future.result())
            self._future = None
            self._next = now + PROBE_EVERY
            if is_ready:
                self._submit(self.service.settle)
                self._enter(State.SETTLING, now)
                return
        if now >= self._deadline and not self.paused:
            self._give_up(f"not ready after {self.service.ready_seconds:.0f} s", now)

    def _when_settled(self, now: float) -> None:
        if self._ended(now) or not self._future or not self._future.done():
            return
        error, self._future = self._future.exception(), None
        if error:
            self._give_up(_text(error), now)
            return
        self.was_ready = True
        self._next = now + CHECK_EVERY
        self._enter(State.RUNNING, now)

    def _while_running(self, now: float) -> None:
        if self._ended(now):
            return
        if self.failures and now - self.since >= STEADY_AFTER:
            self.failures = 0
        if self._future is None and now >= self._next and not self.paused:
            self._submit(self.service.sick)
        elif self._future and self._future.done():
            reason = None if self._future.exception() else self._future.result()
            self._future, self._next = None, now + CHECK_EVERY
            if reason:
                self._give_up(str(reason), now)

    def _is_done(self) -> bool:
        """Say whether what was submitted has ended; `last_error` keeps how it failed."""
        if not self._future or not self._future.done():
            return False
        error, self._future = self._future.exception(), None
        if error:
            self.last_error = _text(error)
            logger.warning("%s: %s", self.name, self.last_error)
        return True

    def _ask_to_stop(self, now: float, seconds: float) -> None:
        if self.child:
            self.child.signal(self.service.stop_signal)
        self._deadline = now + seconds
        self._enter(State.STOPPING, now)

    def _while_stopping(self, now: float) -> None:
        if self.child and self.child.alive() and now < self._deadline:
            return
        self._end_child()
        self._enter(State.STOPPED, now)
        if self._wanted:
            self._prepare(now)

    def _ended(self, now: float) -> bool:
        code = self.child.exit_code() if self.child else -1
        if code is None:
            return False
        self._end_child()
        self._fail(f"ended with exit code {code}" if code >= 0 else f"ended by signal {-code}", now)
        return True

    def _give_up(self, reason: str, now: float) -> None:
        self._end_child()
        self._fail(reason, now)

    def _end_child(self) -> None:
        """End the program and whatever it started that outlived it."""
        if self.child:
            self.child.kill()
            self.child = None
            self.service.ended()
        self._future = None if self.state is not State.PREPARING else self._future

    def _fail(self, reason: str, now: float) -> None:
        self.paused = False
        self.last_error = reason
        self._future = None
        self.failures += 1
        limit = self.policy.attempts
        if not self.policy.restart or (limit and not self.was_ready and self.failures >= limit):
            self._wanted = False
            logger.error("%s: %s", self.name, reason)
            self._enter(State.FAILED, now)
            return
        delay = min(BACKOFF_FIRST * 2 ** (self.failures - 1), BACKOFF_MOST)
        logger.warning("%s: %s; again in %.1f s", self.name, reason, delay)
        self.restarts += 1
        self._next = now + delay
        self._enter(State.RESTARTING, now)


def _text(error: BaseException) -> str:
    return str(error) if isinstance(error, StackError) else f"{type(error).__name__}: {error}"
