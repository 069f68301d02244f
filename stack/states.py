"""The states of a service on its way, and which of them are alike."""

from enum import StrEnum


class State(StrEnum):
    """Where a service is on its way."""

    STOPPED = "stopped"
    KILLED = "killed"
    WAITING = "waiting"
    PREPARING = "preparing"
    STARTING = "starting"
    SETTLING = "settling"
    RUNNING = "running"
    RELOADING = "reloading"
    DRAINING = "draining"
    DONE = "done"
    STOPPING = "stopping"
    RESTARTING = "restarting"
    FAILED = "failed"


RESTING = {State.STOPPED, State.KILLED, State.FAILED}
READY = {State.RUNNING, State.DONE}
LIVE = {State.STARTING, State.SETTLING, State.RUNNING, State.RELOADING, State.DRAINING}
