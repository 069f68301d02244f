"""The gateway's configuration as containers have it: the template filled in by its image."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stack.gateway import server

SCRIPT = Path(__file__).parents[2] / "stack" / "container" / "gateway.envsh"
# What a container of the image is given for all that the script looks at.
_NONE = {"API": "", "FASTPATHS": "", "FASTPATH_SALES": ""}


def exported(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment once the script has been read, as the image's entry point does."""
    done = subprocess.run(
        ["sh", "-euc", f". {SCRIPT}; env -0"],
        env={**_NONE, **environment, "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    pairs = (pair.partition("=") for pair in done.stdout.split("\0") if pair)
    return {name: value for name, _, value in pairs}


def filled(environment: Mapping[str, str]) -> str:
    """Return nginx's configuration as envsubst makes it, of names that there are, in both forms."""
    words = exported(environment)
    name = "|".join(sorted(words, key=len, reverse=True))
    return re.sub(
        rf"\$(?:\{{({name})\}}|({name})\b)",
        lambda found: words[found[1] or found[2]],
        server.TEMPLATE.read_text(),
    )
