"""Embeddings for tests, as add_embedding writes them."""

import numpy as np

from rushlight.board import Writer


def write(folder, points, labels=None, name="emb", tensor="t.tsv", sprite=None):
    """An event file, a config, and the tables it names; labels: lines of metadata.tsv."""
    with Writer(folder) as writer:
        writer.add_scalar("loss", 1.0, 1)
    lines = [f'tensor_name: "{name}"', f'tensor_path: "{tensor}"']
    if tensor == "t.tsv":
        rows = np.asarray(points).tolist()
        (folder / tensor).write_text("\n".join("\t".join(map(repr, row)) for row in rows))
    if labels is not None:
        (folder / "m.tsv").write_text("\n".join(labels) + "\n")
        lines.append('metadata_path: "m.tsv"')
    if sprite is not None:
        (folder / "s.png").write_bytes(sprite)
        lines.append('sprite { image_path: "s.png" single_image_dim: 4 single_image_dim: 4 }')
    with (folder / "projector_config.pbtxt").open("a") as file:
        file.write("embeddings {\n" + "\n".join(lines) + "\n}\n")


def clusters(n=60, d=6, kinds=3):
    """Points about `kinds` centres, and the name of each one's."""
    random = np.random.default_rng(0)
    kind = np.arange(n) % kinds
    points = 8 * np.eye(kinds, d)[kind] + random.normal(0, 0.5, (n, d))
    return points, [f"kind{k}" for k in kind]
