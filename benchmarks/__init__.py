"""Rushlight measured beside PyTorch, in one process, interleaved; ratios are torch's time over ours."""
