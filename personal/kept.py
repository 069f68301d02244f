"""What is kept of a person, table by table: exported, or left out with a reason.

Note [Complete export]
`EXPORTED` says by which path the rows of a table are a person's, and which columns are no business
of anybody (secrets). A table that refers to people and stands neither there nor in `LEFT_OUT` fails
a test, so that a new one is decided about.
"""

from dataclasses import dataclass

_KEY = ("request_key",)


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of a model that are a person's: those of which a look-up of `by` is the person's id.

    `without` names columns that are secrets, or say who else was at work; of the JSON column
    `mixed` only the members `open` are no secrets.
    """

    model: str
    by: str
    without: tuple[str, ...] = ()
    or_by: str = ""
    mixed: str = ""
    open: tuple[str, ...] = ()


EXPORTED = (
    Kept("accounts.User", "pk", ("password",)),
    Kept("account.EmailAddress", "user_id"),
    Kept("mfa.Authenticator", "user_id", mixed="data", open=("name",)),
    Kept("socialaccount.SocialAccount", "user_id"),
    Kept("accounts.Session", "user_id", ("session_key", "session_data", "sid")),
    Kept("accounts.ApiKey", "created_by", ("key_hash",)),
    Kept("accounts.Approval", "subject_id", ("requested_by", "decided_by")),
    Kept("accounts.AuditEntry", "actor_id", ("actor_id",), or_by="target_id"),
    Kept("admin.LogEntry", "user_id"),
    Kept("concerts.LayoutUpload", "actor_id"),
    Kept("queueing.InvitationUse", "user_id"),
    Kept("points.Account", "user_id"),
    Kept("points.Entry", "account__user_id"),
    Kept("points.Transfer", "entries__account__user_id"),
    Kept("reservations.Reservation", "user_id"),
    Kept("reservations.ReservationSeat", "reservation__user_id"),
    Kept("tickets.Ticket", "user_id"),
    Kept("tickets.Checkin", "ticket__user_id", ("actor_id",)),
    Kept("tickets.RefusedScan", "ticket__user_id", ("actor_id",)),
    Kept("payments.Payment", "user_id", _KEY),
    Kept("payments.Charge", "user_id", _KEY),
    Kept("payments.Offer", "payment__user_id"),
    Kept("payments.Cancellation", "payment__user_id", _KEY),
    Kept("payments.Refund", "payment__user_id", _KEY),
    Kept("notifications.Notification", "user_id"),
    Kept("webhooks.WebhookEndpoint", "user_id", ("secret", "former_secret")),
)
LEFT_OUT = {
    "account.EmailConfirmation": "Not in use: codes are kept in the session that asked for them.",
    "accounts.RefreshToken": "Credentials of a login that is listed; no facts about the person.",
    "accounts.RevokedLogin": "Ids of logins that have ended, for minutes; no facts of the person.",
    "concerts.LayoutUploadPart": "Seats of a hall in an uploaded file, which is listed.",
    "events.OutboxEvent": "Copies of what is listed, by id alone, on their way to Kafka.",
    "idempotency.Record": "Responses of a day ago at most, under keys that name nobody.",
    "notifications.Mailing": "How far a mailing to all has come; its letters are listed.",
    "socialaccount.SocialToken": "Not in use: tokens of the sign-in provider are kept nowhere.",
    "webhooks.WebhookDelivery": "Copies of events about sales, by id alone.",
}
