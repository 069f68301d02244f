"""Large layout files are read by a worker (Note [Large layout files])."""

import hashlib
import re
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from concerts import operations, policy, upload_runs
from concerts.layout import files
from concerts.models import LayoutUpload, LayoutUploadPart, Performance, Seat
from concerts.tasks import read_layouts
from concerts.usecases import uploads
from kernel import clock, stored_files
from tests.integration.test_layout_admin import CSV, logged_in
from tests.support import factories

State = LayoutUpload.State
COMMAS = b"," * 8_000_000


@pytest.fixture
def staff(db_ready) -> Client:
    return logged_in("staff")


@pytest.fixture
def performance(db_ready) -> Performance:
    return Performance.objects.create(
        concert=factories.make_concert(published=False), starts_at=clock.now()
    )


@pytest.fixture
def _everything_is_large(monkeypatch):
    monkeypatch.setattr(policy, "READ_AT_ONCE_BYTES", 10)


def send(client: Client, performance: Performance, content: bytes | str, button: str = "import"):
    given = content if isinstance(content, bytes) else content.encode()
    return client.post(
        reverse("admin:concerts_performance_layout", args=[performance.pk]),
        {"file": SimpleUploadedFile("hall.csv", given), button: "1", "reason": "opening night"},
    )


def kept(performance: Performance, content: bytes = CSV.encode(), **fields):
    values = {"name": "hall.csv", "is_import": True, "reason": "x", "actor_id": None}
    return uploads.keep(
        performance_id=performance.pk, parts=[content], now=clock.now(), **(values | fields)
    )


def test_a_large_file_is_stored_by_the_request_and_read_by_nobody_there(
    staff, performance, monkeypatch
):
    monkeypatch.setattr(files, "read", None)
    answer = send(staff, performance, COMMAS)
    assert answer.status_code == 302
    upload = LayoutUpload.objects.get()
    assert (upload.state, upload.is_import, upload.reason) == ("WAITING", True, "opening night")
    parts = [bytes(part.content) for part in upload.parts.order_by("number")]
    assert b"".join(parts) == COMMAS
    assert max(map(len, parts)) <= policy.PART_BYTES
    page = staff.get(answer["Location"])
    assert page["Refresh"]
    assert "대기 중" in page.content.decode()


@pytest.mark.usefixtures("_everything_is_large")
def test_a_worker_imports_it_and_its_page_says_so(staff, performance):
    page = send(staff, performance, CSV)["Location"]
    assert Seat.objects.count() == 0
    read_layouts()
    assert Seat.objects.count() == 2
    entry = AuditEntry.objects.get(action="concerts.import_layout")
    assert (entry.reason, entry.actor_id is not None) == ("opening night", True)
    assert not LayoutUploadPart.objects.exists()
    shown = staff.get(page)
    assert "Refresh" not in shown
    assert "좌석 배치를 가져왔습니다" in shown.content.decode()
    assert "165000" in shown.content.decode()


@pytest.mark.usefixtures("_everything_is_large")
def test_what_was_imported_is_kept_by_its_checksum_and_staff_get_it(staff, performance, storage):
    page = send(staff, performance, CSV)["Location"]
    read_layouts()
    upload = LayoutUpload.objects.get()
    assert upload.file.endswith(f"-{hashlib.sha256(CSV.encode()).hexdigest()}.csv")
    assert stored_files.read(upload.file) == CSV.encode()
    [link] = re.findall(r'href="([^"]+/files/[^"]+)"', staff.get(page).content.decode())
    shown = staff.get(urlsplit(link).path)
    assert shown.content == CSV.encode()


def test_what_was_only_checked_or_refused_is_not_kept(performance, storage):
    kept(performance, is_import=False)
    kept(performance, b"no layout")
    read_layouts()
    read_layouts()
    assert {one.file for one in LayoutUpload.objects.all()} == {""}
    assert stored_files.names("layouts") == []


def test_a_storage_that_takes_nothing_stops_no_import(performance, storage):
    (storage / "private").write_text("a file where the folder would be")
    kept(performance)
    read_layouts()
    upload = LayoutUpload.objects.get()
    assert (upload.state, upload.file) == (State.DONE, "")
    assert Seat.objects.count() == 2


@pytest.mark.usefixtures("_everything_is_large")
def test_a_check_by_a_worker_writes_nothing(staff, performance):
    page = send(staff, performance, CSV.replace("1,2,1,0,0", "1,2,0,0,0"), "check")["Location"]
    read_layouts()
    shown = staff.get(page).content.decode()
    assert "165000" in shown
    assert "배치도에서 겹쳐 보입니다" in shown
    assert Seat.objects.count() == 0


@pytest.mark.usefixtures("_everything_is_large")
def test_errors_stand_on_the_page_and_the_bytes_are_gone(staff, performance):
    page = send(staff, performance, CSV + "A,VIP,x,1,3,1,0,0\n")["Location"]
    read_layouts()
    assert "4행 price (C) 칸" in staff.get(page).content.decode()
    assert (
        "line 4, column price (C)"
        in staff.get(page, headers={"accept-language": "en"}).content.decode()
    )
    assert not LayoutUploadPart.objects.exists()
    assert LayoutUpload.objects.get().state == State.REFUSED


def test_a_frozen_layout_is_refused_by_the_worker_too(staff):
    performance = factories.make_performance(seats=1)
    kept(performance)
    read_layouts()
    upload = LayoutUpload.objects.get()
    assert (upload.state, upload.report) == (State.REFUSED, {"code": "layout_frozen"})
    page = reverse("admin:concerts_layout_upload", args=[performance.pk, upload.pk])
    assert "변경할 수 없습니다" in staff.get(page).content.decode()


