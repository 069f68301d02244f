"""The adapter of django-allauth's flows: our rules on e-mail addresses, passwords and letters."""

from typing import Any, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.signals import password_reset
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.base.response import ConflictResponse, RateLimitResponse
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import attempts, email_addresses, notices, operations, passwords, queries
from accounts.api import device_tokens, limits
from accounts.models import User
from accounts.operations import EmailTaken
from accounts.usecases import email_ownership
from kernel.caller import client_ip_of
from kernel.db.transaction import transaction
from kernel.telemetry import security_log

_REMOVED = "account/email/email_deleted"
# The letters about what people did, with the events of the security log.
_EVENTS = {
    "account/email/email_added": "email_added",
    "account/email/email_changed": "email_changed",
    _REMOVED: "email_removed",
    "account/email/password_changed": "password_changed",
    "account/email/password_set": "password_changed",
    "account/email/password_reset": "password_reset",
}


# What the page that comes next has to say (templates/account/messages). Any other message would be
# stored in the session and shown much later, or never: a page says itself what it is about.
_SAID = {
    f"account/messages/{name}.txt"
    for name in (
        "cannot_delete_primary_email",
        "email_confirmation_sent",
        "email_deleted",
        "primary_email_set",
        "unverified_primary_email",
    )
}


class AccountAdapter(DefaultAccountAdapter):
    """One spelling of e-mail addresses and passwords; letters about changes; no second owner."""

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Keep a message that the page after it shows; drop others."""
        if message_template in _SAID:
            super().add_message(request, level, message_template, *args, **kwargs)

    def clean_email(self, email: str) -> str:
        """Return the one spelling: Note [One mailbox, one spelling]."""
        try:
            return email_addresses.normalize(email)
        except email_addresses.EmailAddressInvalid as error:
            raise ValidationError(error.message, code="invalid") from None

    def clean_password(self, password: str, user: AbstractBaseUser | None = None) -> str:
        """Judge the form that is hashed: Note [Passwords in NFKC]."""
        cleaned: str = super().clean_password(passwords.normalize(password), user)
        return cleaned

    def set_password(self, user: User, password: str) -> None:
        """Change the password and end every login."""
        with transaction():
            user.set_password(password)
            user.save(update_fields=["password"])
            operations.end_sessions(user_ids=[user.pk])

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Count an attempt before judging it, at the API and at the staff pages alike.

        See Note [Failed logins] in attempts.py; the settings turn allauth's own counting off.
        """
        email = str(credentials.get("email") or credentials.get("username") or "")
        client_ip = client_ip_of(request)
        attempt = attempts.begin(
            email=email_addresses.normalize_or_keep(email).lower(),
            client_ip=client_ip,
            device_token=device_tokens.token_in(request),
        )
        if attempt.is_refused:
            self._refuse(request, attempt, client_ip)
        try:
            user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        except BaseException:
            attempts.take_back(attempt, succeeded=False)
            raise
        if user is None:
            security_log.record("login_failed", client_ip=client_ip)
        else:
            attempts.take_back(attempt, succeeded=True)
            device_tokens.put_on_response(request, attempt)
        return user

    def _refuse(
        self, request: HttpRequest, attempt: attempts.LoginAttempt, client_ip: str
    ) -> NoReturn:
        security_log.record("login_throttled", client_ip=client_ip, limit=attempt.route)
        request.META[limits.REFUSED] = attempt
        if attempt.route == "login" and _is_headless(request):
            raise ImmediateHttpResponse(RateLimitResponse(request))
        raise self.validation_error("too_many_login_attempts")

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Make an e-mail address this person's, unless somebody else has got it meanwhile."""
        user = email_address.user
        try:
            with email_ownership.changing(user_id=user.pk):
                before = EmailAddress.objects.get_primary(user)
                confirmed: bool = super().confirm_email(request, email_address)
        except EmailTaken:
            confirmed = False
        if not confirmed:  # allauth checked earlier, and would respond with 500 now
            if not _is_headless(request):
                raise EmailTaken
            raise ImmediateHttpResponse(ConflictResponse(request))
        if before is not None:
            self.send_notification_mail(
                "account/email/email_added",
                user,
                {"added_email": email_address.email},
                email=before.email,
            )
        return True

    def send_confirmation_mail(
        self, request: HttpRequest, emailconfirmation: Any, signup: bool
    ) -> None:
        """Mail the code; if the address is taken, mail its owner a notice instead."""
        row = emailconfirmation.email_address
        if queries.is_email_taken(row.email, by_other_than=row.user_id):
            self.send_account_already_exists_mail(row.email)
        else:
            super().send_confirmation_mail(request, emailconfirmation, signup)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Write to the primary e-mail address or to `email`, and to one that was removed."""
        if event := _EVENTS.get(template_prefix):
            security_log.record(event, user_id=user.pk, client_ip=client_ip_of(self.request))
        super().send_notification_mail(template_prefix, user, context, email)
        if template_prefix == _REMOVED and context:
            super().send_notification_mail(
                template_prefix, user, context, email=context["deleted_email"]
            )

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """Add the facts that every letter may use."""
        reset = settings.HEADLESS_FRONTEND_URLS["account_reset_password"]
        facts = {"password_reset_url": reset} | context
        letter: EmailMessage = super().render_mail(template_prefix, email, facts, headers)
        return letter

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Queue the letter once the change has been committed."""
        notices.send(template_prefix, email, context)


def _is_headless(request: HttpRequest) -> bool:
    """Say whether the login API is at work, and no page."""
    return hasattr(getattr(request, "allauth", None), "headless")


@receiver(password_reset)
def remember_client_ip(request: HttpRequest, user: User, **_: Any) -> None:
    """Let a person who has just reset the password by mail log in from the same client IP."""
    if user.email is not None:
        attempts.remember_client_ip(email=user.email, client_ip=client_ip_of(request))
