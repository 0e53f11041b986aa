"""dlopen, but the code runs in another process.

    >>> import cosmos
    >>> zlib = cosmos.dlopen("libz.so.1")
    >>> crc32 = zlib("uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)")
    >>> crc32(0, b"hello")
    907060870

A C prototype says what a function takes; what it returns and writes comes back. docs/python.md of
cosmos_vm tells which value goes with which type. Nothing but the standard library and libcosmos.so.0
is needed; COSMOS_LIBRARY names another file.
"""

from __future__ import annotations

import ctypes
import itertools
import operator
import os
import struct
import threading
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Optional

__all__ = ["Alias", "Answer", "Error", "Function", "Handle", "Library", "LongDouble", "Memory", "Outcome",
           "OUT", "Struct", "dlopen", "version"]

OUT = ...
"""Room for an output, as large as the prototype says."""


class Error(Exception):
    """A call, or what leads to it, failed. Its text is the message.

    `code` is one of cosmos_vm.h's COSMOS_ERROR_ numbers, `errno` the errno that goes with it; `function`,
    `vm`, `signal`, `crash` (for `cosmos crash show`) and `backtrace` are None where there is none.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code: int = _c.cosmos_error()
        self.errno: int = _c.cosmos_error_errno()
        self.signal: Optional[int] = _c.cosmos_error_signal() or None
        self.function: Optional[str] = _text(_c.cosmos_error_function())
        self.vm: Optional[str] = _text(_c.cosmos_error_vm())
        self.crash: Optional[str] = _text(_c.cosmos_error_crash())
        self.backtrace: Optional[str] = _text(_c.cosmos_error_backtrace())


class Handle(int):
    """An object that lives in a VM."""

    def __repr__(self) -> str:
        return f"Handle({int(self):#x})"


class LongDouble(float):
    """A long double: the nearest float, with the ten bytes of all of it."""

    bytes: bytes


class Struct(dict):  # type: ignore[type-arg]
    """A struct that came back, its members by name: `tm["tm_year"]` or `tm.tm_year`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Alias(NamedTuple):
    """A pointer into what a parameter leads to."""

    parameter: str
    offset: int


class Outcome(NamedTuple):
    """What a call left: its result, what it wrote by parameter, and errno."""

    result: Any
    outputs: Struct
    errno: int


class Answer:
    """What a function that a library calls returns, where it also writes to its parameters."""

    def __init__(self, result: Any = None, **outputs: Any) -> None:
        self.result = result
        self.outputs = outputs


class Memory:
    """Memory in which a library makes an object, a `regex_t` or a `z_stream`, for this call and later ones."""

    def __init__(self) -> None:
        self._number: int = _c.cosmos_memory_new()

    def __call__(self, **members: Any) -> tuple[Memory, dict[str, Any]]:
        """The memory as an argument, with these members set before the call."""
        return (self, members)

    def __del__(self) -> None:
        _c.cosmos_memory_free(self._number)


class Library:
    """An open library. Called with a prototype, or with the name of a function of its pack, it gives that."""

    def __init__(self, dl: int) -> None:
        self._dl = dl
        self._is_open = True

    def __call__(self, prototype: str) -> Function:
        # A pointer to a function with `...` cannot always be had; calls by values need none.
        if not _c.cosmos_dlsym(self._dl, _c_text(prototype)) and "..." not in prototype:
            raise _failure()
        return Function(self, prototype)

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._is_open:
            _c.cosmos_dlclose(self._dl)

    def close(self) -> None:
        """Closes it; its functions cannot be called any more."""
        self._is_open = False
        _check(_c.cosmos_dlclose(self._dl))

    def cancel(self) -> int:
        """Ends the calls of its functions that other threads wait for; how many there were."""
        return _check(_c.cosmos_cancel(self._dl))


