"""Pages for staff: who may open them, and who may do what."""

import pytest
from django.conf import settings as configured
from django.urls import URLResolver, get_resolver, reverse
from django.utils.translation import override

from boxoffice import deeds
from boxoffice.deeds import DEEDS
from kernel.ids import uuid7
from tests.api.test_page_policy import HEADER, directives, inline_of
from tests.pages.conftest import logged_in
from tests.support import factories
from tests.support.security_events import security_events
from tests.support.staff_pages import browser, browser_of
from tests.support.staff_roles import ROLES, browser_as, member

# Which roles may do a deed. A change of `STAFF_GROUPS` or of a deed's permissions shows here.
MATRIX = {
    "adjust_points": {"finance"},
    "lock_out": {"operator"},
    "look_up_fan": {"finance", "operator", "staff"},
    "refund": {"finance"},
    "release_hold": {"operator"},
    "see_contacts": {"staff"},
    "send_again": {"operator"},
    "block_seats": {"operator", "staff"},
    "publish": {"staff"},
    "halt_sale": {"operator"},
    "put_on_sale": {"operator", "staff"},
    "upload_layout": {"operator", "staff"},
    "steer_queue": {"operator", "staff"},
    "watch": {"finance", "operator", "staff"},
    "watch_door": {"door", "finance", "operator", "staff"},
    "check_in": {"door"},
}
# What a browser asks for without a login, the same for everybody.
OPEN = {"keeper", "manifest"}
APPS = ("boxoffice", "door", "door_documents")


def staff_views():
    """Yield the name and the view of every page for staff and the door, and of its documents."""
    for entry in get_resolver().url_patterns:
        if isinstance(entry, URLResolver):
            for inner in (entry, *entry.url_patterns):
                if getattr(inner, "app_name", "") in APPS:
                    yield from ((one.name, one.callback) for one in inner.url_patterns)


def test_the_matrix_names_every_deed_and_role():
    assert set(MATRIX) == {deed.name for deed in DEEDS}
    assert set(ROLES) == set(configured.STAFF_GROUPS)
    assert len({deed.name for deed in DEEDS}) == len(DEEDS)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_matrix_says(db_ready, role):
    user = member(role)
    assert {one.name for one in DEEDS if deeds.may(user, one)} == {
        name for name, roles in MATRIX.items() if role in roles
    }


def test_every_page_names_its_deed():
    views = {name: view for name, view in staff_views() if name not in OPEN}
    assert {"home", "gate", "batch"} <= views.keys()
    for name, view in views.items():
        see, do = view.deeds
        assert see in DEEDS, name
        assert do is None or do in DEEDS, name


def url_of(name, performance):
    with override("en"):
        return reverse(f"boxoffice:{name}", args=[performance.pk] if name != "home" else [])


@pytest.mark.parametrize("name", ["home", "board", "figures", "sale"])
def test_a_role_without_the_deed_is_refused_and_named(db_ready, name):
    performance = factories.make_performance(seats=4)
    url = url_of(name, performance)
    for role in ROLES:
        client = browser_as(role)
        with security_events() as recorded:
            status = client.get(url).status_code
        allowed = role in MATRIX["watch"]
        assert status == (200 if allowed else 403), role
        assert [one["deed"] for one in recorded.events] == ([] if allowed else ["watch"])


def test_nobody_sees_a_page_without_the_login_of_staff(db_ready):
    url = url_of("home", None)
    answer = browser().get(url)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{reverse('admin:login')}?next={url}"
    # A login of fans' pages is none here, whose it may be.
    assert logged_in(member("operator")).get(url).status_code == 302


def test_a_locked_out_member_sees_nothing(db_ready):
    user = member("operator")
    client = browser_of(user)
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(url_of("home", None)).status_code == 302


def test_the_second_factor_is_demanded_where_it_is_at_the_admin(db_ready, settings):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    client = browser_as("operator")
    answer = client.get(url_of("home", None))
    assert answer.status_code == 302
    assert answer.headers["Location"] == reverse("second_factor:set_up")


def test_an_address_without_a_language_leads_to_one(db_ready):
    answer = browser_as("operator").get("/staff/", headers={"Accept-Language": "ko"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/ko/staff/")


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("name", ["home", "board", "sale"])
def test_a_page_has_the_policy_of_pages_and_is_kept_by_nobody(db_ready, name, language):
    performance = factories.make_performance(seats=4)
    url = url_of(name, performance).replace("/en/", f"/{language}/")
    answer = browser_as("operator").get(url)
    assert f'<html lang="{language}">' in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert directives(answer.headers[HEADER])["script-src"] == ["'self'"]
    inline = inline_of(answer.text)
    assert (inline.scripts, inline.styles) == ([], [])


def test_an_unknown_performance_is_not_found(db_ready):
    url = f"/en/staff/performances/{uuid7()}/"
    assert browser_as("operator").get(url).status_code == 404
