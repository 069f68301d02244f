"""Pictures for tests, as people might upload them."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image


def picture(
    width: int = 1400, height: int = 1980, *, form: str = "JPEG", mode: str = "RGB", **saved: Any
) -> bytes:
    """Return a picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), (220, 30, 30))
    image.paste((30, 30, 220), (width // 2, 0, width, height))
    target = BytesIO()
    image.convert(mode).save(target, form, **saved)
    return target.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG of a few hundred bytes whose header claims a size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checked = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checked

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000)
    ending = chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + ending


def opened(content: bytes) -> Image.Image:
    """Return the decoded picture."""
    image = Image.open(BytesIO(content))
    image.load()
    return image