class Function:
    """A function in a VM. It may be called from any thread."""

    def __init__(self, library: Library, prototype: str) -> None:
        self._library = library
        self._prototype = _c_text(prototype)

    def __call__(self, *arguments: Any, timeout: Optional[float] = None) -> Any:
        """Calls it: what it returns and what it wrote, a tuple where that is more than one value.

        Sizes of buffers that go in may be left out, and outputs. timeout is in seconds.
        """
        result, outputs, _ = self._call(arguments, timeout)
        values = [value for value in (result, *outputs.values()) if value is not _VOID]
        return tuple(values) if len(values) > 1 else (values or [None])[0]

    def call(self, *arguments: Any, timeout: Optional[float] = None) -> Outcome:
        """The same, with the outputs by name, and errno."""
        result, outputs, errno = self._call(arguments, timeout)
        return Outcome(None if result is _VOID else result, outputs, errno)

    def _call(self, arguments: Iterable[Any], timeout: Optional[float]) -> tuple[Any, Struct, int]:
        reply, length = ctypes.c_void_p(), ctypes.c_size_t()
        with _Calling(timeout) as calling:
            values = _encode_all(arguments)
            failed = _c.cosmos_call_values(
                self._library._dl, self._prototype, values, len(values), ctypes.byref(_functions),
                ctypes.byref(reply), ctypes.byref(length))
        if calling.raised is not None:
            if reply:
                _c.cosmos_values_free(reply, length)
            raise calling.raised
        if failed:
            raise _failure()
        try:
            reader = _Reader(ctypes.string_at(reply, length.value))
        finally:
            _c.cosmos_values_free(reply, length)
        return reader.value(), reader.members(), reader.take("i")


def dlopen(target: str, *, timeout: Optional[float] = None, isolation: Optional[str] = None,
           limits: Mapping[str, int] = {}, read: Iterable[str] = (), write: Iterable[str] = (),
           network: bool = False, programs: bool = False, fresh: bool = False, shared: Optional[str] = None,
           host: Optional[str] = None, packs: Iterable[str] = ()) -> Library:
    """Opens a library in a VM: a name that is searched for ("libz.so.1"), or a path.

    timeout, in seconds, is for opening and for each call; read and write are paths that the VM may reach;
    the rest is as the setters of cosmos_options in cosmos_vm.h say.
    """
    options = _c.cosmos_options_new()
    try:
        def each(setter: Callable[..., int], values: Iterable[Any]) -> None:
            for value in values:
                _check(setter(options, *(value if isinstance(value, tuple) else (value,))))

        each(_c.cosmos_options_set_timeout, [_milliseconds(timeout)] if timeout is not None else [])
        each(_c.cosmos_options_set_isolation, [_c_text(isolation)] if isolation is not None else [])
        each(_c.cosmos_options_set_limit, [(_c_text(name), _long(most)) for name, most in limits.items()])
        each(_c.cosmos_options_grant_read, _each_text("read", read))
        each(_c.cosmos_options_grant_write, _each_text("write", write))
        each(_c.cosmos_options_grant_network, [int(network)])
        each(_c.cosmos_options_grant_programs, [int(programs)])
        each(_c.cosmos_options_set_fresh, [int(fresh)])
        each(_c.cosmos_options_set_shared, [_c_text(shared)] if shared is not None else [])
        each(_c.cosmos_options_set_host, [_c_text(host)] if host is not None else [])
        each(_c.cosmos_options_add_packs, _each_text("packs", packs))
        dl = _c.cosmos_dlopen(_c_text(target), options)
    finally:
        _c.cosmos_options_free(options)
    if not dl:
        raise _failure()
    return Library(dl)


def version() -> str:
    """The version of libcosmos."""
    return _text(_c.cosmos_version()) or ""


# Values as bytes: docs/python.md.

_VOID = object()


def _encode_all(values: Iterable[Any]) -> bytes:
    """Values; functions among them are held until no library can call them any more."""
    numbers: list[int] = []
    try:
        return b"".join([_encode(value, numbers) for value in values])
    except BaseException:
        for number in numbers:
            _release(None, number)
        raise


