"""Why each constraint, index, trigger and function of this app's tables exists."""

from kernel.docs.database_rules import InSql

RULES: dict[str, str] = {
    "points_account.user_id": "A fan has one points account.",
    "points_account_balance_not_negative": (
        "No points are spent that the fan does not have, whatever runs at the same time."
    ),
    "points_account_fan_or_system": (
        "A fan's account has the fan's id and a balance, a system account neither (Note [Ledger])."
    ),
    "points_transfer_once": (
        "One movement a kind and reference: a repeated payment, charge or grant moves nothing "
        "twice."
    ),
    "points_entry_once": (
        "A transfer has one entry an account; the entries of a transfer are found by it."
    ),
    "points_entry_moves_something": "An entry of zero is a defect of the code that wrote it.",
    "points_entry_by_account": "A fan's ledger, newest first, and the sums of system accounts.",
}
IN_SQL = {
    "points_transfer_balanced": InSql(
        table="points_entry",
        kind="deferred trigger",
        serves=(
            "The entries of each transfer sum to zero at commit: points are neither made nor "
            "lost (Note [Ledger])."
        ),
    ),
}
