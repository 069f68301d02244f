"""What BACKUP_URL changes in PostgreSQL's settings, and that nothing changes without it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stack.backups.archive import TIMEOUT, Archive, archive_of
from stack.data_dir import DataDir
from stack.errors import StackError
from stack.postgres.cluster import Archiving, Passwords, PostgresHost
from stack.postgres.member import Member
from stack.postgres.patroni import Consensus
from stack.postgres.primary import Primary
from stack.process import Tools
from stack.python_program import PythonProgram

KEYS = {"AWS_SECRET_ACCESS_KEY": "key-to-the-bucket"}
PROGRAM = PythonProgram(Path("/usr/bin/python3"), Path("/a folder/packages"))


@pytest.fixture
def host(tmp_path):
    return PostgresHost(
        programs=Path("/programs"),
        home=tmp_path,
        os_user=None,
        passwords=Passwords(
            *(f"{one}-secret" for one in ("super", "replicator", "application", "observer"))
        ),
        tools=Tools(),
    )


@pytest.fixture
def archiving(host):
    archive = Archive("s3://bucket/100%", PROGRAM, host.home, None, host.tools, KEYS)
    return replace(host, archiving=Archiving(archive.settings(), archive.environment()))


def settings_of(host) -> str:
    primary = Primary(host, 5001, ("frontrow",))
    primary.folder.mkdir()
    primary.configure()
    return (primary.folder / "postgresql.conf").read_text()


def test_nothing_is_archived_by_itself(host):
    assert "archive" not in settings_of(host)
    assert not any(name.startswith("AWS_") for name in Primary(host, 1, ()).command().environment)


def test_a_primary_archives_within_the_minute_and_its_settings_say_no_key(archiving):
    text = settings_of(archiving)
    assert "archive_mode = 'on'" in text
    assert f"archive_timeout = '{TIMEOUT}'" in text
    assert 0 < int(TIMEOUT.removesuffix("s")) < 60
    assert "s3://bucket/100%%" in text  # PostgreSQL reads %p and %f in it
    assert "''PYTHONPATH=/a folder/packages''" in text
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in text
    command = Primary(archiving, 5001, ()).command()
    assert command.environment["AWS_SECRET_ACCESS_KEY"] == KEYS["AWS_SECRET_ACCESS_KEY"]
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in " ".join(command.argv)


def test_each_member_archives_what_a_dead_leader_may_have_kept(archiving):
    consensus = Consensus(2379, "root", "etcd-secret", "rest-secret")
    member = Member("postgres-1", archiving, 5001, 8001, PROGRAM, consensus)
    member.prepare(0)
    text = (archiving.home / "postgres-1.json").read_text()
    assert json.loads(text)["postgresql"]["parameters"]["archive_mode"] == "always"
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in text
    assert member.command().environment["AWS_SECRET_ACCESS_KEY"] == KEYS["AWS_SECRET_ACCESS_KEY"]


def test_a_mistyped_bucket_stops_the_start(tmp_path):
    data_dir = DataDir(tmp_path / "data").make()
    assert archive_of(data_dir, Tools(), {}) is None
    with pytest.raises(StackError, match=r"BACKUP_URL=bucket is not of the form s3://"):
        archive_of(data_dir, Tools(), {"BACKUP_URL": "bucket"})
