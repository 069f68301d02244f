"""Staff who read Korean meet no English word in forms, help texts and choices; nor the reverse."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.test import RequestFactory
from django.utils.translation import override

from accounts.models import User
from concerts.models import PriceGrade
from kernel.staff.labels import own_fields

_HANGUL = re.compile("[가-힣]")
_LATIN = re.compile("[A-Za-z]")
_SAME = {"x", "y"}  # coordinates


def one_sided(korean: str, english: str) -> bool:
    """Say whether the words read English in Korean, or Korean in English."""
    if english in _SAME:
        return False
    only_english = bool(_LATIN.search(english)) and not _HANGUL.search(korean)
    return only_english or bool(_HANGUL.search(english)) or bool(korean) != bool(english)


def found(walk: Callable[[], Iterator[tuple[str, object]]]) -> list[str]:
    """Walk once in each language (some words are fixed when a form is made); return what lacks."""
    said = {}
    for language in ("ko", "en"):
        with override(language):
            said[language] = {name: str(words) for name, words in walk()}
    assert said["ko"].keys() == said["en"].keys()
    assert len(said["ko"]) > 300
    return [name for name, korean in said["ko"].items() if one_sided(korean, said["en"][name])]


def words_of_models() -> Iterator[tuple[str, object]]:
    for field in own_fields():
        name = f"{field.model.__name__}.{field.name}"
        yield name, field.verbose_name
        yield f"{name} help", field.help_text
        for value, label in field.flatchoices:
            yield f"{name}={value}", label


@pytest.fixture
def staff_request(db_ready):
    request = RequestFactory().get("/admin/")
    request.user = User.objects.create_superuser("root@example.com", "x")
    return request


def words_of_pages(request) -> Iterator[tuple[str, object]]:
    """Walk what the forms and inlines of every registered model say, and the fields they show."""
    for model, page in admin.site._registry.items():
        name = model.__name__
        yield f"{name} name", model._meta.verbose_name
        yield f"{name} names", model._meta.verbose_name_plural
        pages = [page, *page.get_inline_instances(request)]
        for shown in pages:
            yield from _words_of_form(f"{name} {type(shown).__name__}", shown, request)


def _words_of_form(name: str, page, request) -> Iterator[tuple[str, object]]:
    fields = flatten_fieldsets(page.get_fieldsets(request))
    if isinstance(page, admin.ModelAdmin):
        form = page.get_form(request, change=True)
        yield f"{name} search", page.search_help_text or ""
        for action, (_, _, description) in page.get_actions(request).items():
            yield f"{name} {action}", description
    else:
        form = page.get_formset(request).form
    for key, field in form.base_fields.items():
        yield f"{name}.{key} label", field.label or ""
        yield f"{name}.{key} help", field.help_text
    for title, _ in page.get_fieldsets(request):
        yield f"{name} section", title or ""
    for key in {*fields, *page.get_readonly_fields(request), *getattr(page, "list_display", ())}:
        shown = getattr(page, key, None) if isinstance(key, str) else key
        yield f"{name}.{key} column", getattr(shown, "short_description", "")


def test_every_word_of_a_field_is_there_in_both_languages():
    assert found(words_of_models) == []


def test_every_word_of_the_pages_is_there_in_both_languages(staff_request):
    assert found(lambda: words_of_pages(staff_request)) == []


@pytest.mark.control
@pytest.mark.parametrize("said", ["Minor units", "원"])
def test_control_words_in_one_language_are_found(monkeypatch, said):
    monkeypatch.setattr(PriceGrade._meta.get_field("price"), "help_text", said)
    assert found(words_of_models) == ["PriceGrade.price help"]
