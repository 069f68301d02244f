"""What pages say about refusals, by `code`: what happened, what is safe, what to do.

The texts of docs/errors.md are for programs and those who write them. A page says more, and names a
way on. A code that stands neither here nor in `NOT_ON_PAGES` fails a test.
"""

from storefront.words.choosing import CHOOSING
from storefront.words.everywhere import EVERYWHERE
from storefront.words.forms import Words
from storefront.words.paying import PAYING

__all__ = ["NOT_ON_PAGES", "WORDS", "Words", "words_of"]

WORDS: dict[str, Words] = EVERYWHERE | CHOOSING | PAYING

# What no page of a fan can meet: staff, doors, machines, and how programs speak HTTP.
NOT_ON_PAGES = frozenset(
    [
        "adjustment_invalid",
        "already_admitted",
        "api_key_expired",
        "api_key_invalid",
        "approval_decided",
        "approval_expired",
        "approval_not_found",
        "beacon_invalid",
        "checkin_not_found",
        "coding_unknown",
        "concert_incomplete",
        "doors_after_start",
        "doors_closed",
        "draw_begun",
        "draw_not_over",
        "expiry_in_the_past",
        "fan_not_found",
        "gateway_error",
        "gateway_timeout",
        "grade_not_found",
        "invitation_terms_invalid",
        "layout_empty",
        "layout_frozen",
        "layout_invalid",
        "layout_uploads_full",
        "malformed_json",
        "no_such_webhook_key",
        "not_ready_for_sale",
        "own_account",
        "own_approval",
        "poster_invalid",
        "poster_not_stored",
        "precondition_failed",
        "queue_config_changed",
        "queue_config_invalid",
        "queue_nothing_to_undo",
        "refund_policy_exists",
        "refund_policy_invalid",
        "refund_reason_missing",
        "refund_window_invalid",
        "request_timeout",
        "sale_halted_meanwhile",
        "sale_not_halted",
        "sale_policy_exists",
        "sale_policy_invalid",
        "scan_id_reused",
        "scan_undone",
        "schedule_needs_confirmation",
        "seat_has_ticket",
        "seats_not_free",
        "second_factor_code_wrong",
        "second_factor_not_set_up",
        "second_factor_set_up",
        "staff_form_incomplete",
        "stream_full",
        "superuser_needed",
        "superuser_only",
        "ticket_void",
        "token_expired",
        "token_invalid",
        "too_many_seats",
        "unsupported_media_type",
        "venue_not_found",
        "webhook_delivery_not_found",
        "webhook_endpoint_blocked",
        "webhook_endpoint_disabled",
        "webhook_endpoint_limit",
        "webhook_endpoint_not_found",
        "webhook_invalid",
        "webhook_url_refused",
        "wrong_performance",
    ]
)


def words_of(code: str, *, status: int) -> Words:
    """Return the words of a code; of one that no page should meet, those of its status."""
    usual = "internal_error" if status >= 500 else "malformed_request"
    return WORDS.get(code) or WORDS["not_found" if status == 404 else usual]
