"""Production boots only with its own secrets and protections, and says in a line what lacks."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.production import environment

KAFKA_LOGIN = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_USERNAME": "frontrow",
    "KAFKA_SASL_PASSWORD": "orange-harbour-97",
}


def boot(env, *command):
    program = ["-c", "import django; django.setup(); import config.urls; print('booted')"]
    return subprocess.run(
        [sys.executable, *(command or program)],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_boots_when_everything_is_there(tmp_path):
    done = boot(environment(tmp_path))
    assert done.stdout.strip() == "booted", done.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY"),
        ({"SECRET_KEY": "only-for-tests-" * 4}, "SECRET_KEY"),
        ({"FRONTROW_URL": "http://tickets.example"}, "FRONTROW_URL"),
        ({"STOREFRONT_URL": "http://tickets.example"}, "STOREFRONT_URL"),
        ({"OPS_TOKEN": None}, "OPS_TOKEN"),
        ({"OPS_TOKEN": "short"}, "OPS_TOKEN"),
        ({"EMAIL_URL": None}, "EMAIL_URL"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"DATABASE_URL": "mysql://a@b/c"}, "DATABASE_URL"),
        ({"REDIS_LOCK_URL": None}, "REDIS_LOCK_URL"),
        ({"ACCESS_TOKEN_SECONDS": "many"}, "ACCESS_TOKEN_SECONDS"),
        ({"RATE_LIMITS": "hold=lots"}, "RATE_LIMITS"),
        ({"RATE_LIMITS": "holt=60/minute"}, "RATE_LIMITS"),
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SASL_USERNAME"),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "a"},
            "KAFKA_SASL_PASSWORD",
        ),
        ({"KAFKA_SASL_USERNAME": "a"}, "KAFKA_SASL_USERNAME"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SASL_PASSWORD": "b"}, "KAFKA_SASL_PASSWORD"),
        ({**KAFKA_LOGIN, "KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM"),
        (
            {
                **KAFKA_LOGIN,
                "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
                "KAFKA_SASL_MECHANISM": "PLAIN",
            },
            "KAFKA_SASL_MECHANISM",
        ),
        ({"KAFKA_CA_FILE": "/nonexistent/ca.pem"}, "KAFKA_CA_FILE"),
        (
            {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA_FILE": "/nonexistent/ca.pem"},
            "KAFKA_CA_FILE",
        ),
        ({"SIGNING_KEYS_FILE": "/nonexistent/keys.json"}, "SIGNING_KEYS_FILE"),
    ],
)
def test_what_lacks_is_named_in_the_last_line(tmp_path, changes, named):
    done = boot(environment(tmp_path, **changes))
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert named in last


@pytest.mark.parametrize(
    ("mode", "text"), [(0o644, None), (0o640, None), (0o600, "{}"), (0o600, "not JSON")]
)
def test_a_key_file_others_can_read_or_nobody_can_is_refused(tmp_path, mode, text):
    env = environment(tmp_path)
    key_file = Path(env["SIGNING_KEYS_FILE"])
    if text is not None:
        key_file.write_text(text)
    key_file.chmod(mode)
    done = boot(env)
    assert done.returncode != 0
    assert "SIGNING_KEYS_FILE" in done.stderr.strip().splitlines()[-1]


def test_a_login_at_kafka_is_taken_and_its_password_is_in_no_error(tmp_path):
    assert boot(environment(tmp_path, **KAFKA_LOGIN)).stdout.strip() == "booted"
    done = boot(environment(tmp_path, **KAFKA_LOGIN | {"KAFKA_SECURITY_PROTOCOL": "SSL"}))
    assert "KAFKA_SASL_USERNAME" in done.stderr
    assert "orange-harbour" not in done.stderr


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("smtp+tls://u:p%40@mail.example", "587 True False u p@"),
        ("smtps://mail.example", "465 False True  "),
        ("smtp://mail.example:2525", "2525 False False  "),
    ],
)
def test_mail_may_go_by_either_kind_of_tls(tmp_path, url, meant):
    program = (
        "from django.conf import settings as s;"
        "print(s.EMAIL_PORT, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL, s.EMAIL_HOST_USER,"
        " s.EMAIL_HOST_PASSWORD)"
    )
    done = boot(environment(tmp_path, EMAIL_URL=url), "-c", program)
    assert done.stdout == meant + "\n", done.stderr


def test_the_keys_can_be_made_where_there_are_none(tmp_path):
    env = environment(tmp_path, SIGNING_KEYS_FILE=str(tmp_path / "new.json"))
    assert boot(env, "manage.py", "keys", "init").returncode == 0
    assert boot(env).stdout.strip() == "booted"
