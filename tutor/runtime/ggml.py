"""What llama-cpp-python does not bind of ggml: devices, a tensor's numbers, quantized rows as floats, their product.

Its libraries lie beside libllama and are loaded already. Structures as in ggml.h. Runs in the worker.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np
from llama_cpp._ctypes_extensions import load_shared_library
from numpy.typing import NDArray

from tutor.domain.errors import ModelFailed

LIBRARIES = Path(lib.__file__).parent / "lib"
# enum ggml_backend_dev_type: a graphics processor, and one that shares the machine's memory.
GRAPHICS = (1, 2)
F32 = 0
OVERHEAD = 2**20  # of a context's few tensors and the graph of their product

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


class _Tensor(ctypes.Structure):
    """How struct ggml_tensor begins."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4),
    )


class _InitParams(ctypes.Structure):
    _fields_ = (("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool))


_ToFloat = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


class _TypeTraits(ctypes.Structure):
    _fields_ = (
        ("type_name", ctypes.c_char_p),
        ("blck_size", ctypes.c_int64),
        ("blck_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.c_void_p),
        ("from_float_ref", ctypes.c_void_p),
    )


@cache
def _library(name: str) -> ctypes.CDLL:
    library: ctypes.CDLL = load_shared_library(name, LIBRARIES)
    return library


@cache
def _function(library: str, name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_library(library), name)
    function.restype, function.argtypes = result, arguments
    return function


def _pointer(name: str, *arguments: Any) -> Any:
    return _function("ggml-base", name, ctypes.c_void_p, *arguments)


get_name = _function("ggml-base", "ggml_get_name", ctypes.c_char_p, ctypes.c_void_p)


def graphics_devices() -> list[str]:
    """The names of the graphics devices that this build of ggml finds."""
    count = _function("ggml", "ggml_backend_dev_count", ctypes.c_size_t)
    get = _function("ggml", "ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    kind = _function("ggml-base", "ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)
    name = _function("ggml-base", "ggml_backend_dev_name", ctypes.c_char_p, ctypes.c_void_p)
    devices = [get(i) for i in range(count())]
    return [name(device).decode() for device in devices if kind(device) in GRAPHICS]


def read(tensor: int) -> Floats | None:
    """The numbers of a tensor of a graph, wherever they lie, its fastest dimension last; None where not float32."""
    head = _Tensor.from_address(tensor)
    if head.type != F32 or head.nb[0] != 4:
        return None
    numbers = np.empty(tuple(reversed(head.ne)), dtype=np.float32)
    get = _function(
        "ggml-base", "ggml_backend_tensor_get", None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t
    )
    get(tensor, numbers.ctypes.data, 0, numbers.nbytes)
    return numbers


def to_floats(kind: int, data: Bytes, count: int) -> Floats | None:
    """`count` numbers of type `kind` from `data`, None where ggml cannot tell them."""
    if kind == F32:
        return data.view(np.float32)[:count]
    traits = ctypes.cast(_pointer("ggml_get_type_traits", ctypes.c_int)(kind), ctypes.POINTER(_TypeTraits)).contents
    if not traits.to_float:
        return None
    numbers = np.empty(count, dtype=np.float32)
    _ToFloat(traits.to_float)(data.ctypes.data, numbers.ctypes.data, count)
    return numbers


class Product:
    """Products of up to `rows` rows of a matrix, in any type that ggml has, with `columns` vectors, all `width` long."""

    def __init__(self, kind: int, row_bytes: int, width: int, rows: int, columns: int, *, threads: int) -> None:
        room = OVERHEAD + rows * row_bytes + 4 * columns * (width + rows)
        self._context = _pointer("ggml_init", _InitParams)(_InitParams(room, None, False))
        self._backend = _function("ggml-cpu", "ggml_backend_cpu_init", ctypes.c_void_p)()
        set_threads = _function("ggml-cpu", "ggml_backend_cpu_set_n_threads", None, ctypes.c_void_p, ctypes.c_int)
        set_threads(self._backend, threads)
        new = _pointer("ggml_new_tensor_2d", ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        matrix, vectors = new(self._context, kind, width, rows), new(self._context, F32, width, columns)
        multiply = _pointer("ggml_mul_mat", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        result = multiply(self._context, matrix, vectors)
        self._graph = _pointer("ggml_new_graph", ctypes.c_void_p)(self._context)
        expand = _function("ggml-base", "ggml_build_forward_expand", None, ctypes.c_void_p, ctypes.c_void_p)
        expand(self._graph, result)
        self.matrix: Bytes = _numbers(matrix, ctypes.c_uint8, (rows * row_bytes,))
        self.vectors: Floats = _numbers(vectors, ctypes.c_float, (columns, width))
        self.result: Floats = _numbers(result, ctypes.c_float, (columns, rows))

    def compute(self) -> None:
        """Fill `result` (columns, rows) from `matrix`, the bytes of the rows, and `vectors` (columns, width)."""
        compute = _function("ggml-base", "ggml_backend_graph_compute", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        if status := compute(self._backend, self._graph):
            raise ModelFailed("ggml could not multiply (code {code}).", code=status)

    def close(self) -> None:
        """Give the memory back; `matrix`, `vectors` and `result` must not be touched any more."""
        _function("ggml-base", "ggml_backend_free", None, ctypes.c_void_p)(self._backend)
        _function("ggml-base", "ggml_free", None, ctypes.c_void_p)(self._context)


def _numbers(tensor: int, kind: Any, shape: tuple[int, ...]) -> Any:
    """The memory of a tensor as an array."""
    data = _pointer("ggml_get_data", ctypes.c_void_p)(tensor)
    return np.ctypeslib.as_array(ctypes.cast(data, ctypes.POINTER(kind)), shape=shape)