def _encode(value: Any, numbers: list[int]) -> bytes:
    """A value; the numbers of functions among it are added to the list."""
    if value is OUT:
        return b"o"
    if value is None:
        return b"0"
    if value is _VOID:
        return b"v"
    if isinstance(value, Handle):
        return b"h" + value.to_bytes(8, "little")
    if isinstance(value, int):
        return b"i" + value.to_bytes(16, "little", signed=True)
    if isinstance(value, LongDouble) and hasattr(value, "bytes"):
        return b"x" + value.bytes
    if isinstance(value, float):
        return b"f" + struct.pack("<d", value)
    if isinstance(value, complex):
        return b"c" + struct.pack("<dd", value.real, value.imag)
    if isinstance(value, str):
        return b"t" + _sized(_bytes(value))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b"b" + _sized(bytes(value))
    if isinstance(value, Memory):
        value = value()
    if isinstance(value, tuple) and value and isinstance(value[0], Memory):
        return b"m" + struct.pack("<Q", value[0]._number) + _members(value[1], numbers)
    if isinstance(value, Mapping):
        return b"r" + _members(value, numbers)
    if isinstance(value, (list, tuple)):
        tag = b"a" if isinstance(value, list) else b"s"
        return tag + struct.pack("<Q", len(value)) + b"".join(_encode(one, numbers) for one in value)
    if callable(value):
        number = next(_numbers)
        _passed[number] = value
        numbers.append(number)
        return b"k" + struct.pack("<Q", number)
    if hasattr(value, "fileno"):
        return b"d" + struct.pack("<i", value.fileno())
    raise TypeError(f"{type(value).__name__} is no value of C")


def _members(members: Mapping[str, Any], numbers: list[int]) -> bytes:
    pairs = (_sized(_bytes(name)) + _encode(value, numbers) for name, value in members.items())
    return struct.pack("<Q", len(members)) + b"".join(pairs)


