"""Sales as files: what staff rehearse, without a person in it.

Note [Sale files]
A JSON object: `format` is `frontrow-sale/1`; `layout` a layout document with its prices
(docs/layout.md); `windows` the openings and the closing; `policy` how seats are sold; `queue` how
the waiting room is run, null where there is none. Times are RFC 3339. Who holds or bought what, who
is invited and who prepared it are not in it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model

from concerts import queries
from concerts.layout import files
from concerts.layout.form import MAX_BYTES, Layout
from kernel import clock
from kernel.text import strict_json
from queueing.models import QueueConfig
from queueing.usecases.config import CHANGEABLE
from reservations.models import SalePolicy
from reservations.policy import SALE_FIELDS

FORMAT = "frontrow-sale/1"
WINDOWS = ("sale_opens_at", "sale_closes_at")
OPENINGS = ("queue_opens_at", "admission_opens_at")
POLICY_FIELDS = tuple(name for name in SALE_FIELDS if name not in WINDOWS)
QUEUE_FIELDS = tuple(sorted(CHANGEABLE - {*OPENINGS, "state"}))
_NAME = "layout.json"


class SaleFileInvalid(ValueError):
    """The file is no sale, or the performance has none: a mistake on a command line."""


@dataclass(frozen=True, slots=True)
class SaleFile:
    """A sale that can be rehearsed; values have the types of the columns that they go into."""

    layout: Layout
    windows: dict[str, datetime | None]
    policy: dict[str, Any]
    queue: dict[str, Any] | None


def export(performance_id: UUID) -> SaleFile:
    """Return how a performance is sold; raises `SaleFileInvalid` where it is not ready."""
    layout = queries.layout_of(performance_id)
    row = SalePolicy.objects.filter(performance_id=performance_id).first()
    if not layout.seats or row is None:
        raise SaleFileInvalid(f"performance {performance_id} has no seats or no sale policy")
    config = QueueConfig.objects.filter(performance_id=performance_id).first()
    required = config if config is not None and config.queue_required else None
    windows = {name: getattr(row, name) for name in WINDOWS}
    windows |= {name: getattr(required, name, None) for name in OPENINGS}
    return SaleFile(
        layout,
        windows,
        {name: getattr(row, name) for name in POLICY_FIELDS},
        None if required is None else {name: getattr(required, name) for name in QUEUE_FIELDS},
    )


def dump(sale: SaleFile) -> str:
    """Return the text of a sale file."""
    document = {
        "format": FORMAT,
        "windows": {
            name: moment and clock.as_text(moment) for name, moment in sale.windows.items()
        },
        "policy": sale.policy,
        "queue": sale.queue,
        "layout": json.loads(files.write(sale.layout, name=_NAME)),
    }
    return json.dumps(document, default=str, ensure_ascii=False, indent=1) + "\n"


def read(path: Path) -> SaleFile:
    """Return the sale of a file; raises `SaleFileInvalid` with one line that says what is wrong."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise SaleFileInvalid(f"{path}: it is larger than {MAX_BYTES // 2**20} MiB")
        return parse(content.decode())
    except OSError as error:
        raise SaleFileInvalid(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SaleFileInvalid(f"{path}: it is not UTF-8") from None
    except SaleFileInvalid as error:
        raise SaleFileInvalid(f"{path}: {error}") from None


def parse(text: str) -> SaleFile:
    """Return the sale of a text; raises `SaleFileInvalid`."""
    try:
        document = strict_json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SaleFileInvalid(f"it is not JSON that everybody reads alike: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SaleFileInvalid(f"it must be an object whose format is {FORMAT}")
    _demand_members(document, "the sale", {"format", "layout", "windows", "policy", "queue"})
    has_queue = document["queue"] is not None
    windows = _columns(SalePolicy, document["windows"], "windows", WINDOWS, more=OPENINGS)
    if has_queue:
        windows |= _columns(QueueConfig, document["windows"], "windows", OPENINGS, more=WINDOWS)
    else:
        windows |= dict.fromkeys(OPENINGS)
    if windows["sale_opens_at"] >= windows["sale_closes_at"]:
        raise SaleFileInvalid("windows: the sale must open before it closes")
    return SaleFile(
        _layout(document["layout"]),
        windows,
        _columns(SalePolicy, document["policy"], "policy", POLICY_FIELDS),
        _columns(QueueConfig, document["queue"], "queue", QUEUE_FIELDS) if has_queue else None,
    )


def _layout(document: Any) -> Layout:
    text = json.dumps(document, ensure_ascii=False)
    layout, problems = files.read(name=_NAME, content=text.encode("utf-8", "replace"))
    if problems or layout is None:
        first = str(problems[0]).split(": ", 1)[-1] if problems else "empty"
        raise SaleFileInvalid(f"layout: {first}")
    return layout


def _columns(
    model: type[Model], values: Any, where: str, names: tuple[str, ...], more: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return values as a row has them, each judged by its column; members are `names` + `more`."""
    _demand_members(values, where, {*names, *more})
    row = model(**{name: values[name] for name in names})
    kept = {field.name for field in model._meta.concrete_fields} - set(names)
    try:
        row.clean_fields(exclude=kept)
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise SaleFileInvalid(f"{where}.{name}: {messages[0]}") from None
    for name in names:
        if isinstance(getattr(row, name), datetime) and getattr(row, name).tzinfo is None:
            raise SaleFileInvalid(f"{where}.{name}: a time needs its offset, as in ...T11:00:00Z")
    return {name: getattr(row, name) for name in names}


def _demand_members(value: Any, where: str, names: set[str]) -> None:
    if not isinstance(value, Mapping):
        raise SaleFileInvalid(f"{where} must be an object")
    wrong = sorted(value.keys() ^ names)
    if wrong:
        verb = "lacks" if wrong[0] in names else "has no member"
        raise SaleFileInvalid(f"{where} {verb} {wrong[0]!r}")
