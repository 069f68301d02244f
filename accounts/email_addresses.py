"""The one spelling of an e-mail address.

Note [One mailbox, one spelling]
An e-mail address is kept, compared and mailed to in one form: NFKC, the domain as IDNA 2008 writes
it in ASCII (UTS 46, non-transitional), both parts in lower case. The form is plain ASCII: Python
and PostgreSQL can't disagree about its case, letters that look alike show as `xn--...`, and
constraints keep it. What has no such form is refused, not mended: letters beyond ASCII before the
`@`, quoted local parts (the same mailbox under a second name), domains given as an IP address, and
what is too long in this form. The login API reads every address in this form before django-allauth
sees it (`accounts/api/bodies.py`), the staff pages in their forms, and bulk makers through
`UserManager`.
"""

import unicodedata

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from kernel.i18n import text

MAX_LENGTH = 254  # RFC 5321: 256 for the path with its brackets
_MAX_LOCAL = 64
_MAX_TYPED = 320  # longer texts are refused unread
# Printable ASCII without upper case: a check constraint.
FORM = r"^[!-@\[-~]+$"


class EmailAddressInvalid(ValueError):
    """The text is no e-mail address that can be kept."""

    message = text(en="Enter a valid e-mail address.", ko="올바른 이메일 주소를 입력해 주세요.")


def normalize(typed: str) -> str:
    """Return the one spelling of an address; raises `EmailAddressInvalid`.

    See Note [One mailbox, one spelling].
    """
    if len(typed) > _MAX_TYPED:
        raise EmailAddressInvalid("too long")
    local, at, domain = unicodedata.normalize("NFKC", typed).strip().rpartition("@")
    if not at or not local.isascii() or local.startswith('"') or len(local) > _MAX_LOCAL:
        raise EmailAddressInvalid("not an address")
    try:
        address = f"{local}@{_host(domain)}".lower()
        validate_email(address)
    except (ValidationError, ValueError):  # idna's own error is a ValueError
        raise EmailAddressInvalid("not an address") from None
    if len(address) > MAX_LENGTH:
        raise EmailAddressInvalid("too long")
    return address


def normalize_or_keep(typed: str) -> str:
    """Return the one spelling of an address, or the text itself where it has none."""
    try:
        return normalize(typed)
    except EmailAddressInvalid:
        return typed


def _host(domain: str) -> str:
    if domain.startswith("["):
        raise EmailAddressInvalid("an IP address")
    if domain.isascii() and "xn--" not in domain.lower():
        return domain  # as it is in the DNS, which allows more hyphens than IDNA does
    return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
