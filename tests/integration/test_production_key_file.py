"""Which key files production settings boot with."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.boots import Boots
from tests.support.production import environment


@pytest.fixture(scope="module")
def boot():
    with Boots() as process:
        yield process.boot


@pytest.mark.parametrize(
    ("mode", "text"), [(0o644, None), (0o640, None), (0o600, "{}"), (0o600, "not JSON")]
)
def test_a_key_file_others_can_read_or_nobody_can_is_refused(boot, tmp_path, mode, text):
    env = environment(tmp_path)
    key_file = Path(env["SIGNING_KEYS_FILE"])
    if text is not None:
        key_file.write_text(text)
    key_file.chmod(mode)
    done = boot(env)
    assert done.returncode != 0
    assert "SIGNING_KEYS_FILE" in done.stderr.strip().splitlines()[-1]


def test_a_mounted_key_file_is_roots_and_readable_by_a_group_of_the_process(boot, tmp_path):
    """As a secret's volume lays it: the name leads by two links to a file of mode 0440."""
    env = environment(tmp_path)
    key_file = Path(env["SIGNING_KEYS_FILE"])
    (tmp_path / "..first").mkdir()
    key_file.rename(tmp_path / "..first" / key_file.name)
    (tmp_path / "..data").symlink_to("..first")
    key_file.symlink_to(f"..data/{key_file.name}")
    key_file.chmod(0o440)
    done = boot(env)
    # A person who is not root can't give root a file: then it is their own, which is refused.
    assert (done.returncode == 0) == (key_file.stat().st_uid == 0), done.stderr


@pytest.mark.control
@pytest.mark.parametrize("mode", [0o444, 0o460, 0o640])
def test_a_mounted_key_file_with_one_bit_more_is_refused(boot, tmp_path, mode):
    env = environment(tmp_path)
    Path(env["SIGNING_KEYS_FILE"]).chmod(mode)
    done = boot(env)
    assert done.returncode != 0
    assert f"it is {mode:04o}" in done.stderr.strip().splitlines()[-1]


def test_the_keys_can_be_made_where_there_are_none(boot, tmp_path):
    env = environment(tmp_path, SIGNING_KEYS_FILE=str(tmp_path / "new.json"))
    subprocess.run([sys.executable, "manage.py", "keys", "init"], env=env, check=True, timeout=60)
    assert boot(env).stdout.strip() == "booted"
