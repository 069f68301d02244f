"""The service `fastpath` answers exactly as Django does, or hands the request over.

Every case is one request given to both, at the same moment, on the same state of the
queue server.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django_prometheus.middleware import Metrics
from prometheus_client import REGISTRY

from accounts import revocation
from kernel import clock
from kernel.ids import uuid7
from kernel.rate_limiting import throttle
from kernel.redis.clients import breaker
from kernel.telemetry import access_log
from queueing import policy
from queueing.usecases import waiting_room
from tests.support.factories import make_performance, make_user
from tests.support.round_trips import counted_round_trips
from tests.support.service import ServiceTwins
from tests.support.waiting_rooms import make_room, place_url, queue_url
from tests.support.wsgi import Answer, answer_of, bearer, environment, json_body


class QueueTwins(ServiceTwins):
    def __init__(self, queue_redis) -> None:
        super().__init__()
        self.redis = queue_redis

    def both(self, environ: dict[str, Any]) -> tuple[Answer, Answer]:
        """Call both on the same state; leaves the state that the fast path made."""
        kept = {
            key: (self.redis.dump(key), self.redis.pttl(key)) for key in self.redis.keys("fr:q:*")
        }
        slow = answer_of(self.django, environ)
        self.redis.delete(*self.redis.keys("fr:q:*"), "none")
        for key, (value, ttl) in kept.items():
            if value is not None:  # it has not expired between
                self.redis.restore(key, max(0, ttl), value)
        throttle.forget_callers()
        waiting_room._public.clear()
        fast = answer_of(self.fast, environ)
        throttle.forget_callers()
        return slow, fast


@pytest.fixture
def twins(db_ready, queue_redis, monkeypatch):
    moment = clock.now().replace(microsecond=123_000)
    monkeypatch.setattr(clock, "now", lambda: moment)
    monkeypatch.setattr("time.time", moment.timestamp)
    monkeypatch.setattr(policy, "POLL_JITTER", 0.0)
    throttle.forget_callers()
    yield QueueTwins(queue_redis)
    throttle.forget_callers()


def same(slow: Answer, fast: Answer) -> None:
    assert fast.status == slow.status
    assert fast.body == slow.body
    assert fast.headers == slow.headers


@dataclass
class Scene:
    """A room with somebody admitted, somebody waiting, and the fan who asks."""

    room: Any
    fan: Any
    token: str | None = None

    def headers(self) -> dict[str, str]:
        found = {"HTTP_AUTHORIZATION": bearer(self.fan)}
        if self.token:
            found["HTTP_X_QUEUE_TOKEN"] = self.token
        return found


def scene(*, joined: bool = True, front: int = 1, **config) -> Scene:
    room = make_room(**({"capacity": 1} | config))
    fan = make_user()
    ids = [uuid7() for _ in range(front)]
    place = None
    for user in [*ids, fan.pk] if joined else ids:
        place = waiting_room.join(user_id=user, performance_id=room.pk, token=None, now=clock.now())
    return Scene(room, fan, place.token if joined else None)


def change(room, **config):
    type(room.queue_config).objects.filter(pk=room.pk).update(**config, version=2)
    waiting_room.advance(now=clock.now())


def waiting() -> Scene:
    return scene()


def admitted() -> Scene:
    return scene(front=0)


def holding_a_pass() -> Scene:
    found = scene(front=0)
    found.token = waiting_room.poll(
        user_id=found.fan.pk, performance_id=found.room.pk, token=found.token, now=clock.now()
    ).admission_pass
    return found


def newcomer() -> Scene:
    return scene(joined=False)


def left() -> Scene:
    found = scene()
    waiting_room.leave(user_id=found.fan.pk, performance_id=found.room.pk, now=clock.now())
    return found


def finished() -> Scene:
    found = scene(front=0)
    waiting_room.finish(user_ids=[found.fan.pk], performance_id=found.room.pk, now=clock.now())
    return found


def in_presale() -> Scene:
    return scene(front=3, admission_opens_at=clock.now() + timedelta(hours=1))


def too_early() -> Scene:
    return scene(joined=False, front=0, queue_opens_at=clock.now() + timedelta(hours=1))


def set_to(state: str, *, joined: bool = True) -> Callable[[], Scene]:
    def make() -> Scene:
        found = scene(joined=joined)
        change(found.room, state=state)
        return found

    make.__name__ = f"{state.lower()}_{'joined' if joined else 'newcomer'}"
    return make


def no_queue() -> Scene:
    return scene(joined=False, front=0, queue_required=False)


def no_config() -> Scene:
    return Scene(make_performance(seats=1, on_sale=False), make_user())


def unknown() -> Scene:
    class Nowhere:
        pk = uuid7()

    return Scene(Nowhere(), make_user())


def foreign_token() -> Scene:
    found = scene()
    found.token = scene().token
    return found


def no_token() -> Scene:
    found = scene()
    found.token = None
    return found


def without_login(environ: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in environ.items() if name != "HTTP_AUTHORIZATION"}


SCENES = [
    waiting,
    admitted,
    holding_a_pass,
    newcomer,
    left,
    finished,
    in_presale,
    too_early,
    no_queue,
    no_config,
    unknown,
    foreign_token,
    no_token,
    *(set_to(state) for state in ("PAUSED", "DRAINING", "CLOSED")),
    *(set_to(state, joined=False) for state in ("PAUSED", "DRAINING", "CLOSED")),
]
REQUESTS = {
    "join": lambda made: environment("POST", queue_url(made.room), **made.headers()),
    "poll": lambda made: environment("GET", place_url(made.room), **made.headers()),
    "poll_by_token": lambda made: without_login(REQUESTS["poll"](made)),
    "status": lambda made: environment("GET", queue_url(made.room)),
    "status_with_login": lambda made: environment("GET", queue_url(made.room), **made.headers()),
}


@pytest.mark.parametrize("language", ["en", "ko-KR,ko;q=0.9,en;q=0.5"])
@pytest.mark.parametrize("make", SCENES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("request_name", REQUESTS)
def test_every_state_reads_the_same(twins, make, request_name, language):
    environ = {**REQUESTS[request_name](make()), "HTTP_ACCEPT_LANGUAGE": language}
    slow, fast = twins.both(environ)
    same(slow, fast)
    nobody = request_name == "poll_by_token" and "HTTP_X_QUEUE_TOKEN" not in environ
    assert twins.passed_on == nobody, "Django was needed"
    assert fast.header("X-Request-ID") == "the-same-for-both"


@pytest.mark.parametrize("language", [None, "", "fr", "en;q=0.1,ko;q=0.9", "*", "\xff,,;q"])
def test_whatever_language_is_asked_for(twins, language):
    environ = REQUESTS["join"](set_to("CLOSED", joined=False)())
    if language is not None:
        environ["HTTP_ACCEPT_LANGUAGE"] = language
    same(*twins.both(environ))


@pytest.mark.parametrize(
    ("request_name", "limited"),
    [("join", "join"), ("join", "join_address"), ("poll", "poll"), ("poll_by_token", "poll")],
)
def test_a_caller_who_asks_too_often_reads_the_same(twins, settings, request_name, limited):
    made = waiting()
    settings.RATE_LIMITS = settings.RATE_LIMITS | {limited: "1/minute"}
    environ = REQUESTS[request_name](made)

    def twice(application):
        answer_of(application, environ)
        answer = answer_of(application, environ)
        throttle.forget_callers()
        twins.redis.delete(*twins.redis.keys("fr:q:*:n:*"), "none")
        return answer

    slow, fast = twice(twins.django), twice(twins.fast)
    same(slow, fast)
    assert fast.status.startswith("429")
    assert fast.header("Retry-After")
    assert fast.header("RateLimit").startswith(f'"{limited}";r=0;')


@pytest.mark.parametrize("request_name", ["join", "poll", "poll_by_token"])
def test_a_fan_refused_too_often_reads_the_same(twins, settings, monkeypatch, request_name):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"refused": "1/hour"}
    monkeypatch.setattr(throttle, "forget_callers", lambda: None)
    made = waiting()
    throttle.charge_refusal(str(made.fan.pk))
    slow, fast = twins.both(REQUESTS[request_name](made))
    same(slow, fast)
    assert fast.status.startswith("429")
    assert twins.passed_on == 0


@pytest.mark.parametrize("request_name", REQUESTS)
def test_the_queue_server_away_reads_the_same(twins, parts, request_name):
    environ = REQUESTS[request_name](waiting())
    parts.part("queue").stop()
    try:
        waiting_room._public.clear()
        slow = answer_of(twins.django, environ)
        fast = answer_of(twins.fast, environ)
    finally:
        parts.part("queue").start()
        breaker("queue").reset()
    assert {name for name, _ in slow.headers} == {name for name, _ in fast.headers}
    assert (fast.status, fast.body) == (slow.status, slow.body)
    assert fast.json()["code"] == "queue_unavailable"
    assert fast.header("Retry-After") == slow.header("Retry-After")
    assert twins.passed_on == 0


@pytest.mark.parametrize(
    "settings_changed",
    [
        {"SECURE_HSTS_SECONDS": 60, "SECURE_HSTS_PRELOAD": True},
        {"SECURE_HSTS_SECONDS": 60, "SECURE_HSTS_INCLUDE_SUBDOMAINS": True},
        {"X_FRAME_OPTIONS": "SAMEORIGIN", "SECURE_CONTENT_TYPE_NOSNIFF": False},
        {"SECURE_REFERRER_POLICY": "origin, same-origin"},
        {"SECURE_REFERRER_POLICY": None, "SECURE_CROSS_ORIGIN_OPENER_POLICY": None},
    ],
)
def test_the_envelope_follows_the_settings(settings, queue_redis, twins, settings_changed):
    for name, value in settings_changed.items():
        setattr(settings, name, value)
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    fresh = QueueTwins(queue_redis)
    environ = {**REQUESTS["join"](waiting()), "HTTP_X_FORWARDED_PROTO": "https"}
    same(*fresh.both(environ))
    assert fresh.passed_on == 0
    plain = environment("GET", environ["PATH_INFO"])
    slow, fast = fresh.both(plain)
    same(slow, fast)
    assert (fast.status[:3], fresh.passed_on) == ("301", 1)


ODD: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "nobody": without_login,
    "basic_login": lambda e: {**e, "HTTP_AUTHORIZATION": "Basic eDp5"},
    "forged_login": lambda e: {**e, "HTTP_AUTHORIZATION": "Bearer a.b.c"},
    "method": lambda e: {**e, "REQUEST_METHOD": "PUT"},
    "options": lambda e: {**e, "REQUEST_METHOD": "OPTIONS"},
    "head": lambda e: {**e, "REQUEST_METHOD": "HEAD"},
    "query": lambda e: {**e, "QUERY_STRING": "format=xml"},
    "no_slash": lambda e: {**e, "PATH_INFO": e["PATH_INFO"].rstrip("/")},
    "bad_id": lambda e: {**e, "PATH_INFO": "/api/v1/performances/7/queue/"},
    "upper_case_id": lambda e: {**e, "PATH_INFO": e["PATH_INFO"].upper()},
    "html_wanted": lambda e: {**e, "HTTP_ACCEPT": "text/html"},
    "cookie": lambda e: {**e, "HTTP_COOKIE": "django_language=en"},
    "host": lambda e: {**e, "HTTP_HOST": "evil.example"},
    "no_host": lambda e: {**e, "HTTP_HOST": ""},
    "form": lambda e: {
        **e,
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": "3",
        "wsgi.input": b"a=b",
    },
    "bad_length": lambda e: {**e, "CONTENT_LENGTH": "-3"},
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_unusual_goes_on_to_django_untouched(twins, odd):
    environ = ODD[odd](REQUESTS["join"](newcomer()))
    slow, fast = twins.both(environ)
    same(slow, fast)
    assert twins.passed_on == 1


@pytest.mark.parametrize("login", ["Bearer a.b.c", "Bearer ", "Basic eDp5", "x", ""])
def test_a_bad_login_beside_a_join_token_goes_on_to_django(twins, login):
    slow, fast = twins.both(REQUESTS["poll"](waiting()) | {"HTTP_AUTHORIZATION": login})
    same(slow, fast)
    assert fast.status.startswith("401")
    assert twins.passed_on == 1


def test_expired_and_revoked_logins_go_on_to_django(twins):
    made = newcomer()
    late = clock.now() - timedelta(hours=1)
    gone = str(uuid7())
    revocation.revoke([gone])
    for login in (bearer(made.fan, now=late), bearer(made.fan, session_id=gone)):
        environ = {**environment("POST", queue_url(made.room)), "HTTP_AUTHORIZATION": login}
        slow, fast = twins.both(environ)
        same(slow, fast)
        assert fast.status.startswith("401")
    assert twins.passed_on == 2


def test_an_empty_object_is_a_bare_body(twins):
    environ = REQUESTS["join"](newcomer()) | json_body(b"{}")
    same(*twins.both(environ))
    assert twins.passed_on == 0


def test_insane_request_ids_are_replaced(twins):
    environ = environment("GET", queue_url(newcomer().room), HTTP_X_REQUEST_ID="no\tgood")
    made = answer_of(twins.fast, environ).header("X-Request-ID")
    assert made
    assert made != "no\tgood"


ACCESS_FIELDS = ("method", "path", "status", "code", "user_id", "hold_outcome")


def counters() -> dict[tuple[str, tuple], float]:
    Metrics.get_instance()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in REGISTRY.collect()
        if family.name.startswith("django_http")
        for sample in family.samples
        if not sample.name.endswith(("_created", "_sum"))
        and not ("latency" in sample.name and sample.name.endswith("_bucket"))
    }


@pytest.mark.parametrize("request_name", ["join", "poll", "poll_by_token", "status"])
def test_the_same_counters_count_and_the_same_line_is_logged(twins, caplog, settings, request_name):
    settings.LOG_FORMAT = "console"  # by way of the log, where both can be seen
    environ = REQUESTS[request_name](waiting())
    caplog.set_level(logging.INFO, logger="frontrow.access")

    def seen(application):
        before, caplog.records[:] = counters(), []
        answer_of(application, environ)
        access_log.flush()
        after = counters()
        lines = [
            {name: getattr(record, name, None) for name in ACCESS_FIELDS}
            for record in caplog.records
            if record.name == "frontrow.access"
        ]
        return {
            key: after[key] - before.get(key, 0)
            for key in after
            if after[key] != before.get(key, 0)
        }, lines

    seen(twins.django)  # labels come into being at the first use
    slow, fast = seen(twins.django), seen(twins.fast)
    assert fast == slow
    assert len(fast[1]) == 1


def test_the_budgets_stand(twins):
    made = newcomer()
    join = REQUESTS["join"](made)
    with counted_round_trips() as trips:
        answer = answer_of(twins.fast, join)
    assert (trips.redis, trips.sql) == (["FCALL frontrow_queue_v1_join_many"], [])
    made.token = answer.json()["token"]
    with counted_round_trips() as trips:
        answer_of(twins.fast, REQUESTS["poll"](made))
    assert (trips.redis, trips.sql) == (["FCALL frontrow_queue_v1_poll_many"], [])
    with counted_round_trips() as trips:
        answer_of(twins.fast, REQUESTS["poll_by_token"](made))
    assert (trips.redis, trips.sql) == (["FCALL frontrow_queue_v1_poll_many"], [])
    with counted_round_trips() as trips:
        bodies = {answer_of(twins.fast, REQUESTS["status"](made)).body for _ in range(20)}
    assert (trips.redis, trips.sql, len(bodies)) == (["FCALL frontrow_queue_v1_status"], [], 1)
