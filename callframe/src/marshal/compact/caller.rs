//! The client's end of a compact call.

use super::{Answer, Argument, Compact, Data, HEADER, MOST_PARAMETERS, Reach, WORD, header};
use crate::marshal::caller::STAGED_FROM;
use crate::marshal::memory::CallerBytes;
use crate::marshal::{CLEARED, MAXIMUM_CALL, MarshalError, Outcome, PLACE_BITS, SHARED};

/// What was sent, for the reply to be understood.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    errno: i32,
    /// Bytes of the request.
    length: usize,
    /// The words of the parameters.
    words: [u64; MOST_PARAMETERS],
    /// Where each pointer leads, in the program, and how far.
    addresses: [u64; MOST_PARAMETERS],
    capacities: [usize; MOST_PARAMETERS],
    /// Which of them were copied to memory that both ends see, and are to be copied back from there.
    staged: [bool; MOST_PARAMETERS],
}

impl Sent {
    /// Bytes of the request.
    #[inline]
    pub fn length(&self) -> usize {
        self.length
    }
}

impl Compact {
    /// Appends the request of a call to `request`; `arguments` are as in
    /// [`Caller::encode`](crate::marshal::Caller::encode).
    ///
    /// `None` where the call goes the general way; buffers may have been staged by then.
    pub fn encode<M: CallerBytes>(
        &self,
        memory: &mut M,
        arguments: &[u64],
        errno: i32,
        request: &mut Vec<u8>,
    ) -> Option<Sent> {
        let words = self.arguments(memory, arguments)?;
        let sent = self.prepare(memory, &words, errno)?;
        let at = request.len();
        // Where there is no memory the general way says so.
        request.try_reserve(sent.length).ok()?;
        request.resize(at + sent.length, 0);
        self.write(memory, &sent, request.get_mut(at..)?)?;
        Some(sent)
    }

    /// The words of arguments whose values are at these addresses.
    #[inline]
    pub fn arguments<M: CallerBytes>(
        &self,
        memory: &M,
        addresses: &[u64],
    ) -> Option<[u64; MOST_PARAMETERS]> {
        if addresses.len() != self.arguments.len() {
            return None;
        }
        let mut words = [0; MOST_PARAMETERS];
        let all = words.iter_mut().zip(self.arguments.iter().zip(addresses));
        for (word, (argument, &address)) in all {
            let mut bytes = [0; WORD];
            let size = match argument {
                Argument::Number(number) => number.size,
                Argument::Data(_) => WORD,
            };
            match size {
                8 => memory.read(address, &mut bytes).ok()?,
                4 => memory.read(address, bytes.first_chunk_mut::<4>()?).ok()?,
                size => memory.read(address, bytes.get_mut(..size)?).ok()?,
            }
            *word = u64::from_le_bytes(bytes);
        }
        Some(words)
    }

    /// What is to be sent of a call with these arguments, a word for each parameter: what lies above a number
    /// that is narrower than its word does not matter.
    ///
    /// `None` where the call goes the general way; buffers may have been staged by then.
    #[inline]
    pub fn prepare<M: CallerBytes>(
        &self,
        memory: &mut M,
        arguments: &[u64; MOST_PARAMETERS],
        errno: i32,
    ) -> Option<Sent> {
        let mut sent = Sent {
            errno,
            length: HEADER + WORD * self.arguments.len(),
            words: [0; MOST_PARAMETERS],
            addresses: [0; MOST_PARAMETERS],
            capacities: [0; MOST_PARAMETERS],
            staged: [false; MOST_PARAMETERS],
        };
        for (index, (argument, &word)) in self.arguments.iter().zip(arguments).enumerate() {
            match argument {
                Argument::Number(number) => *sent.words.get_mut(index)? = number.taken(word),
                Argument::Data(_) => *sent.addresses.get_mut(index)? = word,
            }
        }
        let mut carried = 0u64;
        for (index, data) in self.data() {
            self.reaches(memory, index, data, &mut sent)?;
            let (word, length) = (*sent.words.get(index)?, *sent.capacities.get(index)?);
            if word & SHARED == 0 || *sent.staged.get(index)? {
                carried = carried.saturating_add(length as u64);
            }
            if data.enters && word != 0 && word & SHARED == 0 {
                sent.length = sent.length.checked_add(length.next_multiple_of(WORD))?;
            }
        }
        // More than a call carries: the general way says so.
        (carried <= MAXIMUM_CALL).then_some(sent)
    }

