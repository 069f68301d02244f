"""The table of rate limits that staff have set; `accounts.models` has it as its own."""

from django.db import models

from kernel.db.fields import UUID7Field
from kernel.i18n import text

MAX_PER_PERIOD = 10_000_000
MAX_LOGINS_PER_PERIOD = 1_000  # allauth keeps a time stamp of each
MAX_PERIOD_SECONDS = 24 * 3600


class RateLimit(models.Model):
    """How often a route may be called, where staff want another limit than the settings.

    Without a row the setting counts. In force in every process within two seconds
    (accounts/rate_limits.py); a room's or a sale's own limits go before it.
    """

    class Route(models.TextChoices):
        """The routes of `settings.RATE_LIMITS`, and allauth's of `ACCOUNT_RATE_LIMITS`."""

        ANONYMOUS = "anonymous", text(en="Not logged in, a client IP", ko="비로그인, IP별")
        REFUSED = "refused", text(en="Malformed calls, a person", ko="잘못된 요청, 사용자별")
        DEFAULT = "default", text(en="Everything else, a person", ko="그 밖의 요청, 사용자별")
        MACHINE = "machine", text(en="Machines, an API key", ko="기기 요청, API 키별")
        WEBHOOK = "webhook", text(en="Webhooks, a payment gateway", ko="결제 알림, 결제 대행사별")
        JOIN = "join", text(en="Join the waiting room, a person", ko="대기열 진입, 사용자별")
        JOIN_ADDRESS = (
            "join_address",
            text(en="Join the waiting room, a client IP", ko="대기열 진입, IP별"),
        )
        POLL = "poll", text(en="Poll the waiting room, a person", ko="대기 순번 조회, 사용자별")
        HOLD = "hold", text(en="Hold seats, a person", ko="좌석 선점, 사용자별")
        HOLD_ADDRESS = "hold_address", text(en="Hold seats, a client IP", ko="좌석 선점, IP별")
        PAY = "pay", text(en="Pay, a person", ko="결제, 사용자별")
        CHARGE = "charge", text(en="Charge points, a person", ko="포인트 충전, 사용자별")
        DOOR_SEARCH = (
            "door_search",
            text(en="Search at the door, a person", ko="입장 화면 검색, 사용자별"),
        )
        LOGIN = "login", text(en="Failed logins, a client IP", ko="로그인 실패, IP별")
        LOGIN_ACCOUNT = (
            "login_account",
            text(en="Failed logins, an account", ko="로그인 실패, 계정별"),
        )
        LOGIN_DEVICE = (
            "login_device",
            text(en="Failed logins, an account's own device", ko="로그인 실패, 등록 기기별"),
        )
        SIGNUP = "signup", text(en="Sign up, a client IP", ko="회원 가입, IP별")

    id = UUID7Field()
    route = models.CharField(
        text(en="route", ko="경로"), max_length=32, choices=Route.choices, unique=True
    )
    amount = models.PositiveIntegerField(text(en="calls", ko="허용 횟수"))
    period_seconds = models.PositiveIntegerField(
        text(en="in how many seconds", ko="기간(초)"), default=60
    )

    class Meta:
        verbose_name = text(en="rate limit", ko="요청 한도")
        verbose_name_plural = text(en="rate limits", ko="요청 한도")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount__gte=1, amount__lte=MAX_PER_PERIOD),
                name="accounts_ratelimit_amount",
                violation_error_message=text(
                    en=f"From 1 to {MAX_PER_PERIOD:,} calls.",
                    ko=f"허용 횟수는 1에서 {MAX_PER_PERIOD:,} 사이입니다.",
                ),
            ),
            models.CheckConstraint(
                condition=~models.Q(route__in=["login", "signup"])
                | models.Q(amount__lte=MAX_LOGINS_PER_PERIOD),
                name="accounts_ratelimit_logins",
                violation_error_message=text(
                    en=f"At most {MAX_LOGINS_PER_PERIOD:,} calls for this route.",
                    ko=f"이 경로의 허용 횟수는 최대 {MAX_LOGINS_PER_PERIOD:,}입니다.",
                ),
            ),
            models.CheckConstraint(
                condition=models.Q(period_seconds__gte=1, period_seconds__lte=MAX_PERIOD_SECONDS),
                name="accounts_ratelimit_period",
                violation_error_message=text(
                    en=f"From 1 to {MAX_PERIOD_SECONDS:,} seconds.",
                    ko=f"기간은 1초에서 {MAX_PERIOD_SECONDS:,}초 사이입니다.",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.route}={self.amount}/{self.period_seconds}s"
