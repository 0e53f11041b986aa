//! What a guest reads about itself: the bytes right below its stack.
//!
//! They grow down from the stack, and a guest finds them through the pointer in the last four:
//!
//! | user address | what |
//! |---|---|
//! | 0xFF000000 - 4 | pointer `P` to the header |
//! | 0xFF000000 - 4 - 48 n | the records of n channels |
//! | `P` = 0xFF000000 - 24 - 48 n | the header of 20 bytes |
//! | below `P` | aliases that end with NUL; the first one's end is `P`, the next one's its begin |
//!
//! Header: pointer to the heap, its size, the stack's size, the number of channels, the pointer to
//! their records; 32 bits each. Record: four limits and the size, 64 bits each, then access type
//! and pointer to the alias, 32 bits each.

use crate::layout::{STACK, STACK_SIZE, round_down};

const POINTER: u64 = 4;
const HEADER: u64 = 20;
const RECORD: u64 = 48;

/// What a guest reads about a channel.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// How many reads, bytes read, writes and bytes written it may have.
    pub limits: [i64; 4],
    /// 0 for sequential channels.
    pub size: i64,
    /// The number of its access type.
    pub access: u32,
    /// Its name.
    pub alias: &'a [u8],
}

/// The bytes, and the range they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where they begin. They end with the begin of the stack.
    pub address: u64,
    /// Where the region begins that only they are in.
    pub region: u64,
    /// Where the heap ends.
    pub heap_end: u64,
    /// All of them.
    pub bytes: Vec<u8>,
}

/// Lays them out for a program with its break, and a heap that ends at `heap_end` unless it has to
/// make room.
pub fn image(channels: &[Entry<'_>], program_break: u64, heap_end: u64) -> Image {
    let records = STACK - POINTER - RECORD * channels.len() as u64;
    let header = records - HEADER;
    let mut aliases = Vec::with_capacity(channels.len());
    let mut lowest = header;
    for channel in channels {
        lowest -= channel.alias.len() as u64 + 1;
        aliases.push(lowest);
    }
    let region = round_down(lowest);
    let heap_end = heap_end.min(region);

    let mut bytes = Vec::with_capacity((STACK - lowest) as usize);
    for channel in channels.iter().rev() {
        bytes.extend(channel.alias);
        bytes.push(0);
    }
    let words = [
        program_break,
        heap_end.saturating_sub(program_break),
        STACK_SIZE,
        channels.len() as u64,
        records,
    ];
    // All of them are below 4 GiB.
    bytes.extend(words.iter().flat_map(|word| (*word as u32).to_le_bytes()));
    for (channel, alias) in channels.iter().zip(aliases) {
        let numbers = channel.limits.iter().chain([&channel.size]);
        bytes.extend(numbers.flat_map(|number| number.to_le_bytes()));
        bytes.extend(channel.access.to_le_bytes());
        bytes.extend((alias as u32).to_le_bytes());
    }
    bytes.extend((header as u32).to_le_bytes());
    Image {
        address: lowest,
        region,
        heap_end,
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(alias: &[u8]) -> Entry<'_> {
        Entry {
            limits: [1, -2, 3, 4],
            size: 5,
            access: 3,
            alias,
        }
    }

    #[test]
    fn a_guest_finds_everything_from_the_last_word() {
        let entries = [entry(b"/dev/stdin"), entry(b"/dev/stdout"), entry(b"")];
        let image = image(&entries, 0x45678, STACK);
        let at = |address: u64| &image.bytes[(address - image.address) as usize..];
        let word = |address| u32::from_le_bytes(at(address)[..4].try_into().expect("a word"));
        let text = |address| at(address).split(|byte| *byte == 0).next().expect("a text");
        assert_eq!(image.address + image.bytes.len() as u64, STACK);

        let header = u64::from(word(0xFEFF_FFFC));
        assert_eq!(header, 0xFF00_0000 - 24 - 3 * 48);
        assert_eq!(word(header), 0x45678);
        assert_eq!(u64::from(word(header + 4)), image.region - 0x45678);
        assert_eq!(word(header + 8), 0x100_0000);
        assert_eq!(word(header + 12), 3);
        let records = u64::from(word(header + 16));
        assert_eq!(records, header + 20);
        let second = records + 48;
        assert_eq!(at(second + 8)[..8], (-2i64).to_le_bytes());
        assert_eq!(at(second + 32)[..8], 5i64.to_le_bytes());
        assert_eq!(word(second + 40), 3);
        assert_eq!(text(u64::from(word(second + 44))), b"/dev/stdout");
        // The first alias ends where the header begins, the second where the first begins.
        assert_eq!(u64::from(word(records + 44)), header - 11);
        assert_eq!(u64::from(word(second + 44)), header - 11 - 12);
    }

    #[test]
    fn the_heap_makes_room_only_where_it_has_to() {
        let entries = [entry(b"a"), entry(b"b"), entry(b"c")];
        let small = image(&entries, 0x40000, 0x100_0000);
        assert_eq!((small.heap_end, small.region), (0x100_0000, 0xFEFF_0000));
        let large = image(&entries, 0x40000, STACK);
        assert_eq!(large.heap_end, large.region);
    }

    #[test]
    fn thousands_of_channels_fit() {
        let alias = vec![b'x'; 40];
        let entries = vec![entry(&alias); 10_914];
        let image = image(&entries, 0x40000, STACK);
        assert_eq!(image.bytes.len(), 10_914 * (48 + 41) + 24);
        assert!(image.region <= image.address && image.address < image.region + 0x10000);
    }
}
