"""The gateway's sandbox as a process of its own, for tests that pay."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from stack.service import free_ports, listens
from tests.support.waiting import await_that

ROOT = Path(__file__).parents[2]
SECRET = "test_sk_sandbox"
WEBHOOK_SECRET = "whsec-of-the-tests-0123456789"


class Sandbox:
    """One sandbox with a ledger in `folder`; it can be killed and started again."""

    def __init__(
        self, folder: Path, *, webhook_url: str = "", retry_unit: float = 0.02, ledger: str = ""
    ) -> None:
        [self.port] = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "SANDBOX_PORT": str(self.port),
            "SANDBOX_LEDGER": ledger or str(folder / "ledger.db"),
            "SANDBOX_SECRET": SECRET,
            "SANDBOX_WEBHOOK_URL": webhook_url,
            "SANDBOX_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "SANDBOX_RETRY_UNIT": str(retry_unit),
        }
        self._client = httpx.Client(base_url=self.url, auth=(SECRET, ""), trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Sandbox":
        with (self._folder / "sandbox.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "payments.sandbox"],
                env=self._environment, cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        await_that(lambda: listens(self.port), "the sandbox listens")
        return self

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def kill(self) -> None:
        """End it by SIGKILL, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)
        self._client.close()

    def _end(self, how: int) -> None:
        if self._process:
            self._process.send_signal(how)
            self._process.wait(10)
            self._process = None

    # --- what an operator and an auditor do

    def fault(self, kind: str, **more: Any) -> None:
        reply = self._client.post("/sandbox/faults", json={"kind": kind, **more})
        assert reply.status_code == 201, reply.text

    def faults(self) -> list[dict[str, Any]]:
        return self._client.get("/sandbox/faults").raise_for_status().json()["faults"]

    def clear_faults(self) -> None:
        self._client.delete("/sandbox/faults").raise_for_status()

    def ledger(self) -> dict[str, list[dict[str, Any]]]:
        return self._client.get("/sandbox/ledger").raise_for_status().json()

    def captured(self, order_id: str) -> list[int]:
        """The amounts captured for an order."""
        return [one["amount"] for one in self.ledger()["captures"] if one["orderId"] == order_id]

    def refunded(self, order_id: str) -> list[int]:
        return [one["amount"] for one in self.ledger()["refunds"] if one["orderId"] == order_id]

    def webhooks(self) -> list[dict[str, Any]]:
        return self._client.get("/sandbox/webhooks").raise_for_status().json()["webhooks"]


def decide(url: str, action: str, *, language: str = "en") -> httpx.Response:
    """Do what a customer does on the hosted page; returns the redirect."""
    with httpx.Client(trust_env=False, headers={"Accept-Language": language}) as browser:
        page = browser.get(url)
        assert page.status_code == 200, page.text
        return browser.post(url, data={"action": action})


def new_order_id() -> str:
    return f"order-{secrets.token_hex(8)}"
