"""Where a picture ends in its file: what stands behind it is no picture.

A file that is two things, a picture and behind it an archive, a page or a film, is read as the one
by us and as the other by somebody else. Browsers never get it (Note [Posters are drawn again]);
staff are still better off knowing.
"""

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_PADDING = b"\x00\n\r "
_SCAN, _END = 0xDA, 0xD9
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length: TEM, restarts, SOI
_STUFFED = {0x00, *range(0xD0, 0xD8)}  # what follows 0xFF inside a scan without ending it


def goes_on(content: bytes) -> bool:
    """Say whether something other than padding follows the picture; False for what is cut off."""
    if content.startswith(_PNG):
        end = _end_of_png(content)
    elif content.startswith(_JPEG):
        end = _end_of_jpeg(content)
    else:  # WebP: a RIFF file says how long it is
        end = 8 + int.from_bytes(content[4:8], "little")
    return bool(content[end:].strip(_PADDING)) if end is not None else False


def _end_of_png(content: bytes) -> int | None:
    at = len(_PNG)
    while at + 12 <= len(content):
        length, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        at += 12 + length
        if name == b"IEND":
            return at
    return None


def _end_of_jpeg(content: bytes) -> int | None:
    """Return where the last picture ends: cameras put a small one behind the large one."""
    end = _end_of_one(content, 0)
    while end is not None and content.startswith(_JPEG, end):
        following = _end_of_one(content, end)
        if following is None:
            return end
        end = following
    return end


def _end_of_one(content: bytes, begin: int) -> int | None:
    at = begin + 2
    while at + 2 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # fill
            at += 1
        elif marker == _END:
            return at + 2
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
            if marker == _SCAN:
                at = _after_scan(content, at)
    return None


def _after_scan(content: bytes, at: int) -> int:
    """Return where the next marker stands that ends a scan; the length of the file if none does."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            return len(content)
        if content[at + 1] not in _STUFFED:
            return at
        at += 2
