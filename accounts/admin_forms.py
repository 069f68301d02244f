"""The forms of the staff screens about people, and the login form of the staff pages."""

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import get_adapter
from allauth.core import context
from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.http import HttpRequest

from accounts import admin_second_factor, codes, email_addresses, operations, phones, queries
from accounts.models import User
from kernel import clock
from kernel.i18n import text


class StaffLoginForm(AdminAuthenticationForm):
    """The login form of the staff pages; a failed attempt counts like one at the API."""

    request: HttpRequest

    code = forms.CharField(
        label=text(
            en="Code, where a second factor is set up", ko="인증 코드(2단계 인증을 설정한 경우)"
        ),
        max_length=20,
        required=False,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def clean(self) -> dict[str, Any]:
        """Let allauth judge, which counts attempts; Django's own form would not."""
        typed, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if typed and password:
            self.user_cache = get_adapter(self.request).authenticate(
                self.request,
                email=email_addresses.normalize_or_keep(typed),
                password=password,
            )
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
            if queries.has_second_factor(self.user_cache.pk):
                self._judge_code(self.user_cache)
        return self.cleaned_data

    def _judge_code(self, user: User) -> None:
        code = self.cleaned_data.get("code")
        if not code:
            raise forms.ValidationError(
                text(
                    en="Give the code that your device shows.",
                    ko="기기에 표시된 인증 코드를 입력해 주세요.",
                )
            )
        codes.judge(self.request, user, code, now=clock.now())
        admin_second_factor.mark_passed(self.request)


class OwnPasswordForm(AdminPasswordChangeForm):
    """The form of one's own password; a change ends every other login and sends a letter."""

    def clean_old_password(self) -> str:
        """Judge the password as a login does, which counts wrong ones."""
        password: str = self.cleaned_data["old_password"]
        if not get_adapter().reauthenticate(self.user, password):
            raise forms.ValidationError(self.error_messages["password_incorrect"])
        return password

    def save(self, commit: bool = True) -> User:
        """Save the password through the adapter, as the API does."""
        adapter = get_adapter(context.request)
        adapter.set_password(self.user, self.cleaned_data["new_password1"])
        adapter.send_notification_mail("account/email/password_changed", self.user)
        # This login goes on: Django renews its key, and a session is saved by today's password.
        context.request.session[HASH_SESSION_KEY] = self.user.get_session_auth_hash()
        return self.user


if TYPE_CHECKING:  # generic for the type checker only
    _ModelForm = forms.ModelForm[User]
    _CreationForm = AdminUserCreationForm[User]
    _ChangeForm = UserChangeForm[User]
else:
    _ModelForm, _CreationForm, _ChangeForm = forms.ModelForm, AdminUserCreationForm, UserChangeForm


class EmailAddressForm(_ModelForm):
    """Accept an e-mail address in its one spelling, unless somebody else has it."""

    def clean_email(self) -> str | None:
        """Return the e-mail address as it is kept; None where there is none."""
        typed: str = self.cleaned_data["email"] or ""
        if not typed and not self.instance.email:
            return None
        try:
            email = email_addresses.normalize(typed)
        except email_addresses.EmailAddressInvalid as error:
            raise forms.ValidationError(error.message) from None
        mine = None if self.instance._state.adding else self.instance.pk
        if queries.is_email_taken(email, by_other_than=mine):
            raise forms.ValidationError(operations.EmailTaken.message)
        return email


class UserCreationForm(EmailAddressForm, _CreationForm):
    """The form of a new person: e-mail address and password."""

    email = forms.EmailField(label=text(en="e-mail", ko="이메일"))

    class Meta:
        model = User
        fields = ("email", "display_name")


class PersonForm(EmailAddressForm, _ChangeForm):
    """The form of a person; the password has its own behind the link."""

    reason = forms.CharField(
        label=text(en="Reason for a new e-mail address", ko="이메일 변경 사유"),
        max_length=500,
        required=False,
        help_text=text(
            en="A new e-mail address ends the person's logins; the old one gets a letter.",
            ko="이메일 주소를 바꾸면 모든 로그인이 종료되고, 이전 주소로 안내 메일이 발송됩니다.",
        ),
    )

    def clean_phone(self) -> str:
        """Return the one spelling of a telephone number."""
        try:
            return phones.normalize(self.cleaned_data["phone"])
        except phones.PhoneInvalid:
            raise forms.ValidationError(phones.MESSAGE) from None
