"""Production boots only with its own secrets and protections, and says in a line what lacks."""

import json
import subprocess
import sys

import pytest

from tests.support.boots import Boots
from tests.support.production import environment

KAFKA_HERE = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}
KAFKA_LOGIN = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_USERNAME": "frontrow",
    "KAFKA_SASL_PASSWORD": "orange-harbour-97",
}


# Backends on another machine, in clear or without a password.
DATABASE, REDIS = "postgresql://{}db.internal/frontrow{}", "{}://{}redis.internal/0"
AWAY = [
    ("DATABASE_URL", DATABASE.format("frontrow:pw@", "")),
    ("DATABASE_URL", DATABASE.format("frontrow:pw@", "?sslmode=prefer")),
    ("DATABASE_URL", DATABASE.format("frontrow:pw@", "?sslmode=require")),
    ("DATABASE_URL", DATABASE.format("frontrow@", "?sslmode=verify-full")),
    ("DATABASE_URL", "postgresql://frontrow:pw@127.0.0.1,db.internal/frontrow"),
    ("DATABASE_URL", "postgresql://frontrow:pw@/frontrow?host=db.internal"),
    ("REPLICA_URL", DATABASE.format("frontrow:pw@", "")),
    ("IDEMPOTENCY_DATABASE_URL", DATABASE.format("frontrow:pw@", "?sslmode=disable")),
    ("REDIS_CACHE_URL", REDIS.format("redis", ":pw@")),
    ("REDIS_LOCK_URL", REDIS.format("rediss", "")),
    ("REDIS_LOCK_URL", REDIS.format("rediss", ":pw@") + "?ssl_cert_reqs=none"),
    ("REDIS_LOCK_URL", REDIS.format("redis+cluster", ":pw@")),
    ("REDIS_QUEUE_URL", REDIS.format("redis", "")),
    ("CELERY_BROKER_URL", REDIS.format("rediss", "frontrow@")),
    ("KAFKA_BOOTSTRAP_SERVERS", "kafka.internal:9092"),
    ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092,kafka.internal:9092"),
    ("EMAIL_URL", "smtp://frontrow:pw@mail.example"),
    ("EMAIL_URL", "smtps://mail.example"),
    ("CHALLENGE_SERVICE_URL", "http://challenges.internal/verify"),
]
GATEWAY = {
    "PAYMENT_GATEWAY": "toss",
    "PAYMENT_GATEWAY_SECRET": "live_sk_orange-harbour",
    "PAYMENT_GATEWAY_CLIENT_KEY": "live_ck_orange-harbour",
    "PAYMENT_WEBHOOK_SECRETS": "whsec-Qm3xT7vLb9KzR2pWc5Yd",
}
PROVIDER = {
    "OIDC_PROVIDER_ID": "kakao",
    "OIDC_PROVIDER_NAME": "카카오",
    "OIDC_SERVER_URL": "https://kauth.example",
    "OIDC_CLIENT_ID": "frontrow",
    "OIDC_CLIENT_SECRET": "mellow-river-31",
}


@pytest.fixture(scope="module")
def boot():
    with Boots() as process:
        yield process.boot


