"""What tensors cannot be made of, at any depth: the error types of torch."""

import pytest

import rushlight


@pytest.mark.parametrize("data", ["a", [1, "a"], [[1.0], ["a"]], [1, b"a"]])
def test_text_is_refused(data):
    with pytest.raises(TypeError, match="invalid data type '(str|bytes)'"):
        rushlight.tensor(data)
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError):
        torch.tensor(data)
