"""Static documents are rendered once a process, and repeated by their entity tag."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from drf_spectacular.generators import SchemaGenerator

from accounts.api import documents as login_api
from config import warm_up
from config.wsgi import django
from kernel import clock
from kernel.http import jwks as jwks_view
from kernel.http import static_documents
from kernel.http.static_documents import StaticDocuments, once
from kernel.signing import keyring_file
from tests.support.round_trips import counted_round_trips
from tests.support.wsgi import answer_of, environment

DOCUMENTS = [
    "/api/schema/",
    "/api/schema/?format=json",
    "/_allauth/openapi.yaml",
    "/_allauth/openapi.json",
    "/_allauth/openapi.html",
    "/api/docs/",
    "/api/redoc/",
    "/docs/errors",
    "/docs/events/payment.paid.json",
    "/.well-known/jwks.json",
]


@pytest.fixture(autouse=True)
def _none_known(monkeypatch):
    static_documents.forget_documents()
    monkeypatch.setattr(jwks_view, "_known", None)


@pytest.fixture
def nothing_is_rendered(monkeypatch):
    """Let whatever renders fail, once the first answers are there."""

    def forbid():
        def render(*_, **__):
            raise AssertionError("rendered again")

        monkeypatch.setattr("django.template.base.Template.render", render)
        monkeypatch.setattr(SchemaGenerator, "get_schema", render)
        monkeypatch.setattr(login_api, "_schema", render)
        monkeypatch.setattr(jwks_view, "public_jwks", render)
        monkeypatch.setattr("kernel.docs.views._schemas", render)

    return forbid


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_rendered_for_the_first_caller_alone(path, nothing_is_rendered):
    first = Client().get(path)
    assert first.status_code == 200
    nothing_is_rendered()
    with counted_round_trips() as trips:
        again = Client().get(path, headers={"Authorization": "Bearer made-up"})
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert (trips.sql, trips.redis) == ([], [])


@pytest.mark.control
def test_control_what_is_forgotten_is_rendered_again(nothing_is_rendered):
    Client().get("/api/schema/")
    nothing_is_rendered()
    static_documents.forget_documents()
    with pytest.raises(AssertionError, match="rendered again"):
        Client().get("/api/schema/")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_who_has_a_document_learns_that_it_still_holds(path):
    first = Client().get(path)
    assert re.fullmatch(r'"[0-9a-f]{32}"', first.headers["ETag"])
    assert first.headers["Cache-Control"] == "public, max-age=300"
    for shown in (first.headers["ETag"], f"W/{first.headers['ETag']}"):
        again = Client().get(path, headers={"If-None-Match": shown})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
    assert Client().get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_only_read(path):
    assert Client().put(path).status_code == 405
    assert Client().head(path).status_code == 200


def two_first_calls(same: bool) -> list[bool]:
    """Ask for two documents (or one twice) at once; return whether the first was made by then.

    The first call is kept inside until the second has come.
    """
    second_came, first_is_inside, first_was_made = threading.Event(), threading.Event(), []
    made = threading.Event()

    def first(_request):
        first_is_inside.set()
        assert second_came.wait(10)
        made.set()
        return HttpResponse(b"made")

    def second(_request):
        first_was_made.append(made.is_set())
        second_came.set()
        return HttpResponse(b"made")

    views = [once(first)] * 2 if same else [once(first), once(second)]
    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(views[0], RequestFactory().get("/"))]
        assert first_is_inside.wait(10)
        answers.append(threads.submit(views[1], RequestFactory().get("/")))
        if not isinstance(static_documents._rendering, type(nullcontext())):
            second_came.set()
        assert [answer.result(10).content for answer in answers] == [b"made"] * 2
    return first_was_made


def test_first_calls_at_once_are_made_one_after_the_other():
    """The schema library's lazy imports cannot bear two at once."""
    assert two_first_calls(same=True) == []  # nobody made it again
    assert two_first_calls(same=False) == [True]


@pytest.mark.control
def test_control_without_the_lock_two_are_made_at_once(monkeypatch):
    monkeypatch.setattr(static_documents, "_rendering", nullcontext())
    assert two_first_calls(same=False) == [False]


def test_whatever_else_is_asked_makes_no_document_more():
    for query in ("lang=xx", "lang=" + "x" * 500, "version=7", "a=b", "format=nonsense"):
        answer = Client().get(f"/api/schema/?{query}", headers={"Accept": "image/png"})
        assert answer.status_code == 200
        assert answer.content == Client().get("/api/schema/").content
    assert len(static_documents._rendered) == 1


