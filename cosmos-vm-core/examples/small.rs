//! A kind of VM of a 32-bit machine: four-byte `long` and pointers, eight-byte numbers aligned to
//! four. Its functions compute on the bytes of that machine's memory, so what reaches them and what
//! they leave is right only if the client translates every layout.
//!
//! | address | memory |
//! |---|---|
//! | [`IMAGE`] | the arguments of the call, and what they lead to |
//! | [`THUNKS`] | functions of the client, one a word |
//! | [`HEAP`] | what functions allocate, and pass to functions of the client |

use callframe::marshal::MemoryError;
use callframe::types::TypeId;
use callframe::{DataModel, Template};
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Call, Callback, Held, Vm};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const IMAGE: u32 = 0x1000_0000;
const THUNKS: u32 = 0x2000_0000;
const HEAP: u32 = 0x4000_0000;

#[derive(Default)]
struct Small {
    heap: Arc<Mutex<Heap>>,
}

#[derive(Default)]
struct Heap {
    bytes: Vec<u8>,
    /// Lists that were made and not freed.
    lists: u32,
    /// What a client's function gave away and was not freed.
    given: u32,
    /// The functions of the client that may be called now, by address.
    thunks: BTreeMap<u32, Arc<Callback>>,
}

/// The memory of the machine during a call.
struct Memory<'a> {
    image: &'a mut [u8],
    machine: &'a Small,
}

