"""Tensor: an array, the node that made it, and the version its views share.
Its operations come from the registry.

`_a` is the array. `_n` is None, a Leaf (requires grad, owns `.grad`), or the list node that made it:
requires_grad is `_n is not None`. `_b` is None or the box [version, live views, last writer] shared by all
views of one storage. `_v` is (source, function, arguments, named arguments) for a view.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from .arrays import numpy as arrays
from .arrays.tracing import EAGER, assigned, cleared, looked_at
from .autograd import engine, generate, inplace, node, tape
from .autograd.engine import Leaf
from .autograd.inference import fresh_box, is_inference
from .device import CPU, META, device
from .dtypes import OF_NUMPY, dtype
from .errors import missing
from .ops.declare import Op, registry, tensor_classes
from .size import Size

ndarray = np.ndarray


class Tensor:
    """A multi-dimensional array of numbers of one dtype, which can remember how it was computed."""

    __slots__ = ("_a", "_n", "_b", "_v", "__weakref__", "__dict__")
    _a: Any
    _n: Any
    _b: Any
    _v: Any
    __op_priority__ = 100
    __array_priority__ = 1000
    __array_ufunc__ = None  # ndarray + Tensor is left to Tensor.__radd__

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """`torch.Tensor(2, 3)` (uninitialised), `torch.Tensor([1, 2])` or `torch.Tensor(other)`,
        in the default dtype.
        """
        from .creation import legacy

        return legacy(cls, args, kwargs)

    def __op__(self, op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return call_of(op)(*args, **kwargs)

    # -- what it is ---------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        return Size(self._a.shape)

    @property
    def dtype(self) -> dtype:
        return OF_NUMPY[self._a.dtype]

    @property
    def device(self) -> device:
        return CPU if self._a.__class__ is ndarray else getattr(self._a, "device", CPU)

    @property
    def ndim(self) -> int:
        return self._a.ndim

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def is_meta(self) -> bool:
        return self.device == META

    @property
    def is_cpu(self) -> bool:
        return self.device == CPU

    @property
    def itemsize(self) -> int:
        return self._a.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self._a.size * self._a.dtype.itemsize

    is_sparse = is_quantized = is_nested = is_mkldnn = False
    layout = "torch.strided"
    names: Any = None

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        shape = self._a.shape
        return Size(shape) if dim is None else shape[arrays.normalize_dim("size", dim, len(shape))]

    def dim(self) -> int:
        """The number of dimensions."""
        return self._a.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return self._a.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes per element."""
        return self._a.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Elements between neighbours along each dimension, or along `dim`."""
        size = self._a.dtype.itemsize
        strides = tuple(s // size for s in self._a.strides)
        return strides if dim is None else strides[arrays.normalize_dim("stride", dim, len(strides))]

    def storage_offset(self) -> int:
        """Elements between the start of the storage and the first element."""
        return (self.data_ptr() - storage_of(self._a)[0]) // self._a.dtype.itemsize

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._a.__array_interface__["data"][0]

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in memory in row-major order (or in `memory_format`)."""
        if memory_format is not None and str(memory_format) == "torch.channels_last" and self._a.ndim == 4:
            return self._a.transpose(0, 2, 3, 1).flags.c_contiguous
        return self._a.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating type."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype has negative values."""
        return self.dtype.is_signed

    def is_inference(self) -> bool:
        """Whether it was made in inference mode."""
        return is_inference(self)

    def is_shared(self) -> bool:
        """Whether it lies in memory shared between processes."""
        return bool(self.__dict__.get("_shared"))

    # -- gradients ----------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        return self._n is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for gradients of this tensor (a leaf), or stop asking. Returns itself."""
        tape.set_requires_grad(self, requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        return self._n.__class__ is not list

    @property
    def grad(self) -> Any:
        n = self._n
        return n.grad if n.__class__ is Leaf else tape.get_grad(self)

    @grad.setter
    def grad(self, value: Any) -> None:
        n = self._n
        if value is None and n.__class__ is Leaf:
            n.grad = None
            if not EAGER:
                cleared(n)
        else:
            tape.set_grad(self, value)

    @grad.deleter
    def grad(self) -> None:
        tape.set_grad(self, None)

    @property
    def grad_fn(self) -> Any:
        return node.grad_fn(self)

    @property
    def output_nr(self) -> int:
        n = self._n
        return n[3] if n.__class__ is list and n[1] is engine.select_backward else 0

    @property
    def _version(self) -> int:
        if is_inference(self):
            raise RuntimeError("Inference tensors do not track version counter.")
        return 0 if self._b is None else self._b[0]

    @property
    def _base(self) -> Any:
        return None if self._v is None else inplace.base_of(self)

    def _is_view(self) -> bool:
        return self._v is not None

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradient of this tensor with respect to the graph's leaves into their `.grad`.

        `gradient` (same shape) is needed unless this is one element.
        The graph is freed unless `retain_graph`.
        """
        tape.backward(self, gradient, retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[[Any], Any]) -> Any:
        """Call `hook(grad)` when the gradient of this tensor is known;
        what it returns (if not None) replaces it.
        """
        return tape.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], Any]) -> Any:
        """Call `hook(self)` after a gradient has been added to this leaf's `.grad`."""
        return tape.register_post_accumulate_hook(self, hook)

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf tensor in `.grad` too."""
        tape.retain_grad(self)

    @property
    def retains_grad(self) -> bool:
        return bool(self.__dict__.get("_retains"))

    def detach(self) -> Tensor:
        """The same numbers, cut off from the graph; shares memory and version."""
        t = wrap(self._a)
        b = self._b
        if b is None:
            b = self._b = [0, None, None]
        t._b = b
        return t

    def detach_(self) -> Tensor:
        """Cut this tensor off from the graph."""
        if self._v is not None:
            raise RuntimeError("detach_: Can't detach views in-place. Use detach() instead")
        self._n = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory as a tensor that autograd does not see (changes are not counted)."""
        if self._n is None and self._b.__class__ is list and len(self._b) == 3:
            self._b.append("data taken")  # whoever watches this tensor cannot know what becomes of it
        return wrap(self._a)

    @data.setter
    def data(self, value: Tensor) -> None:
        if EAGER or not assigned(self, value):
            self._a = value._a

    # -- to Python and NumPy ------------------------------------------------------------------------

    def item(self) -> Any:
        """The only element as a Python number. Raises RuntimeError unless there is exactly one."""
        a = self._a if EAGER else looked_at(self._a)
        if a.size != 1:
            raise RuntimeError(
                f"item: a Tensor with {a.size} elements cannot be converted to Scalar; shape {a.shape}"
            )
        found = a.item()
        return found if found.__class__ in _PYTHON_NUMBERS else _python_number(found)

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        a = self._a if EAGER else looked_at(self._a)
        return (a if a.dtype.kind != "V" else a.astype(dtypes.compute_type(a.dtype))).tolist()

    def numpy(self, *, force: bool = False) -> ndarray:
        """The elements as a NumPy array that shares memory."""
        if self._n is not None and not force:
            raise RuntimeError(
                "numpy: Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
            )
        if not EAGER:
            return looked_at(self._a)
        if self._a.__class__ is not ndarray:
            raise TypeError(f"numpy: can't convert a tensor on {self.device} to a NumPy array")
        return self._a

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> ndarray:
        a = self.numpy()
        return a if dtype is None else a.astype(dtype, copy=False)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __bool__(self) -> bool:
        a = self._a if EAGER else looked_at(self._a)
        if a.size == 1:
            return bool(a)
        what = "no values" if a.size == 0 else "more than one value"
        raise RuntimeError(
            f"Boolean value of Tensor with {what} is ambiguous; its shape is {a.shape}: use .any() or .all()"
        )

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self._a.size != 1 or self._a.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if self._a.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self._a.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if self._a.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        rows: Any = self  # indexing is bound later
        return iter([rows[i] for i in range(self._a.shape[0])])

    def __contains__(self, value: Any) -> bool:
        if isinstance(value, (Tensor, int, float, bool, complex)):
            equal: Any = self == value
            return bool(equal.any())
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(value)}."
        )

    def __format__(self, spec: str) -> str:
        return self.item().__format__(spec) if self._a.ndim == 0 and spec else str(self).__format__(spec)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        from .printing import parameter_repr, tensor_repr

        name = None if self._n.__class__ is not list else type(self.grad_fn).__name__
        text = tensor_repr(
            self._a if EAGER else looked_at(self._a),
            dtype_name=repr(self.dtype),
            default_dtype=dtypes.get_default_dtype().np,
            device=str(self.device),
            requires_grad=self.requires_grad,
            grad_fn_name=name,
            class_name="tensor" if type(self) in (Tensor, Parameter) else type(self).__name__,
        )
        return parameter_repr(text) if isinstance(self, Parameter) else text

    def _repr_html_(self) -> str:
        from .richdisplay import rich_html

        made_by = self.grad_fn
        return rich_html(
            self._a,
            dtype_name=repr(self.dtype),
            device=str(self.device),
            class_name=type(self).__name__,
            requires_grad=self.requires_grad,
            grad_fn_name=None if made_by is None else type(made_by).__name__,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        if self._n.__class__ is list:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph "
                "leaves) support the deepcopy protocol at the moment; "
                "deepcopy x.detach() instead"
            )
        from copy import deepcopy

        copied = memo[id(self)] = like(self, self._a.copy(order="K"), self.requires_grad)
        if self.grad is not None:
            copied.grad = deepcopy(self.grad, memo)
        copied.__dict__.update(deepcopy(self.__dict__, memo))
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._n.__class__ is list:
            raise RuntimeError("only leaf tensors can be pickled; pickle x.detach() instead")
        return restore, (type(self), self._a, self.requires_grad, self.__dict__)

    def __dir__(self) -> list[str]:
        return sorted(set(object.__dir__(self)))

    def __getattr__(self, name: str) -> Any:
        raise missing("Tensor", name, _TensorNames())

    def __setitem__(self, index: Any, value: Any) -> None:
        from . import indexing

        assign: Any = indexing.assign
        assign(self, index, value)


