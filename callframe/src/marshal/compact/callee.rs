//! The VM's end of a compact call.

use super::{Answer, Argument, Compact, Data, MOST_PARAMETERS, Reach, WORD, header, words};
use crate::marshal::memory::CalleeMemory;
use crate::marshal::{CLEARED, MAXIMUM_CALL, MarshalError, SHARED};

/// Bytes that blocks begin at multiples of, so that whatever lies in them is aligned.
const GRAIN: usize = 16;

/// A call that has come: the words of its arguments, and the memory that they lead to. Reusable.
#[derive(Debug, Default)]
pub struct Entered {
    errno: i32,
    count: usize,
    /// What the function is given: numbers, and addresses.
    arguments: [u64; MOST_PARAMETERS],
    /// What was sent.
    words: [u64; MOST_PARAMETERS],
    capacities: [usize; MOST_PARAMETERS],
    /// Where in the blocks each begins that is there.
    offsets: [Option<usize>; MOST_PARAMETERS],
    /// In words of [`GRAIN`] bytes.
    blocks: Vec<u128>,
}

impl Entered {
    /// errno of the calling thread.
    #[inline]
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// A word for each argument: a number, of which the type's own bytes are the first, or an address.
    #[inline]
    pub fn arguments(&mut self) -> &mut [u64] {
        self.arguments.get_mut(..self.count).unwrap_or_default()
    }

    /// What argument `index` leads to, where that came with the call or goes with its reply.
    pub fn block(&mut self, index: usize) -> Option<&mut [u8]> {
        let (capacity, offset) = (*self.capacities.get(index)?, (*self.offsets.get(index)?)?);
        let blocks: &mut [u8] = bytemuck::cast_slice_mut(&mut self.blocks);
        blocks.get_mut(offset..offset + capacity)
    }

    /// Lets go of memory beyond so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        if self.blocks.capacity() > bytes / GRAIN {
            self.blocks = Vec::new();
        }
    }
}

impl Compact {
    /// Turns a request into arguments that a function of this process is called with; its addresses
    /// are good until `call` is changed.
    ///
    /// # Errors
    /// When it is no request of this function, or names memory that is not there.
    #[inline]
    pub fn enter<M: CalleeMemory>(
        &self,
        request: &[u8],
        memory: &mut M,
        call: &mut Entered,
    ) -> Result<(), MarshalError> {
        let count = self.arguments.len();
        let (errno, behind) = header(request)?;
        let (words, behind) = words(behind, count).ok_or(MarshalError::Malformed("truncated"))?;
        call.errno = errno;
        call.count = count;
        call.words = words;
        call.offsets = [None; MOST_PARAMETERS];
        let mut room = 0;
        for (index, argument) in self.arguments.iter().enumerate() {
            let word = words.get(index).copied().unwrap_or(0);
            let argument = match argument {
                Argument::Number(number) if number.taken(word) == word => word,
                Argument::Number(_) => {
                    return Err(MarshalError::Malformed("a number wider than its type"));
                }
                Argument::Data(data) => self.lay_out(index, data, word, memory, call, &mut room)?,
            };
            if let Some(place) = call.arguments.get_mut(index) {
                *place = argument;
            }
        }
        self.fill(behind, call, room)
    }

    /// How far a pointer reaches, and where what it leads to is: an address, where it is shared, or else
    /// a place in the blocks, which is turned into one by [`fill`](Compact::fill).
    #[inline]
    fn lay_out<M: CalleeMemory>(
        &self,
        index: usize,
        data: &Data,
        word: u64,
        memory: &mut M,
        call: &mut Entered,
        room: &mut usize,
    ) -> Result<u64, MarshalError> {
        let (Some(capacity), Some(offset)) =
            (call.capacities.get_mut(index), call.offsets.get_mut(index))
        else {
            return Ok(0);
        };
        let reach = self.reach(data, &call.words);
        let another = MarshalError::Malformed("a block of another size than its extent");
        *capacity = 0;
        if word == 0 {
            return Ok(0);
        }
        if word & SHARED != 0 {
            // Of a terminated text nobody would have said how long it is.
            *capacity = reach.ok_or(another)?;
            let (place, cleared) = (word & !(SHARED | CLEARED), word & CLEARED != 0);
            let address = memory.shared(place, *capacity as u64, cleared);
            return address
                .map_err(|error| MarshalError::memory("memory shared with the VM", error));
        }
        let sent = usize::try_from(word - 1).map_err(|_| another.clone())?;
        let fits = match (&data.reach, reach) {
            (Reach::Terminated, _) => sent > 0 && sent.is_multiple_of(data.unit.max(1)),
            (_, reach) => reach == Some(sent),
        };
        if !fits {
            return Err(another);
        }
        (*capacity, *offset) = (sent, Some(*room));
        let block = sent.max(1).checked_next_multiple_of(GRAIN);
        let end = block.and_then(|block| room.checked_add(block));
        *room = end
            .filter(|end| *end as u64 <= MAXIMUM_CALL)
            .ok_or(MarshalError::Malformed("larger than a call may be"))?;
        Ok(0)
    }

