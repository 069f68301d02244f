"""Staff screens under a URL that no link leads to: a clear refusal, never a 500."""

from urllib.parse import quote

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.support import factories

SCREENS = sorted(
    f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry
)
HUGE = "9" * 22
ALWAYS = [(name, value) for name in ("q", "p", "o", "id", "pk__in") for value in ("\0", HUGE)]


@pytest.fixture
def administrator(db_ready) -> Client:
    user = factories.make_user(is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def lookups(screen: str) -> list[tuple[str, str]]:
    (model_admin,) = (
        one
        for model, one in admin.site._registry.items()
        if f"{model._meta.app_label}_{model._meta.model_name}" == screen
    )
    filters = [one if isinstance(one, str) else one[0] for one in model_admin.list_filter]
    if model_admin.date_hierarchy:
        filters.append(model_admin.date_hierarchy)
    endings = [("", "\0"), ("__gte", "\0"), ("__year", "-1"), ("__year", HUGE)]
    return [*ALWAYS, *((name + ending, value) for name in filters for ending, value in endings)]


@pytest.mark.parametrize("screen", SCREENS)
def test_no_filter_breaks_a_list(administrator, screen):
    address = reverse(f"admin:{screen}_changelist")
    for lookup, value in lookups(screen):
        answer = administrator.get(address, {lookup: value})
        assert answer.status_code in {200, 302, 400}, (lookup, value)


@pytest.mark.parametrize("screen", SCREENS)
def test_no_key_breaks_a_page(administrator, screen):
    address = reverse(f"admin:{screen}_changelist")
    for key in ("\0", "abc", HUGE):
        for page in ("change", "history", "delete"):
            answer = administrator.get(f"{address}{quote(key)}/{page}/")
            assert answer.status_code in {302, 403, 404}, (key, page)
