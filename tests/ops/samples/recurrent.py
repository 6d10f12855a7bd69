"""Samples of recurrent layers and cells."""

from . import Sample, samples


def small(rng, *shape):
    """Numbers small enough that rounding in half precision does not build up from step to step."""
    return 0.3 * rng.normal(size=shape)


def weights(rng, gates, layers=1, directions=1, inputs=2, hidden=3):
    """All weights in torch's order."""
    found = []
    for layer in range(layers):
        for _ in range(directions):
            width = hidden * directions if layer else inputs
            found += [small(rng, gates * hidden, width), small(rng, gates * hidden, hidden)]
            found += [small(rng, gates * hidden), small(rng, gates * hidden)]
    return found


def register(name, gates):
    """Samples of one kind of layer, and of its cell."""
    several = name == "lstm"

    @samples(name)
    def _(rng):
        for layers, directions, batch_first in ((1, 1, False), (2, 2, True)):
            state = [small(rng, layers * directions, 2, 3) for _ in range(1 + several)]
            x = small(rng, 2, 3, 2) if batch_first else small(rng, 3, 2, 2)
            settings = (True, layers, 0.0, False, directions == 2, batch_first)
            hx = state if several else state[0]
            yield Sample((x, hx, weights(rng, gates, layers, directions), *settings), tolerance=1e-4)

    @samples(f"{name}_cell")
    def _(rng):
        state = [small(rng, 2, 3) for _ in range(1 + several)]
        hx = state if several else state[0]
        yield Sample((small(rng, 2, 2), hx, *weights(rng, gates)), tolerance=1e-4)
        yield Sample((small(rng, 2, 2), hx, *weights(rng, gates)[:2]), tolerance=1e-4)


for _name, _gates in (("lstm", 4), ("gru", 3), ("rnn_tanh", 1), ("rnn_relu", 1)):
    register(_name, _gates)
