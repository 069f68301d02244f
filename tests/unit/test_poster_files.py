"""What is made of an uploaded poster, and what is refused, in words for people."""

from io import BytesIO

import pytest
from django.utils.translation import override
from PIL import Image, ImageCms

from concerts import policy, poster_files
from concerts.errors import PosterInvalid
from tests.support.pictures import opened, picture, png_that_claims

SCRIPT = b"<script>alert(1)</script>"
ORIENTATION, GPS = 0x0112, 0x8825
RED, BLUE = (220, 30, 30), (30, 30, 220)


SMALL = picture(400, 500)


def near(pixel: tuple[int, ...], wanted: tuple[int, ...], within: int = 24) -> bool:
    return all(abs(a - b) <= within for a, b in zip(pixel, wanted, strict=True))


def problem_of(content: bytes) -> str:
    with override("en"), pytest.raises(PosterInvalid) as refused:
        poster_files.draw_again(content)
    return refused.value.extras["problem"]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_becomes_webp_in_three_widths(form):
    made = poster_files.draw_again(picture(form=form))
    assert tuple(made.files) == policy.POSTER_WIDTHS
    assert (made.width, made.height) == (1280, 1810)
    for width, content in made.files.items():
        image = opened(content)
        assert (image.format, image.mode, image.width) == ("WEBP", "RGB", width)
        assert near(image.getpixel((5, 5)), RED)
        assert near(image.getpixel((width - 5, 5)), BLUE)


def test_a_narrow_picture_is_not_widened():
    made = poster_files.draw_again(picture(500, 700))
    assert list(made.files) == [320, 500]
    assert (made.width, made.height) == (500, 700)
    assert list(poster_files.draw_again(picture(320, 400)).files) == [320]


def test_nothing_but_the_picture_is_left_of_a_photo():
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # taken upright: the stored picture lies on its side
    exif.get_ifd(GPS)[1] = "N"
    exif[0x010E] = SCRIPT.decode()
    content = picture(1980, 1400, exif=exif, comment=SCRIPT)
    assert SCRIPT in content
    made = poster_files.draw_again(content)
    assert (made.width, made.height) == (1280, 1810)
    for file in made.files.values():
        image = opened(file)
        assert not image.getexif()
        assert not {"exif", "xmp", "icc_profile", "comment"} & set(image.info)
        assert b"script" not in file
    assert near(opened(made.files[320]).getpixel((5, 5)), RED)
    assert near(opened(made.files[320]).getpixel((5, 440)), BLUE)


@pytest.mark.parametrize(
    ("form", "mode"),
    [("PNG", "L"), ("PNG", "P"), ("PNG", "1"), ("PNG", "LA"), ("JPEG", "CMYK")],
)
def test_every_kind_of_colour_is_understood(form, mode):
    source = Image.new("L", (400, 500), 255)
    target = BytesIO()
    source.convert(mode).save(target, form)
    image = opened(poster_files.draw_again(target.getvalue()).files[320])
    assert near(image.getpixel((100, 100)), (255,) * 3, 8)


def test_what_is_transparent_shows_paper():
    target = BytesIO()
    Image.new("RGBA", (400, 500), (0, 0, 0, 0)).save(target, "PNG")
    image = opened(poster_files.draw_again(target.getvalue()).files[320])
    assert near(image.getpixel((50, 50)), (255, 255, 255), 3)


def test_colours_of_another_profile_are_those_of_screens():
    lab_like = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = poster_files.draw_again(picture(400, 500, icc_profile=lab_like))
    assert near(opened(same.files[320]).getpixel((5, 5)), RED)
    nonsense = poster_files.draw_again(picture(400, 500, icc_profile=b"no profile at all"))
    assert near(opened(nonsense.files[320]).getpixel((5, 5)), RED)


def test_the_same_picture_has_the_same_name_and_another_another():
    first, again = (poster_files.draw_again(SMALL).digest for _ in range(2))
    other = poster_files.draw_again(picture(400, 600)).digest
    assert first == again != other
    assert len(first) == 32


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xd8\xff" + b"x" * policy.POSTER_BYTES, "larger than 10 MB"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>", "no JPEG, PNG or WebP"),
        (picture(400, 500, form="GIF"), "no JPEG, PNG or WebP"),
        (picture(400, 500, form="TIFF"), "no JPEG, PNG or WebP"),
        (b"%PDF-1.7 and so on", "no JPEG, PNG or WebP"),
        (b"", "no JPEG, PNG or WebP"),
        (b"GIF89a/*" + SCRIPT + b"*/", "no JPEG, PNG or WebP"),
        (png_that_claims(10_000, 10_000), "more than 50 megapixels"),
        (png_that_claims(60_000, 60_000), "more than 50 megapixels"),
        (png_that_claims(2**31 - 1, 2**31 - 1), "more than 50 megapixels"),
        (png_that_claims(5_000, 9_000), "broken or incomplete"),
        (picture(319, 900), "at least 320 pixels"),
        (picture(400, 1700), "more than 4 times"),
        (SMALL[:-400], "broken or incomplete"),
        (picture(400, 500, form="PNG")[:-200], "broken or incomplete"),
        (picture(400, 500, form="WEBP")[:-40], "broken or incomplete"),
        (SMALL + b"PK\x03\x04 an archive", "other than the picture"),
        (SMALL + SCRIPT, "other than the picture"),
        (picture(400, 500, form="PNG") + b"<html>" + SCRIPT, "other than the picture"),
        (picture(400, 500, form="WEBP") + b"%PDF-1.7", "other than the picture"),
        (SMALL + picture(400, 500, form="PNG"), "other than the picture"),
        (picture(400, 500, progressive=True) + SCRIPT, "other than the picture"),
    ],
    ids=[
        "too many bytes", "SVG", "GIF", "TIFF", "PDF", "empty", "GIF and script",
        "more pixels", "a bomb", "a larger bomb", "a header without its pixels", "narrow",
        "a strip", "cut JPEG", "cut PNG", "cut WebP", "JPEG and archive", "JPEG and page",
        "PNG and page", "WebP and PDF", "JPEG and PNG", "progressive JPEG and page",
    ],
)  # fmt: skip
def test_what_can_not_be_a_poster_is_refused_with_words(content, words):
    assert words in problem_of(content)
    with override("ko"), pytest.raises(PosterInvalid) as refused:
        poster_files.draw_again(content)
    assert any("가" <= letter <= "힣" for letter in refused.value.extras["problem"])


def test_a_picture_that_moves_is_refused():
    frames = [Image.new("RGB", (400, 500), (shade, 0, 0)) for shade in (0, 250)]
    for form in ("WEBP", "PNG"):
        target = BytesIO()
        frames[0].save(target, form, save_all=True, append_images=frames[1:])
        assert "moves" in problem_of(target.getvalue())


def test_padding_and_the_second_picture_of_a_camera_are_no_fault():
    for content in (SMALL + b"\0" * 64, SMALL + picture(400, 400)):
        poster_files.draw_again(content)
    poster_files.draw_again(picture(400, 500, progressive=True))


@pytest.mark.control
def test_without_the_look_at_its_header_a_picture_of_many_pixels_is_decoded(monkeypatch):
    monkeypatch.setattr(policy, "POSTER_PIXELS", 10**9)
    monkeypatch.setattr(policy, "POSTER_SIDES", 10**9)
    assert "broken" in problem_of(png_that_claims(8_000, 8_000))
