"""Results that do not depend on the number of threads."""

from rushlight.kernels import pool


def same_bits(results):
    """Whether `results()`, an array or several, has the same bits at 1, 2 and 3 threads."""
    before, found = pool.size(), []
    try:
        for threads in (1, 2, 3):
            pool.resize(threads)
            made = results()
            found.append([a.tobytes() for a in (made if isinstance(made, tuple) else (made,))])
    finally:
        pool.resize(before)
    return found[0] == found[1] == found[2]
