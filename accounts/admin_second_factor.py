"""The second factor at the staff pages (Note [Second factor] in `usecases/second_factor.py`)."""

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import codes, queries
from accounts.models import User
from accounts.usecases import second_factor
from kernel import clock
from kernel.caller import client_ip_of
from kernel.errors import DomainError
from kernel.http import problem
from kernel.http.page_addresses import is_page, is_staff_page
from kernel.i18n import text
from kernel.telemetry import security_log

_GIVEN = "frontrow.second_factor_given"  # of the request that logs in
_PASSED = "second_factor_passed"  # in the session of a login that gave its code
_SECRET = "second_factor_secret"  # noqa: S105  (a name; the session of who sets one up)
_OPEN = {"admin:login", "admin:logout", "admin:jsi18n", "second_factor:set_up"}


def mark_passed(request: HttpRequest) -> None:
    """Mark the request whose login has given its code."""
    request.META[_GIVEN] = True


def has_given_code(request: HttpRequest) -> bool:
    """Say whether the login of this request has given its code (`mark_passed`)."""
    return bool(request.META.get(_GIVEN))


@receiver(user_logged_in)
def keep_mark(request: HttpRequest, **_: Any) -> None:
    """Keep the mark of `mark_passed` in the session that has just begun."""
    if has_given_code(request):
        request.session[_PASSED] = True


class SecondFactorMiddleware:
    """Refuse the staff pages to a login without its code, or without a factor that is demanded."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        if match is None or match.view_name in _OPEN or not _is_for_staff(request.path):
            return None
        user = request.user
        if not (isinstance(user, User) and user.is_staff) or _PASSED in request.session:
            return None  # the staff pages themselves refuse everybody else
        has_factor = queries.has_second_factor(user.pk)
        if not has_factor and not settings.STAFF_SECOND_FACTOR_REQUIRED:
            return None
        if is_staff_page(request.path) and not is_page(request.path):
            return problem.refused(request, "not_authenticated")  # its page leads to the login
        if has_factor:
            logout(request)
            return redirect_to_login(request.get_full_path())
        return redirect("second_factor:set_up")


def _is_for_staff(path: str) -> bool:
    return path.startswith("/admin/") or is_staff_page(path)


class SetUpForm(forms.Form):
    """Check that the device knows the secret, and that it is still the person who logged in."""

    password = forms.CharField(
        label=text(en="Your password", ko="비밀번호"),
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label=text(en="The code your device shows", ko="기기에 표시된 인증 코드"),
        max_length=20,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(*args)
        self.request = request

    def clean_password(self) -> str:
        """Judge the password as a login does, which counts wrong ones."""
        password: str = self.cleaned_data["password"]
        if not get_adapter(self.request).reauthenticate(self.request.user, password):
            raise ValidationError(
                text(en="The password is not right.", ko="비밀번호가 올바르지 않습니다.")
            )
        return password


class RecoveryCodesForm(SetUpForm):
    """Take the password, and then a code of the device or a recovery code that is left."""

    def clean_code(self) -> str:
        """Judge the code only after the right password, as a login does."""
        code: str = self.cleaned_data["code"]
        if "password" in self.cleaned_data:
            assert isinstance(self.request.user, User), "the view lets in nobody else"
            codes.judge(self.request, self.request.user, code, now=clock.now())
        return code


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def renew_recovery_codes(request: HttpRequest) -> HttpResponseBase:
    """Show new recovery codes, once, for the password and a code."""
    user = request.user
    if not (isinstance(user, User) and user.is_active and user.is_staff):
        return redirect_to_login(request.get_full_path())
    if not queries.has_second_factor(user.pk):
        return redirect("second_factor:set_up")
    title = text(en="New recovery codes", ko="새 복구 코드")
    form = RecoveryCodesForm(request, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, title=title, form=form)
    renewed = second_factor.renew_recovery_codes(user_id=user.pk, now=clock.now())
    security_log.record("mfa_codes_renewed", user_id=user.pk, client_ip=client_ip_of(request))
    return _page(request, title=title, codes=renewed)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponseBase:
    """Show the secret as a picture, take the first code, then show the recovery codes."""
    user = request.user
    if not (isinstance(user, User) and user.is_active and user.is_staff):
        return redirect_to_login(request.get_full_path())
    if queries.has_second_factor(user.pk):
        return redirect("second_factor:recovery_codes")
    form = SetUpForm(request, request.POST if request.method == "POST" else None)
    secret = request.session.get(_SECRET) or generate_totp_secret()
    if form.is_valid():
        try:
            recovery_codes = second_factor.set_up(
                user_id=user.pk, secret=secret, code=form.cleaned_data["code"], now=clock.now()
            )
        except DomainError as refusal:
            form.add_error("code", str(refusal.message))
        else:
            security_log.record("mfa_activated", user_id=user.pk, client_ip=client_ip_of(request))
            _keep_login(request)
            return _page(request, codes=recovery_codes)
    request.session[_SECRET] = secret
    return _page(request, form=form, secret=secret, picture=_picture(user, secret))


def _keep_login(request: HttpRequest) -> None:
    """Keep this login, which has just shown its code; every other one has ended."""
    request.session.pop(_SECRET, None)
    request.session[_PASSED] = True
    request.session.cycle_key()


def _picture(user: User, secret: str) -> SafeString:
    adapter = get_mfa_adapter()
    svg: str = adapter.build_totp_svg(adapter.build_totp_url(user, secret))
    return mark_safe(svg[svg.index("<svg") :])  # noqa: S308  (made of squares by a library)


def _page(request: HttpRequest, **context: Any) -> TemplateResponse:
    title = text(en="Set up your second factor", ko="2단계 인증 설정")
    return TemplateResponse(
        request,
        "admin/second_factor.html",
        {**admin.site.each_context(request), "title": title} | context,
    )
