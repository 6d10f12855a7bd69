"""`rushlight run`: an ordinary PyTorch program, unchanged, on Rushlight.

    rushlight run program.py [arguments ...]
    rushlight run -m module [arguments ...]
    rushlight run -c "code" [arguments ...]

The program sees what `python` would show it: its arguments, its folder on `sys.path`, itself as `__main__`.
Processes that it starts with Python see Rushlight as `torch`, too.
"""

import os
import re
import runpy
import sys
from types import ModuleType, TracebackType

from ..errors import missing
from . import torch_names

FOR_CHILDREN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "for_children")


def main(arguments: list[str]) -> int:
    """Runs the program; returns its exit status. An exception that escapes it is printed, as Python does."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    try:
        torch_names.install()
        lead_children()
        start(arguments)
    except SystemExit:
        raise
    except BaseException as error:
        explain_import(error)
        error.__traceback__ = program_part(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def start(arguments: list[str]) -> None:
    """Runs a module, a text or a file, with `sys.argv` and `sys.path` as Python sets them."""
    option, *rest = arguments
    if option in ("-m", "-c") and not rest:
        sys.exit(f"rushlight run {option}: what to run is missing")
    if option == "-m":
        sys.argv = rest
        search_first(os.getcwd())
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif option == "-c":
        sys.argv = ["-c", *rest[1:]]
        search_first("")
        run_text(rest[0])
    elif not os.path.exists(option):
        sys.exit(f"rushlight run: there is no file {option!r}")
    else:
        sys.argv = arguments
        search_first(os.path.dirname(os.path.realpath(option)))
        runpy.run_path(option, run_name="__main__")


def search_first(folder: str) -> None:
    """Makes imports look here first, in place of where the command `rushlight` itself lies."""
    if not sys.flags.safe_path:  # python -P: then no such place was set
        sys.path[0] = folder


def lead_children() -> None:
    """Makes `torch` mean Rushlight in the Python processes that the program starts, too."""
    sys.path.insert(1, FOR_CHILDREN)  # spawned workers copy this
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{FOR_CHILDREN}{os.pathsep}{known}" if known else FOR_CHILDREN


def run_text(text: str) -> None:
    """Runs a program given as text, in a `__main__` of its own."""
    program = sys.modules["__main__"] = ModuleType("__main__")
    exec(compile(text, "<string>", "exec", dont_inherit=True), vars(program))


def program_part(traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the program's first line on, without the frames that started it."""
    own = (__file__, runpy.__file__, "<frozen runpy>")
    while traceback is not None and traceback.tb_frame.f_code.co_filename in own:
        traceback = traceback.tb_next
    return traceback


def explain_import(error: BaseException) -> None:
    """Adds the nearest name to a failed `from torch.nn import Linaer`, where a module has no say itself."""
    wanted = re.match(r"cannot import name '(\w+)'", str(error)) if isinstance(error, ImportError) else None
    module = sys.modules.get(getattr(error, "name", None) or "")
    if wanted and module is not None and module.__name__.partition(".")[0] == "rushlight":
        error.add_note(str(missing(torch_names.torch_name(module.__name__), wanted[1], dir(module))))
