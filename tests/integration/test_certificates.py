"""When the site's certificate ends, from a file and from a server that shows it."""

import ipaddress
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kernel.telemetry import certificates
from stack.service import HOST

NOW = datetime(2026, 11, 27, tzinfo=UTC)
ENDS = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _read_again():
    certificates.forget_certificates()
    yield
    certificates.forget_certificates()


@pytest.fixture
def pem(tmp_path):
    """A certificate that ends at ENDS with its key, in one file; nobody has signed for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tickets.example")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(ENDS - timedelta(days=90))
        .not_valid_after(ENDS)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "site.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def tls_port(pem):
    """A server that shakes hands, and how often it was asked to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    asked = []
    with socket.create_server((HOST, 0)) as server:

        def serve():
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                asked.append(1)
                with plain, context.wrap_socket(plain, server_side=True):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], asked
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def seen() -> list[tuple[str, float]]:
    return [
        (sample.labels["host"], sample.value)
        for family in certificates.certificate(now=NOW)
        for sample in family.samples
    ]


def test_the_certificate_of_the_entry_is_read_once_in_a_while(settings, tls_port):
    port, asked = tls_port
    settings.FRONTROW_URL = f"https://{HOST}:{port}"
    assert seen() == seen() == [(HOST, ENDS.timestamp())]
    assert len(asked) == 1


def test_a_file_goes_before_the_entry(settings, pem):
    settings.CERTIFICATE_FILE, settings.FRONTROW_URL = str(pem), "https://tickets.example"
    assert seen() == [("tickets.example", ENDS.timestamp())]


def test_where_there_is_no_tls_there_is_no_metric(settings):
    settings.CERTIFICATE_FILE, settings.FRONTROW_URL = "", "http://127.0.0.1:8000"
    assert seen() == []


def test_what_cannot_be_read_is_an_error_that_the_collector_reports(settings, tmp_path):
    settings.CERTIFICATE_FILE = str(tmp_path / "none.pem")
    with pytest.raises(OSError, match=r"none\.pem"):
        seen()
    (tmp_path / "none.pem").write_text("no certificate")
    with pytest.raises(ValueError, match="PEM"):
        seen()
