"""The tables of people, their logins and what staff did."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from accounts import email_addresses, passwords, phones, policy
from accounts.api_key_models import ApiKey as ApiKey  # noqa: PLC0414  (exported)
from accounts.approval_models import Approval as Approval  # noqa: PLC0414  (exported)
from accounts.managers import UserManager
from accounts.rate_limit_models import RateLimit as RateLimit  # noqa: PLC0414  (exported)
from kernel.db.fields import UUID7Field
from kernel.i18n import text

USER_EMAIL_UNIQUE = "accounts_user_email_unique"
VERIFIED_EMAIL_UNIQUE = "unique_verified_email"  # of django-allauth's EmailAddress
SESSION_SID_UNIQUE = "accounts_session_sid_unique"


class User(AbstractBaseUser, PermissionsMixin):
    """A person: fan or staff. The key is a UUIDv7, the login an e-mail address.

    Note [Whose address]
    An e-mail address is somebody's when django-allauth's `EmailAddress` row of it is verified; only
    one row of an address can be. Logins, codes, resets and letters go by these rows alone. `email`
    is a copy of the verified, primary row, which PostgreSQL keeps (`accounts_copy_email`) and
    guards (`accounts_check_email`), so that lists and look-ups need no join. A row that isn't
    verified is a claim made by signing up: it opens nothing, keeps nobody out, and a task deletes
    it with its person after a day. An address that somebody adds is kept in his session until the
    code sent to it comes back.
    """

    id = UUID7Field()
    email = models.EmailField(  # noqa: DJ001  (nobody's, not the empty address)
        text(en="e-mail", ko="이메일"), max_length=254, null=True, blank=True
    )
    display_name = models.CharField(text(en="name", ko="이름"), max_length=100, blank=True)
    language = models.CharField(
        text(en="language", ko="언어"),
        max_length=2,
        choices=[("ko", text(en="Korean", ko="한국어")), ("en", text(en="English", ko="영어"))],
        default="ko",
        db_default="ko",
        help_text=text(en="Of letters.", ko="메일에 쓰는 언어입니다."),
    )
    phone = models.CharField(
        text(en="telephone", ko="전화번호"),
        max_length=16,
        blank=True,
        default="",
        db_default="",
        help_text=text(en="Digits, with + before a country.", ko="숫자만, 국가 번호 앞에는 +."),
    )
    extra_time = models.BooleanField(
        text(en="needs more time", ko="시간 연장 필요"),
        default=False,
        db_default=False,
        help_text=text(
            en="Holds of this person may be extended up to the sale policy's longer cap.",
            ko="선점을 판매 정책의 더 긴 상한까지 연장할 수 있습니다.",
        ),
    )
    is_staff = models.BooleanField(
        text(en="staff", ko="직원"),
        default=False,
        help_text=text(en="May log in here.", ko="관리 화면에 로그인할 수 있습니다."),
    )
    is_active = models.BooleanField(text(en="active", ko="활성"), default=True)
    date_joined = models.DateTimeField(text(en="joined", ko="가입일"), auto_now_add=True)
    closed_at = models.DateTimeField(
        text(en="deleted at", ko="탈퇴 시각"),
        null=True,
        blank=True,
        editable=False,
        help_text=text(
            en="When the owner deleted the account; nothing of the person is left in it.",
            ko="본인이 탈퇴한 시각이며 개인정보는 남아 있지 않습니다.",
        ),
    )

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = text(en="user", ko="사용자")
        verbose_name_plural = text(en="users", ko="사용자")
        permissions = [
            ("lock_out_user", "Can lock users out and let them in"),
            ("reset_second_factor", "Can reset second factors"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["email"], name=USER_EMAIL_UNIQUE),
            models.CheckConstraint(
                condition=models.Q(email__regex=email_addresses.FORM),
                name="accounts_user_email_form",
            ),
            models.CheckConstraint(
                condition=models.Q(language__in=["ko", "en"]), name="accounts_user_language"
            ),
            models.CheckConstraint(
                condition=models.Q(phone__regex=phones.FORM), name="accounts_user_phone_form"
            ),
            models.CheckConstraint(
                condition=models.Q(closed_at__isnull=True)
                | models.Q(email__isnull=True, is_active=False, display_name="", phone=""),
                name="accounts_user_closed_is_nobody",
            ),
        ]

    def __str__(self) -> str:
        return self.email or str(self.pk)

    def set_password(self, raw_password: str | None) -> None:
        """Hash a password; see Note [Passwords in NFKC]. None makes it unusable."""
        super().set_password(None if raw_password is None else passwords.normalize(raw_password))

    def check_password(self, raw_password: str | None) -> bool:
        """Say whether it is the password; a hash of an older form is replaced."""
        if raw_password is None:
            return False
        today, *older = passwords.forms(raw_password)
        if super().check_password(today):
            return True
        for form in older:
            if super().check_password(form):
                self.set_password(today)
                self.save(update_fields=["password"])
                return True
        return False


class Session(AbstractBaseSession):
    """A login session, with its owner and the id that its tokens carry.

    Note [Session ids in tokens]
    Tokens name their session by `sid`, a keyed hash of the session key: it stays the same for the
    session's life, so it can be revoked, and a token that leaks can't be turned into a session.
    """

    class Purpose(models.TextChoices):
        """What may show this session; see Note [Purposes of sessions] in sessions.py."""

        STAFF = "staff", text(en="Staff pages", ko="관리 화면")
        API = "api", text(en="Login API", ko="로그인 API")
        FAN = "fan", text(en="Fans' pages", ko="회원 화면")

    user_id = models.UUIDField(null=True, editable=False)  # null: nobody has logged in yet
    sid = models.CharField(max_length=43, editable=False)
    purpose = models.CharField(
        text(en="purpose", ko="용도"),
        max_length=8,
        choices=Purpose.choices,
        default=Purpose.API,
        db_default=Purpose.API,
        editable=False,
    )
    started_at = models.DateTimeField(
        text(en="started at", ko="시작 시각"), db_default=Now(), editable=False
    )

    class Meta:
        verbose_name = text(en="session", ko="세션")
        verbose_name_plural = text(en="sessions", ko="세션")
        constraints = [
            models.UniqueConstraint(fields=["sid"], name=SESSION_SID_UNIQUE),
            models.CheckConstraint(
                condition=models.Q(purpose__in=["staff", "api", "fan"]),
                name="accounts_session_purpose",
            ),
        ]
        indexes = [
            models.Index(
                fields=["user_id"],
                name="accounts_session_user",
                condition=models.Q(user_id__isnull=False),
            )
        ]

    @classmethod
    def get_session_store_class(cls) -> Any:
        raise NotImplementedError("accounts.sessions.SessionStore reads and writes these rows")


class RefreshToken(models.Model):
    """A refresh token that a login has: unused, or just traded for its successor.

    The key is the token's `jti`, so nobody who reads the table has the token. See Note [Refresh
    tokens] in usecases/sessions.py. Without a foreign key: it is nothing without its session, and
    goes in the transaction that ends it.
    """

    jti = models.UUIDField(primary_key=True, editable=False)
    sid = models.CharField(max_length=43, editable=False)
    issued_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    used_at = models.DateTimeField(null=True, editable=False)
    successor = models.UUIDField(null=True, editable=False)

    class Meta:
        verbose_name = text(en="refresh token", ko="갱신 토큰")
        verbose_name_plural = text(en="refresh tokens", ko="갱신 토큰")
        indexes = [
            models.Index(fields=["sid"], name="accounts_refreshtoken_sid"),
            models.Index(fields=["expires_at"], name="accounts_refreshtoken_expiry"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used_at__isnull=True, successor__isnull=True)
                | models.Q(used_at__isnull=False, successor__isnull=False),
                name="accounts_refreshtoken_used_has_successor",
            ),
        ]

    def __str__(self) -> str:
        return str(self.jti)

    def was_just_used(self, now: datetime) -> bool:
        """Say whether it may be sent again (Note [Refresh tokens]); `now`: the request's moment."""
        return self.used_at is not None and now - self.used_at <= policy.RESEND


