"""What the programs given to `compile` compute and move, layer by layer, for their floors (floors.py)."""

from __future__ import annotations

from .compiled_models_images import MOBILE, RESNET18
from .compiled_models_sequences import BPTT, HEADS, LAYERS, LENGTH, UNITS, VOCABULARY, WIDTH, WORDS
from .floors import Part, conv, dense, depthwise, norm, passes, product, update


def seed(states: int) -> list[Part]:
    """64x1000x100x10; Adam has two states, the gradient step none."""
    return [*dense(64, 1000, 100, 10), update(101_000, states)]


def mlp() -> list[Part]:
    """784-512-512-10, batch 128, momentum."""
    return [*dense(128, 784, 512, 512, 10), update(669_706, 1)]


def mlp_answer() -> list[Part]:
    """Its weights read once."""
    return dense(1, 784, 512, 512, 10, times=1)


def deep_mlp() -> list[Part]:
    """20 layers of width 32, batch 8."""
    return [*dense(8, *[32] * 21), update(20 * 33 * 32, 0)]


def vae() -> list[Part]:
    """784-400-(20, 20)-20-400-784, batch 128, Adam."""
    encoder, decoder = dense(128, 784, 400, 40), dense(128, 20, 400, 784, first=3)
    return [*encoder, *decoder, passes(128 * 784, 2), update(652_824, 2)]


def gcn(nodes: int = 2708, edges: int = 13_264) -> list[Part]:
    """1433-16-7; a message is read, added and written, and so is its gradient; Adam."""
    products = dense(nodes, 1433, 16, 7)
    return [*products, passes(edges * (16 + 7), 6), update(1433 * 16 + 16 * 7, 2)]


def lenet(images: int = 64) -> list[Part]:
    """Two convolutions and their pooling (read, written; and back), three linear layers, momentum."""
    convs = conv(images, 28, 1, 6, 5, times=2), conv(images, 10, 6, 16, 5)
    pools = passes(images * (6 * 28 * 28 + 16 * 10 * 10) * 1.25, 2)
    return [*convs, pools, *dense(images, 400, 120, 84, 10, first=3), update(61_706, 1)]


def resnet18(images: int = 32, times: int = 3) -> list[Part]:
    """A stem and eight blocks of two 3x3 convolutions, a batch norm after each; momentum when trained."""
    parts, side = [conv(images, 32, 3, 64, 3, min(times, 2)), norm(images * 64 * 32 * 32, 2 * times - 1)], 32
    for before, after, stride in RESNET18:
        side //= stride
        parts += [conv(images, side, before, after, 3, times, stride)]
        parts += [conv(images, side, after, after, 3, times)]
        parts += [norm(images * after * side * side, 2 * times - 1)] * 2
        if stride > 1:
            parts += [conv(images, side, before, after, 1, times, stride)]
    return [*parts, product(images, 512, 10, times), *([update(11_173_962, 1)] if times > 1 else [])]


def resnet18_answer() -> list[Part]:
    """One image: batch norm is part of the convolution, so that only products remain."""
    return [part for part in resnet18(1, times=1) if part.flops]


def mobile(images: int = 32) -> list[Part]:
    """A stem, then blocks of a depthwise and a 1x1 convolution, a batch norm after each; momentum."""
    parts, side = [conv(images, 32, 3, 32, 3, times=2), norm(images * 32 * 32 * 32)], 32
    for before, after, stride in MOBILE:
        side //= stride
        parts += [depthwise(images, side, before, 3, stride)]
        parts += [conv(images, side, before, after, 1)]
        parts += [norm(images * (before + after) * side * side)]
    return [*parts, product(images, 512, 10), update(sum(a * b + 13 * a for a, b, _ in MOBILE), 1)]


def dcgan(images: int = 32, width: int = 64) -> list[Part]:
    """The discriminator three times (the real data has no gradient), the generator once; Adam for both."""
    # a transposed convolution is a convolution with input and output changed
    steps = [(3, width, 16), (width, 2 * width, 8), (2 * width, 4 * width, 4)]
    layers = [conv(images, side, before, after, 4, stride=2) for before, after, side in steps]
    ends = product(images, 16 * 4 * width, 1), product(images, 100, 16 * 4 * width)
    norms = norm(images * width * (2 * 64 + 4 * 16)), norm(images * width * (256 + 2 * 64 + 4 * 16))
    judge, make = [*layers, ends[0], norms[0]], [*layers, ends[1], norms[1]]
    return [*judge * 3, *make, update(2 * 16 * width * (3 + 10 * width) + 116 * 64 * width, 2)]


def gpt_parameters() -> int:
    """Weights of the blocks and the tied embedding."""
    return LAYERS * 12 * WIDTH * WIDTH + (VOCABULARY + LENGTH) * WIDTH


def gpt(batch: int = 4) -> list[Part]:
    """Linear layers, causal attention (half of each product), norms, GELU and residuals; clipping, AdamW."""
    rows = batch * LENGTH
    linear = [product(rows, WIDTH, 3 * WIDTH), product(rows, WIDTH, WIDTH)]
    linear += [product(rows, WIDTH, 4 * WIDTH), product(rows, 4 * WIDTH, WIDTH)]
    # forward 2 products of LENGTH x LENGTH by WIDTH / HEADS, backward 5; what they read and write stays near
    attention = Part(7 * 2 * batch * HEADS * LENGTH * LENGTH * (WIDTH // HEADS) / 2, 4 * 8 * rows * WIDTH)
    block = [*linear, attention, norm(rows * WIDTH), norm(rows * WIDTH), passes(rows * 4 * WIDTH, 5)]
    head = [product(rows, WIDTH, VOCABULARY), norm(rows * WIDTH)]
    return [*block * LAYERS, *head, passes(gpt_parameters(), 1), update(gpt_parameters(), 2)]


def gpt_token() -> list[Part]:
    """Weights and caches read once."""
    sizes = (3 * WIDTH, WIDTH, 4 * WIDTH, 4 * WIDTH)
    block = [*(product(1, WIDTH, size, times=1) for size in sizes), passes(2 * LENGTH * WIDTH, 1)]
    return [*block * LAYERS, product(1, WIDTH, VOCABULARY, times=1)]


def lstm(batch: int = 20, layers: int = 2) -> list[Part]:
    """Both products of a cell at every word, the decoder and its cross entropy; clipping, a gradient step."""
    rows = BPTT * batch
    cells = [product(rows, UNITS, 4 * UNITS)] * (2 * layers)
    parameters = 8 * layers * UNITS * UNITS + 2 * WORDS * UNITS
    entropy = passes(rows * WORDS, 3)
    return [*cells, product(rows, UNITS, WORDS), entropy, passes(parameters, 1), update(parameters, 0)]
