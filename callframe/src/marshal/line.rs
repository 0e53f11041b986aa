//! Calls of numbers whose request and reply are a few words each.
//!
//! The same bodies as everywhere, of functions with up to 16 bytes of arguments and of result: as words,
//! so that whoever carries them can keep them in registers. A call is then a handful of shifts, which
//! were found when the function was resolved.
//!
//! | word | request | reply |
//! |---:|---|---|
//! | 0 | errno, as 32 bits; 0 above | the same |
//! | 1 | 0 | 0 |
//! | 2, 3 | the slots | the result |
//!
//! A body has [`WORDS`] words, or two where there are no arguments, or is no result.

use super::wire::HEADER;

/// Words of a body, at most.
pub const WORDS: usize = 4;
const WORD: usize = 8;
/// Bytes behind the header.
const BEHIND: usize = WORD * WORDS - HEADER;

/// How calls of one function travel in words. What either end needs in every call is first, and
/// little, so that whoever keeps it can have it in one line of the processor's.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Line {
    /// The bits of the arguments' words that are the arguments'.
    arguments_bits: [u64; 2],
    result_bits: [u64; 2],
    no_errno: bool,
    /// Whether there is any `_Bool`.
    has_truths: bool,
    request: u8,
    reply: u8,
    /// The bits of the result's words that are the result's, at the VM's end.
    returned: [u64; 2],
    /// The lowest bit of each `_Bool` among the arguments.
    arguments_truths: [u64; 2],
    result_truths: [u64; 2],
    arguments: Box<[Piece]>,
    result: Box<[Piece]>,
}

/// A part of a value, of 1, 2, 4 or 8 bytes, that lies in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which argument.
    pub index: u16,
    /// Where it begins in the value of the caller's.
    pub offset: u16,
    /// Its bytes.
    pub size: u8,
    /// `_Bool`, which holds nothing but 0 and 1.
    boolean: bool,
    /// Its word behind the header, and where it begins there, in bits.
    word: u8,
    shift: u8,
}

impl Line {
    /// `None` where a body is larger, or the machine's words are not those of the bodies.
    pub(super) fn new(
        arguments: Vec<Piece>,
        result: Vec<Piece>,
        (request, reply): (usize, usize),
        returned: usize,
        no_errno: bool,
    ) -> Option<Line> {
        let fits = request.max(reply) <= WORD * WORDS && cfg!(target_endian = "little");
        let (arguments_bits, arguments_truths) = masks_of(&arguments);
        let (result_bits, result_truths) = masks_of(&result);
        let bits = |bytes: usize| match bytes.min(WORD) {
            0 => 0,
            bytes => u64::MAX >> (64 - 8 * bytes),
        };
        fits.then(|| Line {
            arguments_bits,
            result_bits,
            no_errno,
            has_truths: (arguments_truths, result_truths) != ([0; 2], [0; 2]),
            request: request as u8,
            reply: reply as u8,
            returned: [bits(returned), bits(returned.saturating_sub(WORD))],
            arguments_truths,
            result_truths,
            arguments: arguments.into(),
            result: result.into(),
        })
    }

    /// Bytes of a request.
    #[inline]
    pub fn request_length(&self) -> usize {
        self.request.into()
    }

    /// Bytes of a reply.
    #[inline]
    pub fn reply_length(&self) -> usize {
        self.reply.into()
    }

    /// How many words of the slots have something in them.
    #[inline]
    pub fn argument_words(&self) -> usize {
        words_of(&self.arguments)
    }

    /// How many words of the result have something in them.
    #[inline]
    pub fn result_words(&self) -> usize {
        words_of(&self.result)
    }

    /// The request of a call with these slots.
    #[inline]
    pub fn request_of_slots(&self, errno: i32, slots: [u64; 2]) -> [u64; WORDS] {
        self.body(errno, slots)
    }

    /// The slots of a call; `read` gives a part of an argument.
    #[inline]
    pub fn slots(&self, read: impl Fn(&Piece) -> u64) -> [u64; 2] {
        let mut slots = [0; 2];
        for piece in &self.arguments {
            let value = piece.taken(read(piece));
            if let Some(word) = slots.get_mut(usize::from(piece.word)) {
                *word |= value << piece.shift;
            }
        }
        slots
    }

    /// errno as it travels, either way.
    #[inline]
    pub fn errno(&self, errno: i32) -> i32 {
        if self.no_errno { 0 } else { errno }
    }

    /// The errno that a function left, of which `left` came, where it began with `errno`.
    #[inline]
    pub fn left(&self, left: i32, errno: i32) -> i32 {
        if self.no_errno { errno } else { left }
    }

    /// The slots of a call, of arguments that lie in two words as the body has them; what lies beside them
    /// there does not matter.
    #[inline]
    pub fn slots_of_words(&self, words: [u64; 2]) -> [u64; 2] {
        let [mut first, mut second] = words;
        first &= self.arguments_bits[0];
        second &= self.arguments_bits[1];
        if self.has_truths {
            first = normalised(first, self.arguments_truths[0]);
            second = normalised(second, self.arguments_truths[1]);
        }
        [first, second]
    }

