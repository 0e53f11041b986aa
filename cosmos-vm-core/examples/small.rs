//! A kind of VM of a 32-bit machine: four-byte `long` and pointers, eight-byte numbers aligned to
//! four. Its functions compute on the bytes of that machine's memory, so what reaches them and what
//! they leave is right only if the client translates every layout.
//!
//! | address | memory |
//! |---|---|
//! | [`IMAGE`] | the arguments of the call, and what they lead to |
//! | [`HEAP`] | what functions allocate |

use callframe::marshal::MemoryError;
use callframe::{DataModel, Template};
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Call, Vm};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const IMAGE: u32 = 0x1000_0000;
const HEAP: u32 = 0x4000_0000;

#[derive(Default)]
struct Small {
    heap: Mutex<Heap>,
}

#[derive(Default)]
struct Heap {
    bytes: Vec<u8>,
    /// Lists that were made and not freed.
    lists: u32,
}

/// The memory of the machine during a call.
struct Memory<'a> {
    image: &'a mut [u8],
    heap: &'a mut Heap,
}

/// A function: the addresses of its arguments in, the bytes of its result out.
type Function = fn(&mut Memory<'_>, &[u32]) -> Vec<u8>;

const FUNCTIONS: [(&str, Function); 7] = [
    ("sum", sum),
    ("grow", grow),
    ("reversed", reversed),
    ("lists", lists),
    ("next_day", next_day),
    ("negated", negated),
    ("join", join),
];

impl Vm for Small {
    type Object = ();
    type Runable = Function;

    fn kind(&self) -> &'static str {
        "small"
    }

    fn model(&self) -> DataModel {
        DataModel::ILP32
    }

    fn open(&self, _target: &Path) -> Result<(), Fault> {
        Ok(())
    }

    fn sym(&self, _object: &Arc<()>, template: &Template) -> Result<Function, Fault> {
        let name = template.frame().name();
        let found = FUNCTIONS.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, function)| *function)
            .ok_or_else(|| Fault::caller(FaultCode::NoSuchSymbol, format!("there is no '{name}'")))
    }

    fn call(&self, function: &Function, call: &mut Call<'_>) -> Result<(), Fault> {
        let slots = call.template().arguments().iter();
        let arguments: Vec<u32> = slots.map(|slot| IMAGE + slot.offset as u32).collect();
        let image = call.image();
        image.relocate(IMAGE.into());
        let mut heap = self.heap();
        let mut memory = Memory {
            image: image.bytes_mut(),
            heap: &mut heap,
        };
        let result = function(&mut memory, &arguments);
        call.result().copy_from_slice(&result);
        Ok(())
    }

    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let heap = self.heap();
        let start = address.checked_sub(HEAP.into()).map(|start| start as usize);
        let bytes = start.and_then(|start| heap.bytes.get(start..start + into.len()));
        into.copy_from_slice(bytes.ok_or(MemoryError::Address(address))?);
        Ok(())
    }

    fn terminated_length(
        &self,
        address: u64,
        unit: usize,
        terminator: u64,
        limit: u64,
    ) -> Result<u64, MemoryError> {
        let mut element = vec![0; unit];
        for index in 0..limit {
            self.read(address + index * unit as u64, &mut element)?;
            if element == terminator.to_le_bytes()[..unit] {
                return Ok(index + 1);
            }
        }
        Err(MemoryError::Unterminated(limit))
    }

    fn release(&self, _: &Function, function: &str, address: u64) -> Result<(), MemoryError> {
        assert_eq!((function, address >= HEAP.into()), ("free_list", true));
        self.heap().lists -= 1;
        Ok(())
    }
}

