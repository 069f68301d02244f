"""Random walks through the life of holds, compared with a model of what should be true.

Real PostgreSQL and Valkey; only the clock is the walk's own. tests/integration/test_sale_machine.py
walks through holds and waiting room together.
"""

from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from kernel import clock
from tests.support.walks.holds import HOLD, HoldsWalk
from tests.support.walks.running import walk


class Holds(HoldsWalk, RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.now = clock.now()
        self.begin_holds(self.now)

    @rule(seconds=st.sampled_from([0.2, 1, 7, 29, HOLD]))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.mark.timeout(240)
def test_any_walk_agrees_with_the_model(db_ready):
    walk(Holds, examples=40)