def run(env, *command, seconds=60):
    return subprocess.run(
        [sys.executable, *command],
        env=env,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def test_it_boots_when_everything_is_there(tmp_path):
    program = "import django; django.setup(); import config.urls; print('booted')"
    done = run(environment(tmp_path), "-c", program)
    assert done.stdout.strip() == "booted", done.stderr


def test_checks_of_a_deployment_find_nothing(tmp_path):
    command = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    done = run(environment(tmp_path), *command, seconds=240)
    assert (done.returncode, "no issues (1 silenced)" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"MEDIA_URL": "http://media.example/"}, "MEDIA_URL"),
        ({"MEDIA_URL": "https://media.example"}, "MEDIA_URL"),
        ({"MEDIA_URL": "//media.example/"}, "MEDIA_URL"),
        ({"STORAGE_URL": "bucket"}, "STORAGE_URL"),
        ({"AWS_ENDPOINT_URL": "http://store.example"}, "AWS_ENDPOINT_URL"),
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
        ({"TRUSTED_PROXY_COUNT": "0"}, "TRUSTED_PROXY_COUNT"),
        ({"TRUSTED_PROXY_COUNT": None}, "TRUSTED_PROXY_COUNT"),
        *[({name: url}, name) for name, url in AWAY],
        *[({**PROVIDER, name: None}, name) for name in PROVIDER],
        ({"OIDC_PROVIDER_NAME_EN": "Kakao"}, "OIDC_PROVIDER_ID"),
        ({"OIDC_PAGE_ORIGINS": "https://accounts.kakao.example"}, "OIDC_PROVIDER_ID"),
        ({**PROVIDER, "OIDC_SERVER_URL": "http://kauth.example"}, "OIDC_SERVER_URL"),
        ({**PROVIDER, "OIDC_SERVER_URL": "kauth.example"}, "OIDC_SERVER_URL"),
        ({**PROVIDER, "OIDC_SERVER_URL": "https:///x"}, "OIDC_SERVER_URL"),
        ({**PROVIDER, "OIDC_PROVIDER_ID": "Kakao Corp"}, "OIDC_PROVIDER_ID"),
        ({**PROVIDER, "OIDC_PAGE_ORIGINS": "https://a.example/login"}, "OIDC_PAGE_ORIGINS"),
        ({**KAFKA_HERE, "KAFKA_TOPIC_REPLICATION": "2"}, "KAFKA_TOPIC_REPLICATION"),
        ({**KAFKA_HERE, "KAFKA_TOPIC_MIN_INSYNC": "1"}, "KAFKA_TOPIC_MIN_INSYNC"),
        ({"KAFKA_TOPIC_MIN_INSYNC": "4"}, "KAFKA_TOPIC_MIN_INSYNC"),
        ({"PAYMENT_GATEWAY": "sandbox", "PAYMENT_GATEWAY_SECRET": "s"}, "PAYMENT_GATEWAY"),
        ({"PAYMENT_GATEWAY": "stripe"}, "PAYMENT_GATEWAY"),
        ({**GATEWAY, "PAYMENT_GATEWAY_SECRET": None}, "PAYMENT_GATEWAY_SECRET"),
        ({**GATEWAY, "PAYMENT_GATEWAY_SECRET": "test_sk_1"}, "PAYMENT_GATEWAY_SECRET"),
        ({**GATEWAY, "PAYMENT_GATEWAY_CLIENT_KEY": None}, "PAYMENT_GATEWAY_CLIENT_KEY"),
        ({**GATEWAY, "PAYMENT_GATEWAY_CLIENT_KEY": "test_ck_1"}, "PAYMENT_GATEWAY_CLIENT_KEY"),
        ({**GATEWAY, "PAYMENT_GATEWAY_URL": "http://127.0.0.1:8003"}, "PAYMENT_GATEWAY_URL"),
        ({**GATEWAY, "PAYMENT_GATEWAY_URL": "http://toss.internal"}, "PAYMENT_GATEWAY_URL"),
        ({**GATEWAY, "PAYMENT_WEBHOOK_SECRETS": "short"}, "PAYMENT_WEBHOOK_SECRETS"),
        ({**GATEWAY, "PAYMENT_WEBHOOK_SECRETS": "a" * 40}, "PAYMENT_WEBHOOK_SECRETS"),
        ({**GATEWAY, "PAYMENT_WEBHOOK_SECRETS": "a,b,c"}, "PAYMENT_WEBHOOK_SECRETS"),
    ],
)
def test_what_lacks_is_named_in_the_last_line(boot, tmp_path, changes, named):
    done = boot(environment(tmp_path, **changes))
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "ImproperlyConfigured" in last
    assert named in last


def test_three_copies_of_each_event_are_taken(boot, tmp_path):
    assert boot(environment(tmp_path, **KAFKA_HERE)).stdout.strip() == "booted"


def test_a_login_at_kafka_is_taken_and_its_password_is_in_no_error(boot, tmp_path):
    assert boot(environment(tmp_path, **KAFKA_LOGIN)).stdout.strip() == "booted"
    done = boot(environment(tmp_path, **KAFKA_LOGIN | {"KAFKA_SECURITY_PROTOCOL": "SSL"}))
    assert "KAFKA_SASL_USERNAME" in done.stderr
    assert "orange-harbour" not in done.stderr


