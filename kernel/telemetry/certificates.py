"""When the site's certificate ends, for settings.METRIC_COLLECTORS.

Note [Read certificates]
A certificate changes once in weeks, and to look at it is a connection: it is read again after
`_FRESH_SECONDS`. Nothing is verified: one that has ended is what this is for.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from django.conf import settings
from prometheus_client.core import GaugeMetricFamily, Metric

_CONNECT_SECONDS = 2.0
_FRESH_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class SeenCertificate:
    """The end of a certificate (Unix time), and when it was read (monotonic s)."""

    host: str
    ends: float
    read_at: float


_lock = threading.Lock()
_seen: dict[str, SeenCertificate] = {}


def certificate(*, now: datetime) -> Iterable[Metric]:
    """Yield when the certificate ends: that of CERTIFICATE_FILE, else the one at FRONTROW_URL.

    Nothing where neither is there. Raises OSError and ValueError where it can't be read.
    """
    url = urlsplit(settings.FRONTROW_URL)
    if not (settings.CERTIFICATE_FILE or url.scheme == "https"):
        return
    seen = _known(settings.CERTIFICATE_FILE, url.hostname or "", url.port or 443)
    ends = GaugeMetricFamily(
        "frontrow_certificate_expires_timestamp_seconds",
        "When the site's certificate ends",
        labels=["host"],
    )
    ends.add_metric([seen.host], seen.ends)
    yield ends


def forget_certificates() -> None:
    """Read the certificate at the next call."""
    with _lock:
        _seen.clear()


def _known(path: str, host: str, port: int) -> SeenCertificate:
    """See Note [Read certificates]."""
    key = path or f"{host}:{port}"
    with _lock:
        seen = _seen.get(key)
        if seen is None or time.monotonic() - seen.read_at > _FRESH_SECONDS:
            found = _of_file(Path(path)) if path else _at(host, port)
            seen = SeenCertificate(host, found.not_valid_after_utc.timestamp(), time.monotonic())
            _seen[key] = seen
        return seen


def _of_file(path: Path) -> x509.Certificate:
    # The first is the site's own, those behind it lead to its root.
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def _at(host: str, port: int) -> x509.Certificate:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
