"""A poster as it is uploaded, and the files that are made of it. No database, no storage.

Note [Posters are drawn again]
What staff upload is decoded and encoded again, so that nothing of it but the picture reaches a fan:
no place where a photo was taken, no script, no second file behind the picture. It is judged before
it is decoded, by its bytes and by what its header says: a small file may claim a picture that fills
the memory. The files are named by what is in them, so a name means the same bytes for ever.
"""

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from concerts import policy
from concerts.errors import PosterInvalid
from concerts.poster_ends import goes_on
from kernel.i18n import text

if TYPE_CHECKING:
    from kernel.i18n import LazyText

_FORMATS = ("JPEG", "PNG", "WEBP")
_PAPER = (255, 255, 255)  # behind what is transparent
# A decoded picture has up to 200 MB: a process has one at a time.
_DECODING = Lock()

_TOO_LARGE = text(
    en=f"The file is larger than {policy.POSTER_BYTES // 10**6} MB.",
    ko=f"파일이 {policy.POSTER_BYTES // 10**6}MB보다 큽니다.",
)
_NO_PICTURE = text(
    en="This is no JPEG, PNG or WebP picture. Drawings such as SVG must be exported as one.",
    ko="JPEG, PNG, WebP 이미지가 아닙니다. SVG 같은 파일은 이미지로 변환해 올려 주세요.",
)
_TOO_MANY_PIXELS = text(
    en=f"The picture has more than {policy.POSTER_PIXELS // 10**6} megapixels.",
    ko=f"이미지가 {policy.POSTER_PIXELS // 10**6}메가픽셀보다 큽니다.",
)
_TOO_SMALL = text(
    en=f"The picture must be at least {policy.POSTER_WIDTHS[0]} pixels wide and high.",
    ko=f"이미지의 가로와 세로는 {policy.POSTER_WIDTHS[0]}픽셀 이상이어야 합니다.",
)
_TOO_NARROW = text(
    en=f"One side of the picture is more than {policy.POSTER_SIDES} times the other.",
    ko=f"이미지의 한 변이 다른 변의 {policy.POSTER_SIDES}배보다 깁니다.",
)
_MOVES = text(
    en="The picture moves. Please upload a still one.",
    ko="움직이는 이미지입니다. 정지 이미지를 올려 주세요.",
)
_BROKEN = text(
    en="The picture is broken or incomplete. Please export and upload it again.",
    ko="이미지가 손상되었거나 완전하지 않습니다. 다시 저장해서 올려 주세요.",
)
_GOES_ON = text(
    en="Something other than the picture stands at the end of the file. "
    "Please export the picture alone.",
    ko="파일 끝에 이미지가 아닌 내용이 있습니다. 이미지만 다시 저장해서 올려 주세요.",
)


@dataclass(frozen=True, slots=True)
class PosterFiles:
    """The files of a poster by width in pixels, and the size of the widest."""

    digest: str
    width: int
    height: int
    files: dict[int, bytes]


def check_length(length: int) -> None:
    """Refuse a file by its length in bytes, before it is read. Raises `PosterInvalid`."""
    if length > policy.POSTER_BYTES:
        raise _refusal(_TOO_LARGE)


def draw_again(content: bytes) -> PosterFiles:
    """Return the files made of an uploaded picture (Note [Posters are drawn again]).

    WebP without metadata, in `policy.POSTER_WIDTHS` or as wide as the picture is; never wider.
    Raises `PosterInvalid`, whose `problem` is for people.
    """
    check_length(len(content))
    with _DECODING:
        return files_of(_decoded(content))


def files_of(picture: Image.Image) -> PosterFiles:
    """Return the files of a picture in RGB."""
    widths = sorted({min(width, picture.width) for width in policy.POSTER_WIDTHS})
    narrowed = {width: _narrowed(picture, width) for width in widths}
    files = {width: _packed(one) for width, one in narrowed.items()}
    widest = narrowed[widths[-1]]
    digest = sha256(b"".join(files[width] for width in widths)).hexdigest()[:32]
    return PosterFiles(digest, widest.width, widest.height, files)


def _decoded(content: bytes) -> Image.Image:
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as opened:
            _check(opened, content)
            return _flat(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refusal(_TOO_MANY_PIXELS) from None
    except UnidentifiedImageError:
        raise _refusal(_NO_PICTURE) from None
    except (OSError, ValueError, SyntaxError, EOFError):  # what decoders raise
        raise _refusal(_BROKEN) from None


def _check(opened: Image.Image, content: bytes) -> None:
    """Judge a picture by its header, before a pixel is decoded."""
    width, height = opened.size
    if width * height > policy.POSTER_PIXELS:
        raise _refusal(_TOO_MANY_PIXELS)
    if min(width, height) < policy.POSTER_WIDTHS[0]:
        raise _refusal(_TOO_SMALL)
    if max(width, height) > policy.POSTER_SIDES * min(width, height):
        raise _refusal(_TOO_NARROW)
    # A camera's JPEG may have a small second picture, which is no motion.
    if opened.format in ("PNG", "WEBP") and getattr(opened, "is_animated", False):
        raise _refusal(_MOVES)
    if goes_on(content):
        raise _refusal(_GOES_ON)


def _flat(opened: Image.Image) -> Image.Image:
    """Return the picture upright, in sRGB, without transparency, no wider than is needed."""
    widest = policy.POSTER_WIDTHS[-1]
    opened.draft("RGB", (2 * widest, 2 * widest))  # a JPEG is decoded no larger than is needed
    opened.load()
    profile = opened.info.get("icc_profile")
    upright = ImageOps.exif_transpose(opened)
    plain = upright.mode in ("RGB", "L", "CMYK")
    narrow = _narrowed(upright if plain else upright.convert("RGBA"), widest)
    if profile and narrow.mode in ("RGB", "CMYK"):
        narrow = _in_srgb(narrow, profile)
    if narrow.mode != "RGBA":
        return narrow.convert("RGB")
    paper = Image.new("RGB", narrow.size, _PAPER)
    paper.paste(narrow, mask=narrow.getchannel("A"))
    return paper


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Return the picture in the colours of screens; a profile that makes no sense is left out."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        changed = ImageCms.profileToProfile(
            picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return changed or picture


def _narrowed(picture: Image.Image, width: int) -> Image.Image:
    if picture.width <= width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _packed(picture: Image.Image) -> bytes:
    target = BytesIO()
    picture.save(target, "WEBP", quality=policy.POSTER_QUALITY, method=4)
    return target.getvalue()


def _refusal(problem: "LazyText") -> PosterInvalid:
    return PosterInvalid(problem=str(problem))
