"""The controls of a waiting room: look at the effect, confirm it, take the last change back."""

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from boxoffice import performances
from boxoffice.deeds import STEER_QUEUE, WATCH
from boxoffice.forms import QueueForm, UndoForm
from boxoffice.performances import Listed
from boxoffice.queue_effects import QueueEffect, effect
from boxoffice.staff_pages import StaffVisit, show, staff_page
from kernel.errors import DomainError
from kernel.i18n import text
from queueing import changes as room_changes
from queueing.changes import RoomChange
from queueing.queries import QueueRules
from queueing.room_figures import RoomFigures, room_figures
from queueing.usecases import config

GO_ON = "GO_ON"
_LABELS = {
    "rate_per_second": QueueForm.base_fields["rate_per_second"].label,
    "capacity": QueueForm.base_fields["capacity"].label,
    "state": text(en="State", ko="상태"),
}


@staff_page(WATCH, do=STEER_QUEUE)
def controls(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase:
    """Show the controls; with a filled-in form their effect, and do it by a second press."""
    one = performances.find(performance_id, now=visit.now)
    if one.rules is None:
        return show(visit, "boxoffice/queue.html", one=one, here="queue", rules=None)
    action = visit.form.get("action", "") if visit.form else ""
    refusal: DomainError | None = None
    try:
        if action == "undo":
            done = _undo(visit, performance_id)
        else:
            done = _change(visit, one, one.rules) if action == "confirm" else None
        if done is not None:
            return done
    except DomainError as error:
        refusal = error
        one = performances.find(performance_id, now=visit.now)
    return _page(visit, one, action, refusal)


def _page(
    visit: StaffVisit, one: Listed, action: str, refusal: DomainError | None
) -> HttpResponseBase:
    rules = one.rules
    assert rules is not None
    performance_id = one.sale.performance.pk
    is_public = one.sale.performance.is_public()
    room = room_figures(performance_id=performance_id, now=visit.now) if is_public else None
    asks = action in ("preview", "confirm") and refusal is None
    form = _form(visit, rules) if asks else QueueForm(initial=_initial(rules))
    planned = _planned(form, rules, visit, room) if asks else None
    last = room_changes.last_change(performance_id)
    undone = dict(last.before) if last is not None and last.undoable else None
    undo = UndoForm(visit.form if action == "undo" and refusal is None else None)
    return show(
        visit,
        "boxoffice/queue.html",
        refusal=refusal,
        one=one,
        here="queue",
        rules=rules,
        room=room,
        form=form,
        planned=planned,
        now_effect=effect(rules, room, {}, now=visit.now),
        last=last,
        changed=_lines(last),
        undo=undo,
        undo_effect=None if undone is None else effect(rules, room, undone, now=visit.now),
        go_on=GO_ON,
    )


def _lines(change: RoomChange | None) -> list[tuple[Any, str, str]]:
    """Return what a change did, field by field: its label, before, after."""
    if change is None:
        return []
    return [(_LABELS.get(name, name), change.before[name], to) for name, to in change.after.items()]


def _initial(rules: QueueRules) -> dict[str, Any]:
    return {
        "rate_per_second": rules.rate_per_second,
        "capacity": rules.capacity,
        "version": rules.version,
    }


def _form(visit: StaffVisit, rules: QueueRules) -> QueueForm:
    """Return the form as it was sent; going on means the state that is due."""
    sent = visit.form.copy()
    if sent.get("state") == GO_ON:
        sent["state"] = room_changes.state_to_go_on(rules, now=visit.now).value
    return QueueForm(sent)


def _changes(form: QueueForm, rules: QueueRules) -> dict[str, Any]:
    """Return what the form changes."""
    sent = form.cleaned_data
    wanted = {name: sent[name] for name in ("rate_per_second", "capacity")}
    if sent["state"]:
        wanted["state"] = sent["state"]
    return {
        name: value
        for name, value in wanted.items()
        if (float(value) if name == "rate_per_second" else value) != getattr(rules, name)
    }


def _planned(
    form: QueueForm, rules: QueueRules, visit: StaffVisit, room: RoomFigures | None
) -> QueueEffect | None:
    if not form.is_valid():
        return None
    changes = _changes(form, rules)
    if not changes:
        form.add_error(None, str(text(en="That changes nothing.", ko="변경되는 내용이 없습니다.")))
        return None
    return effect(rules, room, changes, now=visit.now)


def _change(visit: StaffVisit, one: Listed, rules: QueueRules) -> HttpResponseBase | None:
    form = _form(visit, rules)
    if not form.is_valid():
        return None
    config.set_config(
        performance_id=one.sale.performance.pk,
        changes=_changes(form, rules),
        actor_id=visit.actor_id,
        reason=form.cleaned_data["reason"],
        now=visit.now,
        expected_version=form.cleaned_data["version"],
    )
    visit.say(text(en="The waiting room has been changed.", ko="대기실을 변경했습니다."))
    return redirect("boxoffice:queue", one.sale.performance.pk)


def _undo(visit: StaffVisit, performance_id: UUID) -> HttpResponseBase | None:
    form = UndoForm(visit.form)
    if not form.is_valid():
        return None
    config.undo_last(
        performance_id=performance_id,
        change_id=form.cleaned_data["change"],
        actor_id=visit.actor_id,
        reason=form.cleaned_data["undo_reason"],
        now=visit.now,
    )
    visit.say(text(en="The last change has been undone.", ko="마지막 변경을 되돌렸습니다."))
    return redirect("boxoffice:queue", performance_id)
