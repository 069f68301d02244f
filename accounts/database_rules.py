"""Why each constraint, index, trigger and function of this app's tables exists."""

from kernel.docs.database_rules import InSql

RULES: dict[str, str] = {
    "accounts_approval_once": "Asking twice for one deed makes one request.",
    "accounts_approval_by_another": "Nobody decides a request of one's own (Note [Second person]).",
    "accounts_approval_decided_whole": "A decision has a person and a time, a request has neither.",
    "accounts_approval_waiting": "The requests that wait, in the order of their ends.",
    "accounts_user_email_unique": (
        "One mailbox opens one account; logins and resets look people up by it."
    ),
    "accounts_user_email_form": (
        "An e-mail address has one spelling, plain ASCII in lower case, in every row."
    ),
    "accounts_user_language": "Letters are written in Korean or English.",
    "accounts_user_phone_form": "A telephone number has one spelling: digits, + before a country.",
    "accounts_user_closed_is_nobody": (
        "A closed account has no e-mail address, name or telephone number, and opens nothing."
    ),
    "accounts_session_sid_unique": (
        "A token's `sid` names one session; refresh and revocation find it by `sid`."
    ),
    "accounts_session_purpose": (
        "A session serves the staff pages, fans' pages or the login API, nothing else (Note "
        "[Purposes of sessions])."
    ),
    "accounts_session_user": (
        "All sessions of a person, to end them after a lock-out or a changed password."
    ),
    "accounts_session.expire_date": "The purge of expired sessions.",
    "accounts_refreshtoken_sid": "All refresh tokens of a login, when it is refreshed or ended.",
    "accounts_refreshtoken_expiry": "The purge of expired refresh tokens, in batches.",
    "accounts_refreshtoken_used_has_successor": (
        "A used refresh token names its successor, so that a lost response can be repeated."
    ),
    "accounts_revokedlogin.recorded_at": (
        "Each process reads the logins revoked since its last look, once a second."
    ),
    "accounts_audit_target": "The history of one object in the admin.",
    "accounts_audit_actor": "Everything that one member of staff did.",
    "accounts_apikey.key_hash": "An API key is found by its hash; no two are the same.",
    "accounts_ratelimit.route": "A route has one limit.",
    "accounts_ratelimit_amount": "A limit allows at least one call and fits the counters.",
    "accounts_ratelimit_logins": (
        "django-allauth keeps a time stamp of each counted login; the list stays short."
    ),
    "accounts_ratelimit_period": (
        "A period is at least a second and at most a day, as long as counters are kept."
    ),
}
IN_SQL = {
    "accounts_address_form": InSql(
        table="account_emailaddress",
        kind="check",
        serves=(
            "The spelling of `accounts_user_email_form`, for the rows of django-allauth that "
            "decide whose an e-mail address is."
        ),
    ),
    "accounts_copy_email": InSql(
        table="account_emailaddress",
        kind="trigger",
        serves=(
            "Copies the verified, primary address to `User.email` in the same statement (Note "
            "[Whose address])."
        ),
    ),
    "accounts_check_email": InSql(
        table="accounts_user",
        kind="deferred trigger",
        serves=(
            "Refuses a commit that leaves `User.email` different from the verified, primary "
            "address."
        ),
    ),
    "accounts_primary_email": InSql(
        table="account_emailaddress",
        kind="function",
        serves="The verified, primary address of a person, for the two triggers.",
    ),
}
