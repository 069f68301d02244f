"""The options of the sandbox, all from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How one sandbox runs.

    `page_url`: how browsers reach it; `webhook_url`: where webhooks go, none where empty;
    `retry_unit`: seconds that stand for a minute of the webhooks' retry plan.
    """

    host: str
    port: int
    ledger: Path
    secret: str
    page_url: str
    webhook_url: str
    webhook_secret: str
    retry_unit: float = 60.0
    page_seconds: float = 30 * 60
    confirm_seconds: float = 10 * 60


def from_environment(environment: Mapping[str, str]) -> SandboxOptions:
    """Return the options. Raises SystemExit with the name of a variable that is missing."""

    def needed(name: str) -> str:
        value = environment.get(name, "")
        if not value:
            raise SystemExit(f"sandbox: {name} must be set")
        return value

    port = int(environment.get("SANDBOX_PORT") or 8003)
    host = environment.get("SANDBOX_HOST") or "127.0.0.1"
    webhook_url = environment.get("SANDBOX_WEBHOOK_URL", "")
    return SandboxOptions(
        host=host,
        port=port,
        ledger=Path(needed("SANDBOX_LEDGER")),
        secret=needed("SANDBOX_SECRET"),
        page_url=environment.get("SANDBOX_PAGE_URL") or f"http://{host}:{port}",
        webhook_url=webhook_url,
        webhook_secret=needed("SANDBOX_WEBHOOK_SECRET") if webhook_url else "",
        retry_unit=float(environment.get("SANDBOX_RETRY_UNIT") or 60),
    )
