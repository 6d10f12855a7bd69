"""The tour: tensors, one network in six forms, a reader of handwriting, the board; all made as you watch.

    python3 rush.py tour             less than a minute
    python3 rush.py tour --quick     the same with fewer steps

What it shows stands beside this file as plain programs: tensors.py, two_layer_*.py, digits.py.
"""

import argparse
import os
import sys
import time
from pathlib import Path


def main():
    """Reads the command line, gives the tour, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps: shows that everything works")
    quick = parser.parse_args().quick
    # NumPy's BLAS reads this when it is imported. On matrices this small a second thread only waits for
    # the first; where other programs compute, too, it waits long.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    begin = time.perf_counter()
    good = give(500, 15, 0.975) if not quick else give(50, 2, 0.8)
    seconds = time.perf_counter() - begin
    print(f"\n  It took {seconds:.1f} s. The programs stand in {Path(__file__).parent}: change them.")
    show_board()
    return 0 if good else 1


def give(steps, epochs, accuracy):
    """The parts that compute; whether everything was as it should be."""
    from parts import commands, handwriting, network, terminal

    import rushlight

    terminal.set_up()
    terminal.say(terminal.paint(f"Rushlight {rushlight.__version__}: PyTorch's API in plain Python", "title"))
    commands.show()
    network.show(steps)
    return handwriting.show(epochs, accuracy)


def show_board():
    """The last part, which on a terminal stays until it is sent away."""
    from parts import runs

    runs.show()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
