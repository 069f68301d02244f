"""The lower bound of an own poll in Python: verify login and token, call Redis, respond.

It has no request id, access line, counters, limit or breaker, and only the headers that a response
cannot do without. What lies between this and the bar is the cost of the language and the server;
what lies between this and the product is what operators need.
"""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import config.wsgi  # noqa: F401  (sets Django up)
from accounts.api.authentication import caller_in
from kernel import clock
from kernel.redis.clients import client, fcall
from queueing import tokens
from queueing.places import place_of
from queueing.queue_server import FanCall, _keys, _token_words
from queueing.replies import replies_of


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Respond to `GET .../queue/me/` of a fan who has joined."""
    performance_id, now = UUID(environ["PATH_INFO"].split("/")[4]), clock.now()
    caller, token = caller_in(environ), environ["HTTP_X_QUEUE_TOKEN"]
    whose = {"user_id": caller.user_id, "performance_id": performance_id, "now": now}
    proof = tokens.verify(token, **whose)
    shown = _token_words(FanCall(caller.user_id, proof))
    args = (clock.to_ms(now), str(caller.user_id), shown)
    raw = fcall(client("queue"), "frontrow_queue_v1_poll_many", _keys(performance_id), args)
    [reply] = replies_of(raw[1:])
    place = place_of(reply, token=token, proof=proof, **whose).as_json()
    body = json.dumps(place, ensure_ascii=False, separators=(",", ":")).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
