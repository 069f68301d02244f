"""The readers of the environment refuse nonsense and document themselves."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from kernel import env


@pytest.fixture(autouse=True)
def _own_record(monkeypatch):
    monkeypatch.setattr(env, "declared", {})


def test_a_value_that_must_be_set_is_named_with_its_meaning(monkeypatch):
    monkeypatch.delenv("FR_X", raising=False)
    with pytest.raises(ImproperlyConfigured, match="FR_X must be set: the thing"):
        env.string("FR_X", help="the thing")


def test_an_empty_value_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("FR_X", "")
    assert env.integer("FR_X", default=3, help="") == 3


@pytest.mark.parametrize("raw", ["x", "1.5", "-1", "11"])
def test_a_number_out_of_bounds_is_refused(monkeypatch, raw):
    monkeypatch.setenv("FR_X", raw)
    with pytest.raises(ImproperlyConfigured, match="a whole number from 0 to 10"):
        env.integer("FR_X", default=1, maximum=10, help="")


@pytest.mark.parametrize(("raw", "value"), [("true", True), ("No", False), ("1", True)])
def test_true_and_false_have_several_words(monkeypatch, raw, value):
    monkeypatch.setenv("FR_X", raw)
    assert env.boolean("FR_X", default=not value, help="") is value


def test_an_unknown_word_is_refused(monkeypatch):
    monkeypatch.setenv("FR_X", "maybe")
    with pytest.raises(ImproperlyConfigured):
        env.boolean("FR_X", default=True, help="")
    with pytest.raises(ImproperlyConfigured):
        env.choice("FR_X", of=("a", "b"), default="a", help="")


def test_a_secret_is_not_shown_in_the_refusal(monkeypatch):
    monkeypatch.setenv("FR_X", "hunter2://secret")
    with pytest.raises(ImproperlyConfigured) as refusal:
        env.url("FR_X", schemes=("redis",), secret=True, help="")
    assert "hunter2" not in str(refusal.value)


def test_an_object_is_read_and_nothing_else(monkeypatch):
    monkeypatch.setenv("FR_X", '{"bucket_name": "posters"}')
    assert env.json_object("FR_X", default={}, help="") == {"bucket_name": "posters"}
    for raw in ("[1]", "posters", '{"a": '):
        monkeypatch.setenv("FR_X", raw)
        with pytest.raises(ImproperlyConfigured, match="a JSON object"):
            env.json_object("FR_X", default={}, help="")


def test_words_are_split_and_trimmed(monkeypatch):
    monkeypatch.setenv("FR_X", " a, b ,,c")
    assert env.words("FR_X", default=[], help="") == ["a", "b", "c"]


def test_every_reader_leaves_a_record(monkeypatch):
    monkeypatch.setenv("FR_X", "5")
    env.integer("FR_X", default=1, help="how many")
    assert env.declared["FR_X"].help == "how many"
    assert env.declared["FR_X"].default == "1"
