"""Which owners, groups and modes of the key ring's file are taken."""

import os

import pytest

from kernel.signing import file_access

OURS, ROOT, FS_GROUP, OTHER_GROUP = 10001, 0, 2000, 2001
GROUPS = {10001, FS_GROUP}


def status(mode: int, owner: int, group: int) -> os.stat_result:
    return os.stat_result((0o100000 | mode, 0, 0, 1, owner, group, 0, 0, 0, 0))


def objection(mode: int, owner: int, group: int) -> str:
    return file_access.objection(status(mode, owner, group), GROUPS)


@pytest.mark.parametrize("mode", [0o600, 0o400])
@pytest.mark.parametrize("owner", [OURS, ROOT])
def test_a_file_of_its_owner_alone_is_taken(mode, owner):
    assert objection(mode, owner, FS_GROUP) == ""


def test_a_mounted_secret_of_root_is_taken_by_the_group_that_it_is_for():
    assert objection(0o440, ROOT, FS_GROUP) == ""


@pytest.mark.control
@pytest.mark.parametrize(
    ("mode", "owner", "group"),
    [
        (0o444, ROOT, FS_GROUP),
        (0o441, ROOT, FS_GROUP),
        (0o442, ROOT, FS_GROUP),
        (0o460, ROOT, FS_GROUP),
        (0o450, ROOT, FS_GROUP),
        (0o640, ROOT, FS_GROUP),
        (0o040, ROOT, FS_GROUP),
        (0o440, OURS, FS_GROUP),
        (0o440, ROOT, OTHER_GROUP),
        (0o604, OURS, 10001),
        (0o620, OURS, 10001),
        (0o640, OURS, 10001),
    ],
)
def test_one_bit_owner_or_group_beside_is_refused(mode, owner, group):
    assert objection(mode, owner, group)


def test_the_refusal_says_what_is_wanted_and_what_is_there():
    said = objection(0o444, ROOT, FS_GROUP)
    assert "0600" in said
    assert "0440" in said
    assert said.endswith("it is 0444 of user 0")
    assert "group 2001" in objection(0o440, ROOT, OTHER_GROUP)


def test_the_groups_are_those_of_this_process():
    assert file_access.own_groups() == {os.getegid(), *os.getgroups()}
