"""Load every attack and print what happened: `python -m attacks`."""

import importlib.util
import io
import os
import sys
import tempfile
from pathlib import Path

from attacks import ATTACKS, CANARY
from rushlight.io import load, safetensors


def main() -> int:
    """Run all attacks; the exit status is the number of those that got through."""
    through = 0
    for attack in ATTACKS.values():
        data = attack.make()
        try:
            load(io.BytesIO(data)) if attack.reader == "load" else safetensors.load_bytes(data)
            outcome = "loaded" if attack.refused else "loaded, harmless"
        except Exception as error:
            outcome = f"refused: {type(error).__name__}: {error}"
        failed = outcome == "loaded" or os.path.exists(CANARY)
        through += failed
        print(f"{'GOT THROUGH' if failed else 'ok':12}{attack.name:36}{outcome[:150]}")
    print(f"{len(ATTACKS)} attacks, {through} got through")
    return through + on_the_board()


def on_the_board() -> int:
    """Try everything on a board of its own, where its extra is installed; how much got through."""
    if importlib.util.find_spec("uvicorn") is None:
        return 0
    from attacks import board

    with tempfile.TemporaryDirectory() as folder:
        found = board.run(Path(folder))
    for name, outcome in found.items():
        print(f"{'GOT THROUGH' if outcome else 'ok':12}{name:36}{outcome or 'refused'}")
    through = sum(outcome is not None for outcome in found.values())
    print(f"{len(found)} attacks on the board, {through} got through")
    return through


if __name__ == "__main__":
    sys.exit(main())