class RevokedLogin(models.Model):
    """A login that has ended while its access tokens may still run (Note [Revoked logins]).

    `sid` is what tokens call the login, or a person's id for tokens without one. Both times are the
    primary's.
    """

    sid = models.CharField(max_length=43, primary_key=True, editable=False)
    recorded_at = models.DateTimeField(editable=False, db_index=True)
    until = models.DateTimeField(editable=False)

    class Meta:
        verbose_name = text(en="ended login", ko="종료된 로그인")
        verbose_name_plural = text(en="ended logins", ko="종료된 로그인")

    def __str__(self) -> str:
        return self.sid


class AuditEntry(models.Model):
    """What a member of staff did, to what, why; written once, never changed.

    Kept without foreign keys: it outlives what it speaks of.
    """

    id = UUID7Field()
    actor_id = models.UUIDField(text(en="actor", ko="작업자"), null=True)
    action = models.CharField(text(en="action", ko="작업"), max_length=100)
    target_type = models.CharField(text(en="kind of target", ko="대상 종류"), max_length=100)
    target_id = models.CharField(text(en="target", ko="대상"), max_length=100, blank=True)
    reason = models.CharField(text(en="reason", ko="사유"), max_length=500, blank=True)
    changes = models.JSONField(
        text(en="changes", ko="변경 내용"), default=dict, encoder=DjangoJSONEncoder
    )
    request_id = models.CharField(max_length=128, blank=True)
    created_at = models.DateTimeField(text(en="time", ko="시각"))

    class Meta:
        verbose_name = text(en="audit entry", ko="감사 기록")
        verbose_name_plural = text(en="audit entries", ko="감사 기록")
        indexes = [
            models.Index(fields=["target_type", "target_id"], name="accounts_audit_target"),
            models.Index(fields=["actor_id"], name="accounts_audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_type}:{self.target_id}"