# Python 3.11 looks up every attribute of a class that has `__getattr__` by the long way (75 ns, not
# 40, for x.zero_()), and names the nearest attribute by itself where it shows an AttributeError.
if sys.version_info < (3, 12):
    del Tensor.__getattr__


class _TensorNames:
    """The names of Tensor's attributes, listed only when somebody iterates."""

    def __iter__(self) -> Iterator[str]:
        return iter(object.__dir__(wrap(np.empty(0))))


_PYTHON_NUMBERS = frozenset({int, float, bool, complex})


def _python_number(value: Any) -> Any:
    """ml_dtypes' scalars as Python numbers."""
    return complex(value) if "complex" in type(value).__name__ else float(value)


class _ParameterMeta(type):
    def __instancecheck__(cls, value: Any) -> bool:
        if super().__instancecheck__(value):
            return True
        # Not getattr: for a plain tensor it would first look for the nearest name there is,
        # for a millisecond.
        return cls is Parameter and isinstance(value, Tensor) and bool(value.__dict__.get("_is_param"))


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A Tensor that a Module registers as one of its parameters; requires grad by default."""

    __slots__ = ()

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        t = object.__new__(cls)
        t._a = np.empty(0, dtypes.get_default_dtype().np) if data is None else data._a
        t._b = t._v = t._n = None
        if requires_grad:
            tape.set_requires_grad(t, True)
        return t

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        pass


def wrap(array: Any) -> Tensor:
    """An array as a Tensor that is not tracked; no copy."""
    t = object.__new__(Tensor)
    t._a = array
    t._n = t._v = None
    t._b = fresh_box()
    return t


def like(t: Tensor, array: Any, requires_grad: bool) -> Any:
    """A leaf of the same class as `t` over `array`."""
    made = object.__new__(type(t))
    made._a, made._n, made._b, made._v = array, Leaf() if requires_grad else None, None, None
    return made


def restore(cls: type, array: ndarray, requires_grad: bool, attributes: dict[str, Any]) -> Any:
    """Rebuild a pickled tensor."""
    t = object.__new__(cls)
    t._a, t._n, t._b, t._v = of_our_types(array), Leaf() if requires_grad else None, None, None
    t.__dict__.update(attributes)
    return t


def of_our_types(array: ndarray) -> ndarray:
    """The array with the one dtype object that there is of each: pickle makes another, equal one.

    Types are compared by identity everywhere. Raises TypeError for an array that has no dtype here.
    """
    ours = dtypes.of_numpy(array.dtype).np
    return array if array.dtype is ours else array.view(ours)


def from_numpy(array: ndarray) -> Tensor:
    """A Tensor that shares memory with `array`.

    Raises TypeError for what is not an array, or has no dtype here.
    """
    if not isinstance(array, ndarray):
        raise TypeError(f"from_numpy: expected np.ndarray (got {type(array).__name__})")
    return wrap(of_our_types(array))


def storage_of(a: ndarray) -> tuple[int, int]:
    """Address and bytes of the memory that `a` is a view of."""
    base: Any = a
    while isinstance(base.base, ndarray):
        base = base.base
    return base.__array_interface__["data"][0], base.nbytes


# -- operations ---------------------------------------------------------------------------------------

_functions: dict[str, Callable[..., Any]] = {}


def function_of(op: Op) -> Callable[..., Any]:
    """The Tensor-level function of an op, generated when it is first asked for."""
    found = _functions.get(op.name)
    if found is None:
        found = _functions[op.name] = generate.function(op)
    return found


def call_of(op: Op) -> Callable[..., Any]:
    """An op's function for one call: the Python function if it is first needed while ops are traced."""
    return function_of(op) if EAGER or op.name in _functions else generate.python_function(op, False)


def _fit(g: Tensor, shape: tuple[int, ...], storage: np.dtype) -> Tensor:
    g = g.sum_to_size(shape) if g._a.shape != shape else g
    return g if g._a.dtype == storage else g.to(OF_NUMPY[storage])


def _bundle(op: Op, tensors: list[Tensor]) -> Any:
    return generate.result_class(op)(*tensors) if op.outputs else tuple(tensors)


engine.binding.tensor, engine.binding.wrap, engine.binding.fit = Tensor, wrap, _fit


def _sum_array(a: Any) -> Any:
    return registry["sum"](a, 0)


def _sum_batch(g: Any, level: int, size: int) -> Any:
    from .func.vmapping import leave

    return leave(g, 0, size, level).sum(0)


engine.binding.sum_array, engine.binding.sum_batch = _sum_array, _sum_batch
engine.binding.function, engine.binding.bundle = function_of, _bundle
generate.namespace.update(Tensor=Tensor, Parameter=Parameter, wrap=wrap)
tensor_classes[Tensor] = tensor_classes[Parameter] = call_of
