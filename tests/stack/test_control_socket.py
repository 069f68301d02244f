"""The supervisor gets requests through its control socket, however deep the data folder lies."""

import threading

import pytest

from stack import cli, control_socket
from stack.data_dir import DataDir
from stack.errors import StackError


@pytest.fixture(params=["short", "deep"])
def data_dir(request, tmp_path):
    path = tmp_path / ("x" if request.param == "short" else "/".join(["a" * 60] * 3))
    path.mkdir(parents=True)
    return path


def test_a_request_is_answered(data_dir):
    def answer_one():
        connection, _ = server.accept()
        request = control_socket.receive_request(connection)
        control_socket.reply(connection, {"heard": request})

    with control_socket.listen(data_dir) as server:
        thread = threading.Thread(target=answer_one)
        thread.start()
        assert control_socket.send_request(data_dir, {"do": "status"}, 10) == {
            "heard": {"do": "status"}
        }
        thread.join()
    assert (data_dir / control_socket.NAME).stat().st_mode & 0o777 == 0o600


def test_a_refusal_is_an_error(data_dir):
    def refuse_one():
        connection, _ = server.accept()
        control_socket.receive_request(connection)
        control_socket.reply(connection, {"error": "no such part"})

    with control_socket.listen(data_dir) as server:
        thread = threading.Thread(target=refuse_one)
        thread.start()
        with pytest.raises(StackError, match="no such part"):
            control_socket.send_request(data_dir, {"do": "stop", "part": "x"}, 10)
        thread.join()


def test_with_nobody_there_it_says_how_to_start(data_dir):
    with pytest.raises(StackError, match="not running: make run"):
        control_socket.send_request(data_dir, {"do": "status"}, 1)


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
    DataDir(tmp_path).make()
    assert cli.main(arguments) == code
    output = capsys.readouterr()
    assert (output.out + output.err).strip() == said


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["stop", "mainframe"])
    assert "mainframe" in capsys.readouterr().err
