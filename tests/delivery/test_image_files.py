"""How the image is made, as far as it can be checked without building it (`make image` does)."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import hiredis
import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PINNED = re.search(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)[1]
LAST_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]


def slim():
    spec = importlib.util.spec_from_file_location("slim", ROOT / "deploy" / "image" / "slim.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pinned(name: str) -> subprocess.CompletedProcess[str]:
    script = str(ROOT / "deploy" / "image" / "pinned.sh")
    return subprocess.run([script, name], capture_output=True, text=True, check=False)


def test_the_base_is_named_once_by_release_and_digest():
    assert re.fullmatch(
        r"docker\.io/library/python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", PINNED
    )
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert set(bases) == {"${BASE}"}
    assert len(bases) == 2


def test_what_stands_on_the_pinned_base_may_be_published():
    assert pinned(PINNED).returncode == 0


@pytest.mark.control
@pytest.mark.parametrize("name", ["", PINNED.partition("@")[0], PINNED[:-1] + "x", "python:3.13"])
def test_a_stand_in_or_another_base_may_not(name):
    done = pinned(name)
    assert done.returncode == 1
    assert "not to be published" in done.stderr


def test_the_last_stage_installs_nothing():
    assert "apt-get" not in LAST_STAGE
    assert not re.search(r"pip install|pip --python", LAST_STAGE)
    assert "requirements" not in LAST_STAGE


def test_packages_are_taken_as_they_were_built_and_by_their_hashes():
    installs = re.findall(r"pip .*?install.*?-r \S+", DOCKERFILE, re.DOTALL)
    assert len(installs) == 2
    for install in installs:
        assert "--require-hashes" in install
        assert "--no-deps" in install
        assert "--only-binary :all:" in install  # else a build would need a compiler


def test_it_runs_as_a_user_by_number():
    """A name can't be checked by `runAsNonRoot`."""
    assert "USER 10001:10001" in LAST_STAGE
    assert LAST_STAGE.index("USER ") > LAST_STAGE.rindex("RUN ")


def test_release_and_origin_are_baked_in():
    assert "FRONTROW_RELEASE=${FRONTROW_RELEASE}" in LAST_STAGE
    for label in ("version", "revision", "created", "base.name", "licenses", "title"):
        assert f"org.opencontainers.image.{label}=" in LAST_STAGE, label
    # What changes with each commit comes after what doesn't, so that layers are found again.
    assert LAST_STAGE.index("ARG FRONTROW_RELEASE") > LAST_STAGE.rindex("RUN ")


def test_the_builder_reads_nothing_that_is_kept_out_of_its_context():
    let_in = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    named = {word for words in copied for word in words.split()} - {"."}
    assert named
    assert named <= set(let_in)


@pytest.mark.parametrize("script", sorted((ROOT / "deploy" / "image").glob("*.sh")), ids=str)
def test_the_scripts_are_well_formed(script):
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert script.name == "common.sh" or script.stat().st_mode & 0o111


# --- what is left out of packages


@pytest.fixture
def packages(tmp_path) -> Path:
    """Packages with everything that a rule looks for, and its neighbours that stay."""
    for name in (
        "app/__init__.py", "app/tests/test_a.py", "app/core.py", "app/core.pyi", "app/core.c",
        "tests/data.txt", "app/tests.py",
        "app/locale/__init__.py", "app/locale/ko/LC_MESSAGES/a.mo", "app/locale/ko/formats.py",
        "app/locale/en/LC_MESSAGES/a.mo", "app/locale/de/LC_MESSAGES/a.mo",
        "app/locale/de/formats.py", "app/locale/tables/a.bin",
        "botocore/data/endpoints.json", "botocore/data/s3/service-2.json.gz",
        "botocore/data/ec2/service-2.json.gz",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x" * 10)
    return tmp_path


def test_only_what_no_process_reads_is_left_out(packages):
    saved = slim().slim([packages])
    left = {str(one.relative_to(packages)) for one in packages.rglob("*") if one.is_file()}
    assert left == {
        "app/__init__.py", "app/core.py", "app/tests.py", "tests/data.txt",
        "app/locale/__init__.py", "app/locale/ko/LC_MESSAGES/a.mo", "app/locale/ko/formats.py",
        "app/locale/en/LC_MESSAGES/a.mo", "app/locale/tables/a.bin",
        "botocore/data/endpoints.json", "botocore/data/s3/service-2.json.gz",
    }  # fmt: skip
    assert saved == {"tests": 10, "languages": 20, "services": 10, "sources": 20, "symbols": 0}


@pytest.mark.control
def test_a_rule_that_finds_nothing_stops_the_build(packages, monkeypatch):
    shutil.rmtree(packages / "botocore" / "data" / "ec2")
    module = slim()
    monkeypatch.setattr("sys.argv", ["slim.py", str(packages)])
    with pytest.raises(SystemExit, match="nothing found for services, symbols"):
        module.main()


@pytest.fixture
def library(tmp_path) -> Path:
    [built] = Path(hiredis.__file__).parent.glob("hiredis*.so")
    return Path(shutil.copy(built, tmp_path))


def loads(library: Path) -> bool:
    """Tell whether a process of its own can load it: a broken one may kill who tries."""
    program = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).PyInit_hiredis"
    command = [sys.executable, "-c", program, str(library)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_library_without_its_symbols_can_be_loaded(library):
    before = library.stat().st_size
    saved = slim().symbols(library.parent)
    assert saved > 100_000
    assert library.stat().st_size == before - saved
    assert loads(library)
    assert slim().symbols(library.parent) == 0


@pytest.mark.control
def test_a_library_cut_inside_a_segment_can_not(library):
    slim().symbols(library.parent)
    os.truncate(library, library.stat().st_size // 2)
    assert not loads(library)


def test_every_language_and_bucket_of_the_site_is_kept(settings):
    module = slim()
    assert {code for code, _ in settings.LANGUAGES} == module.LANGUAGES
    assert "s3" in module.SERVICES
