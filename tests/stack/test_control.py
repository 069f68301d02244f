"""The supervisor hears its owner, however deep the data folder lies."""

import threading

import pytest

from stack import cli, control
from stack.errors import StackError
from stack.folder import Folder


@pytest.fixture(params=["short", "deep"])
def folder(request, tmp_path):
    path = tmp_path / ("x" if request.param == "short" else "/".join(["a" * 60] * 3))
    path.mkdir(parents=True)
    return path


def test_a_request_is_answered(folder):
    def answer_one():
        connection, _ = server.accept()
        request = control.receive(connection)
        control.answer(connection, {"heard": request})

    with control.listen(folder) as server:
        thread = threading.Thread(target=answer_one)
        thread.start()
        assert control.ask(folder, {"do": "status"}, 10) == {"heard": {"do": "status"}}
        thread.join()
    assert (folder / control.NAME).stat().st_mode & 0o777 == 0o600


def test_a_refusal_is_an_error(folder):
    def refuse_one():
        connection, _ = server.accept()
        control.receive(connection)
        control.answer(connection, {"error": "no such part"})

    with control.listen(folder) as server:
        thread = threading.Thread(target=refuse_one)
        thread.start()
        with pytest.raises(StackError, match="no such part"):
            control.ask(folder, {"do": "stop", "part": "x"}, 10)
        thread.join()


def test_with_nobody_there_it_says_how_to_start(folder):
    with pytest.raises(StackError, match="not running: make run"):
        control.ask(folder, {"do": "status"}, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["status"], 3, "stack: not running"),
        (["status", "--json"], 3, '{"running": false}'),
        (["stop", "api"], 1, "stack: the stack is not running: make run, or python -m stack up"),
        (["down"], 0, ""),
    ],
)
def test_commands_without_a_supervisor(arguments, code, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FRONTROW_DATA", str(tmp_path))
    Folder(tmp_path).make()
    assert cli.main(arguments) == code
    output = capsys.readouterr()
    assert (output.out + output.err).strip() == said


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["stop", "mainframe"])
    assert "mainframe" in capsys.readouterr().err