    /// The errno that the function left, and the words of its result; `None` where this is no reply.
    #[inline]
    pub fn reply(&self, words: [u64; WORDS], length: usize, errno: i32) -> Option<(i32, [u64; 2])> {
        if length != self.reply_length() {
            return None;
        }
        self.whole_reply(words, errno)
    }

    /// The same, where the body has as many bytes as a reply.
    #[inline]
    pub fn whole_reply(&self, words: [u64; WORDS], errno: i32) -> Option<(i32, [u64; 2])> {
        let [header, rest, first, second] = words;
        if header >> 32 != 0 || rest != 0 {
            return None;
        }
        Some((self.left(header as i32, errno), [first, second]))
    }

    /// Gives `write` each part of a result.
    #[inline]
    pub fn result(&self, words: [u64; 2], mut write: impl FnMut(&Piece, u64)) {
        for piece in &self.result {
            let word = words.get(usize::from(piece.word)).copied();
            write(piece, piece.taken(word.unwrap_or_default() >> piece.shift));
        }
    }

    /// The words of a result, where the caller has it as the body does.
    #[inline]
    pub fn result_in_words(&self, words: [u64; 2]) -> [u64; 2] {
        let [mut first, mut second] = words;
        first &= self.result_bits[0];
        second &= self.result_bits[1];
        if self.has_truths {
            first = normalised(first, self.result_truths[0]);
            second = normalised(second, self.result_truths[1]);
        }
        [first, second]
    }

    /// The VM's end: the caller's errno and the slots; `None` where this is no request.
    #[inline]
    pub fn enter(&self, words: [u64; WORDS], length: usize) -> Option<(i32, [u64; 2])> {
        let [header, rest, first, second] = words;
        let is_one = length == self.request_length() && header >> 32 == 0 && rest == 0;
        is_one.then_some((header as i32, [first, second]))
    }

    /// The VM's end: the reply.
    #[inline]
    pub fn leave(&self, errno: i32, result: [u64; 2]) -> [u64; WORDS] {
        self.body(errno, self.returned(result))
    }

    /// The VM's end: the words of a result, without what lies behind it, which is nobody's business.
    #[inline]
    pub fn returned(&self, result: [u64; 2]) -> [u64; 2] {
        let [first, second] = self.returned;
        [result[0] & first, result[1] & second]
    }

    #[inline]
    fn body(&self, errno: i32, [first, second]: [u64; 2]) -> [u64; WORDS] {
        [u64::from(self.errno(errno) as u32), 0, first, second]
    }
}

/// The bits of two words that pieces lie in, and the lowest of each `_Bool`.
fn masks_of(pieces: &[Piece]) -> ([u64; 2], [u64; 2]) {
    let (mut all_bits, mut all_truths) = ([0; 2], [0; 2]);
    for piece in pieces {
        let word = usize::from(piece.word);
        let (Some(bits), Some(truths)) = (all_bits.get_mut(word), all_truths.get_mut(word)) else {
            continue;
        };
        *bits |= piece.masked(u64::MAX) << piece.shift;
        *truths |= u64::from(piece.boolean) << piece.shift;
    }
    (all_bits, all_truths)
}

/// The word with 1 in place of anything but 0 in the bytes whose lowest bits these are. Of its own: most
/// functions have no `_Bool`, and what they pass is to stay in registers.
#[inline(never)]
fn normalised(word: u64, truths: u64) -> u64 {
    let bytes = truths * 0xff;
    let low = truths * 0x7f;
    // A carry into the highest bit of each of those bytes tells that something is below it.
    let set = (((word & low) + low) | word) >> 7 & truths;
    word & !bytes | set
}

impl Piece {
    /// The bytes of a number that are the piece's; a `_Bool` as 0 or 1.
    #[inline]
    fn taken(&self, number: u64) -> u64 {
        let bits = self.masked(number);
        if self.boolean {
            u64::from(bits != 0)
        } else {
            bits
        }
    }

    #[inline]
    fn masked(&self, number: u64) -> u64 {
        let unused = 64 - 8 * u32::from(self.size);
        number << unused >> unused
    }
}

/// How many words pieces are in.
#[inline]
fn words_of(pieces: &[Piece]) -> usize {
    pieces
        .iter()
        .map(|piece| usize::from(piece.word) + 1)
        .max()
        .unwrap_or(0)
}

/// The parts of `length` bytes, at `offset` in a value and at `place` behind the header.
pub(super) fn pieces(
    index: usize,
    offset: u64,
    place: usize,
    length: usize,
    boolean: bool,
) -> Option<Vec<Piece>> {
    if place.checked_add(length)? > BEHIND {
        return None;
    }
    let mut found = Vec::new();
    let mut done = 0;
    while done < length {
        let at = place + done;
        let left = length - done;
        let size = [8, 4, 2, 1]
            .into_iter()
            .find(|&size| size <= left && at.is_multiple_of(size))?;
        found.push(Piece {
            index: u16::try_from(index).ok()?,
            offset: u16::try_from(offset.checked_add(done as u64)?).ok()?,
            size: size as u8,
            boolean,
            word: (at / WORD) as u8,
            shift: (8 * (at % WORD)) as u8,
        });
        done += size;
    }
    Some(found)
}
