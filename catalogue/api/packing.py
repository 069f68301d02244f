"""Compression of large documents that rarely change."""

import gzip
import re
from dataclasses import replace

from rest_framework.request import Request

from kernel.caching.in_process import LocalDocuments
from kernel.caching.responses import Document

WORTH_PACKING = 1024  # bytes
_packed = LocalDocuments(entries=256, size=16 * 1024 * 1024)  # by entity tag
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


def accepts_gzip(request: Request) -> bool:
    """Return whether the client can read gzip."""
    return bool(_GZIP.search(request.headers.get("Accept-Encoding", "")))


def gzipped(document: Document) -> Document:
    """Return the document compressed, under an entity tag of its own (RFC 9110, 8.8.3.3)."""
    etag = document.etag[:-1] + '-gzip"'
    packed = _packed.get(etag)
    if packed is None:
        body = gzip.compress(document.body, compresslevel=6, mtime=0)
        packed = replace(document, body=body, etag=etag)
        _packed.put(etag, packed)
    return replace(packed, cache_control=document.cache_control)
