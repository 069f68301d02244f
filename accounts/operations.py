"""The writes on people, logins and the audit log; each requires an open transaction."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models.functions import Now

from accounts import locking, notices, passwords, policy, revocation
from accounts.models import (
    USER_EMAIL_UNIQUE,
    VERIFIED_EMAIL_UNIQUE,
    AuditEntry,
    RefreshToken,
    RevokedLogin,
    Session,
    User,
)
from kernel.db.integrity import constraints_explained
from kernel.db.planner_statistics import discard_plans
from kernel.db.transaction import require_transaction, run_after_commit, savepoint
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff import audit
from kernel.telemetry import context, security_log


class EmailTaken(DomainError):
    """The e-mail address belongs to somebody else."""

    code = "email_taken"
    kind = Kind.CONFLICT
    message = text(
        en="This e-mail address belongs to another account.",
        ko="다른 계정에서 사용 중인 이메일 주소입니다.",
    )


TAKEN = {VERIFIED_EMAIL_UNIQUE: EmailTaken, USER_EMAIL_UNIQUE: EmailTaken}


def record_audit(
    *,
    actor_id: UUID | None,
    action: str,
    target: str,
    reason: str,
    changes: Mapping[str, Any],
    now: datetime,
) -> None:
    """Record what a member of staff did, in the transaction of the deed itself.

    `target` is `<type>:<key>` (see `kernel.staff.audit.target_of`); `actor_id` is None for a
    command run on the server; `changes` may hold anything that JSON, UUIDs and datetimes can say.
    """
    require_transaction()
    target_type, _, target_id = target.partition(":")
    AuditEntry.objects.create(
        actor_id=actor_id,
        action=action,
        target_type=target_type,
        target_id=target_id,
        reason=reason,
        changes=dict(changes),
        request_id=context.current().request_id,
        created_at=now,
    )


def end_sessions(*, user_ids: Collection[UUID]) -> None:
    """End every login of the users, in the transaction that has the reason.

    They are locked first, so a login under way is either seen or sees the reason
    (Note [Logins and lock-outs]).
    """
    require_transaction()
    locking.lock_users(user_ids=user_ids)
    end_logins(sessions=locking.lock_sessions(user_ids=user_ids))
    # Tokens without a session (`manage.py fans`) go by their owner's id.
    revoke(session_ids=[str(user_id) for user_id in user_ids])


def end_logins(*, sessions: Collection[Session]) -> None:
    """Delete locked sessions and their refresh tokens; their access tokens are revoked."""
    delete_sessions(sessions=sessions)
    revoke(session_ids=[session.sid for session in sessions if session.user_id is not None])


def delete_sessions(*, sessions: Collection[Session]) -> None:
    """Delete locked sessions and their refresh tokens; no access token outlives a session."""
    require_transaction()
    sids = [session.sid for session in sessions]
    Session.objects.filter(sid__in=sids).delete()
    RefreshToken.objects.filter(sid__in=sids).delete()


def add_refresh_token(*, sid: str, expires_at: datetime, now: datetime) -> RefreshToken:
    """Add an unused refresh token to a locked login."""
    require_transaction()
    return RefreshToken.objects.create(jti=uuid4(), sid=sid, issued_at=now, expires_at=expires_at)


def trade_refresh_token(
    *, token: RefreshToken, expires_at: datetime, now: datetime
) -> RefreshToken:
    """Use an unused refresh token of a locked login and return its successor.

    Tokens used long before are dropped (Note [Refresh tokens] in usecases/sessions.py).
    """
    require_transaction()
    following = add_refresh_token(sid=token.sid, expires_at=expires_at, now=now)
    RefreshToken.objects.filter(pk=token.pk).update(used_at=now, successor=following.pk)
    RefreshToken.objects.filter(sid=token.sid, used_at__lt=now - policy.KEEP_USED).delete()
    return following


def purge_refresh_tokens(*, now: datetime, limit: int) -> int:
    """Delete at most `limit` refresh tokens whose time has passed; return how many."""
    require_transaction()
    over = RefreshToken.objects.filter(expires_at__lt=now)
    keys = list(over.values_list("pk", flat=True)[:limit])
    return RefreshToken.objects.filter(pk__in=keys).delete()[0]


def purge_revocations() -> None:
    """Delete revocations that no token outlives, by the primary's clock."""
    require_transaction()
    RevokedLogin.objects.filter(until__lt=Now()).delete()


