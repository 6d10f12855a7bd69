"""The command's face: help, version, info."""

import pytest

from rushlight.cli import COMMANDS, info, main
from rushlight.version import __version__


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main([])
    out = capsys.readouterr().out
    assert stop.value.code == 0 and all(f"\n  {name} " in out for name in COMMANDS)


def test_unknown_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["rum"])
    assert stop.value.code == 2 and "'rum'" in capsys.readouterr().err


def test_version(capsys):
    assert main(["version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_info_names_what_a_report_needs(capsys):
    assert main(["info"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert {"rushlight", "python", "numpy", "llvmlite", "ml_dtypes", "processor", "cores"} <= set(lines)
    assert {"native", "cache", "allocator"} <= set(lines)
    assert int(lines["cores"].split()[0]) >= 1


def test_an_absent_package_is_said_to_be_absent():
    assert info.installed_version("no-such-package-at-all") == "not installed"


def test_info_tells_of_native_code(monkeypatch):
    monkeypatch.setattr(info.native, "on", lambda: False)
    monkeypatch.setattr(info.allocator, "current", lambda: None)
    monkeypatch.setenv("RUSHLIGHT_JIT", "0")
    assert info.native_code() == "off: RUSHLIGHT_JIT=0" and info.memory_kept() == "NumPy's own"
    monkeypatch.delenv("RUSHLIGHT_JIT")
    assert info.native_code() == "off: all runs on NumPy"
    monkeypatch.setenv("RUSHLIGHT_CACHE", "")
    assert info.facts()["cache"] == "none"
    monkeypatch.setattr(info.native, "on", lambda: True)
    monkeypatch.setattr(info.targets, "host", lambda: info.targets.NAMED["avx2"])
    assert info.native_code() == "on, for haswell with vectors of 256 bits"
