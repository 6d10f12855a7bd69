"""The front door: what rush.py says and decides, without installing anything."""

import json
import subprocess
import sys

import pytest

import rush


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """An empty .venv elsewhere, and the list of set-up steps that were asked for in place of running them."""
    asked = []
    monkeypatch.setattr(rush, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(rush, "STAMP", tmp_path / ".venv" / "rush-stamp.json")
    monkeypatch.setattr(rush, "PYTHON", tmp_path / ".venv" / "python")

    def attempt(command, advice):
        asked.append(command)
        (tmp_path / ".venv").mkdir(exist_ok=True)
        (tmp_path / ".venv" / "python").touch()

    monkeypatch.setattr(rush, "attempt", attempt)
    return asked


def packages(steps):
    return [step[-1] for step in steps if "install" in step]


def test_set_up_once(steps, capsys):
    rush.set_up(set())
    assert [step[2] for step in steps] == ["venv", "pip"] and packages(steps) == ["."]
    rush.set_up(set())
    assert len(steps) == 2 and capsys.readouterr().out.count("Setting up") == 1


def test_set_up_adds_what_is_missing(steps):
    rush.set_up({"test"})
    rush.set_up({"lint"})
    rush.set_up({"test"})
    rush.set_up({"lint", "test"})
    assert packages(steps) == [".[test]", ".[lint,test]"]
    assert sum("venv" in step for step in steps) == 1


def test_another_python_or_project_starts_afresh(steps, monkeypatch):
    rush.set_up({"test"})
    monkeypatch.setattr(rush.sys, "version", "3.99")
    rush.set_up(set())
    assert packages(steps) == [".[test]", "."] and sum("venv" in step for step in steps) == 2


@pytest.mark.parametrize("stamp", ["", "{", json.dumps({"fingerprint": "other", "extras": ["test"]})])
def test_a_bad_stamp_counts_as_none(steps, stamp):
    rush.set_up(set())
    rush.STAMP.write_text(stamp)
    assert rush.installed() is None


def hide_modules(monkeypatch, absent):
    """Makes this Python look like one that was installed without some modules."""
    find = rush.importlib.util.find_spec
    monkeypatch.setattr(rush.importlib.util, "find_spec", lambda name: None if name in absent else find(name))


def test_python_without_ensurepip_lends_its_own_pip(steps, monkeypatch):
    hide_modules(monkeypatch, {"ensurepip"})
    rush.set_up(set())
    assert "--without-pip" in steps[0] and steps[1][:4] == [sys.executable, "-m", "pip", "--python"]


@pytest.mark.parametrize("absent", [{"venv"}, {"ensurepip", "pip"}])
def test_python_without_venv_or_pip_is_told_what_to_install(steps, monkeypatch, absent):
    hide_modules(monkeypatch, absent)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        rush.set_up(set())


def test_a_failed_step_shows_its_last_words_and_advice():
    code = "import sys; print('\\n'.join(map(str, range(100)))); sys.exit(2)"
    with pytest.raises(SystemExit) as stop:
        rush.attempt([sys.executable, "-c", code], "Try again.")
    lines = str(stop.value).splitlines()
    assert lines[-3:] == ["99", "", "Try again."] and "84" not in lines and "85" in lines


def test_status_is_the_worst_of_all_lines(monkeypatch, capsys):
    monkeypatch.setattr(rush, "set_up", lambda extras: None)
    monkeypatch.setattr(rush, "call", lambda line: {"ruff": 1, "pyright": 0}[line[1]])
    assert rush.run("lint", []) == 1
    assert "rush.py lint: set-up 0.0 s, run" in capsys.readouterr().out


def test_with_torch_is_ours_and_the_rest_is_handed_on(monkeypatch):
    seen = []
    monkeypatch.setenv("RUSHLIGHT_WITH_TORCH", "")
    monkeypatch.setattr(rush, "set_up", seen.append)
    monkeypatch.setattr(rush, "call", lambda line: seen.append(line) or 0)
    rush.run("test", ["-k", "add", "--with-torch"])
    assert seen == [{"test", "torch-compare", "peers"}, ["-m", "pytest", "-n", "4", "-k", "add"]]
    assert rush.os.environ["RUSHLIGHT_WITH_TORCH"] == "1"


def test_help_names_every_command():
    command = [sys.executable, rush.__file__]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and all(f"rush.py {name} " in done.stdout for name in rush.COMMANDS)
    done = subprocess.run([*command, "tuor"], capture_output=True, text=True)
    assert done.returncode == 1 and "no command `tuor`" in done.stderr


def test_an_old_python_is_refused(monkeypatch):
    monkeypatch.setattr(rush.sys, "version_info", (3, 10, 4))
    assert "needs Python 3.11 or later" in str(rush.main())


def test_every_extra_is_declared():
    import tomllib

    project = tomllib.loads((rush.ROOT / "pyproject.toml").read_text())["project"]
    needed = {"torch-compare", "peers"}.union(*(extras for extras, _ in rush.COMMANDS.values()))
    assert needed <= set(project["optional-dependencies"])
    assert {d.partition(">")[0] for d in project["dependencies"]} == {"numpy", "llvmlite", "ml_dtypes"}
