"""Whatever way a layout file comes, it is kept once it is imported (Note [Imported files])."""

import hashlib
import io
from contextlib import suppress
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import AuditEntry
from concerts import policy, upload_runs
from concerts.models import LayoutUpload, Performance, Seat
from concerts.tasks import read_layouts
from concerts.usecases import uploads
from kernel import clock, stored_files
from tests.integration.test_layout_admin import CSV, logged_in
from tests.pages.browsing import form_with, send
from tests.support import factories
from tests.support.staff_roles import browser_as

pytestmark = pytest.mark.usefixtures("storage")


@pytest.fixture
def performance(db_ready) -> Performance:
    return factories.make_performance(seats=0, on_sale=False)


def in_the_admin(performance: Performance, content: bytes) -> None:
    given = {"file": SimpleUploadedFile("Hall.CSV", content), "import": "1", "reason": "x"}
    address = reverse("admin:concerts_performance_layout", args=[performance.pk])
    logged_in("staff").post(address, given)


def on_the_page_for_staff(performance: Performance, content: bytes) -> None:
    client, address = browser_as("staff"), reverse("boxoffice:layout", args=[performance.pk])
    given = {"action": "check", "file": SimpleUploadedFile("Hall.CSV", content)}
    checked = client.post(address, given)
    if "import" in checked.text:
        send(client, form_with(checked, "import"), "import", reason="x")


def by_the_command(performance: Performance, content: bytes, tmp_path) -> None:
    file = tmp_path / "Hall.CSV"
    file.write_bytes(content)
    words = ("layout", "import", str(file), "--performance", str(performance.pk))
    with suppress(SystemExit, CommandError):  # it was refused
        call_command(*words, stdout=io.StringIO(), stderr=io.StringIO())


def by_a_worker(performance: Performance, content: bytes) -> None:
    uploads.keep(
        performance_id=performance.pk,
        name="Hall.CSV",
        parts=[content],
        is_import=True,
        reason="x",
        actor_id=None,
        now=clock.now(),
    )
    read_layouts()


@pytest.fixture(params=[in_the_admin, on_the_page_for_staff, by_the_command, by_a_worker])
def bring(request, tmp_path):
    """Bring a file to a performance, to be imported."""
    way = request.param
    more = [tmp_path] if way is by_the_command else []
    return lambda performance, content: way(performance, content, *more)


def test_an_imported_file_is_kept_by_its_checksum_and_the_audit_names_it(performance, bring):
    content = CSV.encode()
    bring(performance, content)
    assert Seat.objects.count() == 2
    [name] = stored_files.names("layouts")
    assert name.endswith(f"-{hashlib.sha256(content).hexdigest()}.csv")
    assert stored_files.read(name) == content
    assert AuditEntry.objects.get(action="concerts.import_layout").changes["file"] == name


def test_a_refused_file_is_not_kept(performance, bring):
    bring(performance, CSV.encode() + b"A,VIP,1,1,2,1,0,0\n")
    assert (Seat.objects.count(), stored_files.names("layouts")) == (0, [])


def test_a_file_for_a_frozen_layout_is_not_kept(bring):
    frozen = factories.make_performance(seats=1)
    bring(frozen, CSV.encode())
    assert (Seat.objects.count(), stored_files.names("layouts")) == (1, [])


def test_a_storage_that_takes_nothing_stops_no_import(performance, bring, storage):
    (storage / "private").write_text("a file where the folder would be")
    bring(performance, CSV.encode())
    assert Seat.objects.count() == 2


def test_a_file_that_two_workers_imported_is_kept_once(performance, monkeypatch):
    def die(**_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as dying:
        dying.setattr(uploads, "finish", die)
        with pytest.raises(ConnectionError):
            by_a_worker(performance, CSV.encode())
    later = clock.now() + policy.UPLOAD_LEASE + timedelta(seconds=1)
    assert upload_runs.read_next(lambda: later)
    [name] = stored_files.names("layouts")
    assert LayoutUpload.objects.get().file == name
    assert AuditEntry.objects.get(action="concerts.import_layout").changes["file"] == name
