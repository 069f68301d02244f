"""A browser at the staff pages."""

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.support.login_api import PASSWORD


def browser(language: str = "en") -> Client:
    return Client(headers={"Accept-Language": language})


def browser_of(user: User, language: str = "en") -> Client:
    """Return a browser where somebody is logged in."""
    client = browser(language)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def enter(user: User, code: str = "", client: Client | None = None) -> tuple[Client, HttpResponse]:
    """Log in with the password of `login_api` and a code; return the browser and the response."""
    client = client or browser()
    form = {"username": user.email, "password": PASSWORD, "code": code}
    return client, client.post(reverse("admin:login"), form)


def sees_staff_pages(client: Client) -> bool:
    return client.get(reverse("admin:index")).status_code == 200
