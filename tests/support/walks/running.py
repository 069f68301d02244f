"""Run a state machine as the tests want it."""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test


def walk(machine: type[RuleBasedStateMachine], *, examples: int, steps: int = 30) -> None:
    """Take `examples` random walks, the same ones each time; fails as the first that fails.

    WALKS multiplies the examples and takes other walks each time, for a long search by hand.
    """
    deeper = int(os.environ.get("WALKS", "0"))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples * max(deeper, 1),
            phases=[Phase.generate],  # shrinking replays for minutes; the walk is printed whole
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=not deeper,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
