"""One mailbox has one spelling; what has none is refused."""

import re
import unicodedata

import pytest
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import email_addresses
from accounts.email_addresses import EmailAddressInvalid, normalize

SAME = [
    ("fan@example.com", ["Fan@Example.COM", " fan@example.com ", "ｆａｎ＠ｅｘａｍｐｌｅ．ｃｏｍ"]),
    ("mike@example.com", ["mi\u212ae@example.com", "\uff2d\uff29\uff2b\uff25@example.com"]),
    ("s@example.com", ["\u017f@example.com"]),
    (
        "fan@xn--bcher-kva.example",
        [
            "fan@bücher.example",
            "fan@bu\u0308cher.example",
            "fan@BÜCHER.example",
            "fan@XN--bcher-kva.example",
            "fan@\uff58n--bcher-kva.example",
            "fan@bücher。example",
        ],
    ),
    (
        "fan@xn--3e0b707e.xn--3e0b707e",
        ["fan@한국.한국", unicodedata.normalize("NFD", "fan@한국.한국")],
    ),
    ("fan@example.com", ["fan@exam\u200bple.com", "fan@exam\u00adple.com"]),
    ("a@xn--3na.com", ["a@\ua7cb.com"]),  # lower-cased by PostgreSQL, not by Python's tables
    ("a@ma--il.com", ["a@MA--IL.com"]),
]
NONE = [
    "",
    "@",
    "fan",
    "fan@",
    "@example.com",
    "f\u0430n@example.com",  # a Cyrillic letter
    "fan\u200b@example.com",
    "\u202efan@example.com",
    '"fan"@example.com',
    "fan@[127.0.0.1]",
    "fan@127.0.0.1",
    "fan@example.com.",
    "fan@exam ple.com",
    "fan@xn--a.com",
    "fan@-example.com",
    "fan@a_b.com",
    "a b@example.com",
    "fan@example.com\nBcc: x@example.com",
    "x" * 65 + "@example.com",
    "fan@" + "ü" * 60 + ".com",
    "fan@" + ".".join(["ü" * 20] * 12) + ".com",
    "fan@" + "a" * 100_000 + ".com",
]


@pytest.mark.parametrize(
    ("spelling", "typed"), [(one, each) for one, all_ in SAME for each in all_]
)
def test_what_reaches_one_mailbox_is_one_address(spelling, typed):
    assert normalize(typed) == spelling
    assert normalize(spelling) == spelling


def test_two_domains_that_an_older_idna_mixed_up_stay_two():
    assert normalize("fan@faß.de") == "fan@xn--fa-hia.de"
    assert normalize("fan@fass.de") == "fan@fass.de"


@pytest.mark.parametrize("typed", NONE)
def test_what_has_no_such_spelling_is_refused(typed):
    with pytest.raises(EmailAddressInvalid):
        normalize(typed)
    assert email_addresses.normalize_or_keep(typed) == typed


@settings(deadline=None)
@given(st.text(max_size=30), st.text(min_size=1, max_size=30))
def test_whatever_is_typed_is_refused_or_ends_in_a_form_that_a_constraint_can_keep(local, domain):
    try:
        address = normalize(f"{local}@{domain}.com")
    except EmailAddressInvalid:
        return
    assert normalize(address) == address == address.lower()
    assert re.fullmatch(email_addresses.FORM, address)
    assert len(address) <= email_addresses.MAX_LENGTH
    try:
        validate_email(address)
    except ValidationError as error:
        raise AssertionError(address) from error
