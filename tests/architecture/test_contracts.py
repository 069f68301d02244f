"""Import contracts, migrations, error codes and generated documents agree with the code."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command, get_commands
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.urls import get_resolver
from django.utils.translation import override

from concerts.layout.form import MAX_BYTES
from kernel.docs import error_codes
from kernel.errors import DomainError, Kind
from kernel.http.refusals import AT_THE_GATEWAY, REFUSALS

ROOT = Path(settings.BASE_DIR)


def test_imports_point_down():
    # In a process of its own: it configures logging, which silences every logger there is.
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_migration_is_missing():
    loader = MigrationLoader(None)
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    with override(None):  # as makemigrations does: names of models are written untranslated
        changes = detector.changes(graph=loader.graph)
    assert {app: [str(one) for one in found] for app, found in changes.items()} == {}


def test_generated_documents_are_current():
    call_command("documents", check=True, stdout=io.StringIO())


def test_every_error_code_is_snake_case_and_documented():
    get_resolver().url_patterns  # imports every view, and with it every error  # noqa: B018
    documented = (ROOT / "docs" / "errors.md").read_text()
    assert len(DomainError.registry) > 20
    for code, error in DomainError.registry.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
        assert f"`{code}`" in documented
        assert str(error.message)


def test_every_error_is_worded_in_both_languages():
    get_resolver().url_patterns  # noqa: B018
    messages = {code: error.message for code, error in DomainError.registry.items()}
    messages |= {code: refusal.message for code, refusal in (REFUSALS | AT_THE_GATEWAY).items()}
    for code, message in messages.items():
        with override("en"):
            assert str(message).isascii(), code
        with override("ko"):
            assert re.search("[가-힣]", str(message)), code


def test_no_code_stands_in_the_list_twice():
    get_resolver().url_patterns  # noqa: B018
    known = [one.code for one in error_codes.documented()]
    assert len(known) == len(set(known))


def test_who_must_come_back_learns_when():
    get_resolver().url_patterns  # noqa: B018
    unavailable = [e for e in DomainError.registry.values() if e.kind is Kind.UNAVAILABLE]
    assert len(unavailable) > 4
    assert [error.code for error in unavailable if not error.retry_after] == []


def test_a_code_can_not_be_taken_twice():
    with pytest.raises(TypeError, match="is taken"):

        class Impostor(DomainError):
            code = "busy"


def test_what_the_gateway_refuses_by_itself_is_documented():
    template = (ROOT / "stack" / "gateway" / "nginx.conf.template").read_text()
    block = template.split("map $status $problem_code {")[1].split("}")[0]
    refused = dict(re.findall(r"^\s+(\d{3}|default) (\w+);", block, re.MULTILINE))
    assert {"413", "503", "default"} <= set(refused)
    known = {one.code: str(one.status) for one in error_codes.documented()}
    assert set(refused.values()) <= set(known)
    wrong = {
        code: status for status, code in refused.items() if status not in ("default", known[code])
    }
    assert wrong == {}


def test_the_gateway_lets_the_largest_layout_file_through():
    template = (ROOT / "stack" / "gateway" / "nginx.conf.template").read_text()
    upload = template.split("/layout/ {")[1].split("}")[0]
    megabytes = int(re.search(r"client_max_body_size (\d+)m;", upload).group(1))
    assert megabytes * 2**20 > MAX_BYTES


def test_the_runbook_names_commands_and_metrics_that_exist():
    text = (ROOT / "docs" / "runbook.md").read_text()
    commands = set(re.findall(r"manage\.py (\w+)", text))
    assert {"events", "keys", "partitions"} <= commands <= set(get_commands())
    documented = (ROOT / "docs" / "metrics.md").read_text()
    for metric in re.findall(r"frontrow_\w+", text):
        assert f"`{metric}`" in documented, metric
    for verb in re.findall(r"manage\.py events (\w+)", text):
        assert verb in {"status", "replay", "dead"}, verb