impl Small {
    fn heap(&self) -> MutexGuard<'_, Heap> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory<'_> {
    fn bytes<const N: usize>(&self, address: u32) -> [u8; N] {
        let (memory, start) = match address.checked_sub(HEAP) {
            Some(start) => (&self.heap.bytes[..], start),
            None => (&self.image[..], address - IMAGE),
        };
        let start = start as usize;
        memory[start..start + N].try_into().unwrap()
    }

    fn put(&mut self, address: u32, bytes: &[u8]) {
        let start = (address - IMAGE) as usize;
        self.image[start..start + bytes.len()].copy_from_slice(bytes);
    }

    fn word(&self, address: u32) -> u32 {
        u32::from_le_bytes(self.bytes(address))
    }

    fn text(&self, address: u32) -> Vec<u8> {
        let letters = (address..).map(|address| self.bytes::<1>(address)[0]);
        letters.take_while(|&letter| letter != 0).collect()
    }

    fn allocate(&mut self, bytes: &[u8]) -> u32 {
        let start = self.heap.bytes.len().next_multiple_of(4);
        self.heap.bytes.resize(start, 0);
        self.heap.bytes.extend(bytes);
        HEAP + start as u32
    }
}

/// `long sum(const long *__counted_by(n) numbers, size_t n)`
fn sum(memory: &mut Memory<'_>, arguments: &[u32]) -> Vec<u8> {
    let (numbers, count) = (memory.word(arguments[0]), memory.word(arguments[1]));
    let words = (0..count).map(|index| memory.word(numbers + 4 * index).cast_signed());
    words.sum::<i32>().to_le_bytes().to_vec()
}

/// `struct shape { char tag; long long size; double weight; const char *name; void *mine; }`: at 0,
/// 4, 12, 20 and 24, 28 bytes long. Doubles each size, adds to each weight, says how long all names
/// are: `int grow(struct shape *__inout __counted_by(n) shapes, int n)`
fn grow(memory: &mut Memory<'_>, arguments: &[u32]) -> Vec<u8> {
    let (shapes, count) = (memory.word(arguments[0]), memory.word(arguments[1]));
    let mut length = 0;
    for shape in (0..count).map(|index| shapes + 28 * index) {
        let size = 2 * i64::from_le_bytes(memory.bytes(shape + 4));
        let weight = 0.5 + f64::from_le_bytes(memory.bytes(shape + 12));
        memory.put(shape + 4, &size.to_le_bytes());
        memory.put(shape + 12, &weight.to_le_bytes());
        if memory.word(shape + 20) != 0 {
            length += memory.text(memory.word(shape + 20)).len() as u32;
        }
    }
    length.to_le_bytes().to_vec()
}

/// `struct node { short kind; union { long number; const char *text; } as; struct node *next; }`: at
/// 0, 4 and 8, 12 bytes long. A list of the same values the other way round.
fn reversed(memory: &mut Memory<'_>, arguments: &[u32]) -> Vec<u8> {
    let (mut node, mut first) = (memory.word(arguments[0]), 0);
    if node != 0 {
        memory.heap.lists += 1;
    }
    while node != 0 {
        let kind: [u8; 2] = memory.bytes(node);
        let mut value = memory.word(node + 4);
        if kind == [2, 0] && value != 0 {
            let mut text = memory.text(value);
            text.push(0);
            value = memory.allocate(&text);
        }
        let mut made = kind.to_vec();
        made.extend([0; 2]);
        made.extend(value.to_le_bytes());
        made.extend(u32::to_le_bytes(first));
        first = memory.allocate(&made);
        node = memory.word(node + 8);
    }
    first.to_le_bytes().to_vec()
}

/// `int lists(void)`: how many are not freed.
fn lists(memory: &mut Memory<'_>, _: &[u32]) -> Vec<u8> {
    memory.heap.lists.to_le_bytes().to_vec()
}

/// `time_t next_day(time_t *__inout when)`
fn next_day(memory: &mut Memory<'_>, arguments: &[u32]) -> Vec<u8> {
    let when = memory.word(arguments[0]);
    let next = memory.word(when).cast_signed() + 86_400;
    memory.put(when, &next.to_le_bytes());
    next.to_le_bytes().to_vec()
}

/// `long double negated(long double x)`: ten significant bytes of twelve.
fn negated(memory: &mut Memory<'_>, arguments: &[u32]) -> Vec<u8> {
    let mut number: [u8; 12] = memory.bytes(arguments[0]);
    number[9] ^= 0x80;
    number.to_vec()
}

/// `size_t join(char *const *texts, char *into, size_t size)`, the texts ended by NULL.
fn join(memory: &mut Memory<'_>, arguments: &[u32]) -> Vec<u8> {
    let [texts, into, size] = [0, 1, 2].map(|index| memory.word(arguments[index]));
    let all = (0..).map(|index| memory.word(texts + 4 * index));
    let all = all.take_while(|&text| text != 0);
    let mut joined: Vec<u8> = all.flat_map(|text| memory.text(text)).collect();
    let length = joined.len() as u32;
    joined.push(0);
    joined.truncate(size as usize);
    memory.put(into, &joined);
    length.to_le_bytes().to_vec()
}

fn main() -> ExitCode {
    cosmos_vm_core::run(Small::default())
}
