"""The ops, each declared once over arrays; `declare.registry` holds them, tensor.py binds them to Tensor."""
