"""A webhook connects to the public addresses of one look-up and to nothing else."""

import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.small_server import QuietServer
from tests.support.webhooks import hook
from webhooks import connection, http, policy
from webhooks.targets import TargetRefused, target_of

NAME = "hooks.example.com"
_look_up = socket.getaddrinfo


class Resolver:
    """Stands in for the resolver: each look-up takes the next answer, the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host, port, *more, **options):
        if not host.endswith("example.com"):
            return _look_up(host, port, *more, **options)
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(ip_address(one).version, 1, 6, "", (one, port)) for one in answer]


@pytest.fixture
def resolve(monkeypatch):
    def use(*answers):
        resolver = Resolver(*answers)
        monkeypatch.setattr(connection.socket, "getaddrinfo", resolver)
        return resolver

    return use


@pytest.fixture
def connected(monkeypatch):
    """Return the addresses that were connected to, each led to this machine instead."""
    places = []
    real = socket.socket

    def create(address, timeout):
        places.append(address)
        made = real(socket.AF_INET, socket.SOCK_STREAM)
        made.settimeout(timeout)
        made.connect(("127.0.0.1", address[1]))
        return made

    monkeypatch.setattr(connection.socket, "create_connection", create)
    return places


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def post(url: str):
    return http.post(target_of(url), b"{}", {})


def test_a_name_that_leads_inside_is_refused_before_anything_is_connected(
    resolve, connected, settings
):
    settings.WEBHOOKS_TO_LOOPBACK = False
    for answer in (["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:169.254.169.254"], []):
        resolve(answer)
        with pytest.raises(TargetRefused):
            post(f"https://{NAME}/")
    assert connected == []


@pytest.mark.control
def test_without_the_check_it_is_reached(resolve, monkeypatch, settings):
    monkeypatch.setattr(connection, "check_addresses", lambda target, addresses: None)
    resolve(["127.0.0.1"])
    with hook() as inside:
        target = target_of(f"http://{NAME}:{port_of(inside.url)}/")
        settings.WEBHOOKS_TO_LOOPBACK = False
        assert http.post(target, b"{}", {}).status == 200
    assert len(inside.taken) == 1


def test_a_name_that_changes_its_address_meanwhile_gains_nothing(
    resolve, connected, settings, certified
):
    settings.WEBHOOKS_TO_LOOPBACK = False
    with certified(NAME) as (port, _):
        resolver = resolve(["8.8.8.8"], ["127.0.0.1"])
        assert post(f"https://{NAME}:{port}/").status == 200
    assert resolver.asked == 1
    assert connected == [("8.8.8.8", port)]


def test_the_host_and_the_certificate_are_those_of_the_name(
    resolve, connected, settings, certified
):
    settings.WEBHOOKS_TO_LOOPBACK = False
    resolve(["8.8.8.8"])
    with certified(NAME) as (port, seen):
        post(f"https://{NAME}:{port}/path?x=1")
        assert seen == [("/path?x=1", f"{NAME}:{port}")]
        with pytest.raises(http.NoReply, match="certificate"):
            post(f"https://other.example.com:{port}/")
    assert len(seen) == 1


def test_addresses_are_tried_one_after_the_other(resolve, monkeypatch, settings):
    with hook() as found:
        resolve(["127.0.0.2", "127.0.0.1"])
        real, tried = socket.create_connection, []

        def create(address, timeout):
            tried.append(address[0])
            if address[0] == "127.0.0.2":
                raise OSError(111, "Connection refused")
            return real(address, timeout)

        monkeypatch.setattr(connection.socket, "create_connection", create)
        assert post(f"http://{NAME}:{port_of(found.url)}/").status == 200
    assert tried == ["127.0.0.2", "127.0.0.1"]


def test_what_cannot_be_reached_says_why_in_words_of_ours(resolve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        resolve(["127.0.0.1"])
        with pytest.raises(http.NoReply, match="ConnectError: Connection refused"):
            post(f"http://{NAME}:{port}/")


def test_a_receiver_that_never_accepts_tls_costs_a_bounded_time(resolve, monkeypatch):
    monkeypatch.setattr(policy, "TRY_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        resolve(["127.0.0.1"])
        with pytest.raises(http.NoReply, match="TLS too slow"):
            post(f"https://{NAME}:{silent.getsockname()[1]}/")


def test_a_receiver_that_talks_nonsense_is_no_reply(resolve):
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def serve():
            accepted, _ = odd.accept()
            with accepted:
                accepted.recv(65536)
                accepted.sendall(b"whsec_ not HTTP at all\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        resolve(["127.0.0.1"])
        with pytest.raises(http.NoReply) as refusal:
            post(f"http://{NAME}:{odd.getsockname()[1]}/")
        thread.join()
    assert str(refusal.value) == "RemoteProtocolError"


def test_nothing_of_the_environment_leads_it_elsewhere(resolve, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with hook() as found:
        resolve(["127.0.0.1"])
        assert post(f"http://{NAME}:{port_of(found.url)}/").status == 200


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """Serve by TLS with a certificate that this test's authority signed."""

    @contextmanager
    def serving(name):
        key, certificate = _certificate(name)
        path = tmp_path / "server.pem"
        path.write_bytes(key + certificate)
        seen = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                seen.append((self.path, self.headers["Host"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        server = QuietServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        trusting = ssl.create_default_context(cadata=certificate.decode())
        monkeypatch.setattr(http, "_tls", lambda: trusting)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port, seen
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return serving


def _certificate(name: str) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return (
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        made.public_bytes(pem),
    )
