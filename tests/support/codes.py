"""An authenticator app for tests."""

from datetime import datetime

from allauth.mfa.totp.internal.auth import format_hotp_value, generate_totp_secret, hotp_value

from accounts.models import User
from accounts.usecases import second_factor
from kernel import clock


class Device:
    """Show the codes of a secret, each half minute another one."""

    def __init__(self, secret: str | None = None) -> None:
        self.secret = secret or generate_totp_secret()

    def code(self, *, now: datetime | None = None, steps: int = 0) -> str:
        """Return the code of now, or of some half minutes later."""
        counter = int((now or clock.now()).timestamp()) // 30 + steps
        return format_hotp_value(hotp_value(self.secret, counter))

    def set_up(self, user: User, *, steps: int = -1) -> list[str]:
        """Make it the user's, by a code of the past: the present one stays new."""
        return second_factor.set_up(
            user_id=user.pk, secret=self.secret, code=self.code(steps=steps), now=clock.now()
        )
