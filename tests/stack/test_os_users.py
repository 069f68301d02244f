"""Servers that must not run as root find a place they can reach. Note [Unprivileged servers]."""

import os
import pwd
from pathlib import Path

import pytest

from stack import os_users
from stack.os_users import OsUser, private_file, reachable, remove_home, server_home

STRANGER = OsUser("stranger", 54321, 54321)


@pytest.fixture
def me() -> OsUser:
    return OsUser(pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid())


@pytest.fixture
def data(tmp_path) -> Path:
    (tmp_path / "checkout" / ".data").mkdir(parents=True)
    return tmp_path / "checkout" / ".data"


@pytest.fixture
def out_of_reach(monkeypatch):
    """Make every folder one that the servers' user can't enter, as root's home is to `nobody`."""
    monkeypatch.setattr(os_users, "reachable", lambda path, os_user: False)


def test_a_folder_below_one_that_others_may_not_enter_is_out_of_reach(data):
    for folder in (data, data.parent):
        folder.chmod(0o755)
    private = data.parent
    _open_the_way(private)
    assert reachable(data, STRANGER)
    private.chmod(0o700)
    assert not reachable(data, STRANGER)


def test_its_owner_and_its_group_reach_it_by_their_own_bits(data, me):
    _open_the_way(data)
    data.chmod(0o700)
    assert reachable(data, me)
    data.chmod(0o010)
    assert reachable(data, OsUser("other", 54321, data.stat().st_gid))


def test_without_another_user_the_servers_live_in_the_data_folder(data):
    assert server_home(data, None) == data / "servers"
    assert (data / "servers").stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("out_of_reach")
def test_out_of_reach_they_live_outside_and_a_link_remembers_where(data, me, tmp_path):
    outside = tmp_path / "var"
    home = server_home(data, me, (outside,))
    assert home.parent == outside
    assert (data / "servers").is_symlink()
    assert server_home(data, me, (outside,)) == home
    remove_home(data)
    assert not home.exists()
    assert list(outside.iterdir()) == []


@pytest.mark.usefixtures("out_of_reach")
def test_what_a_removed_checkout_left_outside_goes_when_the_next_one_comes(data, me, tmp_path):
    outside = tmp_path / "var"
    left = server_home(data, me, (outside,))
    (data / "servers").unlink()
    other = tmp_path / "other"
    other.mkdir()
    kept = server_home(other, me, (outside,))
    assert not left.exists()
    third = tmp_path / "third"
    third.mkdir()
    server_home(third, me, (outside,))
    assert kept.exists()


@pytest.mark.usefixtures("out_of_reach")
def test_what_another_sweep_removes_meanwhile_is_no_error(data, me, tmp_path):
    outside = tmp_path / "var"
    outside.mkdir()
    (outside / "listed.owner").symlink_to(outside / "removed")  # listed, and gone when it is read
    assert server_home(data, me, (outside,)).parent == outside


def test_a_private_file_is_never_open_to_others(tmp_path):
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    assert private_file(path, "new").read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600


def _open_the_way(path: Path) -> None:
    for folder in (path, *path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o111)
