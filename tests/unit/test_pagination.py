"""How many rows a page has."""

from types import SimpleNamespace

import pytest
from rest_framework.exceptions import ValidationError

from kernel.http.pagination import NewestFirst


def size(**query: str) -> int:
    return NewestFirst().get_page_size(SimpleNamespace(query_params=query))


def test_a_page_has_twenty_rows_unless_asked_otherwise():
    assert size() == 20
    assert size(page_size="1") == 1
    assert size(page_size="100") == 100


@pytest.mark.parametrize(
    "asked", ["", "0", "101", "-1", "1.5", "true", "1e1", "٣", "9" * 5000, " 1"]
)
def test_a_size_that_is_none_is_refused(asked):
    with pytest.raises(ValidationError) as refusal:
        size(page_size=asked)
    assert "page_size" in refusal.value.detail
