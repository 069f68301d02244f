"""Telephone numbers: one spelling, digits with + before a country."""

import re

from kernel.i18n import text
from kernel.text.spelling import canonical

FORM = r"^(\+?[0-9]{7,15})?$"
MESSAGE = text(
    en="Give 7 to 15 digits, with + before a country's.",
    ko="숫자 7~15자리로 입력해 주세요. 국가 번호 앞에는 +를 붙입니다.",
)
LONGEST_TYPED = 40

_BETWEEN = re.compile(r"[ ().\-/]")


class PhoneInvalid(ValueError):
    """What was typed is no telephone number."""


def normalize(typed: str) -> str:
    """Return the one spelling of a number; of blanks the empty text. Raises `PhoneInvalid`."""
    number = _BETWEEN.sub("", canonical(typed))
    if not re.fullmatch(FORM, number) or len(typed) > LONGEST_TYPED:
        raise PhoneInvalid
    return number
