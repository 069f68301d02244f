"""The programs that observe the stack."""

import subprocess
from dataclasses import replace

import pytest

from stack import observers
from stack.data_dir import default_data
from stack.errors import StackError
from stack.process import Tools

ALL = [one for one in vars(observers).values() if isinstance(one, observers.Observer)]


@pytest.fixture(scope="module")
def downloads():
    folder = default_data() / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("observer", ALL, ids=lambda one: one.program)
def test_each_observer_runs_as_the_release_it_was_tried_with(observer, downloads):
    found = observer.path(downloads, Tools())
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    assert observer.release in done.stdout + done.stderr


def test_an_observer_of_another_release_is_refused(downloads, tmp_path):
    unpacked = observers.PROMETHEUS.path(downloads, Tools()).parents[2]
    (tmp_path / "prometheus-2.4").symlink_to(unpacked)
    other = replace(observers.PROMETHEUS, release="2.4")  # 2.42 is no 2.4
    with pytest.raises(StackError, match=r"release 2\.4$"):
        other.path(tmp_path, Tools())
