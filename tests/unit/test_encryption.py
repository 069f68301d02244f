"""Secrets that tables keep are read for their purpose, under a key in force, and not else."""

import pytest
from django.conf import settings as in_force

from kernel.signing.encryption import Unreadable, decrypt, encrypt


def test_what_was_encrypted_is_read_and_says_nothing():
    kept = encrypt("whsec_비밀", purpose="test")
    assert "whsec" not in kept
    assert kept.isascii()
    assert kept != encrypt("whsec_비밀", purpose="test")
    assert decrypt(kept, purpose="test") == "whsec_비밀"


def test_another_purpose_reads_nothing():
    kept = encrypt("secret", purpose="test")
    with pytest.raises(Unreadable):
        decrypt(kept, purpose="second factor")


@pytest.mark.parametrize("change", [str.lower, lambda kept: kept[:-8], lambda kept: ""])
def test_what_was_changed_is_not_read(change):
    kept = encrypt("secret", purpose="test")
    with pytest.raises(Unreadable) as refusal:
        decrypt(change(kept), purpose="test")
    assert "secret" not in str(refusal.value)


def test_a_former_key_still_reads_and_no_longer_writes(settings):
    kept, former = encrypt("secret", purpose="test"), in_force.SECRET_KEY
    settings.SECRET_KEY = "another-" * 8
    settings.SECRET_KEY_FALLBACKS = [former]
    assert decrypt(kept, purpose="test") == "secret"
    new = encrypt("secret", purpose="test")
    settings.SECRET_KEY_FALLBACKS = []
    assert decrypt(new, purpose="test") == "secret"
    with pytest.raises(Unreadable):
        decrypt(kept, purpose="test")