    /// Writes the request of what [`prepare`](Compact::prepare) gave into `request`, which has its length and
    /// holds zeros.
    #[inline]
    pub fn write<M: CallerBytes>(&self, memory: &M, sent: &Sent, request: &mut [u8]) -> Option<()> {
        let errno = if self.no_errno { 0 } else { sent.errno };
        let (header, mut behind) = request.split_first_chunk_mut::<HEADER>()?;
        *header = u64::from(errno as u32).to_le_bytes();
        for word in sent.words.get(..self.arguments.len())? {
            let (place, rest) = behind.split_first_chunk_mut::<WORD>()?;
            *place = word.to_le_bytes();
            behind = rest;
        }
        for (index, data) in self.data() {
            let (word, length) = (*sent.words.get(index)?, *sent.capacities.get(index)?);
            if data.enters && word != 0 && word & SHARED == 0 {
                let (place, rest) = behind.split_at_mut_checked(length.next_multiple_of(WORD))?;
                let address = *sent.addresses.get(index)?;
                memory.read(address, place.get_mut(..length)?).ok()?;
                behind = rest;
            }
        }
        Some(())
    }

    /// Finds out how far a pointer reaches, and the word that says where its contents are.
    #[inline]
    fn reaches<M: CallerBytes>(
        &self,
        memory: &mut M,
        index: usize,
        data: &Data,
        sent: &mut Sent,
    ) -> Option<()> {
        let address = *sent.addresses.get(index)?;
        if address == 0 {
            return Some(());
        }
        let seen = memory.seen(address).ok()?;
        if matches!(data.reach, Reach::Terminated) && memory.others_write(address) {
            // The general way looks twice.
            return None;
        }
        let capacity = match (&data.reach, seen) {
            (Reach::Terminated, None) => {
                let limit = STAGED_FROM / data.unit.max(1) as u64;
                let length = memory.terminated_length(address, data.unit, 0, limit);
                let length = usize::try_from(length.ok()?).ok()?;
                length.checked_mul(data.unit)?
            }
            (Reach::Terminated, Some(_)) => return None,
            // Where it is more than there can be, the general way says so.
            _ => self.reach(data, &sent.words)?,
        };
        let bytes = capacity as u64;
        let word = match seen {
            Some(seen) if bytes <= seen.left && seen.place >> PLACE_BITS == 0 => {
                SHARED | seen.place
            }
            Some(_) => return None,
            None if bytes > MAXIMUM_CALL => return None,
            None if bytes < STAGED_FROM => 1 + bytes,
            None if matches!(data.reach, Reach::Terminated) => return None,
            None => {
                let place = memory.stage(address, bytes, data.enters).ok()??;
                *sent.staged.get_mut(index)? = true;
                let cleared = if data.enters { 0 } else { CLEARED };
                (place >> PLACE_BITS == 0).then_some(SHARED | cleared | place)?
            }
        };
        *sent.words.get_mut(index)? = word;
        *sent.capacities.get_mut(index)? = capacity;
        Some(())
    }

    /// Checks a reply and copies it back, as
    /// [`Caller::decode`](crate::marshal::Caller::decode) does.
    ///
    /// # Errors
    /// When it is anything but what the function may answer; nothing was changed then, unless the
    /// program's own memory failed.
    pub fn decode<M: CallerBytes>(
        &self,
        memory: &mut M,
        sent: &Sent,
        reply: &[u8],
        result: u64,
    ) -> Result<Outcome, MarshalError> {
        let (errno, word) = self.receive(memory, sent, reply)?;
        if result != 0 {
            let bytes = word.to_le_bytes();
            let bytes = bytes.get(..self.result_size()).unwrap_or_default();
            let done = memory.write(result, bytes);
            done.map_err(|error| MarshalError::memory("result", error))?;
        }
        let success = true;
        Ok(Outcome { errno, success })
    }

    /// Bytes of the result.
    #[inline]
    pub fn result_size(&self) -> usize {
        match self.result {
            Answer::Nothing => 0,
            Answer::Number(number) => number.size,
            Answer::Alias(_) => WORD,
        }
    }

