"""Text, images, sound, film, and figures of other libraries."""

from __future__ import annotations

import io
import json
import math
import re
import wave
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np

from .. import png
from .arrays import array, plain
from .layout import Opts, options
from .post import Poster

AUDIO = {"wav": "wav", "mp3": "mpeg", "ogg": "ogg", "flac": "flac"}
VIDEO = {"mp4": "mp4", "ogv": "ogg", "avi": "x-msvideo", "webm": "webm"}


class Media(Poster):
    """Calls that show what people read, see and hear."""

    def text(
        self,
        text: str,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
        append: bool = False,
    ) -> str:
        """HTML, of which the page shows what is harmless; append=True adds a line to a window."""
        chosen, data = options(opts), [{"type": "text", "content": str(text)}]
        call = "update" if append else "events"
        return self._post(call, win, env, chosen, data=data, **({"append": True} if append else {}))

    def image(
        self, img: Any, win: str | None = None, env: str | None = None, opts: Opts | None = None
    ) -> str:
        """C x H x W or H x W numbers: bytes 0 to 255, or floats 0 to 1 (to 255 if any is over 1).

        opts: caption, title, store_history (a slider over all images of the window), jpgquality (Pillow).
        """
        pixels = _pixels(array(img))
        chosen = options(opts, width=pixels.shape[1], height=pixels.shape[0])
        content = {"src": _image_address(pixels, chosen.get("jpgquality")), "caption": chosen.get("caption")}
        if not chosen.get("store_history"):
            return self._typed("image", content, win, env, chosen)
        data = [{"type": "image_history", "content": content}]
        return self._post("update" if win is not None else "events", win, env, chosen, data=data, append=True)

    def images(
        self,
        tensor: Any,
        nrow: int = 8,
        padding: int = 2,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
    ) -> str:
        """A grid of images, B x C x H x W or a list of them, `nrow` in a row."""
        found = np.stack([array(x) for x in tensor]) if isinstance(tensor, list | tuple) else array(tensor)
        if found.ndim <= 3:
            return self.image(found, win, env, opts)
        if found.ndim != 4:
            raise ValueError(f"images takes B x C x H x W, not an array of shape {found.shape}")
        return self.image(_grid(found, nrow, padding), win, env, opts)

    def audio(
        self,
        tensor: Any = None,
        audiofile: str | None = None,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
    ) -> str:
        """Sound: N or N x 2 samples, the loudest being full volume, or a file. opts: sample_frequency."""
        chosen = options(opts, sample_frequency=44100, width=330, height=80)
        if tensor is not None:
            data, kind = _wav(array(tensor), int(chosen["sample_frequency"])), "wav"
        else:
            data, kind = _file(audiofile, AUDIO, "audio")
        return self.text(_player("audio", kind, data, "controls"), win, env, chosen)

    def video(
        self,
        tensor: Any = None,
        dim: str = "LxHxWxC",
        videofile: str | None = None,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
    ) -> str:
        """Film: a file, or frames L x H x W x C (or "LxCxHxW"), which are shown as an animated PNG.

        opts: fps (25), loop, autoplay. Channels are red, green, blue; Visdom's are blue, green, red.
        """
        chosen = options(opts, fps=25)
        if tensor is None:
            data, kind = _file(videofile, VIDEO, "video")
            flags = " ".join(["controls", *(flag for flag in ("autoplay", "loop") if chosen.get(flag))])
            return self.text(_player("video", kind, data, flags), win, env, chosen)
        frames = array(tensor)
        if frames.ndim != 4 or dim not in ("LxHxWxC", "LxCxHxW") or not len(frames):
            raise ValueError(f"video takes LxHxWxC or LxCxHxW frames, not {frames.shape} as {dim!r}")
        if dim == "LxHxWxC":
            frames = frames.transpose(0, 3, 1, 2)
        top = 1.0 if frames.dtype.kind == "f" and frames.max() <= 1 else 255.0
        made = png.animated(
            [_pixels(frame, top) for frame in frames], 1 / chosen["fps"], chosen.get("loop", True)
        )
        chosen = options(chosen, width=frames.shape[3], height=frames.shape[2])
        return self._typed("image", {"src": address("image/png", made)}, win, env, chosen)

    def svg(
        self,
        svgstr: str | None = None,
        svgfile: str | None = None,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
    ) -> str:
        """An SVG, as text or from a file; the page shows it as an image, in which no script runs."""
        text = Path(svgfile).read_text("utf-8") if svgfile is not None else svgstr
        found = re.search(r"<svg\b.*</svg>", text or "", re.DOTALL)
        if found is None:
            raise ValueError("this is no SVG: there is no <svg> ... </svg> in it")
        return self.text(found[0], win, env, opts)

    def matplot(
        self, plot: Any, opts: Opts | None = None, env: str | None = None, win: str | None = None
    ) -> str:
        """A matplotlib figure, or `matplotlib.pyplot`. opts: resizable (fills its window)."""
        buffer = io.StringIO()
        plot.savefig(buffer, format="svg")
        svg = buffer.getvalue()
        head = re.search(r'<svg\b[^>]*?height="([\d.]+)pt"[^>]*?width="([\d.]+)pt"', svg, re.DOTALL)
        chosen = options(opts)
        if head is not None:  # points are 4/3 pixels
            chosen = options(
                chosen,
                height=math.ceil(float(head[1]) * 4 / 3) + 10,
                width=math.ceil(float(head[2]) * 4 / 3) + 10,
            )
            if chosen.get("resizable"):
                svg = svg.replace(head[0], re.sub(r' (height|width)="[\d.]+pt"', "", head[0]), 1)
        return self.svg(svg, win=win, env=env, opts=chosen)

    def plotlyplot(self, figure: Any, win: str | None = None, env: str | None = None) -> str:
        """A figure of plotly's: anything with `to_json()` or `to_plotly_json()`, or {"data", "layout"}."""
        if hasattr(figure, "to_json"):
            figure = json.loads(figure.to_json())
        elif hasattr(figure, "to_plotly_json"):
            figure = figure.to_plotly_json()
        content = plain(figure)
        shown = content.get("layout", {})
        title = shown.get("title")
        title = title.get("text") if isinstance(title, dict) else title
        return self._post(
            "events", win, env, {"title": title} if title else {}, data=content["data"], layout=shown
        )


