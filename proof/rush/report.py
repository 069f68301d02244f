"""The report of a rehearsal: one page that needs no network, the same as JSON, and the history."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from kernel.i18n import text
from proof.history import recorded
from proof.history.recorded import History
from proof.rush.charts import ChartLine, hall, line_chart
from proof.rush.targets import MOST_US_PER_REQUEST, RushVerdict

PAGE, DATA, HISTORY = "report.html", "report.json", "history.jsonl"
_TEMPLATE = "proof/rush_report.html"

_VERDICTS = {
    RushVerdict.GO: text(en="GO", ko="진행 가능"),
    RushVerdict.VIOLATED: text(en="NO GO: a promise was broken", ko="진행 불가: 보장이 깨졌습니다"),
    RushVerdict.MISSED: text(en="NO GO: a target was missed", ko="진행 불가: 목표 미달"),
    RushVerdict.UNSEEN: text(
        en="NO GO: not everything could be looked at", ko="진행 불가: 확인하지 못한 것이 있습니다"
    ),
    RushVerdict.VOID: text(
        en="VOID: the client itself was the bottleneck",
        ko="무효: 부하 클라이언트가 병목이었습니다",
    ),
}


def write(folder: Path, found: dict[str, Any], history: History) -> Path:
    """Write page, JSON and history into a folder; return the page, in the active language."""
    folder.mkdir(parents=True, exist_ok=True)
    _make_finite(found)
    (folder / DATA).write_text(json.dumps(found, ensure_ascii=False, allow_nan=False))
    recorded.write(folder / HISTORY, history)
    page = folder / PAGE
    page.write_text(render(found), encoding="utf-8")
    return page


def verdict_line(found: Mapping[str, Any]) -> str:
    """Return the go / no-go line."""
    return str(_VERDICTS[RushVerdict(found["exit_code"])])


def render(found: Mapping[str, Any]) -> str:
    """Return the page."""
    return render_to_string(
        _TEMPLATE,
        {
            "found": found,
            "verdict": verdict_line(found),
            "charts": _charts(found),
            "hall": _hall(found),
            "most_us": MOST_US_PER_REQUEST,
            "targets": [{**one, "shown": shown(one)} for one in found["targets"]],
        },
    )


def summary(found: Mapping[str, Any], page: Path) -> str:
    """Return the verdict and each target in lines for a terminal."""
    marks = {True: "met", False: "MISSED", None: "-"}
    lines = [
        f"{one['title']:<48} {shown(one):>12}  {limit(one):>10}  {marks[one['met']]}"
        for one in found["targets"]
    ]
    client = found["client"]
    lines += _card_lines(found["cards"])
    blind = {check: reason for check, reason in found["history"].items() if reason}
    lines.append(f"what fans saw: {len(found['history']) - len(blind)} checks had data")
    lines += [f"      -  {check} had none: {reason}" for check, reason in blind.items()]
    lines += [f"broken  {_fault_line(fault)}" for fault in found["faults"] if not fault["error"]]
    lines += [f"VIOLATED  {sentence}" for sentence in found["violations"]]
    lines += [f"NOT SEEN  {sentence}" for sentence in found["unseen"]]
    lines += [f"VOID  {sentence}" for sentence in found["void"]]
    lines.append(
        f"client: {client['requests']:,} requests, {client['cpu_us_per_request']:.0f} us of "
        f"processor each ({MOST_US_PER_REQUEST} at most are aimed at), "
        f"{client['busiest_share']:.0%} of a core at most, p99 {client['late_p99_ms']:.1f} ms late"
    )
    return "\n".join([*lines, verdict_line(found), f"report: {page}"])


def _card_lines(cards: Mapping[str, Any]) -> list[str]:
    if not cards["begun"]:
        return []
    known = (
        f"the longest for {cards['longest_open_seconds']:g} s, {cards['never_known']} to the end"
    )
    return [
        f"by card: {cards['begun']} begun, {cards['confirmed']} confirmed, {cards['paid']} paid; "
        f"outcome not known at once: {cards['open']}" + (f", {known}" if cards["open"] else "")
    ]


def _fault_line(fault: Mapping[str, Any]) -> str:
    after = fault["recovered_after"]
    until = f", last failure {after:g} s after that" if after else ", no failure after that"
    return (
        f"{fault['do']} {fault['part']} at {fault['at']:g} s, mended after {fault['seconds']:g} s"
        + (until if after is not None else "")
    )


def shown(target: Mapping[str, Any]) -> str:
    """Return what was found, with its unit."""
    value = target["found"]
    if value is None:
        return "-" if target["met"] is None else "never"
    return f"{value:,.2f} {target['unit']}".strip() if target["unit"] else f"{value:,.0f}"


def limit(target: Mapping[str, Any]) -> str:
    """Return the bound, with its unit."""
    return f"{target['bound']:g} {target['unit']}".strip()


def _make_finite(found: dict[str, Any]) -> None:
    """JSON has no infinity: what never happened has no figure."""
    for one in found["targets"]:
        if one["found"] is not None and not math.isfinite(one["found"]):
            one["found"] = None


def _charts(found: Mapping[str, Any]) -> list[SafeString]:
    series = found["series"]
    bands = [(one["at"], one["at"] + one["seconds"]) for one in found["faults"]]

    def chart(title: str, **names: str) -> SafeString:
        lines = [ChartLine(words, series[name]) for name, words in names.items()]
        return line_chart(title, lines, step=series["step"], bands=bands)

    counted = str(text(en="a second", ko="초당")) if series["step"] == 1 else ""
    return [
        chart(
            str(text(en=f"Arrivals {counted}", ko=f"{counted} 진입 요청")),
            arrivals=str(text(en="joins", ko="진입")),
        ),
        chart(
            str(text(en="Queue", ko="대기열")),
            waiting=str(text(en="waiting", ko="대기")),
            active=str(text(en="inside", ko="입장 중")),
        ),
        chart(
            str(text(en="Admissions", ko="누적 입장")),
            serving=str(text(en="admitted so far", ko="입장 순번")),
        ),
        chart(
            str(text(en=f"Holds and sales {counted}", ko=f"{counted} 선점·판매")),
            holds=str(text(en="holds", ko="선점")),
            sales=str(text(en="sales", ko="판매")),
        ),
        chart(
            str(text(en="Latency, ms", ko="응답 시간(ms)")),
            all_p50_ms="p50",
            all_p99_ms="p99",
            holds_p99_ms=str(text(en="holds p99", ko="선점 p99")),
        ),
        chart(
            str(text(en=f"Refusals and errors {counted}", ko=f"{counted} 거절·오류")),
            refusals=str(text(en="refusals (4xx)", ko="거절(4xx)")),
            errors=str(text(en="errors (5xx, lost)", ko="오류(5xx·유실)")),
        ),
    ]


def _hall(found: Mapping[str, Any]) -> str:
    return hall(
        str(text(en="The hall by when each seat was sold", ko="좌석별 판매 시점")),
        found["seats"],
        labels={
            "first": str(text(en="first", ko="처음")),
            "last": str(text(en="last", ko="마지막")),
            "unsold": str(text(en="not sold", ko="미판매")),
        },
    )
