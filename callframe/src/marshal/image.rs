//! The memory one call has in the VM.

use crate::types::{RecordId, TypeId};
use std::ops::Range;
use std::sync::Arc;

/// One buffer, aligned to 16, that holds the argument slots and behind them the blocks, exactly as
/// the function will see them.
///
/// Empty when made; [`Callee::decode_into`](super::Callee::decode_into) fills it and can do so
/// again and again without allocating. [`Image::relocate`] makes its pointers real; the buffer must
/// stay where it is (it does: it is on the heap) until the reply is encoded.
#[derive(Debug, Default)]
pub struct Image {
    words: Vec<u128>,
    pub(super) errno: i32,
    pub(super) base: u64,
    pub(super) pointer_size: usize,
    pub(super) blocks: Vec<ImageBlock>,
    /// Sorted by position once decoded.
    pub(super) relocations: Vec<Relocation>,
    /// Handles that came where the function may put another: position and wire form.
    pub(super) handles: Vec<(usize, u64)>,
    /// Functions that were passed: position in the image, and address.
    pub(super) functions: Vec<(usize, u64)>,
    /// Values of the outer function's integers, where what is called is a callback.
    pub(super) outer: Arc<[i128]>,
    /// Where pointers to memory lie that was allocated for the function to keep or to replace.
    pub(super) allocated: Vec<Allocated>,
    /// Objects of which the caller keeps a part.
    pub(super) residents: Vec<ResidentObject>,
    /// Pointers to blocks that lie elsewhere: address, and number of the block.
    pub(super) outside: Vec<(u64, usize)>,
}

/// An object that lives in the VM, in this call.
#[derive(Clone, Debug)]
pub(super) struct ResidentObject {
    /// The parameter that leads to it.
    pub index: u32,
    /// The block of its state.
    pub number: usize,
    pub address: u64,
    /// Its handle; 0 where the function is to make it.
    pub wire: u64,
    /// Whether this call destroys it.
    pub ends: bool,
    /// By cursor: the block it walks through.
    pub buffers: Vec<Option<usize>>,
}

/// A pointer to memory of the VM's allocator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allocated {
    pub position: usize,
    pub address: u64,
    pub ty: TypeId,
}

/// A block in the image.
#[derive(Clone, Copy, Debug)]
pub(super) struct ImageBlock {
    pub offset: usize,
    pub capacity: usize,
    /// The pointer that names it; `None` until one does.
    pub owner: Option<Owner>,
    /// Its address, where it is in shared memory. Its place in the image is then only a number.
    pub shared: Option<u64>,
}

/// The pointer that names a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub ty: TypeId,
    /// Where in the image it lies.
    pub position: usize,
    /// The parameter that is this pointer.
    pub parameter: Option<u32>,
    /// The parameter it was reached from.
    pub root: u32,
    /// The record it is a member of, and where that begins in the image.
    pub record: Option<(RecordId, usize)>,
    /// Whether it says by its place how much was filled.
    pub cursor: bool,
    /// Whether the function may allocate what it leads to anew.
    pub replaced: bool,
}

/// A pointer into the image, at `position` in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relocation {
    pub position: usize,
    pub target: usize,
    /// The target's address, where that is in shared memory.
    pub shared: Option<u64>,
}

impl Relocation {
    fn address(&self, base: u64) -> u64 {
        self.shared
            .unwrap_or_else(|| base.wrapping_add(self.target as u64))
    }
}

impl ImageBlock {
    /// Where it is, in a buffer that is at `base`.
    pub fn address(&self, base: u64) -> u64 {
        self.shared
            .unwrap_or_else(|| base.wrapping_add(self.offset as u64))
    }
}

