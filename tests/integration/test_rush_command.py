"""`manage.py rush` refuses what it must before anything starts."""

import json
from io import StringIO
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from proof.management.commands import rush
from proof.rush import sale_file
from tests.support.factories import make_performance


@pytest.fixture(autouse=True)
def _no_stack(monkeypatch):
    """Nothing of these tests may get as far as starting a stack."""

    def start(*args, **options):
        raise AssertionError("a rehearsal was begun")

    monkeypatch.setattr(rush, "Rehearsal", start)


def refusal(*words: str, stdin: str = "") -> CommandError:
    with patch("sys.stdin", StringIO(stdin)), pytest.raises(CommandError) as refused:
        call_command("rush", *words, stdout=StringIO(), stderr=StringIO())
    return refused.value


@pytest.mark.parametrize("words", [(), ("--faults",), ("--profile", "small"), ("seed",)])
def test_production_refuses_a_rush(settings, words):
    settings.TEST_FANS_ALLOWED = False
    error = refusal(*words)
    assert (str(error), error.returncode) == (
        "rush: refused: these settings are for production", 4
    )  # fmt: skip


@pytest.mark.control
def test_other_settings_go_on_to_start_a_stack():
    assert "a rehearsal was begun" in str(refusal("--profile", "small"))


def test_an_error_that_nobody_expected_is_exit_code_4_and_shown():
    errors = StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("rush", "--profile", "small", stderr=errors)
    assert failed.value.returncode == 4
    assert "Traceback" in errors.getvalue()


@pytest.mark.parametrize("words", [["--profil"], ["--seed", "x"], ["sell"], ["export", "no-id"]])
def test_a_mistyped_option_is_exit_code_4(capsys, words):
    with pytest.raises(SystemExit) as ended:
        rush.Command().run_from_argv(["manage.py", "rush", *words])
    assert ended.value.code == 4
    assert "error:" in capsys.readouterr().err


class KeptRehearsal:
    """A stack that was started and is interrupted."""

    def __init__(self, *, keep: bool) -> None:
        self.is_kept = keep
        self.folder = Path("/kept")
        self.site = self.folder / "site"

    def drop(self) -> None:
        pass


@pytest.mark.parametrize("keep", [True, False])
def test_an_interrupted_rehearsal_says_whether_its_stack_is_kept_and_where(monkeypatch, keep):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(rush, "Rehearsal", KeptRehearsal)
    monkeypatch.setattr(rush, "rehearse", interrupt)
    monkeypatch.setattr(rush.signal, "signal", lambda *args: None)
    errors = StringIO()
    words = ["--json", *(["--keep"] if keep else [])]
    with pytest.raises(CommandError) as ended:
        call_command("rush", *words, stderr=errors)
    assert ended.value.returncode == 130
    assert str(ended.value) == f"rush: interrupted; the stack is {'kept' if keep else 'dropped'}"
    assert ("FRONTROW_DATA=/kept/site" in errors.getvalue()) is keep


def test_staff_export_their_sale_from_production_too(settings):
    settings.TEST_FANS_ALLOWED = False
    performance = make_performance(seats=5)
    out = StringIO()
    call_command("rush", "export", str(performance.pk), stdout=out)
    assert out.getvalue() == sale_file.dump(sale_file.export(performance.pk))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--profile", "huge"), "neither one of small, default, steady"),
        (("--profile", "gone.toml"), "gone.toml: No such file"),
        (("--faults", "worst"), "neither default nor"),
        (("--sale", "gone.json"), "gone.json: No such file"),
        (("export",), "needs a performance"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_4(words, said):
    error = refusal(*words)
    assert said in str(error)
    assert "\n" not in str(error)
    assert error.returncode == 4


def test_a_performance_that_is_not_ready_cannot_be_exported():
    error = refusal("export", str(uuid4()))
    assert "has no seats or no sale policy" in str(error)
    assert error.returncode == 4


def test_a_rehearsals_own_verbs_seed_and_look():
    make_performance(seats=12)
    given = {"profile": {"name": "test", "fans": 5, "seats": 12}, "sale": None}
    out = StringIO()
    with patch("sys.stdin", StringIO(json.dumps(given))):
        call_command("rush", "seed", stdout=out)
    seeded = json.loads(out.getvalue())
    assert seeded["seats"] == 12
    out = StringIO()
    call_command("rush", "left", "--performance", seeded["performance_id"], stdout=out)
    assert json.loads(out.getvalue())["sold"] == 0
