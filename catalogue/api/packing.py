"""Compressed forms of large documents that rarely change."""

import gzip
import re
from dataclasses import replace
from functools import lru_cache

from rest_framework.request import Request

from kernel.redis.documents import Document

WORTH_PACKING = 1024  # bytes
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


def accepts_gzip(request: Request) -> bool:
    """Say whether the client can read gzip."""
    return bool(_GZIP.search(request.headers.get("Accept-Encoding", "")))


@lru_cache(maxsize=16)
def gzipped(document: Document) -> Document:
    """Return the document compressed, under an entity tag of its own (RFC 9110, 8.8.3.3)."""
    body = gzip.compress(document.body, compresslevel=6, mtime=0)
    return replace(document, body=body, etag=document.etag[:-1] + '-gzip"')