impl Image {
    /// The whole buffer: slots, then blocks.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words)
    }

    /// The whole buffer, for the function (or the VM that stands in for it) to work on.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.words)
    }

    /// Tells at which address the function sees the buffer, and writes its pointers accordingly.
    /// On a VM that runs functions in its own process that is `bytes_mut().as_mut_ptr()`.
    pub fn relocate(&mut self, base: u64) {
        self.base = base;
        let size = self.pointer_size;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
        for relocation in &self.relocations {
            let value = relocation.address(base).to_le_bytes();
            let at = relocation.position;
            if let (Some(place), Some(value)) = (bytes.get_mut(at..at + size), value.get(..size)) {
                place.copy_from_slice(value);
            }
        }
    }

    /// Pointers to blocks that lie outside of the image, in objects that live in the VM: the address of
    /// each and its bytes. Whoever runs the function writes them after [`relocate`](Image::relocate).
    pub fn outside(&self) -> impl Iterator<Item = (u64, Vec<u8>)> {
        let size = self.pointer_size.min(8);
        self.outside.iter().filter_map(move |&(at, number)| {
            let value = self.blocks.get(number)?.address(self.base).to_le_bytes();
            Some((at, value.get(..size).unwrap_or_default().to_vec()))
        })
    }

    /// The address [`relocate`](Image::relocate) was told.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Notes what a callback's annotations know of the function it was given to: the values of
    /// that call's integer parameters, by index. Before decoding; they stay until set again.
    pub fn set_outer(&mut self, values: Arc<[i128]>) {
        self.outer = values;
    }

    /// What [`set_outer`](Image::set_outer) was given.
    pub fn outer(&self) -> &[i128] {
        &self.outer
    }

    /// errno of the calling thread.
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// Where in the buffer the block is that parameter number `parameter` leads to; `None` where
    /// that is NULL or no pointer to data, or leads to shared memory.
    pub fn block(&self, parameter: u32) -> Option<Range<usize>> {
        let block = self.block_of(parameter).filter(|it| it.shared.is_none())?;
        Some(block.offset..block.offset + block.capacity)
    }

    /// Where in the buffer all blocks are that are not in shared memory.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> {
        let range = |block: &ImageBlock| block.offset..block.offset + block.capacity;
        let here = self.blocks.iter().filter(|block| block.shared.is_none());
        here.map(range)
    }

    pub(super) fn block_of(&self, parameter: u32) -> Option<&ImageBlock> {
        self.blocks.iter().find(|block| {
            block
                .owner
                .is_some_and(|owner| owner.parameter == Some(parameter))
        })
    }

    /// Empties the image and makes room for `size` zeroed bytes.
    pub(super) fn reset(&mut self, size: usize) {
        self.words.clear();
        self.words.resize(size.div_ceil(16), 0);
        self.blocks.clear();
        self.relocations.clear();
        self.handles.clear();
        self.functions.clear();
        self.allocated.clear();
        self.residents.clear();
        self.outside.clear();
        self.base = 0;
    }

    /// Where the pointer at `position` led when the call came.
    pub(super) fn came_with(&self, position: usize) -> Option<u64> {
        Some(self.relocation(position)?.address(self.base))
    }

    /// The block that the pointer at `position` led to when the call came.
    pub(super) fn block_at(&self, position: usize) -> Option<&ImageBlock> {
        let target = self.relocation(position)?.target;
        let found = self
            .blocks
            .binary_search_by_key(&target, |block| block.offset);
        self.blocks.get(found.ok()?)
    }

    /// The handle that came at `position`.
    pub(super) fn handle_at(&self, position: usize) -> Option<u64> {
        let found = self.handles.iter().find(|(at, _)| *at == position);
        found.map(|(_, wire)| *wire)
    }

    fn relocation(&self, position: usize) -> Option<&Relocation> {
        let found = self
            .relocations
            .binary_search_by_key(&position, |entry| entry.position)
            .ok()?;
        self.relocations.get(found)
    }

    /// The address of the function that was passed at `position`.
    pub(super) fn function_at(&self, position: usize) -> Option<u64> {
        let found = self.functions.iter().find(|(known, _)| *known == position);
        found.map(|(_, address)| *address)
    }

    pub(super) fn write_pointer(&mut self, position: usize, value: u64) {
        let size = self.pointer_size;
        let bytes = value.to_le_bytes();
        let place = self.bytes_mut().get_mut(position..position + size);
        if let (Some(place), Some(value)) = (place, bytes.get(..size)) {
            place.copy_from_slice(value);
        }
    }
}

/// A little-endian number of up to eight bytes; 0 where there is none.
pub(super) fn unsigned(bytes: &[u8], at: usize, size: usize) -> u64 {
    let mut value = [0; 8];
    let source = at.checked_add(size).and_then(|end| bytes.get(at..end));
    if let (Some(source), Some(place)) = (source, value.get_mut(..size)) {
        place.copy_from_slice(source);
    }
    u64::from_le_bytes(value)
}

/// Bytes up to and including the first of the elements of `unit` bytes that equals `terminator`.
pub(super) fn first_terminator(bytes: &[u8], unit: u64, terminator: u64) -> Option<u64> {
    let size = usize::try_from(unit).ok()?;
    let wanted = terminator.to_le_bytes();
    let wanted = wanted.get(..size).filter(|wanted| !wanted.is_empty())?;
    let mut elements = bytes.chunks_exact(size);
    let index = elements.position(|element| element == wanted)?;
    (index as u64 + 1).checked_mul(unit)
}

/// A little-endian integer of up to eight bytes.
pub(super) fn integer(bytes: &[u8], at: usize, size: usize, signed: bool) -> i128 {
    let value = unsigned(bytes, at, size);
    if signed && size > 0 && size <= 8 {
        let unused = 64 - 8 * size as u32;
        i128::from((value << unused) as i64 >> unused)
    } else {
        i128::from(value)
    }
}
