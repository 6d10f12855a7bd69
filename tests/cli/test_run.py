"""`rushlight run`: PyTorch programs, in processes of their own, with `torch` meaning Rushlight."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def rushlight(*arguments, cwd):
    """Runs `python -m rushlight` in another folder; returns the finished process, output as text."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "rushlight", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, input="", capture_output=True, text=True)


def run_text(text, *arguments, cwd):
    """Writes a program into `cwd`/program.py, runs it there and returns what it printed; it must end well."""
    (cwd / "program.py").write_text(textwrap.dedent(text))
    done = rushlight("run", "program.py", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def fail_text(text, cwd):
    """Runs a program that must fail; returns what it wrote to standard error."""
    (cwd / "program.py").write_text(textwrap.dedent(text))
    done = rushlight("run", "program.py", cwd=cwd)
    assert done.returncode == 1
    return done.stderr


def test_an_ordinary_program_trains(tmp_path):
    program = """
        import torch
        import torch.nn as nn
        import torch.nn.functional as F
        from torch import Tensor
        from torch.optim.lr_scheduler import StepLR
        from torch.utils.data import DataLoader, TensorDataset

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.one = nn.Linear(3, 16)
                self.two = nn.Linear(16, 1)

            def forward(self, x: Tensor) -> Tensor:
                return self.two(F.relu(self.one(x)))

        torch.manual_seed(0)
        x = torch.randn(64, 3)
        y = x.sum(1, keepdim=True)
        net = Net()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
        scheduler = StepLR(optimizer, 20)
        first = F.mse_loss(net(x), y).item()
        for epoch in range(20):
            for inputs, targets in DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True):
                optimizer.zero_grad()
                loss = F.mse_loss(net(inputs), targets)
                loss.backward()
                optimizer.step()
            scheduler.step()
        with torch.no_grad():
            last = F.mse_loss(net(x), y).item()
        print(first / last > 20, torch.is_tensor(y))
        """
    assert run_text(program, cwd=tmp_path) == "True True"


SAME = """
    import torch, rushlight
    import torch.nn, torch.nn.functional, torch.nn.modules, torch.optim, torch.optim.lr_scheduler
    import torch.autograd, torch.utils.data, torch.nn.utils, torch.nn.init
    import rushlight.nn, rushlight.nn.functional, rushlight.data, rushlight.optim, rushlight.utils.data
    from torch import nn
    from torch.utils import data

    assert torch is rushlight and nn is torch.nn is rushlight.nn is torch.nn.modules
    assert torch.nn.functional is rushlight.nn.functional and torch.optim is rushlight.optim
    assert torch.utils.data is data is rushlight.data is rushlight.utils.data is torch.utils.data
    for module in (torch, torch.nn, torch.utils.data):
        assert module.__spec__.name == module.__name__ and module.__name__.startswith("rushlight")
    assert torch.nn.Linear is rushlight.nn.Linear
    print("same")
    """


def test_modules_are_the_very_same(tmp_path):
    assert run_text(SAME, cwd=tmp_path) == "same"


def test_attributes_need_no_import(tmp_path):
    names = "torch.utils.data.DataLoader.__name__, torch.optim.lr_scheduler.StepLR.__name__"
    program = f"import torch; print({names})"
    assert run_text(program, cwd=tmp_path) == "DataLoader StepLR"


def test_program_sees_its_arguments_folder_and_main(tmp_path):
    folder = tmp_path / "deep er"
    folder.mkdir()
    (folder / "helper.py").write_text("import torch\nvalue = torch.ones(2).sum().item()")
    (folder / "program.py").write_text(
        textwrap.dedent("""
        import pickle, sys
        import __main__
        from helper import value

        class Mine:
            pass

        assert type(pickle.loads(pickle.dumps(Mine()))) is Mine and __main__.Mine is Mine
        print(value, sys.argv, __name__, __file__, __spec__, sys.path[0])
        """)
    )
    done = rushlight("run", "deep er/program.py", "--lr", "0.1", "-m", "--help", cwd=tmp_path)
    argv = ["deep er/program.py", "--lr", "0.1", "-m", "--help"]
    expected = f"2.0 {argv} __main__ deep er/program.py None {folder.resolve()}"
    assert done.stdout.strip() == expected, done.stderr


def test_module_form(tmp_path):
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "__init__.py").write_text("")
    (tmp_path / "job" / "train.py").write_text(
        textwrap.dedent("""
        import sys, torch
        from . import __name__ as package
        print(sys.argv[1:], package, __name__, torch.__name__)
        """)
    )
    done = rushlight("run", "-m", "job.train", "--lr", "1", cwd=tmp_path)
    assert done.stdout.strip() == "['--lr', '1'] job __main__ rushlight", done.stderr


def test_code_form(tmp_path):
    (tmp_path / "near.py").write_text("here = 1")
    code = "import sys, torch, near, __main__; print(sys.argv, __name__, __main__.near.here)"
    done = rushlight("run", "-c", code, "a", "-b", cwd=tmp_path)
    assert done.stdout.strip() == "['-c', 'a', '-b'] __main__ 1", done.stderr


