"""What may be asked of a part, and when it is done."""

from collections.abc import Callable, Set
from dataclasses import dataclass

from stack.states import READY, RESTING, State
from stack.unit import Unit


@dataclass(frozen=True)
class PartVerb:
    """A deed on each unit of a part; `done` are the states in which it has ended.

    With `may_refuse`, a unit says in `last_error` why it did not.
    """

    says: str
    act: Callable[[Unit, float], None]
    done: Set[State]
    may_refuse: bool = False


PART_VERBS = {
    "stop": PartVerb(
        "stop a part in its orderly way; it stays stopped until `start`", Unit.stop, RESTING
    ),
    "start": PartVerb(
        "start a part that was stopped or killed, and wait until it is ready",
        Unit.start,
        READY | {State.FAILED},
    ),
    "reload": PartVerb(
        "let the gateway read its configuration again; no connection is refused",
        Unit.reload,
        READY | RESTING,
        may_refuse=True,
    ),
    "kill": PartVerb(
        "end a part by SIGKILL, with all it started; it stays dead until `start`",
        Unit.kill,
        RESTING,
    ),
    "pause": PartVerb("freeze a part (SIGSTOP)", lambda unit, now: unit.pause(), set(State)),
    "resume": PartVerb(
        "let a paused part go on (SIGCONT)", lambda unit, now: unit.resume(), set(State)
    ),
}
