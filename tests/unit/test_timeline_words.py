"""Staff read words in a timeline, not the names that rows have."""

from boxoffice import timeline_words
from notifications.kinds import KINDS
from queueing.replies import PlaceState


def test_each_letter_and_each_state_of_a_place_has_a_word():
    assert timeline_words.LETTERS.keys() == {kind.name for kind in KINDS}
    assert timeline_words.PLACES.keys() == set(PlaceState)


def test_what_has_no_word_is_called_by_its_name():
    assert timeline_words.word(timeline_words.DEEDS, "accounts.look_up") == "회원 조회"
    assert timeline_words.word(timeline_words.DEEDS, "accounts.unheard_of") == "accounts.unheard_of"
