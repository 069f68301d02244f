"""What goes wrong on a page without anybody seeing it."""

from playwright.sync_api import Page


def faults_of(page: Page) -> list[str]:
    """Return a list that grows with each script that fails and each breach of the policy."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None,
    )
    return faults
