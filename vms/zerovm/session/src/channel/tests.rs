//! Channels over bytes in memory: the functional tests of the original, as data.

use super::*;
use proptest::prelude::*;

/// A source of bytes that grows.
#[derive(Debug, Default, Clone)]
struct Bytes {
    bytes: Vec<u8>,
    room: Option<usize>,
    broken: bool,
}

impl Device for Bytes {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Result<usize, DeviceError> {
        if self.broken {
            return Err(DeviceError::Failed(libc::EIO));
        }
        let start = self.bytes.len().min(offset as usize);
        let count = buffer.len().min(self.bytes.len() - start);
        buffer[..count].copy_from_slice(&self.bytes[start..start + count]);
        Ok(count)
    }

    fn write(&mut self, buffer: &[u8], offset: u64) -> Result<usize, DeviceError> {
        let offset = offset as usize;
        let room = self.room.unwrap_or(usize::MAX).saturating_sub(offset);
        let count = buffer.len().min(room);
        if count == 0 {
            return Ok(0);
        }
        self.bytes.resize(self.bytes.len().max(offset + count), 0);
        self.bytes[offset..offset + count].copy_from_slice(&buffer[..count]);
        Ok(count)
    }
}

struct Subject {
    channel: Channel<Bytes>,
    totals: Totals,
    generation: Generation,
}

const EINVAL: i64 = -(libc::EINVAL as i64);
const EFAULT: i64 = -(libc::EFAULT as i64);
const EDQUOT: i64 = -(libc::EDQUOT as i64);

impl Subject {
    fn new(access: Access, limits: [i64; 4], content: &[u8]) -> Self {
        Self::of(access, limits, content.len() as i64, vec![content])
    }

    fn of(access: Access, limits: [i64; 4], size: i64, copies: Vec<&[u8]>) -> Self {
        let line = ChannelLine {
            sources: Vec::new(),
            alias: b"/dev/x".to_vec(),
            access: access as i64,
            etag: true,
            limits,
        };
        let copies = copies.into_iter().map(|bytes| Bytes {
            bytes: bytes.to_vec(),
            ..Bytes::default()
        });
        Self {
            channel: Channel::new(&line, access, size, copies.collect()),
            totals: Totals::default(),
            generation: Generation::First,
        }
    }

    fn read(&mut self, size: i32, offset: i64) -> i64 {
        let mut buffer = vec![0; usize::try_from(size).unwrap_or(0)];
        let request = self.request(size, offset);
        let answer = self.channel.read(&request, &mut buffer, &mut self.totals);
        answer.expect("no failure")
    }

    fn write(&mut self, size: i32, offset: i64) -> i64 {
        let buffer = vec![b'w'; usize::try_from(size).unwrap_or(0)];
        let request = self.request(size, offset);
        let answer = self.channel.write(&request, &buffer, &mut self.totals);
        answer.expect("no failure")
    }

    fn request(&self, size: i32, offset: i64) -> Request {
        Request {
            generation: self.generation,
            size,
            offset,
        }
    }
}

#[test]
fn sequential_reads_end_with_the_quota() {
    let mut subject = Subject::new(Access::Sequential, [32, 32, 0, 0], &[7; 100]);
    for _ in 0..4 {
        assert_eq!(subject.read(1, 99), 1);
    }
    assert_eq!(subject.read(30, -5), 28);
    assert_eq!(subject.read(1, 0), EDQUOT);
    assert_eq!(subject.read(0, 0), 0);
    assert_eq!(subject.read(-1, 0), EFAULT);
    assert_eq!(subject.write(1, 0), EDQUOT);
}

#[test]
fn the_end_costs_one_read_and_stays() {
    let mut subject = Subject::new(Access::Sequential, [3, 32, 0, 0], &[7; 10]);
    assert_eq!(subject.read(20, 0), 10);
    assert_eq!(subject.read(20, 0), 0);
    // Counted or not, the end is the end.
    assert_eq!(subject.read(20, 0), 0);
    assert_eq!(subject.read(20, 0), 0);
    // 10 bytes, their end, and the end again.
    assert_eq!((subject.totals.gets, subject.totals.get_bytes), (3, 10));
}

#[test]
fn a_quota_as_large_as_the_file_hides_its_end() {
    let mut subject = Subject::new(Access::Sequential, [9, 10, 0, 0], &[7; 10]);
    assert_eq!(subject.read(10, 0), 10);
    assert_eq!(subject.read(10, 0), EDQUOT);
}

#[test]
fn the_number_of_reads_is_a_quota_too() {
    let mut subject = Subject::new(Access::Sequential, [2, 100, 0, 0], &[7; 10]);
    assert_eq!((subject.read(1, 0), subject.read(1, 0)), (1, 1));
    assert_eq!(subject.read(1, 0), EDQUOT);
}

