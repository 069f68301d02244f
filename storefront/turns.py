"""A fan's turn in the waiting room, as a browser without scripts keeps it: in its session.

The join token is kept, by performance; the queue server knows the place by its user too, so a fan
who joined elsewhere gets the same one by joining here.
"""

from uuid import UUID

from queueing import queries
from queueing.fan_requests import NOBODY_SPECIAL, Applicant
from queueing.places import QueuePlace
from queueing.usecases import waiting_room
from storefront.private import Visit

_KEY = "queue_tokens"
_MOST = 20  # performances whose tokens a session keeps, the latest


def token_of(visit: Visit, performance_id: UUID) -> str | None:
    """Return the join token that this browser has, or None."""
    kept: dict[str, str] = visit.request.session.get(_KEY, {})
    return kept.get(str(performance_id))


def forget_token(visit: Visit, performance_id: UUID) -> None:
    """Drop a token that is good for nothing any more."""
    kept = dict(visit.request.session.get(_KEY, {}))
    if kept.pop(str(performance_id), None) is not None:
        visit.request.session[_KEY] = kept


def join(
    visit: Visit, performance_id: UUID, *, applicant: Applicant = NOBODY_SPECIAL
) -> QueuePlace:
    """Join, or find the place that the fan has; raises what `waiting_room.join` raises."""
    place = waiting_room.join(
        user_id=visit.user_id,
        performance_id=performance_id,
        token=token_of(visit, performance_id),
        now=visit.now,
        applicant=applicant,
    )
    kept = dict(visit.request.session.get(_KEY, {}))
    kept.pop(str(performance_id), None)
    kept[str(performance_id)] = place.token
    visit.request.session[_KEY] = dict(list(kept.items())[-_MOST:])
    return place


def pass_for(visit: Visit, performance_id: UUID) -> str | None:
    """Return what a hold has to show: the fan's token or pass; None where none is needed.

    Without a token in this browser the fan may have a place by another one: joining finds it.
    """
    if not queries.is_required(performance_id):
        return None
    token = token_of(visit, performance_id)
    if token is not None:
        return token
    place = join(visit, performance_id, applicant=Applicant(client_ip=visit.client_ip))
    return place.admission_pass or place.token