    /// Makes the blocks, of `room` bytes together, and fills in what came.
    #[inline]
    fn fill(&self, mut behind: &[u8], call: &mut Entered, room: usize) -> Result<(), MarshalError> {
        call.blocks.clear();
        call.blocks.resize(room.div_ceil(GRAIN), 0);
        // The function gets addresses into them as numbers.
        let base = call.blocks.as_mut_ptr().expose_provenance() as u64;
        let blocks: &mut [u8] = bytemuck::cast_slice_mut(&mut call.blocks);
        for (index, data) in self.data() {
            let (Some(&capacity), Some(&Some(offset)), Some(argument)) = (
                call.capacities.get(index),
                call.offsets.get(index),
                call.arguments.get_mut(index),
            ) else {
                continue;
            };
            *argument = base + offset as u64;
            if data.enters {
                let padded = capacity.next_multiple_of(WORD);
                let (bytes, rest) = behind
                    .split_at_checked(padded)
                    .ok_or(MarshalError::Malformed("truncated"))?;
                behind = rest;
                let (bytes, place) = (
                    bytes.get(..capacity),
                    blocks.get_mut(offset..offset + capacity),
                );
                let (bytes, place) = (bytes.unwrap_or_default(), place.unwrap_or_default());
                place.copy_from_slice(bytes);
                let last = place.len().saturating_sub(data.unit);
                let ends = place
                    .get(last..)
                    .is_some_and(|it| it.iter().all(|byte| *byte == 0));
                if matches!(data.reach, Reach::Terminated) && !ends {
                    return Err(MarshalError::Malformed("text that does not end"));
                }
            }
        }
        match behind {
            [] => Ok(()),
            _ => Err(MarshalError::Malformed("bytes are left over")),
        }
    }

    /// Writes the reply, emptying `reply` first: errno and what the function returned and filled.
    ///
    /// # Errors
    /// When the function left what cannot be carried.
    #[inline]
    pub fn leave(
        &self,
        call: &Entered,
        errno: i32,
        result: u64,
        reply: &mut Vec<u8>,
    ) -> Result<(), MarshalError> {
        let errno = if self.no_errno { 0 } else { errno };
        reply.clear();
        reply.extend_from_slice(&u64::from(errno as u32).to_le_bytes());
        let word = match self.result {
            Answer::Nothing => 0,
            Answer::Number(number) => number.taken(result),
            Answer::Alias(into) => self.alias(call, into, result)?,
        };
        if !matches!(self.result, Answer::Nothing) {
            reply.extend_from_slice(&word.to_le_bytes());
        }
        let blocks: &[u8] = bytemuck::cast_slice(&call.blocks);
        for (index, data) in self.data().filter(|(_, data)| data.leaves) {
            let sent = call.words.get(index).copied().unwrap_or(0);
            if sent == 0 {
                continue;
            }
            let capacity = call.capacities.get(index).copied().unwrap_or(0);
            let filled = self.filled(data, &call.words, self.returned(word), capacity);
            let length = filled.map_err(|said| {
                let reason = match said {
                    Some(amount) => format!(
                        "the function says that it filled {amount} of a buffer of {capacity} bytes"
                    ),
                    None => "how much was filled overflows".to_owned(),
                };
                MarshalError::callee(&self.place(index), reason)
            })?;
            if let Some(&Some(offset)) = call.offsets.get(index) {
                let bytes = blocks.get(offset..offset + length).unwrap_or_default();
                let end = reply.len() + length.next_multiple_of(WORD);
                reply.extend_from_slice(bytes);
                reply.resize(end, 0);
            }
        }
        Ok(())
    }

    /// The word for an address inside of what parameter `into` leads to.
    fn alias(&self, call: &Entered, into: usize, address: u64) -> Result<u64, MarshalError> {
        if address == 0 {
            return Ok(0);
        }
        let start = call.arguments.get(into).copied().filter(|it| *it != 0);
        let capacity = call.capacities.get(into).copied().unwrap_or(0) as u64;
        let offset = start.and_then(|start| address.checked_sub(start));
        let offset = offset.filter(|offset| *offset <= capacity);
        offset.map(|offset| offset + 1).ok_or_else(|| {
            let reason = format!("it points outside of what {} leads to", self.place(into));
            MarshalError::callee("result", reason)
        })
    }
}
