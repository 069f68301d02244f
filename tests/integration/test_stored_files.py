"""STORAGE_URL: posters and reports in a folder and in a bucket (moto), private and written once."""

import hashlib
import json
import stat
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import httpx
import pytest
from django.core import signing
from django.core.files.storage import default_storage, storages
from django.core.management import CommandError, call_command
from django.test import Client

from drills.bucket_double import BUCKET, bucket_double, client
from kernel import clock, storage_places, stored_files
from proof import reports
from proof.findings import AuditScope
from proof.usecases import audits
from tests.support import factories

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
PAGE = "<h1>안녕</h1>".encode()


@pytest.fixture(scope="module")
def bucket():
    with bucket_double() as environment:
        yield environment


@pytest.fixture
def in_folder(settings, tmp_path):
    settings.STORAGES = settings.STORAGES | storage_places.read(
        f"file://{tmp_path}", media_url="/media/"
    )
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path


@pytest.fixture
def in_bucket(settings, bucket, monkeypatch):
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    settings.STORAGES = settings.STORAGES | storage_places.read(
        f"s3://{BUCKET}/site", media_url="/media/", region="us-east-1"
    )
    return client(bucket)


@pytest.fixture(params=["in_folder", "in_bucket"])
def stored(request):
    return request.getfixturevalue(request.param)


def test_a_file_is_written_once_and_named_by_its_content(stored):
    name = stored_files.keep("reports/audits", PAGE, ending="html", now=NOON)
    digest = hashlib.sha256(PAGE).hexdigest()
    assert name == f"reports/audits/2026/11/20261127T120000Z-{digest}.html"
    assert stored_files.keep("reports/audits", PAGE, ending="html", now=NOON) == name
    assert stored_files.read(name) == PAGE
    assert stored_files.names("reports/audits") == [name]
    other = stored_files.keep("reports/audits", b"{}", ending="json", now=NOON)
    assert sorted([name, other]) == sorted(stored_files.names("reports"))
    storages["private"].delete(name)
    storages["private"].delete(other)


def test_what_was_changed_is_found_out(stored):
    name = stored_files.keep("reports/rush", PAGE, ending="html", now=NOON)
    storages["private"].delete(name)
    with storages["private"].open(name, "wb") as file:
        file.write(b"another page")
    with pytest.raises(stored_files.FileBroken):
        stored_files.read(name)
    storages["private"].delete(name)


@pytest.mark.parametrize("name", ["reports/none", "../secrets.json", "posters/x.webp", ""])
def test_only_names_of_kept_files_are_read(stored, name):
    with pytest.raises(stored_files.FileUnknown):
        stored_files.read(name)


def test_a_folder_is_closed_to_others(in_folder):
    name = stored_files.keep("reports/audits", PAGE, ending="html", now=NOON)
    path = Path(storages["private"].path(name))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert in_folder / "media" not in path.parents


def test_a_link_of_the_site_shows_a_file_as_a_download_for_a_while(in_folder, db_ready, settings):
    name = stored_files.keep("reports/audits", PAGE, ending="html", now=NOON)
    address = stored_files.link_to(name).removeprefix(settings.FRONTROW_URL)
    shown = Client().get(address)
    assert (shown.status_code, shown.content) == (200, PAGE)
    assert shown["Content-Disposition"].startswith("attachment")
    assert "sandbox" in shown["Content-Security-Policy"]
    assert shown["Cache-Control"] == "private, no-store"
    for wrong in (address + "x", "/files/x", f"/files/{signing.dumps(name, salt='other')}"):
        assert Client().get(wrong).status_code == 404


def test_a_link_is_over_after_its_time(in_folder, db_ready, settings, monkeypatch):
    name = stored_files.keep("reports/audits", PAGE, ending="html", now=NOON)
    address = stored_files.link_to(name).removeprefix(settings.FRONTROW_URL)
    monkeypatch.setattr(stored_files, "LINK_SECONDS", -1)
    assert Client().get(address).status_code == 404


def test_a_bucket_signs_its_own_links_and_its_objects_are_private(in_bucket, bucket):
    name = stored_files.keep("reports/audits", PAGE, ending="html", now=NOON)
    link = stored_files.link_to(name)
    assert "X-Amz-Signature=" in link
    assert f"X-Amz-Expires={storage_places.LINK_SECONDS}" in link
    assert httpx.get(link, trust_env=False).content == PAGE
    key = f"site/private/{name}"
    grants = in_bucket.get_object_acl(Bucket=BUCKET, Key=key)["Grants"]
    assert not [one for one in grants if "URI" in one["Grantee"]]
    head = in_bucket.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert "ChecksumSHA256" in head


def test_posters_come_from_the_bucket_by_the_site(in_bucket, db_ready):
    poster = f"posters/{'a' * 32}-320.webp"
    with default_storage.open(poster, "wb") as file:
        file.write(b"picture")
    answer = Client().get(f"/media/{poster}")
    assert (answer.status_code, answer.content) == (200, b"picture")
    assert Client().get(f"/media/posters/{'b' * 32}-320.webp").status_code == 404


def test_an_audit_keeps_its_report_and_a_command_shows_it(in_folder, db_ready):
    factories.make_performance(seats=2)
    said = StringIO()
    call_command("audit", "--keep", "--json", stdout=(printed := StringIO()), stderr=said)
    [name] = stored_files.names(reports.AUDITS)
    assert f"kept as {name}" in said.getvalue()
    assert json.loads(stored_files.read(name)) == json.loads(printed.getvalue())
    call_command("reports", "show", name, stdout=(shown := StringIO()))
    assert json.loads(shown.getvalue()) == json.loads(printed.getvalue())
    call_command("reports", "list", "--json", stdout=(listed := StringIO()))
    assert json.loads(listed.getvalue()) == [name]
    with pytest.raises(CommandError, match="no report"):
        call_command("reports", "show", "reports/none")


def test_a_storage_that_fails_stops_no_audit(in_folder, db_ready, settings):
    report = audits.audit(AuditScope(), now=clock.now(), progress=lambda check, at: None)
    (in_folder / "private").write_text("no folder")
    with pytest.raises(stored_files.FileNotKept):
        reports.keep_audit(report)
    audits._keep(report)
    with pytest.raises(CommandError) as refused:
        call_command("audit", "--keep", stdout=StringIO(), stderr=StringIO())
    assert refused.value.returncode == 3


@pytest.mark.parametrize(
    "url", ["", "bucket", "s3://", "s3://B/x", "s3://b?x=1", "file://", "https://b/x"]
)
def test_nonsense_is_no_place(url):
    with pytest.raises(ValueError, match="STORAGE_URL"):
        storage_places.read(url, media_url="/media/")
