"""The machine of tests/integration/test_refresh_machine.py: one fan, many phones, one thief.

The model knows each refresh token it was given: of which login, since when it is used, what came
of it. Every answer has to be what the model says, by a clock that only the machine moves.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.contrib import auth
from django.http import HttpRequest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accounts import revocation, tokens
from accounts.models import RefreshToken, RevokedLogin, Session
from accounts.sessions import ApiSessionStore
from accounts.usecases import people, sessions, upkeep
from kernel import clock
from tests.support import factories
from tests.support.database import clean

RESEND = timedelta(seconds=60)
IDLE = timedelta(hours=2)
LONGEST = timedelta(hours=5)
PICK = st.integers(0, 10_000)


@dataclass
class Login:
    key: str
    sid: str
    started: datetime
    ends: datetime
    open: bool = True


@dataclass
class Token:
    text: str
    login: Login
    expires: datetime
    used: datetime | None = None
    successor: "Token | None" = None


class LoginMachine(RuleBasedStateMachine):
    """Log in, refresh, send again, steal, log out, change the password, lock out, wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(
            2026, 1, 1, tzinfo=UTC
        )  # long past: upkeep uses the primary's clock too
        self._real = clock.now
        clock.now = lambda: self.now
        self.logins: list[Login] = []
        self.tokens: list[Token] = []
        self.ended: set[str] = set()

    @initialize()
    def begin(self):
        self.fan = factories.make_user(email="fan@example.com", password="orange-harbour-97")
        self.boss = factories.make_user(is_staff=True)

    def teardown(self):
        clock.now = self._real
        clean("default")

    @precondition(lambda self: sum(login.open for login in self.logins) < 2)
    @rule()
    def log_in(self):
        request = HttpRequest()
        request.session = ApiSessionStore()
        auth.login(request, self.fan, "django.contrib.auth.backends.ModelBackend")
        request.session.save()
        key = request.session.session_key
        issued = sessions.begin(session_key=key, user_id=self.fan.pk, now=self.now)
        row = Session.objects.get(pk=key)
        ends = self.now + min(IDLE, LONGEST)
        assert row.expire_date == ends, "a login that lasts otherwise"
        self.logins.append(Login(key, row.sid, self.now, ends))
        self.tokens.append(Token(issued.refresh_token, self.logins[-1], ends))

    @precondition(lambda self: self.tokens)
    @rule(pick=PICK, newest=st.booleans())
    def refresh(self, pick, newest):
        unused = [token for token in self.tokens if token.used is None]
        among = unused if newest and unused else self.tokens
        self.present(among[pick % len(among)])

    @precondition(lambda self: any(token.used for token in self.tokens))
    @rule(pick=PICK)
    def send_again(self, pick):
        used = [token for token in self.tokens if token.used]
        self.present(used[-1 - pick % min(3, len(used))])

    def present(self, token: Token) -> None:
        answer = sessions.refresh(refresh_token=token.text, client_ip="127.0.0.1", now=self.now)
        its = token.login
        if not its.open or self.now >= its.ends or self.now >= token.expires:
            assert answer is None, "an ended login was refreshed"
        elif token.used is None:
            assert answer is not None, "a good token was refused"
            assert answer.refresh_token not in {known.text for known in self.tokens}, (
                "not a new one"
            )
            its.ends = min(self.now + IDLE, its.started + LONGEST)
            token.used, token.successor = self.now, Token(answer.refresh_token, its, its.ends)
            self.tokens.append(token.successor)
            assert self.life_of(answer) <= its.ends, "an access token outlives its login"
        elif self.now - token.used <= RESEND:
            assert answer is not None, "a token sent again was refused"
            assert answer.refresh_token == token.successor.text, "another successor"
        else:
            assert answer is None, "a used token was traded again"
            self.end(its)

    def life_of(self, answer) -> datetime:
        claims = tokens.verify_jwt(
            "access", answer.access_token, audience=tokens.ACCESS_AUDIENCE, now=self.now
        )
        return datetime.fromtimestamp(claims["exp"], UTC)

    def end(self, login: Login) -> None:
        if login.open and self.now < login.ends:
            self.ended.add(login.sid)
        login.open = False

    @precondition(lambda self: self.logins)
    @rule(
        pick=PICK, how=st.sampled_from(["no", "no", "log out", "change the password", "lock out"])
    )
    def end_something(self, pick, how):
        if how == "log out":
            self.log_out(self.logins[pick % len(self.logins)])
        elif how == "change the password":
            self.change_the_password()
        elif how == "lock out":
            self.lock_out_and_unlock()

    def log_out(self, login: Login) -> None:
        ApiSessionStore(login.key).flush()
        self.end(login)

    @precondition(lambda self: self.logins)
    @rule(pick=PICK)
    def save_the_session_as_it_was_loaded(self, pick):
        login = self.logins[pick % len(self.logins)]
        loaded = ApiSessionStore(login.key)
        loaded["something"] = self.now.isoformat()
        for token in self.tokens[-1:]:
            self.present(token)
        if loaded.session_key and login.open:
            loaded.save()
            login.ends = min(self.now + IDLE, login.started + LONGEST)

    def change_the_password(self):
        self.fan.set_password("another-harbour-98")
        self.fan.save()
        sessions.end_all(user_ids=[self.fan.pk])
        for login in self.logins:
            self.end(login)

    def lock_out_and_unlock(self):
        mine: list[UUID] = [self.fan.pk]
        people.lock_out(user_ids=mine, actor_id=self.boss.pk, reason="bot", now=self.now)
        people.unlock(user_ids=mine, actor_id=self.boss.pk, reason="", now=self.now)
        for login in self.logins:
            self.end(login)

    @rule(seconds=st.sampled_from([1, 59, 60, 61, 61, 300, 900, 3600]))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule()
    def keep_up(self):
        upkeep.purge_sessions(now=self.now)

    @invariant()
    def what_has_ended_is_written_down(self):
        assert self.ended <= set(RevokedLogin.objects.values_list("sid", flat=True)), "not revoked"
        assert all(revocation.is_revoked(sid) for sid in self.ended), "not refused here"

    @invariant()
    def a_login_has_one_unused_token(self):
        rows = list(RefreshToken.objects.values_list("sid", "used_at"))
        unused = [sid for sid, used_at in rows if used_at is None]
        assert len(unused) == len(set(unused)), "two tokens to go on with"
        ended = {login.sid for login in self.logins if not login.open}
        assert not ended & {sid for sid, _ in rows}, "tokens of an ended login"
