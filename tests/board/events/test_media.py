"""Media: their types and sizes are read from their first bytes alone."""

import struct

import numpy as np
import pytest

from rushlight.board.events.decoding import decode_value
from rushlight.board.events.media import animated, items, size, sniffed

HOSTILE = [
    b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
    b"<!doctype html>",
    b"<?xml version='1.0'?>",
    b"",
    b"%PDF-1.7",
    b"RIFF",
    b"PK\3\4",
    b"\x89PN",
    b"\xff\xd8",
]


@pytest.mark.parametrize("data", HOSTILE)
def test_what_is_not_on_the_list_has_no_type(data):
    assert sniffed(data) == ""


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "audio/wav"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"BM", "image/bmp"),
    ],
)
def test_types(start, kind):
    assert sniffed(start + bytes(20)) == kind


def test_sizes_by_pillow_files(make):
    image = pytest.importorskip("PIL.Image")
    import io

    for form, kind in {"PNG": "png", "JPEG": "jpeg", "GIF": "gif", "BMP": "bmp", "WEBP": "webp"}.items():
        file = io.BytesIO()
        image.new("RGB", (37, 21)).save(file, form)
        assert sniffed(file.getvalue()) == f"image/{kind}"
        assert size(file.getvalue(), f"image/{kind}") == (37, 21)
    lossless = io.BytesIO()
    image.new("RGBA", (300, 200)).save(lossless, "WEBP", lossless=True)
    assert size(lossless.getvalue(), "image/webp") == (300, 200)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp"])
@pytest.mark.parametrize("data", [b"", b"\xff" * 5, bytes(8)])
def test_torn_heads_have_no_size(kind, data):
    assert size(data, f"image/{kind}") == (0, 0)


def test_a_jpeg_whose_segments_lead_nowhere_has_no_size():
    assert size(b"\xff\xd8\xff\xe0\0\0" + b"\xff" * 9, "image/jpeg") == (0, 0)
    assert size(b"\xff\xd8" + b"\xff\xe0\0\2" * 100_000, "image/jpeg") == (0, 0)


def test_items_of_both_encodings(make):
    png = make.png(3, 2)
    (one,) = items(decode_value(make.image("a", png)))
    assert (one.type, one.width, one.height) == ("image/png", 3, 2)
    strings = np.array([b"3", b"2", png, make.gif()], object)
    found = items(decode_value(make.tensor("a", "images", strings)))
    assert [item.type for item in found] == ["image/png", "image/gif"]
    sounds = np.array([[make.wav(np.zeros(4)), b"said"]], object)
    (sound,) = items(decode_value(make.tensor("a", "audio", sounds)))
    assert (sound.type, sound.label) == ("audio/wav", "said")


def test_a_bomb_is_only_its_head(make):
    """A PNG that would unfold to 12 GB: its size is read, nothing is unfolded."""
    (bomb,) = items(decode_value(make.image("a", make.png_of(65_000, 65_000, b"\0" * 100))))
    assert (bomb.width, bomb.height) == (65_000, 65_000)


def test_malformed_values_are_refused(make):
    with pytest.raises(ValueError, match="no encoded"):
        items(decode_value(make.legacy("a", 4, b"\x08\x01")))
    with pytest.raises(ValueError, match="strings, not float64"):
        items(decode_value(make.tensor("a", "images", np.zeros(3))))


def test_films_are_gifs(make):
    assert animated(decode_value(make.image("a", make.gif())))
    assert not animated(decode_value(make.image("a", make.png(1, 1))))
    assert make.gif()[:6] == b"GIF89a" and struct.unpack_from("<HH", make.gif(), 6) == (2, 1)