def test_a_real_gateway_is_taken_and_its_secrets_are_in_no_error(boot, tmp_path):
    assert boot(environment(tmp_path, **GATEWAY)).stdout.strip() == "booted"
    refused = boot(environment(tmp_path, **GATEWAY | {"PAYMENT_GATEWAY_URL": "http://a.example"}))
    assert "PAYMENT_GATEWAY_URL" in refused.stderr
    assert "orange-harbour" not in refused.stderr
    assert GATEWAY["PAYMENT_WEBHOOK_SECRETS"] not in refused.stderr


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("smtp+tls://u:p%40@mail.example", "587 True False u p@"),
        ("smtps://u:p@mail.example", "465 False True u p"),
        ("smtp://127.0.0.1:2525", "2525 False False  "),
    ],
)
def test_mail_may_go_by_either_kind_of_tls(tmp_path, url, meant):
    program = (
        "from django.conf import settings as s;"
        "print(s.EMAIL_PORT, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL, s.EMAIL_HOST_USER,"
        " s.EMAIL_HOST_PASSWORD)"
    )
    done = run(environment(tmp_path, EMAIL_URL=url), "-c", program)
    assert done.stdout == meant + "\n", done.stderr


def test_backends_elsewhere_are_taken_encrypted_and_with_a_password(boot, tmp_path):
    database = DATABASE.format("frontrow:orange-harbour@", "?sslmode=verify-full")
    redis = REDIS.format("rediss", ":orange-harbour@")
    elsewhere = {
        "DATABASE_URL": database,
        "REPLICA_URL": database.replace("db.", "replica."),
        "IDEMPOTENCY_DATABASE_URL": database,
        "REDIS_CACHE_URL": redis,
        "REDIS_LOCK_URL": redis.replace("rediss", "rediss+cluster"),
        "REDIS_QUEUE_URL": redis,
        "CELERY_BROKER_URL": redis,
        "KAFKA_BOOTSTRAP_SERVERS": "kafka.internal:9093",
        **KAFKA_LOGIN,
    }
    assert boot(environment(tmp_path, **elsewhere)).stdout.strip() == "booted"
    refused = boot(environment(tmp_path, **elsewhere | {"DATABASE_URL": database.split("?")[0]}))
    assert "DATABASE_URL leads in clear to db.internal" in refused.stderr
    assert "orange-harbour" not in refused.stderr


def test_where_https_is_on_cookies_belong_to_this_host_alone(tmp_path):
    program = (
        "from django.conf import settings as s;"
        "names = [s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.LANGUAGE_COOKIE_NAME];"
        "secure = [s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.LANGUAGE_COOKIE_SECURE];"
        "paths = {s.SESSION_COOKIE_PATH, s.CSRF_COOKIE_PATH, s.LANGUAGE_COOKIE_PATH};"
        "domains = {s.SESSION_COOKIE_DOMAIN, s.CSRF_COOKIE_DOMAIN, s.LANGUAGE_COOKIE_DOMAIN};"
        "print(all(n.startswith('__Host-') for n in names), all(secure), paths, domains)"
    )
    done = run(environment(tmp_path), "-c", program)
    assert done.stdout == "True True {'/'} {None}\n", done.stderr


def answer_of(env, path, **headers):
    """Return status and headers of a request to the application that the server runs."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "x", "SERVER_PORT": "80"}
    environ |= {"HTTP_" + name.upper(): value for name, value in headers.items()}
    program = f"""
import io, json
from config.wsgi import application
environ = {environ!r} | {{"wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(),
                          "wsgi.url_scheme": "http"}}
application(environ, lambda status, headers, _=None: print(json.dumps([status, dict(headers)])))
"""
    done = run(env, "-c", program)
    assert done.returncode == 0, done.stderr
    status, found = json.loads(done.stdout)
    return int(status[:3]), found


def test_behind_a_proxy_that_ends_tls_nobody_is_sent_in_circles(tmp_path):
    env, path = environment(tmp_path), "/.well-known/jwks.json"
    # Packing everything takes a core 20 s, which a busy machine has not.
    assert run(env, "manage.py", "collectstatic", "--no-input", seconds=240).returncode == 0
    by_https = {"host": "tickets.example", "x_forwarded_proto": "https"}
    status, headers = answer_of(env, path, **by_https)
    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    status, headers = answer_of(env, path, **by_https | {"x_forwarded_proto": "http"})
    assert (status, headers["Location"]) == (301, f"https://tickets.example{path}")
    assert answer_of(env, "/healthz/live", host="10.0.0.5:8000")[0] == 200
