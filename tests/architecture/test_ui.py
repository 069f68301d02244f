"""What the pages' scripts weigh, and what their lock file says."""

import gzip
import json
from pathlib import Path

import pytest

UI = Path(__file__).resolve().parent.parent.parent / "ui"
DIST = UI / "dist"
LINES = 300
# Bytes as they travel, compressed: a phone has them within a second or so of a slow network.
KILOBYTE = 1000
MOST = {
    "site.css": 15 * KILOBYTE,
    "site.js": 20 * KILOBYTE,
    "queue.js": 20 * KILOBYTE,
    "seats.js": 45 * KILOBYTE,
    "checkout.js": 20 * KILOBYTE,
    "passkey.js": 20 * KILOBYTE,
    "ticket.js": 20 * KILOBYTE,
    "ticket-keeper.js": 20 * KILOBYTE,
    "door-keeper.js": 20 * KILOBYTE,
    "worker.js": 20 * KILOBYTE,
    "board.js": 45 * KILOBYTE,  # with its charts, for staff
    "area.js": 20 * KILOBYTE,
    "staff.css": 5 * KILOBYTE,
    "door.js": 20 * KILOBYTE,
    "reader.js": 25 * KILOBYTE,  # where a browser reads no QR codes, with its WebAssembly
    "zxing_reader.wasm": 480 * KILOBYTE,
    "door.css": 3 * KILOBYTE,
    "admin.css": 3 * KILOBYTE,
    "icon.svg": KILOBYTE,
}


def test_every_bundle_has_a_bar():
    assert sorted(path.name for path in DIST.iterdir()) == sorted(MOST)


@pytest.mark.parametrize("name", sorted(MOST))
def test_a_bundle_weighs_no_more_than_its_bar(name):
    assert len(gzip.compress((DIST / name).read_bytes(), 9)) <= MOST[name]


def test_no_source_is_longer_than_a_reader_bears():
    sources = [*(UI / "src").rglob("*.ts"), *(UI / "css").rglob("*.css")]
    assert len(sources) > 40
    found = {path.name: len(path.read_text().splitlines()) for path in sources}
    assert {name: count for name, count in found.items() if count > LINES} == {}


def test_the_lock_file_says_what_a_package_is_and_not_where_it_comes_from():
    packages = json.loads((UI / "package-lock.json").read_text())["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert len(installed) > 20
    assert [name for name, package in installed.items() if "integrity" not in package] == []
    assert [name for name, package in installed.items() if "resolved" in package] == []


def test_versions_are_exact():
    wanted = json.loads((UI / "package.json").read_text())
    versions = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert [name for name, version in versions.items() if not version[0].isdigit()] == []


def test_no_script_writes_html_as_a_string():
    # Trusted Types let lit write its own templates; nobody else has a policy.
    banned = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "unsafeHTML")
    found = [
        f"{path.name}: {word}"
        for path in (UI / "src").rglob("*.ts")
        for word in banned
        if word in path.read_text()
    ]
    assert found == []
