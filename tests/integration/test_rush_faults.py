"""Faults of a rehearsal that have a way of their own, on the real part."""

import time

from proof.rush.faults import FaultRun, RushFault
from tests.support.sandbox import SECRET, Sandbox
from tests.support.waiting import await_that


class SandboxAlone:
    """A rehearsal of which only the payment gateway runs."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.environment = {"PAYMENT_GATEWAY_URL": sandbox.url, "PAYMENT_GATEWAY_SECRET": SECRET}


def test_the_gateway_hangs_by_its_own_fault_and_responds_again(tmp_path):
    with Sandbox(tmp_path) as sandbox:
        run = FaultRun(SandboxAlone(sandbox), [RushFault(0.0, "hang", "sandbox", 600.0)])
        run.begin(time.monotonic())
        await_that(lambda: len(sandbox.faults()) == 2, "it hangs")
        hanging = [(one["kind"], one["call"]) for one in sandbox.faults()]
        assert hanging == [("hang", "confirm"), ("webhook_reorder", "")]
        run.end()
        assert sandbox.faults() == []
        assert [done.error for done in run.done] == [""]


def test_a_gateway_that_is_not_there_cannot_hang(tmp_path):
    with Sandbox(tmp_path) as sandbox:
        rehearsal = SandboxAlone(sandbox)
    run = FaultRun(rehearsal, [RushFault(0.0, "hang", "sandbox")])
    run.begin(time.monotonic())
    await_that(lambda: run.is_over, "it was tried")
    run.end()
    assert "refused" in run.done[0].error