    /// As [`decode`](Compact::decode), for who puts the result in its place: gives the errno that the
    /// function left, and the word of its result, with zeros behind it.
    ///
    /// # Errors
    /// As [`decode`](Compact::decode).
    #[inline]
    pub fn receive<M: CallerBytes>(
        &self,
        memory: &mut M,
        sent: &Sent,
        reply: &[u8],
    ) -> Result<(i32, u64), MarshalError> {
        let (left, _) = header(reply)?;
        let front = self.front();
        let word = match reply.get(HEADER..front) {
            Some([]) => 0,
            Some(bytes) => u64::from_le_bytes(bytes.try_into().unwrap_or_default()),
            None => return Err(MarshalError::Malformed("truncated")),
        };
        let value = self.result(sent, word)?;
        let mut filled = [0; MOST_PARAMETERS];
        let mut end = front;
        for (index, data) in self.data().filter(|(_, data)| data.leaves) {
            let (sent_as, length) = self.comes_back(index, data, sent, word)?;
            if let Some(place) = filled.get_mut(index) {
                *place = length;
            }
            if sent_as & SHARED == 0 {
                end = end.saturating_add(length.next_multiple_of(WORD));
            }
        }
        if reply.len() != end {
            return Err(MarshalError::Malformed(
                "of another length than its outputs",
            ));
        }
        self.copy_back(
            memory,
            sent,
            &filled,
            reply.get(front..).unwrap_or_default(),
        )?;
        let errno = if self.no_errno { sent.errno } else { left };
        Ok((errno, value))
    }

    /// The word that was sent of a pointer, and the bytes of it that were filled.
    fn comes_back(
        &self,
        index: usize,
        data: &Data,
        sent: &Sent,
        result: u64,
    ) -> Result<(u64, usize), MarshalError> {
        let word = sent.words.get(index).copied().unwrap_or(0);
        let capacity = sent.capacities.get(index).copied().unwrap_or(0);
        if word == 0 {
            return Ok((0, 0));
        }
        let filled = self.filled(data, &sent.words, self.returned(result), capacity);
        let length = filled.map_err(|said| {
            let reason = match said {
                Some(amount) => {
                    format!("{amount} were filled of a buffer of {capacity} bytes")
                }
                None => "how much was filled overflows".to_owned(),
            };
            MarshalError::protocol(&self.place(index), &reason)
        })?;
        Ok((word, length))
    }

    /// The result's word as the program has it, where it is one that the function may return.
    fn result(&self, sent: &Sent, word: u64) -> Result<u64, MarshalError> {
        match self.result {
            Answer::Nothing => Ok(0),
            Answer::Number(number) => match number.taken(word) == word {
                true => Ok(word),
                false => Err(MarshalError::Malformed("a result wider than its type")),
            },
            Answer::Alias(_) if word == 0 => Ok(0),
            Answer::Alias(into) => {
                let there = |all: &[u64; MOST_PARAMETERS]| all.get(into).copied().unwrap_or(0);
                let capacity = sent.capacities.get(into).copied().unwrap_or(0);
                let inside = there(&sent.words) != 0 && word - 1 <= capacity as u64;
                let address = there(&sent.addresses).checked_add(word - 1);
                address.filter(|_| inside).ok_or_else(|| {
                    let reason = "a pointer that leads outside of what it is an alias of";
                    MarshalError::protocol("result", reason)
                })
            }
        }
    }

    fn copy_back<M: CallerBytes>(
        &self,
        memory: &mut M,
        sent: &Sent,
        filled: &[usize; MOST_PARAMETERS],
        mut behind: &[u8],
    ) -> Result<(), MarshalError> {
        for (index, _) in self.data().filter(|(_, data)| data.leaves) {
            let of = |all: &[u64; MOST_PARAMETERS]| all.get(index).copied().unwrap_or(0);
            let (word, address) = (of(&sent.words), of(&sent.addresses));
            let length = filled.get(index).copied().unwrap_or(0);
            let copied = if word & SHARED != 0 {
                match sent.staged.get(index) {
                    Some(true) if length > 0 => {
                        memory.fetch(word & !(SHARED | CLEARED), address, length as u64)
                    }
                    _ => Ok(()),
                }
            } else {
                let padded = length.next_multiple_of(WORD);
                let (bytes, rest) = behind.split_at_checked(padded).unwrap_or_default();
                behind = rest;
                match bytes.get(..length) {
                    Some(bytes) if !bytes.is_empty() => memory.write(address, bytes),
                    _ => Ok(()),
                }
            };
            copied.map_err(|error| MarshalError::memory(&self.place(index), error))?;
        }
        Ok(())
    }
}