def _sized(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


class _Reader:
    """Reads values off bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def value(self) -> Any:
        tag = self._next(1)
        if tag == b"i":
            return int.from_bytes(self._next(16), "little", signed=True)
        if tag == b"f":
            return self.take("d")
        if tag == b"x":
            return _long_double(self._next(10))
        if tag == b"c":
            return complex(self.take("d"), self.take("d"))
        if tag == b"t":
            return os.fsdecode(self._sized())
        if tag == b"b":
            return self._sized()
        if tag in (b"a", b"s"):
            return [self.value() for _ in range(self.take("Q"))]
        if tag == b"r":
            return self.members()
        if tag == b"d":
            return self.take("i")
        if tag == b"h":
            return Handle(self.take("Q"))
        if tag == b"p":
            return Alias(os.fsdecode(self._sized()), self.take("Q"))
        return {b"0": None, b"o": OUT, b"v": _VOID}[tag]

    def members(self) -> Struct:
        return Struct((os.fsdecode(self._sized()), self.value()) for _ in range(self.take("Q")))

    def take(self, form: str) -> Any:
        return struct.unpack("<" + form, self._next(struct.calcsize("<" + form)))[0]

    def at_end(self) -> bool:
        return self._at == len(self._data)

    def _sized(self) -> bytes:
        return self._next(self.take("Q"))

    def _next(self, count: int) -> bytes:
        begin, self._at = self._at, self._at + count
        return self._data[begin:self._at]


def _long_double(data: bytes) -> LongDouble:
    mantissa, top = struct.unpack("<QH", data)
    exponent, sign = top & 0x7FFF, -1.0 if top >> 15 else 1.0
    if exponent == 0x7FFF:
        number = float("inf") if mantissa << 1 & 0xFFFFFFFFFFFFFFFF == 0 else float("nan")
    else:
        scale = max(exponent, 1) - 16383 - 63
        # In integers, which are divided exactly: neither side of the division need be a float.
        try:
            number = float(mantissa << scale) if scale >= 0 else mantissa / (1 << -scale)
        except OverflowError:
            number = float("inf")
    value = LongDouble(sign * number)
    value.bytes = data
    return value


# Functions that libraries call back.

_numbers = itertools.count(1)
_passed: dict[int, Callable[..., Any]] = {}
_thread = threading.local()


class _Calling:
    """A call of this thread: its time limit, and what a function that it called back has raised."""

    def __init__(self, timeout: Optional[float]) -> None:
        self.raised: Optional[BaseException] = None
        self._timeout = None if timeout is None else _milliseconds(timeout)

    def __enter__(self) -> _Calling:
        self._outer = getattr(_thread, "calling", None)
        _thread.calling = self
        if self._timeout is not None:
            self._before = _c.cosmos_thread_timeout(self._timeout)
        return self

    def __exit__(self, *_: object) -> None:
        _thread.calling = self._outer
        if self._timeout is not None:
            _c.cosmos_thread_timeout(self._before)


def _call_back(_: Any, number: int, values: int, length: int, answer: int) -> None:
    try:
        reader, arguments = _Reader(ctypes.string_at(values, length)), []
        while not reader.at_end():
            arguments.append(reader.value())
        given = _passed[number](*arguments)
        given = given if isinstance(given, Answer) else Answer(given)
        result = _VOID if given.result is None else given.result
        data = _encode(result, []) + _members(given.outputs, [])
        _c.cosmos_answer_set(answer, data, len(data))
    except BaseException as raised:  # It goes on where the call ends, which fails for want of an answer.
        calling = getattr(_thread, "calling", None)
        if calling is not None and calling.raised is None:
            calling.raised = raised


def _release(_: Any, number: int) -> None:
    _passed.pop(number, None)


class _Functions(ctypes.Structure):
    _fields_ = [
        ("cookie", ctypes.c_void_p),
        ("call", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_size_t,
                                  ctypes.c_void_p)),
        ("release", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ulong)),
    ]


_functions = _Functions(None, dict(_Functions._fields_)["call"](_call_back),
                        dict(_Functions._fields_)["release"](_release))


# The C library.

def _bytes(text: str) -> bytes:
    return os.fsencode(text)


def _text(text: Optional[bytes]) -> Optional[str]:
    return None if text is None else text.decode("utf-8", "replace")


def _c_text(text: Any) -> bytes:
    """Text that C reads to its NUL: what stands behind one would be left out, and nobody would know."""
    data = os.fsencode(text)
    if b"\0" in data:
        raise ValueError(f"{text!r} has a NUL in it")
    return data


def _each_text(name: str, texts: Iterable[Any]) -> list[bytes]:
    # Text is iterable too, by its letters: of a path the first is "/".
    if isinstance(texts, (str, bytes, os.PathLike)):
        raise TypeError(f"{name} takes a list, and not one of what is in it")
    return [_c_text(text) for text in texts]


def _long(number: int) -> int:
    """A number as an unsigned long takes it, of which ctypes would cut what does not fit."""
    number = operator.index(number)
    if not 0 <= number <= _LARGEST_LONG:
        raise OverflowError(f"a number is needed that lies between 0 and {_LARGEST_LONG}")
    return number


_LARGEST_LONG = ctypes.c_ulong(-1).value


def _milliseconds(seconds: float) -> int:
    if seconds < 0:
        raise ValueError(f"{seconds} seconds are no time to wait")
    # 0 would be none.
    return max(1, _long(round(seconds * 1000)))


def _failure() -> Error:
    return Error(_text(_c.cosmos_error_message()) or "no message")


def _check(returned: int) -> int:
    if returned < 0:
        raise _failure()
    return returned


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(os.environ.get("COSMOS_LIBRARY") or "libcosmos.so.0")
    text, pointer, size = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t
    number, long, addresses = ctypes.c_int, ctypes.c_ulong, ctypes.POINTER(ctypes.c_void_p)
    for name, result, *arguments in (
            ("version", text), ("error", number), ("error_message", text), ("error_errno", number),
            ("error_signal", number), ("error_function", text), ("error_vm", text), ("error_crash", text),
            ("error_backtrace", text), ("options_new", pointer), ("options_free", None, pointer),
            ("options_set_timeout", number, pointer, long), ("options_set_isolation", number, pointer, text),
            ("options_set_limit", number, pointer, text, long), ("options_grant_read", number, pointer, text),
            ("options_grant_write", number, pointer, text), ("options_grant_network", number, pointer, number),
            ("options_grant_programs", number, pointer, number), ("options_set_fresh", number, pointer, number),
            ("options_set_shared", number, pointer, text), ("options_set_host", number, pointer, text),
            ("options_add_packs", number, pointer, text), ("dlopen", pointer, text, pointer),
            ("dlsym", pointer, pointer, text), ("dlclose", number, pointer), ("cancel", number, pointer),
            ("thread_timeout", long, long), ("memory_new", long), ("memory_free", number, long),
            ("answer_set", number, pointer, text, size), ("values_free", None, pointer, size),
            ("call_values", number, pointer, text, text, size, ctypes.POINTER(_Functions), addresses,
             ctypes.POINTER(size))):
        function = getattr(library, "cosmos_" + name)
        function.restype, function.argtypes = result, arguments
    return library


_c = _load()
