"""The table of names, both ways."""

import pytest

from rushlight.cli.torch_names import NAMES, rushlight_name, torch_name, translate


@pytest.mark.parametrize(
    "torch, ours",
    [
        ("torch", "rushlight"),
        ("torch.nn", "rushlight.nn"),
        ("torch.nn.functional", "rushlight.nn.functional"),
        ("torch.optim.lr_scheduler", "rushlight.optim.lr_scheduler"),
        ("torch.utils.data", "rushlight.data"),
        ("torch.utils.data.sampler", "rushlight.data.sampler"),
        ("torch.utils.database", "rushlight.utils.database"),
        ("torch.utils", "rushlight.utils"),
    ],
)
def test_names_go_both_ways(torch, ours):
    assert rushlight_name(torch) == ours and torch_name(ours) == torch


def test_two_names_for_one_module_go_back_to_the_plain_one():
    assert rushlight_name("torch.nn.modules.conv") == "rushlight.nn.conv"
    assert torch_name("rushlight.nn.conv") == "torch.nn.conv"


def test_translate_takes_the_longest_whole_beginning():
    names = {"a": "x", "a.b": "y", "a.b.c": "z"}
    assert [translate(n, names) for n in ("a", "a.bb", "a.b.d", "a.b.c.d")] == ["x", "x.bb", "y.d", "z.d"]


def test_table_has_a_root():
    assert NAMES["torch"] == "rushlight"
