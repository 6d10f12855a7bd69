"""Media over HTTP: the bytes as written, under a type from the list, never as a page."""

import io
import wave

import numpy as np
import pytest

ATTACKS = [
    b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    b"<!doctype html><script>alert(1)</script>",
    b"\0\1\2",
]


def test_a_picture_as_it_was_written(asking, write, make):
    png = make.png(3, 2)
    write("run", (7, make.image("a/b", png)))
    mark = asking.entries("images", "a/b")["mark"][0]
    question = {"kind": "images", "run": "run", "tag": "a/b", "mark": mark}
    assert asking.json("/api/describe", question)["items"] == [
        {"type": "image/png", "bytes": len(png), "width": 3, "height": 2, "label": ""}
    ]
    status, headers, body = asking.media("images", "a/b", mark)
    assert (status, headers["content-type"], body) == (200, "image/png", png)
    assert headers["x-content-type-options"] == "nosniff" and "sandbox" in headers["content-security-policy"]


@pytest.mark.parametrize("data", ATTACKS)
def test_what_is_no_picture_is_a_file_to_save(asking, write, make, data):
    write("run", (1, make.image("a", data)))
    mark = asking.entries("images", "a")["mark"][0]
    status, headers, body = asking.media("images", "a", mark)
    assert (status, headers["content-type"], body) == (200, "application/octet-stream", data)
    assert headers["content-disposition"].startswith("attachment")
    assert headers["x-content-type-options"] == "nosniff"


def test_audio_and_tensors(asking, write, make):
    wav = make.wav(np.sin(np.arange(100)))
    strings = np.array([b"3", b"2", make.png(3, 2), make.png(1, 1)], object)
    write("run", (1, make.audio("s", wav), make.tensor("t", "images", strings)))
    status, headers, body = asking.media("audio", "s", asking.entries("audio", "s")["mark"][0])
    assert (status, headers["content-type"], body) == (200, "audio/wav", wav)
    mark = asking.entries("images", "t")["mark"][0]
    assert asking.media("images", "t", mark, 1).body == make.png(1, 1)
    assert asking.media("images", "t", mark, 2).status == 404


def test_a_gif_is_an_image_and_a_video(asking, write, make):
    write("run", (1, make.image("film", make.gif())))
    for kind in ("images", "video"):
        mark = asking.entries(kind, "film")["mark"][0]
        assert asking.media(kind, "film", mark).headers["content-type"] == "image/gif"


def test_a_video_of_the_video_plugin(asking, write, make):
    mp4 = b"\0\0\0\x18ftypisom" + bytes(50)
    write("run", (1, make.tensor("film", "video", np.array([mp4], object))))
    status, headers, body = asking.media("video", "film", asking.entries("video", "film")["mark"][0])
    assert (status, headers["content-type"], body) == (200, "video/mp4", mp4)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?kind=images",
        "?kind=images&run=run&tag=a&mark=x&item=-1",
        "?kind=images&run=run&tag=a&mark=x&item=1e9",
        "?kind=text&run=run&tag=a&mark=x",
    ],
)
def test_bad_addresses(asking, query):
    answer = asking.ask("/api/media" + query)
    assert answer.status == 400 and answer.body


def test_paths_are_never_opened(asking, write, make, tmp_path):
    (tmp_path.parent / "secret").write_text("secret")
    write("run", (1, make.image("a", make.png(1, 1))))
    mark = asking.entries("images", "a")["mark"][0]
    for run in ("../secret", "/etc/passwd", "run/../../secret", "run\0"):
        assert asking.media("images", "a", mark, run=run).status == 404


def test_a_bomb_is_described_and_not_unfolded(asking, write, make):
    """65,000 x 65,000 pixels in a hundred bytes: only the head is read."""
    write("run", (1, make.image("a", make.png_of(65_000, 65_000, bytes(100)), width=-1, height=-5)))
    mark = asking.entries("images", "a")["mark"][0]
    (item,) = asking.json("/api/describe", {"kind": "images", "run": "run", "tag": "a", "mark": mark})[
        "items"
    ]
    assert (item["width"], item["height"]) == (65_000, 65_000) and item["bytes"] < 300


MALFORMED = [b"\xff\xff\xff", b"\x22\xff\xff\xff\x7f", b"", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]


def test_malformed_messages_are_errors_of_their_card(asking, write, make):
    write("run", *((k, make.legacy("a", 4, data)) for k, data in enumerate(MALFORMED)))
    line = asking.entries("images", "a", count=len(MALFORMED))
    for mark in line["mark"]:
        question = {"kind": "images", "run": "run", "tag": "a", "mark": mark}
        assert asking.json("/api/describe", question)["error"].startswith("malformed")
        assert asking.media("images", "a", mark).status == 404


def test_a_tensor_that_claims_to_be_huge_is_not_filled(asking, write):
    """Two bytes of numbers that claim to be repeated a billion times."""
    from rushlight.board.events import messages
    from rushlight.io import protobuf

    shape = protobuf.data(2, protobuf.uint(1, 1 << 27))
    tensor = protobuf.uint(1, 1) + protobuf.data(2, shape) + protobuf.single(5, 1.0)
    value = protobuf.text(1, "a") + protobuf.data(8, tensor) + protobuf.data(9, messages.metadata("images"))
    write("run", (1, value))
    mark = asking.entries("images", "a")["mark"][0]
    answer = asking.json("/api/describe", {"kind": "images", "run": "run", "tag": "a", "mark": mark})
    assert answer["error"].startswith("malformed")


def test_what_torch_writes(asking, tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    pillow = pytest.importorskip("PIL.Image")
    picture = np.random.default_rng(0).integers(0, 256, (3, 5, 7), np.uint8)
    with tensorboard.SummaryWriter(tmp_path / "run") as writer:
        writer.add_image("a", picture, 3)
        writer.add_audio("s", np.linspace(-1, 1, 50, dtype=np.float32)[None], 4, sample_rate=8000)
    _, headers, body = asking.media("images", "a", asking.entries("images", "a")["mark"][0])
    assert headers["content-type"] == "image/png"
    np.testing.assert_array_equal(np.asarray(pillow.open(io.BytesIO(body))), picture.transpose(1, 2, 0))
    _, headers, body = asking.media("audio", "s", asking.entries("audio", "s")["mark"][0])
    with wave.open(io.BytesIO(body)) as sound:
        assert headers["content-type"] == "audio/wav" and (sound.getframerate(), sound.getnframes()) == (
            8000,
            50,
        )