_REVOKE = """
INSERT INTO accounts_revokedlogin AS known (sid, recorded_at, until)
SELECT sid, statement_timestamp(), statement_timestamp() + make_interval(secs => %s)
  FROM unnest(%s::text[]) AS sid
    ON CONFLICT (sid) DO UPDATE
   SET recorded_at = excluded.recorded_at, until = greatest(known.until, excluded.until)
"""


def revoke(*, session_ids: Collection[str]) -> None:
    """Record that these logins have ended; every process knows within two seconds.

    See Note [Revoked logins] in revocation.py.
    """
    require_transaction()
    ids = sorted(set(session_ids))  # in one order, so that two never wait for each other
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(_REVOKE, [revocation.seconds_to_keep(), ids])
    run_after_commit(lambda: revocation.revoke(ids))


def add_people(
    *,
    emails: Mapping[UUID, str],
    password: str | None = None,
    names: Mapping[UUID, str] | None = None,
) -> None:
    """Insert people who own their normalised e-mail addresses, by key, in bulk.

    All get the same password, hashed once, as hashing is slow by design; None: nobody can log in.
    """
    require_transaction()
    discard_plans()
    hashed = make_password(None if password is None else passwords.normalize(password))
    User.objects.add(
        [
            User(pk=key, email=email, password=hashed, display_name=(names or {}).get(key, ""))
            for key, email in emails.items()
        ]
    )


def move_email(*, user: User, email: str) -> list[str]:
    """Make a normalised e-mail address a locked person's only one; return the former ones.

    Codes under way end with it: Note [Codes and what they were sent for] in `api/inputs.py`.
    Raises `EmailTaken` where it is somebody else's.
    """
    require_transaction()
    rows = EmailAddress.objects.filter(user=user)
    before = sorted({*rows.values_list("email", flat=True), *filter(None, [user.email])})
    with constraints_explained(TAKEN), savepoint():
        rows.delete()
        # Who had the former mailbox may have connected it (Note [Sign-in provider]).
        SocialAccount.objects.filter(user=user).delete()
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    user.email = email  # as PostgreSQL has it by now
    return before


def change_email(*, user_id: UUID, email: str, actor_id: UUID, reason: str, now: datetime) -> None:
    """Give a person another e-mail address, as staff do on request.

    The logins end, the old addresses and the new one get a letter, and it is audited. Raises
    `EmailTaken`.
    """
    require_transaction()
    (user,) = locking.lock_users(user_ids=[user_id])
    before = move_email(user=user, email=email)
    end_sessions(user_ids=[user.pk])
    record_audit(
        actor_id=actor_id,
        action="accounts.change_email",
        target=audit.target_of(user),
        reason=reason,
        changes={"email": {"from": ", ".join(before), "to": email}},
        now=now,
    )
    security_log.record_after_commit("email_changed_by_staff", user_id=user_id, actor_id=actor_id)
    facts = {"from_email": ", ".join(before), "to_email": email, "timestamp": now}
    for address in {*before, email}:
        notices.send("account/email/email_changed", address, facts)


def delete_claims(*, older_than: datetime, at_most: int) -> int:
    """Delete people without a proved e-mail address who joined before then; return how many."""
    require_transaction()
    claims = User.objects.filter(
        email=None, last_login=None, date_joined__lt=older_than, emailaddress__verified=False
    )
    keys = list(claims.order_by("pk").values_list("pk", flat=True)[:at_most])
    locked = [user.pk for user in locking.lock_users(user_ids=keys) if user.email is None]
    User.objects.filter(pk__in=locked).delete()
    return len(locked)
