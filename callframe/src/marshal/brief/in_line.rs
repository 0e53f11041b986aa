//! Brief callbacks of up to three parameters that are a number or lead to one, and whose request fits into
//! a line of shared memory: how do these two elements compare.
//!
//! The same bodies as [`Brief`]'s, made and taken apart word by word: the words of a request are never in
//! memory as anything else, so none of them waits for what was written by bytes. Whoever finds no such thing
//! goes on as [`Brief`] does, which says what is wrong.

use super::{Brief, FRONT, Kind, MemoryError, Part, WORD, length_of_reply, masked};

/// Most parameters of such a callback.
pub const MOST: usize = 3;
/// Words of a line.
const WORDS: usize = 5;
/// Words before the arguments.
const BEFORE: usize = FRONT / WORD;
/// Words of the arguments.
const ARGUMENTS: usize = WORDS - BEFORE;

/// How such a callback travels.
#[derive(Clone, Copy, Debug)]
pub struct InLine {
    places: [Place; MOST],
    count: usize,
    /// Bytes of a request.
    length: usize,
    result: Part,
}

/// Where an argument is in a request.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Its word, and its first bit there.
    word: usize,
    shift: u32,
    size: usize,
    kind: Kind,
}

/// An argument, to the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A number.
    Number(u64),
    /// What it leads to is this many bytes into the request.
    Data(usize),
}

impl InLine {
    /// Of a callback that is such a one.
    pub(super) fn of(brief: &Brief) -> Option<InLine> {
        let fits = brief.count <= MOST && brief.length <= WORDS * WORD;
        if !fits || brief.result.kind == Kind::Boolean {
            return None;
        }
        let mut places = [Place {
            word: 0,
            shift: 0,
            size: 0,
            kind: Kind::Number,
        }; MOST];
        for (place, part) in places.iter_mut().zip(brief.parts()) {
            if !matches!(part.size, 1 | 2 | 4 | 8) || part.kind == Kind::Boolean {
                return None;
            }
            *place = Place {
                word: (part.at / WORD).checked_sub(BEFORE)?,
                shift: 8 * (part.at % WORD) as u32,
                size: part.size,
                kind: part.kind,
            };
        }
        Some(InLine {
            places,
            count: brief.count,
            length: brief.length,
            result: brief.result,
        })
    }

    /// Bytes of a request.
    #[inline]
    pub fn request_length(&self) -> usize {
        self.length
    }

    /// Bytes of a reply.
    #[inline]
    pub fn reply_length(&self) -> usize {
        length_of_reply(&self.result)
    }

    /// The VM's end: the request of a call of this function with these words of arguments; `None` where it cannot
    /// be carried so.
    #[inline]
    pub fn request(
        &self,
        number: u64,
        errno: i32,
        arguments: &[u64],
        read: impl Fn(u64, &mut [u8]) -> Result<(), MemoryError>,
    ) -> Option<[u64; WORDS]> {
        let places = self.places.get(..self.count)?;
        let [mut first, mut second, mut third] = [0; ARGUMENTS];
        for (place, &argument) in places.iter().zip(arguments.get(..self.count)?) {
            let value = match place.kind {
                Kind::Data { .. } => loaded(argument, place.size, &read)?,
                _ => masked(argument, place.size),
            };
            let value = value << place.shift;
            match place.word {
                0 => first |= value,
                1 => second |= value,
                _ => third |= value,
            }
        }
        Some([number, u64::from(errno as u32), first, second, third])
    }

    /// The VM's end: the errno that the function left, and the word of its result, of a reply of so many
    /// bytes that begins with these words; `None` where this is no reply.
    #[inline]
    pub fn result(&self, [header, word]: [u64; 2], length: usize) -> Option<(i32, u64)> {
        let word = if self.result.size == 0 { 0 } else { word };
        let fine = length == self.reply_length()
            && header >> 32 == 0
            && masked(word, self.result.size) == word;
        fine.then_some((header as i32, word))
    }

    /// The program's end: the arguments in a request of so many bytes, those that there are, and errno; `None`
    /// where it is none of this function, or a value that the program gave is not `known`.
    #[inline]
    pub fn enter(
        &self,
        words: &[u64; WORDS],
        length: usize,
        known: u64,
    ) -> Option<([Argument; MOST], i32)> {
        let [_, header, ..] = *words;
        if length != self.length || header >> 32 != 0 {
            return None;
        }
        let mut arguments = [Argument::Number(0); MOST];
        let places = self.places.get(..self.count)?;
        for (argument, place) in arguments.iter_mut().zip(places) {
            let word = words.get(BEFORE + place.word)?;
            let value = masked(word >> place.shift, place.size);
            *argument = match place.kind {
                Kind::Data { .. } => {
                    let before = place.shift as usize / 8;
                    Argument::Data(FRONT + WORD * place.word + before)
                }
                Kind::Opaque if value != known => return None,
                _ => Argument::Number(value),
            };
        }
        Some((arguments, header as i32))
    }

    /// The program's end: the words of the reply.
    #[inline]
    pub fn reply(&self, errno: i32, result: u64) -> [u64; 2] {
        let result = if self.result.size == 0 { 0 } else { result };
        [u64::from(errno as u32), masked(result, self.result.size)]
    }
}

/// The number that lies at an address, which is not NULL.
#[inline]
fn loaded(
    address: u64,
    size: usize,
    read: &impl Fn(u64, &mut [u8]) -> Result<(), MemoryError>,
) -> Option<u64> {
    if address == 0 {
        return None;
    }
    // A length that is known where it is read needs no loop.
    Some(match size {
        8 => u64::from_le_bytes(array(address, read)?),
        4 => u32::from_le_bytes(array(address, read)?).into(),
        2 => u16::from_le_bytes(array(address, read)?).into(),
        _ => u8::from_le_bytes(array(address, read)?).into(),
    })
}

#[inline]
fn array<const SIZE: usize>(
    address: u64,
    read: &impl Fn(u64, &mut [u8]) -> Result<(), MemoryError>,
) -> Option<[u8; SIZE]> {
    let mut bytes = [0; SIZE];
    read(address, &mut bytes).ok()?;
    Some(bytes)
}
