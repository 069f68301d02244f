"""Files that go with a letter. A kind names the functions that make them (kinds.py)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file: its name, content and media type."""

    name: str
    content: bytes
    media_type: str


# Makes files from a letter's data, in the language that is active; called when it is sent.
AttachmentMaker = Callable[[Mapping[str, Any]], Iterable[Attachment]]
