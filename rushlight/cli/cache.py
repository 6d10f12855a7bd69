"""`rushlight cache`: the machine code kept on disk, and how to be rid of it."""

import argparse
import hashlib
import time

from ..kernels import cache


def main(arguments: list[str]) -> int:
    """Shows where compiled kernels are kept, how many and how much; `--clear` removes them."""
    parser = argparse.ArgumentParser("rushlight cache", description=main.__doc__)
    parser.add_argument("--clear", action="store_true", help="remove all compiled kernels")
    if parser.parse_args(arguments).clear:
        print(cleared())
        return 0
    for name, value in facts().items():
        print(f"{name:10} {value}")
    return 0


def cleared() -> str:
    """Removes the files; says how many."""
    where = cache.folder()
    count = 0 if where is None else len(cache.files(where))
    gained = 0 if where is None else cache.clear(where)
    return f"removed {count} kernels, {size(gained)}"


def facts() -> dict[str, str]:
    """The lines of the report, by name."""
    where = cache.folder()
    if where is None:
        return {"folder": "none: RUSHLIGHT_CACHE is empty, so kernels are compiled in each process"}
    files = cache.files(where)
    return {
        "folder": str(where),
        "kernels": str(len(files)),
        "size": f"{size(sum(f.size for f in files))} of at most {size(cache.BOUND)}",
        "generation": f"{generation()} (kernels of another one are not used, and go in time)",
        **({"oldest use": ago(files[0].used), "newest use": ago(files[-1].used)} if files else {}),
    }


def generation() -> str:
    """A short name of what would write the code now: this version of Rushlight, and of LLVM."""
    return hashlib.sha256(cache.generation().encode()).hexdigest()[:10]


def size(count: float) -> str:
    """Bytes as people read them.

    >>> size(3_500_000)
    '3.34 MB'
    """
    units = ["bytes", "KB", "MB", "GB"]
    while count >= 1000 and len(units) > 1:
        count /= 1024
        del units[0]
    return f"{count:.3g} {units[0]}"


def ago(moment: float) -> str:
    """How long ago a moment is, by the one unit that fits.

    >>> ago(time.time() - 7300)
    '2 hours ago'
    """
    seconds = max(time.time() - moment, 0)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "less than a minute ago"
