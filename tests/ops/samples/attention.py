"""Samples of attention: masks of both kinds, causal, grouped heads, broadcasting, empty and blind rows."""

import numpy as np

from . import Sample, samples


@samples("scaled_dot_product_attention")
def _(rng):
    def qkv(*lead, q=3, s=5, e=4, ev=4):
        return tuple(rng.normal(size=(*lead, n, w)) for n, w in ((q, e), (s, e), (s, ev)))

    for lead in ((), (2,), (2, 2), (1, 2, 2)):
        yield Sample(qkv(*lead))
    yield Sample(qkv(2, 2, ev=2))
    yield Sample(qkv(2, 2, q=5), dict(is_causal=True))
    yield Sample(qkv(1, 2, q=5, s=3), dict(is_causal=True))
    yield Sample(qkv(1, 2, q=2, s=4), dict(is_causal=True, scale=0.3))
    yield Sample(qkv(2, 2), dict(scale=2.0))
    seen = rng.normal(size=(3, 5)) > 0
    seen[1] = False
    yield Sample((*qkv(2, 2), seen))
    yield Sample((*qkv(2, 2), seen[:2].reshape(2, 1, 1, 5)))
    yield Sample((*qkv(2, 2), rng.normal(size=(3, 5))))
    yield Sample((*qkv(2, 2), rng.normal(size=(2, 1, 3, 5))))
    yield Sample((*qkv(2, 2), rng.normal(size=(1, 2, 1, 5))))
    yield Sample((*qkv(2, 2), np.where(seen, 0.0, -np.inf)), gradcheck=False)
    q, k, v = qkv(2, 2)
    yield Sample((rng.normal(size=(2, 4, 3, 4)), k, v), dict(enable_gqa=True))
    yield Sample((rng.normal(size=(2, 4, 3, 4)), k, v, rng.normal(size=(2, 4, 3, 5))), dict(enable_gqa=True))
    yield Sample((q[:, :, :0], k, v))
    yield Sample((q, k[:, :, :0], v[:, :, :0]))
    yield Sample((q[:1], k, v))