@pytest.mark.parametrize(
    "program, message",
    [
        ("import torch\ntorch.nn.Linaer(1, 2)", "torch.nn has no attribute 'Linaer' (Rushlight does not"),
        ("import torch\ntorch.nn.Linaer(1, 2)", "the nearest there is: torch.nn.Linear"),
        ("import torch\ntorch.zeroes(3)", "no attribute 'zeroes'"),
        ("import torch\ntorch.zeroes(3)", "the nearest there is: torch.zeros"),
        ("import torch.nn.functional as F\nF.reluu", "the nearest there is: torch.nn.functional.relu"),
        ("import torch\ntorch.utils.data.DataLoder", "the nearest there is: torch.utils.data.DataLoader"),
        ("from torch.nn import Linaer", "the nearest there is: torch.nn.Linear"),
        ("import torch.optimm", "ModuleNotFoundError: No module named 'torch.optimm' (Rushlight"),
        ("import torch.optimm", "the nearest there is: torch.optim"),
        ("from torch.utils.dat import x", "the nearest there is: torch.utils.data"),
        ("import torch.no.such", "No module named 'torch.no' (Rushlight does not have it yet)"),
    ],
)
def test_missing_names_are_explained(tmp_path, program, message):
    assert message in fail_text(program, tmp_path)


def test_missing_names_can_be_caught(tmp_path):
    program = """
        import torch
        assert not hasattr(torch, "no_such_name") and not hasattr(torch.nn, "no_such_name")
        assert getattr(torch.nn.functional, "no_such_name", 3) == 3
        try:
            torch.nn.Linaer
        except AttributeError as error:
            print(error)
        try:
            import torch.no_such_name
        except ImportError as error:
            print(type(error).__name__, error.name)
        """
    attribute, module = run_text(program, cwd=tmp_path).splitlines()
    assert attribute.startswith("torch.nn has no attribute 'Linaer' (Rushlight")
    assert attribute.endswith("torch.nn.Linear")
    assert module == "ModuleNotFoundError torch.no_such_name"


def test_a_traceback_starts_in_the_program(tmp_path):
    error = fail_text("import torch\n\ndef f():\n    raise KeyError('mine')\n\nf()", tmp_path)
    lines = error.splitlines()
    assert lines[0] == "Traceback (most recent call last):" and 'program.py", line 6, in <module>' in lines[1]
    assert "rushlight" not in error and lines[-1] == "KeyError: 'mine'"


def test_a_syntax_error_is_shown(tmp_path):
    error = fail_text("import torch\nx = = 1", tmp_path)
    assert 'program.py", line 2' in error and "SyntaxError" in error and "runpy" not in error


@pytest.mark.parametrize("code, status", [("3", 3), ("None", 0), ("'so'", 1)])
def test_exit_status(tmp_path, code, status):
    done = rushlight("run", "-c", f"import sys; sys.exit({code})", cwd=tmp_path)
    assert done.returncode == status and (done.stderr.strip() == "so") == (status == 1)


def test_interrupt(tmp_path):
    code = f"import os; os.kill(os.getpid(), {int(signal.SIGINT)})\nfor _ in range(10**9): pass"
    assert rushlight("run", "-c", code, cwd=tmp_path).returncode == 130


@pytest.mark.parametrize("arguments", [["gone.py"], ["-m"], ["-c"]])
def test_nothing_to_run(tmp_path, arguments):
    done = rushlight("run", *arguments, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("rushlight run") and "Traceback" not in done.stderr


CHILDREN = """
    import multiprocessing
    import subprocess
    import sys
    import torch
    import torch.nn as nn

    def work(kind):
        import torch.utils
        return kind, torch.__name__, nn.__name__, torch.utils.__name__

    if __name__ == "__main__":
        for kind in sys.argv[1:]:
            with multiprocessing.get_context(kind).Pool(1) as pool:
                print(*pool.apply(work, [kind]))
        code = "import torch.nn; print(torch.__name__, torch.nn.__name__)"
        print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip())
    """


def test_child_processes_see_rushlight_too(tmp_path):
    kinds = multiprocessing.get_all_start_methods()
    lines = run_text(CHILDREN, *kinds, cwd=tmp_path).splitlines()
    names = "rushlight rushlight.nn"
    assert lines == [*(f"{kind} {names} rushlight.utils" for kind in kinds), names]


def test_a_real_torch_is_never_mixed_in(tmp_path):
    """A package called torch, first on the path, is not what the program gets; without `run`, it is."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("from_disk = True")
    (tmp_path / "torch" / "only_real.py").write_text("")
    program = """
        import torch
        print(hasattr(torch, "from_disk"), torch.__name__)
        try:
            import torch.only_real
        except ModuleNotFoundError:
            print("kept apart")
        """
    assert run_text(program, cwd=tmp_path) == "False rushlight\nkept apart"
    code = "import rushlight, rushlight.cli.torch_names, torch; print(torch.from_disk)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True)
    assert done.stdout.strip() == b"True", done.stderr
