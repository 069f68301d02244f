"""The table of flows in docs/infra.md: who may reach whom, at which ports."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "infra.md"
_ROW = re.compile(r"^\| `([\w-]+)` \| (.+?) \| (.+?) \| ([\d, ]+) \|$", re.MULTILINE)


def rows() -> dict[str, tuple[str, str, set[int]]]:
    """Return who, whom and the ports of each flow, by its name."""
    table = PAGE.read_text().partition("<!-- flows -->")[2].partition("<!-- end -->")[0]
    return {
        name: (who, whom, {int(port) for port in ports.split(", ")})
        for name, who, whom, ports in _ROW.findall(table)
    }


def components(cell: str) -> set[str]:
    """Return the components in a cell; of somebody outside none."""
    return set() if cell.startswith("*") else set(cell.split(", "))
