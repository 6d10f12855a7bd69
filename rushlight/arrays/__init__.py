"""What holds the numbers: NumPy arrays now, CUDA, graph and meta arrays later, and the random streams that
fill them. Layer L3: called by `rushlight.ops` and above; knows only dtypes, errors and NumPy.
"""
