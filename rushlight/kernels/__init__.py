"""Machine code, written as LLVM IR by small Python programs and run through builtins made at run time.

May be called by `arrays` and everything above it; knows NumPy's arrays, and nothing of Tensors.
"""
