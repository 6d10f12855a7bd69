"""The command `rushlight`, also `python -m rushlight`: one module here for each of its subcommands.

A subcommand's module has `main(arguments) -> exit status`, and is imported only when it is asked for.
"""

import argparse
import importlib
import sys

COMMANDS = {
    "run": "run an ordinary PyTorch program unchanged, `import torch` meaning Rushlight",
    "board": "show training runs on a page, live",
    "info": "show versions, the processor and the number of threads",
    "cache": "show the compiled kernels kept on disk, or remove them",
    "version": "show the version of Rushlight",
}


def main(arguments: list[str] | None = None) -> int:
    """Reads the command line (by default the process's own), runs its subcommand; returns the exit status."""
    lines = "\n".join(f"  {name:9} {what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        "rushlight",
        description="PyTorch's API without the gigabyte.",
        epilog=f"commands:\n{lines}\n\n`rushlight COMMAND --help` tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of the commands below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="the command's own arguments")
    arguments = sys.argv[1:] if arguments is None else arguments
    known = parser.parse_args(arguments or ["--help"])
    return importlib.import_module(f"{__name__}.{known.command}").main(known.arguments)