#[test]
fn random_reads_know_the_size() {
    let mut subject = Subject::new(Access::Random, [32, 320, 0, 0], &[7; 10]);
    assert_eq!(subject.read(4, 8), 2);
    assert_eq!(subject.read(4, 10), 0);
    assert_eq!(subject.read(4, 11), EFAULT);
    assert_eq!(subject.read(4, -1), EINVAL);
    assert_eq!(subject.read(4, i64::MIN), EINVAL);
    assert_eq!(subject.read(4, i64::MAX), EFAULT);
    assert_eq!(subject.read(10, 0), 10);
}

#[test]
fn sequential_writes_end_with_the_quota() {
    let mut subject = Subject::new(Access::Sequential, [0, 0, 32, 32], b"");
    assert_eq!(subject.write(30, 77), 30);
    assert_eq!(subject.write(30, 77), 2);
    // At the limit there is no place to write at.
    assert_eq!(subject.write(1, 0), EINVAL);
    assert_eq!(subject.write(0, 0), 0);
    assert_eq!(subject.write(-1, 0), EFAULT);
    let mut counted = Subject::new(Access::Sequential, [0, 0, 1, 32], b"");
    assert_eq!(counted.write(1, 0), 1);
    assert_eq!(counted.write(1, 0), EDQUOT);
}

#[test]
fn appended_bytes_can_be_read_anywhere() {
    let mut subject = Subject::new(Access::RandomRead, [99, 99, 16, 36], b"old");
    assert_eq!(subject.write(4, 0), 4);
    assert_eq!(subject.read(99, 0), 7);
    assert_eq!(subject.write(40, 0), 32);
    let written = &subject.channel.copies.sources().next().expect("one").bytes;
    assert_eq!(written.len(), 3 + 36);
    assert!(written.starts_with(b"oldwwww"));
    assert_eq!(subject.write(1, 0), EINVAL);
}

#[test]
fn random_writes_reach_as_far_as_the_quota() {
    let mut subject = Subject::new(Access::Random, [99, 99, 16, 16], b"");
    assert_eq!(subject.read(1, 0), 0);
    assert_eq!(subject.write(4, 16), EINVAL);
    assert_eq!(subject.write(4, -1), EINVAL);
    assert_eq!(subject.write(4, i64::MAX), EINVAL);
    assert_eq!(subject.write(4, 12), 4);
    assert_eq!(subject.channel.counters.size(), 16);
    assert_eq!(subject.read(99, 0), 16);
    assert_eq!(subject.write(99, 0), 12);
    assert_eq!(subject.write(1, 0), EDQUOT);
}

#[test]
fn the_second_generation_checks_in_another_order() {
    let mut subject = Subject::new(Access::Sequential, [9, 99, 0, 0], &[7; 10]);
    subject.generation = Generation::Second;
    assert_eq!(subject.read(-1, -1), EFAULT);
    assert_eq!(subject.read(1, -1), EINVAL);
    assert_eq!(subject.read(0, 0), 0);
    assert_eq!(subject.read(1, 77), 1);
    let mut random = Subject::new(Access::Random, [9, 99, 9, 99], &[7; 10]);
    random.generation = Generation::Second;
    assert_eq!(random.read(1, 11), 0);
    assert_eq!(random.read(1, 10), 0);
    assert_eq!(random.write(1, 99), EINVAL);
}

#[test]
fn large_reads_are_counted_by_chunks() {
    let content = vec![7; 0x10000 * 2 + 5];
    let mut subject = Subject::new(Access::Sequential, [9, 1 << 30, 0, 0], &content);
    assert_eq!(subject.read(1 << 20, 0), content.len() as i64);
    assert_eq!(subject.totals.gets, 4);
    let mut exact = Subject::new(Access::Sequential, [9, 1 << 30, 0, 0], &content);
    assert_eq!(exact.read(0x20000, 0), 0x20000);
    assert_eq!(exact.totals.gets, 2);
}

#[test]
fn two_copies_have_to_agree() {
    let read = |copies: Vec<&[u8]>| {
        let mut subject = Subject::of(Access::Sequential, [9, 99, 0, 0], 0, copies);
        let mut buffer = [0; 3];
        let request = subject.request(3, 0);
        let totals = &mut subject.totals;
        let answer = subject.channel.read(&request, &mut buffer, totals);
        (answer, buffer, totals.gets)
    };
    assert_eq!(read(vec![b"abc", b"abc"]), (Ok(3), *b"abc", 2));
    assert_eq!(read(vec![b"abc", b"xyz", b"abc"]), (Ok(3), *b"abc", 3));
    assert_eq!(read(vec![b"xyz", b"abc", b"abc"]), (Ok(3), *b"abc", 3));
    let failed = Err(DeviceError::Failed(libc::EIO));
    assert_eq!(read(vec![b"abc", b"abd"]).0, failed);
    assert_eq!(read(vec![b"abc", b"abd", b"abe"]).0, failed);
}

