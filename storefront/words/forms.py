"""The form of a page's words about a refusal."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.i18n import text

if TYPE_CHECKING:
    from kernel.i18n import LazyText


@dataclass(frozen=True, slots=True)
class Words:
    """A title, and a sentence or two that say what is safe and what to do."""

    title: "LazyText"
    advice: "LazyText"


def words(title_en: str, title_ko: str, advice_en: str, advice_ko: str) -> Words:
    """Return the words in both languages."""
    return Words(text(en=title_en, ko=title_ko), text(en=advice_en, ko=advice_ko))


LOOK_AGAIN = ("Go back and look again.", "이전 페이지로 돌아가 다시 확인해 주세요.")
MISSING = (
    "It may have been moved or taken down. Start from the list of concerts.",
    "이동했거나 더 이상 제공하지 않는 페이지입니다. 공연 목록에서 다시 찾아 주세요.",
)
