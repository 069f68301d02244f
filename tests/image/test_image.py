"""The image itself: what is in it, and what its user may do there."""

import json
import re

import pytest

from tests.image.conftest import KEYS
from tests.support.pods import FS_GROUP, IMAGE, Pod, said

LARGEST_MB = 365  # 362 measured, 117 of it the base
# Where a volume or memory is mounted when it runs; the user of the image may write nowhere else.
MOUNTS = {
    *("/tmp", "/run/metrics", "/var/lib/frontrow", "/var/lib/flower", "/var/lib/sandbox"),
    *("/var/lib/storage/media", "/var/lib/storage/private"),
}
COMPILERS = ("cc", "gcc", "g++", "c++", "clang", "as", "ld", "make", "cargo", "rustc", "go")
_WRITABLE = (
    r"find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run/.containerenv \) -prune"
    r" -o ! -type l -writable -print"
)
_IMPORTS = """
import importlib
from importlib.metadata import packages_distributions
for name in packages_distributions():
    try:
        importlib.import_module(name)
    except Exception as error:
        print(name, repr(error))
"""
_COMPILED = """
import os, sys, django
django.setup()
import config.urls, celery.apps.beat, celery.apps.worker, celery.bin.celery, fastpath.service
import flower.command, granian.server.mp, stream.application, uvicorn.protocols.http.httptools_impl
import kombu.transport.redis, django.core.management.commands.migrate
for module in list(sys.modules.values()):
    cached = getattr(module, "__cached__", None)
    if cached and not os.path.exists(cached):
        print(module.__name__)
"""


def test_its_user_is_10001(image):
    assert image.config["User"] == "10001:10001"
    done = image.run("id", "-u")
    assert done.stdout.strip() == "10001", done.stderr


def test_its_user_may_write_to_the_named_mounts_alone(image):
    # Its exit code says that some folders are not even for looking at.
    found = image.run("sh", "-c", _WRITABLE).stdout.split()
    assert set(found) <= MOUNTS
    assert "/tmp" in found


@pytest.mark.control
def test_a_folder_that_everybody_may_write_to_would_be_found(image):
    made = image.run("install", "--directory", "--mode=0777", "/srv/open", user="0")
    assert made.returncode == 0, made.stderr
    found = image.run("sh", "-c", _WRITABLE).stdout.split()
    image.run("rmdir", "/srv/open", user="0")
    assert set(found) - MOUNTS == {"/srv/open"}


def test_there_is_no_compiler_and_no_installer(image):
    assert programs_of(image, *COMPILERS, "pip", "pip3", "uv", "easy_install") == []
    for python in ("python", "/usr/local/bin/python"):
        for module in ("pip", "ensurepip"):
            assert "ModuleNotFoundError" in image.run(python, "-c", f"import {module}").stderr


@pytest.mark.control
def test_a_program_that_is_there_would_be_found(image):
    assert programs_of(image, *COMPILERS, "python") == ["/venv/bin/python"]


def programs_of(image, *names: str) -> list[str]:
    return image.run(
        "sh", "-c", f"for one in {' '.join(names)}; do command -v $one; done"
    ).stdout.split()


def test_it_is_small():
    """Counted as buildah counts: the sum of its layers, unpacked."""
    size = said("images", "--format", "{{.Size}}", IMAGE)
    assert size.endswith(" MB"), size
    assert float(size.split()[0]) <= LARGEST_MB


def test_it_says_which_release_it_is_and_where_it_comes_from(image):
    labels = image.config["Labels"]
    named = {name.removeprefix("org.opencontainers.image."): one for name, one in labels.items()}
    assert image.environment["FRONTROW_RELEASE"] == named["version"]
    assert named["version"] != "dev"
    assert re.fullmatch(r"[0-9a-f]{40}", named["revision"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", named["created"])
    assert named["base.name"].startswith("docker.io/library/python:")
    assert named["licenses"] == "Apache-2.0"


def test_what_runs_says_its_release(image, production, secret):
    program = "from django.conf import settings; print(settings.FRONTROW_RELEASE)"
    with Pod(image, ["python", "-c", program], production, reading={secret(): KEYS}) as pod:
        assert pod.finish(seconds=600) == (0, image.environment["FRONTROW_RELEASE"] + "\n")


def test_every_package_can_be_imported(image):
    """Without the symbols and the folders that were left out of them."""
    done = image.run("python", "-c", _IMPORTS)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_what_a_process_imports_is_compiled_already(image, production, secret):
    """Else each start compiles it, and can keep none of it."""
    with Pod(image, ["python", "-c", _COMPILED], production, reading={secret(): KEYS}) as pod:
        code, output = pod.finish(seconds=600)
    assert (code, output) == (0, "")


def test_every_static_file_is_there_by_the_name_that_pages_ask_for(image):
    folder = image.files / "app" / "static"
    names = json.loads((folder / "staticfiles.json").read_text())["paths"]
    assert len(names) > 100
    assert [name for name in names.values() if not (folder / name).is_file()] == []
    # Scripts of ours import each other by plain names.
    ours = [name for name in names if "/" not in name]
    assert [name for name in ours if not (folder / name).is_file()] == []


def test_the_production_settings_have_nothing_to_object_to(image, production, secret):
    command = ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    with Pod(image, command, production, reading={secret(): KEYS}) as pod:
        code, output = pod.finish(seconds=600)
    assert (code, "no issues" in output) == (0, True), output


@pytest.mark.control
@pytest.mark.parametrize(
    ("mode", "group"), [(0o444, FS_GROUP), (0o460, FS_GROUP), (0o440, FS_GROUP + 1)]
)
def test_keys_that_others_could_read_or_the_pod_could_not_are_refused(
    image, production, secret, mode, group
):
    command = ["python", "manage.py", "check"]
    with Pod(image, command, production, reading={secret(mode, group): KEYS}) as pod:
        code, output = pod.finish(seconds=600)
    assert code != 0
    assert "SIGNING_KEYS_FILE" in output.strip().splitlines()[-1]


def test_the_gateway_finds_its_template(image):
    for path in ("stack/gateway/nginx.conf.template", "stack/container/gateway.envsh"):
        assert (image.files / "app" / path).is_file()