/// A function: the addresses of its arguments in, the bytes of its result out.
type Function = fn(&mut Memory<'_>, &[u32]) -> Vec<u8>;

const FUNCTIONS: [(&str, Function); 11] = [
    ("sum", sum),
    ("grow", grow),
    ("reversed", reversed),
    ("lists", lists),
    ("next_day", next_day),
    ("negated", negated),
    ("join", join),
    ("visit", visit),
    ("order", order),
    ("collect", collect),
    ("given", given),
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
        let mut memory = Memory {
            image: image.bytes_mut(),
            machine: self,
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

    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), MemoryError> {
        let mut heap = self.heap();
        let start = address.checked_sub(HEAP.into()).map(|start| start as usize);
        let room = start.and_then(|start| heap.bytes.get_mut(start..start + bytes.len()));
        room.ok_or(MemoryError::Address(address))?
            .copy_from_slice(bytes);
        Ok(())
    }

    fn allocate(&self, bytes: &[u8]) -> Result<u64, MemoryError> {
        self.heap().given += 1;
        Ok(self.heap().allocate(bytes).into())
    }

    fn calls_back(&self) -> bool {
        true
    }

    fn thunk(&self, _: &Function, _: TypeId, callback: Arc<Callback>) -> Result<Held, MemoryError> {
        let mut heap = self.heap();
        let last = heap.thunks.last_key_value();
        let address = last.map_or(THUNKS, |(address, _)| address + 4);
        heap.thunks.insert(address, callback);
        let bound = Bound {
            machine: Arc::clone(&self.heap),
            address,
        };
        Ok(Held::new(address.into(), bound))
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

/// A function of the client that can be called as long as this lives.
struct Bound {
    machine: Arc<Mutex<Heap>>,
    address: u32,
}

impl Drop for Bound {
    fn drop(&mut self) {
        lock(&self.machine).thunks.remove(&self.address);
    }
}

impl Small {
    fn heap(&self) -> MutexGuard<'_, Heap> {
        lock(&self.heap)
    }
}

fn lock(heap: &Mutex<Heap>) -> MutexGuard<'_, Heap> {
    heap.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Heap {
    fn allocate(&mut self, bytes: &[u8]) -> u32 {
        let start = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(start, 0);
        self.bytes.extend(bytes);
        HEAP + start as u32
    }
}

impl Memory<'_> {
    fn bytes<const N: usize>(&self, address: u32) -> [u8; N] {
        let mut bytes = [0; N];
        match address >= HEAP {
            true => self.machine.read(address.into(), &mut bytes).unwrap(),
            false => {
                let start = (address - IMAGE) as usize;
                bytes.copy_from_slice(&self.image[start..start + N]);
            }
        }
        bytes
    }

    fn put(&mut self, address: u32, bytes: &[u8]) {
        if address >= HEAP {
            return self.machine.write(address.into(), bytes).unwrap();
        }
        let start = (address - IMAGE) as usize;
        self.image[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Calls the function of the client at this address; zeros where that cannot be.
    fn call<const N: usize>(&mut self, function: u32, arguments: &[&[u8]]) -> [u8; N] {
        let callback = self.machine.heap().thunks.get(&function).cloned();
        let callback = callback.expect("the address of a function");
        let places: Vec<u64> = arguments
            .iter()
            .map(|argument| self.allocate(argument).into())
            .collect();
        let result = self.allocate(&[0; N]);
        match callback.call(&places, 0, result.into()) {
            Ok(_) => self.bytes(result),
            Err(_) => [0; N],
        }
    }

    fn word(&self, address: u32) -> u32 {
        u32::from_le_bytes(self.bytes(address))
    }

    fn text(&self, address: u32) -> Vec<u8> {
        let letters = (address..).map(|address| self.bytes::<1>(address)[0]);
        letters.take_while(|&letter| letter != 0).collect()
    }

    fn allocate(&mut self, bytes: &[u8]) -> u32 {
        self.machine.heap().allocate(bytes)
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
        memory.machine.heap().lists += 1;
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
    memory.machine.heap().lists.to_le_bytes().to_vec()
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

/// `long visit(const long *__counted_by(n) numbers, size_t n,
///   long (*each)(void *__opaque mine, long number, long *__inout total), void *__opaque mine)`: the
/// total, and what all calls returned.
fn visit(memory: &mut Memory<'_>, arguments: &[u32]) -> Vec<u8> {
    let [numbers, count, each, mine] = [0, 1, 2, 3].map(|index| memory.word(arguments[index]));
    let total = memory.allocate(&[0; 4]);
    let mut returned = 0;
    for index in 0..count {
        let number = memory.word(numbers + 4 * index).to_le_bytes();
        let result = memory.call(each, &[&mine.to_le_bytes(), &number, &total.to_le_bytes()]);
        returned += i32::from_le_bytes(result);
    }
    (memory.word(total).cast_signed() + returned)
        .to_le_bytes()
        .to_vec()
}

/// `struct item { char tag; long long key; const char *name; }`: at 0, 4 and 12, 16 bytes long. Where
/// each would be if they were sorted: `void order(const struct item *__counted_by(n) items,
///   int *__out __counted_by(n) places, size_t n, int (*compare)(const struct item *a, const struct item *b))`
fn order(memory: &mut Memory<'_>, arguments: &[u32]) -> Vec<u8> {
    let [items, places, count, compare] = [0, 1, 2, 3].map(|index| memory.word(arguments[index]));
    for index in 0..count {
        let mut smaller = 0u32;
        for other in (0..count).filter(|other| *other != index) {
            // What a function of the client is to read lies on the heap, names included.
            let copies = [other, index].map(|index| {
                let mut item: [u8; 16] = memory.bytes(items + 16 * index);
                let name = u32::from_le_bytes(item[12..].try_into().unwrap());
                let mut text = memory.text(name);
                text.push(0);
                let name = memory.allocate(&text);
                item[12..].copy_from_slice(&name.to_le_bytes());
                memory.allocate(&item).to_le_bytes()
            });
            let order: [u8; 4] = memory.call(compare, &[&copies[0], &copies[1]]);
            smaller += u32::from(i32::from_le_bytes(order) < 0);
        }
        memory.put(places + 4 * index, &smaller.to_le_bytes());
    }
    Vec::new()
}

/// `size_t collect(char *__out __sized_by(size) __null_terminated into, size_t size,
///   size_t (*fill)(char *__out __sized_by(room) __filled(return) text, size_t room),
///   char *__owned(free) (*name)(long number))`: what both give, one after the other.
fn collect(memory: &mut Memory<'_>, arguments: &[u32]) -> Vec<u8> {
    let [into, size, fill, name] = [0, 1, 2, 3].map(|index| memory.word(arguments[index]));
    let text = memory.allocate(&[b'.'; 8]);
    let filled: [u8; 4] = memory.call(fill, &[&text.to_le_bytes(), &7u32.to_le_bytes()]);
    let mut all: Vec<u8> = (0..u32::from_le_bytes(filled))
        .map(|index| memory.bytes::<1>(text + index)[0])
        .collect();
    let given = u32::from_le_bytes(memory.call(name, &[&(-7i32).to_le_bytes()]));
    if given != 0 {
        all.extend(memory.text(given));
        memory.machine.heap().given -= 1;
    }
    let length = all.len() as u32;
    all.push(0);
    all.truncate(size as usize);
    memory.put(into, &all);
    length.to_le_bytes().to_vec()
}

/// `int given(void)`: how much that was given away is not freed.
fn given(memory: &mut Memory<'_>, _: &[u32]) -> Vec<u8> {
    memory.machine.heap().given.to_le_bytes().to_vec()
}

fn main() -> ExitCode {
    cosmos_vm_core::run(Small::default())
}
