"""Every model has an admin without a query per row, and money and seats can not be edited there."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from tests.support import factories

OWN_APPS = (
    "accounts", "concerts", "queueing", "points", "reservations", "tickets", "payments",
    "idempotency", "events", "statistics", "webhooks",
)  # fmt: skip
# What money or seats depend on: it changes only by actions that call use cases.
PROTECTED = (
    "reservations.SeatInventory", "reservations.Reservation", "reservations.ReservationSeat",
    "tickets.Ticket", "tickets.Checkin", "tickets.RefusedScan", "tickets.UnlistedScans",
    "points.Account", "points.Transfer", "points.Entry",
    "payments.Payment", "payments.Charge", "payments.Refund", "payments.GatewayNotice",
    "payments.Cancellation", "payments.RefundRun",
    "idempotency.Record", "events.OutboxEvent", "events.InboxEntry",
    "accounts.AuditEntry", "statistics.HourlySales",
    "webhooks.WebhookEndpoint", "webhooks.WebhookDelivery",
    "concerts.StaleDocument", "concerts.LayoutUpload", "concerts.LayoutUploadPart",
    "concerts.Poster",
)  # fmt: skip
# Rows that are shown inside their parent's page rather than by themselves.
INSIDE_PARENT = {"points.Entry", "reservations.ReservationSeat"}


def own_models():
    return [model for label in OWN_APPS for model in apps.get_app_config(label).get_models()]


def label_of(model) -> str:
    return f"{model._meta.app_label}.{model.__name__}"


@pytest.fixture
def root(db_ready) -> User:
    return User.objects.create_superuser("root@example.com", "x")


@pytest.fixture
def request_of_root(root):
    request = RequestFactory().get("/admin/")
    request.user = root
    return request


@pytest.fixture
def browser(root) -> Client:
    browser = Client()
    browser.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def inlines_of(model_admin):
    return [inline(model_admin.model, admin.site) for inline in model_admin.inlines]


@pytest.mark.parametrize("model", own_models(), ids=label_of)
def test_every_model_has_an_admin_with_search_and_filters(model):
    if label_of(model) in INSIDE_PARENT and model not in admin.site._registry:
        parents = [
            inline.model
            for parent in admin.site._registry.values()
            for inline in inlines_of(parent)
        ]
        assert model in parents
        return
    model_admin = admin.site._registry[model]
    assert model_admin.search_fields, "no search"
    assert model_admin.list_filter or model_admin.date_hierarchy, "no filter"


@pytest.mark.parametrize("label", PROTECTED)
def test_protected_models_can_not_be_written_even_by_root(label, request_of_root, browser):
    model = apps.get_model(label)
    for model_admin in admin.site._registry.values():
        for inline in inlines_of(model_admin):
            if inline.model is model:
                assert not inline.has_add_permission(request_of_root, None)
                assert not inline.has_change_permission(request_of_root)
                assert not inline.has_delete_permission(request_of_root)
    if model not in admin.site._registry:
        assert label in INSIDE_PARENT
        return
    model_admin = admin.site._registry[model]
    assert not model_admin.has_add_permission(request_of_root)
    assert not model_admin.has_change_permission(request_of_root)
    assert not model_admin.has_delete_permission(request_of_root)
    assert not model_admin.list_editable
    assert "delete_selected" not in model_admin.get_actions(request_of_root)
    place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert browser.post(reverse(f"{place}_add"), {}).status_code == 403


def test_no_admin_of_ours_deletes_in_bulk(request_of_root):
    ours = [model for model in admin.site._registry if model._meta.app_label in OWN_APPS]
    assert len(ours) > 15
    offering = [
        label_of(model)
        for model in ours
        if "delete_selected" in admin.site._registry[model].get_actions(request_of_root)
    ]
    assert offering == []


@pytest.mark.parametrize("model", own_models(), ids=label_of)
def test_list_pages_open(model, browser):
    if model not in admin.site._registry:
        return
    factories.make_performance(seats=10)
    place = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    assert browser.get(reverse(place)).status_code == 200
    assert browser.get(reverse(place), {"q": "x"}).status_code == 200


def test_a_list_asks_as_many_queries_for_many_rows_as_for_few(
    browser, django_assert_max_num_queries
):
    pages = [
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        for model in own_models()
        if model in admin.site._registry
    ]
    factories.make_performance(seats=3)
    few = count_queries(browser, pages)
    for _ in range(3):
        factories.make_performance(seats=30)
    for _ in range(30):
        factories.make_user()
    many = count_queries(browser, pages)
    # A filter's own look-ups may grow by a constant when its first row appears, never per row.
    assert {page: (few[page], many[page]) for page in pages if many[page] > few[page] + 2} == {}


def count_queries(browser, pages) -> dict[str, int]:
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    counts = {}
    for page in pages:
        browser.get(reverse(page))  # permissions and content types are cached now
        with (
            CaptureQueriesContext(connections["default"]) as main,
            CaptureQueriesContext(connections["idempotency"]) as other,
        ):
            assert browser.get(reverse(page)).status_code == 200
        counts[page] = len(main) + len(other)
    return counts


def test_groups_exist_with_permissions():
    names = set(Group.objects.values_list("name", flat=True))
    assert {"staff", "operator", "finance", "door", "integrator"} <= names