#[test]
fn a_copy_that_was_different_is_not_asked_again() {
    let copies: Vec<&[u8]> = vec![b"xbc", b"abc", b"abc"];
    let mut subject = Subject::of(Access::Sequential, [9, 99, 0, 0], 0, copies);
    assert_eq!(subject.read(1, 0), 1);
    assert_eq!(subject.totals.gets, 3);
    assert_eq!(subject.read(2, 0), 2);
    assert_eq!(subject.totals.gets, 5);
}

#[test]
fn every_copy_is_written() {
    let mut subject = Subject::of(Access::Sequential, [0, 0, 9, 9], 0, vec![b"", b""]);
    assert_eq!(subject.write(3, 0), 3);
    assert!(
        subject
            .channel
            .copies
            .sources()
            .all(|copy| copy.bytes == b"www")
    );
    assert_eq!((subject.totals.puts, subject.totals.put_bytes), (2, 6));
}

#[test]
fn a_digest_covers_what_was_read_and_written() {
    let subject = Subject::new(Access::Random, [9, 9, 9, 9], b"abc");
    let empty = subject.channel.digest().expect("wanted");
    assert_eq!(empty, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    let mut subject = Subject::new(Access::Random, [9, 9, 9, 9], b"abc");
    subject.read(3, 0);
    let abc = subject.channel.digest().expect("wanted");
    assert_eq!(abc, "a9993e364706816aba3e25717850c26c9cd0d89d");
    // In the order of the calls, wherever they are: "abc", "ww", "ww", "cww".
    assert_eq!((subject.write(2, 3), subject.read(2, 3)), (2, 2));
    assert_eq!(subject.read(3, 2), 3);
    let all = hexadecimal(Sha1::new_with_prefix(b"abcwwwwcww"));
    assert_eq!(subject.channel.digest(), Some(all));
}

#[test]
fn a_broken_source_fails_the_session_and_the_call_is_counted() {
    let mut subject = Subject::new(Access::Random, [1, 9, 0, 0], b"abc");
    let break_it = |subject: &mut Subject, broken| {
        let source = subject.channel.copies.sources[0].as_mut();
        source.expect("one").broken = broken;
    };
    break_it(&mut subject, true);
    let request = subject.request(3, 0);
    let answer = subject
        .channel
        .read(&request, &mut [0; 3], &mut subject.totals);
    assert_eq!(answer, Err(DeviceError::Failed(libc::EIO)));
    break_it(&mut subject, false);
    assert_eq!(subject.read(1, 0), EDQUOT);
}

fn access() -> impl Strategy<Value = Access> {
    (0i64..4).prop_map(|number| Access::from_number(number).expect("one of four"))
}

fn any_offset() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -2i64..60, Just(i64::MAX), Just(i64::MIN)]
}

proptest! {
    /// Whatever a guest asks for, the limits hold and nothing overflows.
    #[test]
    fn limits_hold(
        access in access(),
        limits in proptest::array::uniform4(prop_oneof![0i64..40, Just(i64::MAX)]),
        content in proptest::collection::vec(any::<u8>(), 0..40),
        second: bool,
        calls in proptest::collection::vec((any::<bool>(), -2i32..50, any_offset()), 0..40),
    ) {
        let mut subject = Subject::new(access, limits, &content);
        if second {
            subject.generation = Generation::Second;
        }
        // A source that would have to hold more than this is full.
        subject.channel.copies.sources[0].as_mut().expect("one").room = Some(4096);
        let (mut got, mut put, mut gets, mut puts) = (0, 0, 0, 0);
        for (write, size, offset) in calls {
            let answer = match write {
                true => subject.write(size, offset),
                false => subject.read(size, offset),
            };
            prop_assert!(answer <= i64::from(size.max(0)));
            if answer > 0 {
                let (count, bytes) = if write { (&mut puts, &mut put) } else { (&mut gets, &mut got) };
                *count += 1;
                *bytes += answer;
            }
        }
        prop_assert!(gets <= limits[0] && got <= limits[1]);
        prop_assert!(puts <= limits[2] && put <= limits[3]);
        prop_assert!(subject.totals.get_bytes as i64 == got);
        prop_assert!(subject.totals.put_bytes as i64 == put);
    }
}
