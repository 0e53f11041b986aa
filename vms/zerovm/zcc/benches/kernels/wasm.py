"""usage: wasm.py MODULE

Runs a module of WASI with wasmtime, and writes the seconds of processor time that it took to standard
error: without starting Python, without compiling.
"""

import resource
import sys

import wasmtime


def user_time():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


engine = wasmtime.Engine()
module = wasmtime.Module.from_file(engine, sys.argv[1])
linker = wasmtime.Linker(engine)
linker.define_wasi()
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.inherit_stdout()
store.set_wasi(wasi)
start = linker.instantiate(store, module).exports(store)["_start"]
before = user_time()
try:
    start(store)
except wasmtime.ExitTrap as end:
    if end.code != 0:
        sys.exit(end.code)
print(user_time() - before, file=sys.stderr)