def address(kind: str, data: bytes) -> str:
    """A data: URL."""
    return f"data:{kind};base64,{b64encode(data).decode()}"


def _player(tag: str, kind: str, data: bytes, flags: str) -> str:
    return f'<{tag} {flags}><source type="{tag}/{kind}" src="{address(f"{tag}/{kind}", data)}"></{tag}>'


def _file(path: str | None, kinds: dict[str, str], what: str) -> tuple[bytes, str]:
    if path is None:
        raise ValueError(f"{what} takes a tensor or {what}file=")
    kind = kinds.get(Path(path).suffix.lower().removeprefix("."))
    if kind is None:
        raise ValueError(f"{path}: {what} files end in {', '.join(kinds)}")
    return Path(path).read_bytes(), kind


def _pixels(image: np.ndarray, top: float | None = None) -> np.ndarray:
    """H x W x C bytes from C x H x W or H x W. Raises ValueError."""
    image = image[None] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[0] not in (1, 3, 4) or not image.size:
        raise ValueError(f"an image is H x W or C x H x W with C of 1, 3 or 4, not {image.shape}")
    if image.dtype.kind == "f":
        image = np.nan_to_num(image)
        image = image * 255.0 if (image.max() if top is None else top) <= 1 else image
    elif image.dtype == np.bool_:
        image = image * np.uint8(255)
    return np.clip(image, 0, 255).astype(np.uint8).transpose(1, 2, 0)


def _image_address(pixels: np.ndarray, quality: float | None) -> str:
    if quality is None:
        return address("image/png", png.encode(pixels))
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            "opts['jpgquality'] needs Pillow: pip install pillow; without it images are PNG"
        ) from None
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels[..., :3]).save(
        buffer, "JPEG", quality=int(quality)
    )
    return address("image/jpeg", buffer.getvalue())


def _grid(images: np.ndarray, nrow: int, padding: int) -> np.ndarray:
    """Images side by side, white between them; each value range stays what it is."""
    count, channels, height, width = images.shape
    columns = max(1, min(nrow, count))
    rows = -(-count // columns)
    white = 1 if images.dtype.kind == "f" and images.max(initial=0) <= 1 else 255
    made = np.full(
        (channels, rows * (height + padding) + padding, columns * (width + padding) + padding),
        white,
        images.dtype,
    )
    for k, image in enumerate(images):
        top = padding + (k // columns) * (height + padding)
        left = padding + (k % columns) * (width + padding)
        made[:, top : top + height, left : left + width] = image
    return made


def _wav(samples: np.ndarray, frequency: int) -> bytes:
    """16 bits a sample."""
    if samples.ndim not in (1, 2) or samples.ndim == 2 and samples.shape[1] != 2 or not samples.size:
        raise ValueError(f"audio takes N or N x 2 samples, not an array of shape {samples.shape}")
    samples = np.nan_to_num(samples.astype(float))
    samples = samples / (np.abs(samples).max() or 1.0)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.ndim)
        file.setsampwidth(2)
        file.setframerate(frequency)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return buffer.getvalue()