def test_a_document_is_in_the_language_and_form_asked_for():
    def get(query="", **headers):
        return Client().get(f"/api/schema/{query}", headers=headers)

    assert get().headers["Content-Type"].startswith("application/vnd.oai.openapi")
    for json in (get("?format=json"), get(Accept="application/json")):
        assert json.json()["info"]["title"] == "Frontrow"
    korean, english = (
        Client().get("/docs/errors"),
        Client(headers={"Accept-Language": "en"}).get("/docs/errors"),
    )
    assert korean.content != english.content
    assert "Accept-Language" in korean.headers["Vary"]


def test_what_is_not_there_is_not_kept():
    for _ in range(3):
        assert Client().get("/docs/events/nothing.json").status_code == 404
    assert static_documents._rendered == {}


def test_new_keys_make_a_new_document(settings, tmp_path):
    old = Client().get("/.well-known/jwks.json")
    path = tmp_path / "keys.json"
    keyring_file.init(path, now=clock.now())
    settings.SIGNING_KEYS_FILE = str(path)
    new = Client().get("/.well-known/jwks.json")
    assert new.json() != old.json()
    assert new.headers["ETag"] != old.headers["ETag"]


def test_a_starting_process_renders_them_before_anybody_asks(settings, nothing_is_rendered):
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
    warm_up.render(django)
    nothing_is_rendered()
    for path in ("/api/schema/", "/api/schema/?format=json", "/api/docs/", "/docs/errors"):
        for language in ("ko", "en"):
            answer = Client().get(path, headers={"Accept-Language": language})
            assert answer.status_code == 200
    for path in ("/_allauth/openapi.yaml", "/_allauth/openapi.json"):
        assert Client().get(path, headers={"Accept-Language": "en"}).status_code == 200


def test_what_a_starting_process_cannot_render_is_rendered_when_asked_for(settings):
    settings.ALLOWED_HOSTS = ["testserver"]
    warm_up.render(django)
    assert static_documents._rendered == {}
    assert Client().get("/docs/errors").status_code == 200


@pytest.mark.parametrize("wanted", [True, False])
def test_a_process_renders_in_the_background_where_settings_say_so(settings, monkeypatch, wanted):
    settings.RENDER_DOCUMENTS_AT_START = wanted
    done = threading.Event()
    monkeypatch.setattr(warm_up, "render", lambda _: done.set())
    warm_up.start(django)
    assert done.wait(10 if wanted else 0) is wanted


REPEATED = [
    "/api/schema/",
    "/_allauth/openapi.yaml",
    "/_allauth/openapi.json",
    "/docs/events/payment.paid.json",
    "/.well-known/jwks.json",
]


@pytest.mark.parametrize("path", REPEATED)
def test_it_is_repeated_in_front_of_django_as_django_answers(db_ready, path):
    passed_on = []

    def noted(environ, start_response):
        passed_on.append(environ)
        return django(environ, start_response)

    front = StaticDocuments(noted)
    for language in ("ko", "en"):
        environ = environment("GET", path, HTTP_ACCEPT_LANGUAGE=language)
        slow, fast = (answer_of(front, environ, headers_once=False) for _ in range(2))
        assert (fast.status, fast.body) == (slow.status, slow.body)
        assert _headers(fast) == _headers(slow)
    assert len(passed_on) == 2  # the first of each language
    for more in (
        {"HTTP_AUTHORIZATION": "Bearer x"},
        {"HTTP_IF_NONE_MATCH": "*"},
        {"HTTP_COOKIE": "django_language=en"},
        {"QUERY_STRING": "lang=en"},
        {"REQUEST_METHOD": "HEAD"},
    ):
        answer_of(front, environment("GET", path) | more)
    assert len(passed_on) == 7


def test_old_keys_are_not_repeated(settings, tmp_path, db_ready):
    environ, front = environment("GET", "/.well-known/jwks.json"), StaticDocuments(django)
    old = [answer_of(front, environ).body for _ in range(2)]
    path = tmp_path / "keys.json"
    keyring_file.init(path, now=clock.now())
    settings.SIGNING_KEYS_FILE = str(path)
    assert answer_of(front, environ).body not in old


def _headers(answer) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, value in answer.headers:
        found.setdefault(name, set()).update(value.split(", "))
    return found


@pytest.mark.parametrize("first", ["ko", "en"])
def test_the_document_of_the_api_is_in_one_language(first):
    static_documents.forget_documents()
    for language in (first, "ko", "en"):
        for query in ("format=json", f"format=json&lang={language}"):
            found = Client().get(f"/api/schema/?{query}", headers={"Accept-Language": language})
            for path, methods in found.json()["paths"].items():
                for operation in methods.values():
                    parameters = operation.get("parameters", [])
                    texts = [operation["summary"], operation.get("description", "")]
                    texts += [one.get("description", "") for one in parameters]
                    assert "".join(texts).isascii(), (path, language)