def test_how_far_it_is_shows_before_the_import_commits(performance, monkeypatch):
    seen = []
    finish = operations._next_version

    def look(performance, *also):
        upload = LayoutUpload.objects.get()
        seen.append((upload.state, upload.stage, upload.total))
        finish(performance, *also)

    monkeypatch.setattr(operations, "_next_version", look)
    kept(performance)
    read_layouts()
    assert seen == [("RUNNING", "writing", 2)]


def test_a_step_may_be_silent_for_as_long_as_the_lease_lasts(performance, monkeypatch):
    limits, connect = [], upload_runs.dedicated_connection

    @contextmanager
    def watched(**said):
        with connect(**said) as connection:
            limits.append(connection.execute("SHOW idle_session_timeout").fetchone()[0])
            yield connection

    monkeypatch.setattr(upload_runs, "dedicated_connection", watched)
    kept(performance)
    read_layouts()
    assert limits == ["5min"]
    assert LayoutUpload.objects.get().state == State.DONE


def test_files_are_read_in_order_one_at_a_time(performance):
    first, second = kept(performance), kept(performance)
    now = clock.now()
    taken = uploads.take(now=now)
    assert taken is not None
    assert taken.id == first
    assert uploads.take(now=now) is None
    assert uploads.finish(taken=taken, state=State.DONE, report={}, now=now)
    assert uploads.take(now=now).id == second


def test_a_file_whose_worker_died_is_read_by_the_next(performance):
    kept(performance)
    begun = clock.now()
    dead = uploads.take(now=begun)
    later = begun + policy.UPLOAD_LEASE + timedelta(seconds=1)
    assert upload_runs.read_next(lambda: later)
    assert Seat.objects.count() == 2
    assert not uploads.finish(taken=dead, state=State.FAILED, report={}, now=later)
    assert LayoutUpload.objects.get().state == State.DONE


def overtaken(performance: Performance, monkeypatch) -> None:
    """Import a file whose lease ends on the way, and which another worker takes then."""
    later = clock.now() + policy.UPLOAD_LEASE + timedelta(seconds=1)
    put = operations._put_grades

    def slowly(performance, layout):
        # Not by `take`: this test has one connection, and the import's transaction is open on it.
        with upload_runs.dedicated_connection(application="test") as connection:
            connection.execute("UPDATE concerts_layoutupload SET fence = fence + 1")
        return put(performance, layout)

    monkeypatch.setattr(operations, "_put_grades", slowly)
    kept(performance)
    upload_runs.read_next(lambda: later)


def test_who_lost_the_lease_writes_nothing(performance, monkeypatch):
    with pytest.raises(upload_runs.LeaseLost):
        overtaken(performance, monkeypatch)
    assert Seat.objects.count() == 0
    assert LayoutUpload.objects.get().state == State.RUNNING


@pytest.mark.control
def test_without_the_fence_two_workers_write(performance, monkeypatch):
    unfenced = upload_runs._SHOW.replace("fence = %s", "%s IS NOT NULL")
    monkeypatch.setattr(upload_runs, "_SHOW", unfenced)
    overtaken(performance, monkeypatch)
    assert Seat.objects.count() == 2


def test_a_file_that_always_ends_its_worker_is_given_up(performance, monkeypatch):
    kept(performance)
    now = clock.now()
    for _ in range(1 + policy.UPLOAD_RETRIES):
        assert uploads.take(now=now)
        now += policy.UPLOAD_LEASE + timedelta(seconds=1)
    assert uploads.take(now=now) is None
    assert LayoutUpload.objects.get().state == State.FAILED
    assert not LayoutUploadPart.objects.exists()


@pytest.mark.usefixtures("_everything_is_large")
def test_no_more_files_wait_than_are_kept(staff, performance, monkeypatch):
    monkeypatch.setattr(policy, "UPLOADS_WAITING", 1)
    kept(performance)
    answer = send(staff, performance, CSV)
    assert answer.status_code == 200
    assert "처리 대기 중인" in answer.content.decode()
    assert LayoutUpload.objects.count() == 1


def test_results_go_after_a_week(performance):
    kept(performance)
    read_layouts()
    assert uploads.delete_old_results(now=clock.now() + timedelta(days=6)) == 0
    assert uploads.delete_old_results(now=clock.now() + timedelta(days=8)) == 1


@pytest.mark.usefixtures("_everything_is_large")
@pytest.mark.parametrize("group", ["door", "finance", "integrator"])
def test_other_groups_neither_bring_nor_see_files(performance, group):
    client = logged_in(group)
    assert send(client, performance, CSV).status_code == 403
    page = reverse("admin:concerts_layout_upload", args=[performance.pk, kept(performance)])
    assert client.get(page).status_code == 403


def test_a_file_is_shown_under_its_own_performance_alone(staff, performance):
    other = Performance.objects.create(concert=performance.concert, starts_at=clock.now())
    page = reverse("admin:concerts_layout_upload", args=[other.pk, kept(performance)])
    assert staff.get(page).status_code == 404


def test_what_is_too_large_for_everybody_is_not_even_kept(staff, performance, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 100)
    answer = send(staff, performance, b"x" * 300_000)
    assert answer.status_code == 200
    assert not LayoutUpload.objects.exists()
