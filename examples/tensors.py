"""Tensors: the commands everybody starts with. Each `# %%` opens a cell that an editor can run by itself."""

import numpy as np

import rushlight as torch

# %% Making tensors
# Room for 5 x 3 numbers, not filled: what you see is what lay in memory.
x = torch.empty(5, 3)
print(x)

# Random numbers, even in 0..1; after manual_seed the very numbers that PyTorch gives.
torch.manual_seed(0)
x = torch.rand(5, 3)
print(x)

# Zeros as whole numbers of 64 bits: asked for, or converted.
x = torch.zeros(5, 3, dtype=torch.long)
print(x)
print(torch.zeros(5, 3).long().dtype)

# Ones, and numbers given one by one.
print(torch.ones(2, 3))
print(torch.tensor([5.5, 3]))

# Made after another tensor: new_ones takes over what is not said again, randn_like the shape.
x = x.new_ones(5, 3, dtype=torch.double)
print(x)
x = torch.randn_like(x, dtype=torch.float)
print(x)

# A shape is a tuple.
print(x.shape)
rows, columns = x.shape

# %% Adding, in three ways
# The sign and the function; the function can write into a tensor that is there already.
y = torch.rand(5, 3)
print(x + y)
print((torch.add(x, y) == x + y).all())
result = torch.empty(5, 3)
torch.add(x, y, out=result)
print(result)

# %% In place: a method that ends in _ changes its tensor
y.add_(x)
print(y)

# y takes the numbers of x; then it is turned, rows into columns.
y.copy_(x)
y.t_()
print(y.shape, (y == x.t()).all())

# %% Slices, shapes and numbers
# Rows and columns are taken as in NumPy.
print(x[:, 1])
print(x[1:3, :2])

# The same numbers in another shape; -1 is worked out from the others.
x = torch.randn(4, 4)
y = x.view(16)
z = x.view(-1, 8)
print(x.shape, y.shape, z.shape)

# They are views of the same memory: a change is seen by all.
x[0, 0] = 100
print(y[0], z[0, 0])

# The Python number in a tensor of one.
x = torch.randn(1)
print(x)
print(x.item())

# %% NumPy, sharing memory both ways
# A tensor seen as an array: add one in place, and the array has it too.
a = torch.ones(5)
b = a.numpy()
a.add_(1)
print(a)
print(b)

# An array seen as a tensor.
a = np.ones(5)
b = torch.from_numpy(a)
np.add(a, 1, out=a)
print(a)
print(b)

# %% Devices
# The block that many programs begin with; it runs with a GPU and without.
if torch.cuda.is_available():
    device = torch.device("cuda")
else:
    device = torch.device("cpu")
x = torch.ones(2, 2, device=device)
y = x.to("cpu", torch.double)
print(device, y.dtype)
