//! wasmtime, in this process: a typed call of a function that was compiled before.

use super::sort::compare;
use super::{Outcome, Peer, System, no_far};
use wasmtime::{Caller, Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

pub const WASMTIME: System = System {
    name: "wasmtime, in process",
    spins: false,
    has_far: false,
    inside: true,
    connect: |_| Ok(Box::new(Near::new()?)),
    serve: no_far,
};

/// A cosine by its series, good for the numbers that are asked for; a copy; and a heap sort whose
/// comparisons are the host's.
const MODULE: &str = include_str!("module.wat");
const AREA: i32 = 2 << 20;

struct Near {
    store: Store<()>,
    cos: TypedFunc<f64, f64>,
    copy: TypedFunc<(i32, i32, i32), ()>,
    sort: TypedFunc<(i32, i32), ()>,
    memory: Memory,
}

impl Near {
    fn new() -> Outcome<Near> {
        let engine = Engine::default();
        let module = Module::new(&engine, MODULE)?;
        let mut linker = Linker::new(&engine);
        linker.func_wrap(
            "host",
            "compare",
            |_: Caller<'_, ()>, left: i32, right: i32| {
                // SAFETY: both are numbers of this frame's.
                unsafe { compare(&left, &right) }
            },
        )?;
        let mut store = Store::new(&engine, ());
        let instance: Instance = linker.instantiate(&mut store, &module)?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or("no memory")?;
        Ok(Near {
            cos: instance.get_typed_func(&mut store, "cos")?,
            copy: instance.get_typed_func(&mut store, "copy")?,
            sort: instance.get_typed_func(&mut store, "sort")?,
            memory,
            store,
        })
    }
}

impl Peer for Near {
    fn cos(&mut self, x: f64) -> Outcome<f64> {
        Ok(self.cos.call(&mut self.store, x)?)
    }

    fn echo(&mut self, given: &[u8], back: &mut [u8]) -> Outcome<bool> {
        self.memory.write(&mut self.store, 0, given)?;
        let length = i32::try_from(given.len())?;
        self.copy.call(&mut self.store, (AREA, 0, length))?;
        self.memory.read(&self.store, AREA as usize, back)?;
        Ok(true)
    }

    fn sort(&mut self, numbers: &mut [i32]) -> Outcome<bool> {
        let bytes: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        self.memory.write(&mut self.store, 0, &bytes)?;
        let count = i32::try_from(numbers.len())?;
        self.sort.call(&mut self.store, (0, count))?;
        let sorted = self.memory.data(&self.store).chunks_exact(4);
        for (number, bytes) in numbers.iter_mut().zip(sorted) {
            *number = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        Ok(true)
    }
}
