//! Random calls of a real guest on a real file, beside the same calls on the counters with bytes in
//! memory: the same answers, the same file, the same report.

mod support;

use proptest::prelude::*;
use support::script::{self, HEAP, Step};
use support::{Report, Session};
use zerovm_session::channel::{Access, Channel, Device, DeviceError, Generation, Request};
use zerovm_session::manifest::ChannelLine;
use zerovm_session::report::Totals;

/// Bytes in memory, as a file has them.
#[derive(Debug)]
struct Bytes(Vec<u8>);

impl Device for Bytes {
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> Result<usize, DeviceError> {
        let start = self.0.len().min(offset as usize);
        let count = buffer.len().min(self.0.len() - start);
        buffer[..count].copy_from_slice(&self.0[start..start + count]);
        Ok(count)
    }

    fn write(&mut self, buffer: &[u8], offset: u64) -> Result<usize, DeviceError> {
        let end = offset as usize + buffer.len();
        self.0.resize(self.0.len().max(end), 0);
        self.0[offset as usize..end].copy_from_slice(buffer);
        Ok(buffer.len())
    }
}

#[derive(Debug, Clone, Copy)]
struct Call {
    writes: bool,
    second: bool,
    size: i32,
    offset: i64,
}

impl Call {
    fn step(&self) -> Step {
        let (size, offset) = (self.size as i64 as u64, self.offset as u64);
        let words = [3, HEAP, size, offset];
        let name = match (self.writes, self.second) {
            (false, false) => b"Read",
            (true, false) => b"Writ",
            (false, true) => b"READ",
            (true, true) => b"WRIT",
        };
        let mut all = vec![script::id(name)];
        if !self.second {
            all.push(0);
        }
        all.extend(words);
        Step::trap(&all)
    }
}

fn call() -> impl Strategy<Value = Call> {
    let offset =
        prop_oneof![8 => 0i64..150, 1 => -3i64..0, 1 => Just(i64::MAX), 1 => Just(i64::MIN)];
    (any::<bool>(), any::<bool>(), -1i32..60, offset).prop_map(|(writes, second, size, offset)| {
        Call {
            writes,
            second,
            size,
            offset,
        }
    })
}

/// What the counters say, and the file they leave.
fn expected(
    access: Access,
    limits: [u64; 4],
    content: &[u8],
    calls: &[Call],
) -> (Vec<i64>, Vec<u8>, Totals) {
    let limits = limits.map(|limit| limit as i64);
    let line = ChannelLine {
        sources: Vec::new(),
        alias: b"/dev/subject".to_vec(),
        access: access as i64,
        etag: false,
        limits,
    };
    let writes_only = limits[0] == 0;
    let content = if writes_only { &[] } else { content };
    let bytes = Bytes(content.to_vec());
    let mut channel = Channel::new(&line, access, content.len() as i64, vec![bytes]);
    let mut totals = Totals::default();
    let mut memory = [0; 60];
    let answers = calls
        .iter()
        .map(|call| {
            let generation = match call.second {
                true => Generation::Second,
                false => Generation::First,
            };
            let size = usize::try_from(call.size).unwrap_or(0);
            let request = Request {
                generation,
                size: call.size,
                offset: call.offset,
            };
            let memory = &mut memory[..size];
            match call.writes {
                true => channel.write(&request, memory, &mut totals),
                false => channel.read(&request, memory, &mut totals),
            }
        })
        .map(|answer| answer.expect("memory does not fail"))
        .collect();
    let mut file = channel.copies.sources().next().expect("one").0.clone();
    if limits[2] != 0 {
        file.resize(channel.counters.size() as usize, 0);
    }
    (answers, file, totals)
}

fn run(
    access: Access,
    limits: [u64; 4],
    content: &[u8],
    calls: &[Call],
) -> (Vec<i64>, Vec<u8>, Report) {
    let steps: Vec<Step> = calls.iter().map(Call::step).collect();
    let mut session = Session::script(&steps);
    session.write("subject", content);
    session.file_channel("subject", "/dev/subject", access as i32, limits);
    session.options.clear();
    let many = 1 << 20;
    session.file_channel("stdout", "/dev/stdout", 0, [0, 0, many, many]);
    session.file_channel("stderr", "/dev/stderr", 0, [0, 0, 1, 1]);
    let report = session.run();
    report.expect_ok();
    (session.answers(), session.read("subject"), report)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_guest_sees_what_the_counters_say(
        (access, gets, puts) in prop_oneof![
            Just((0, true, false)), Just((0, false, true)), Just((1, true, false)),
            Just((1, true, true)), Just((2, true, false)), Just((2, false, true)),
            Just((3, true, false)), Just((3, false, true)), Just((3, true, true)),
        ],
        numbers in proptest::array::uniform4(1u64..200),
        content in proptest::collection::vec(any::<u8>(), 0..120),
        calls in proptest::collection::vec(call(), 1..40),
    ) {
        let [a, b, c, d] = numbers;
        let limits = match (gets, puts) {
            (true, false) => [a, b, 0, 0],
            (false, _) => [0, 0, c, d],
            (true, true) => [a, b, c, d],
        };
        let access = Access::from_number(access).expect("one of four");
        let (answers, file, totals) = expected(access, limits, &content, &calls);
        let (got, written, report) = run(access, limits, &content, &calls);
        prop_assert_eq!(got, answers, "{:?}", calls);
        prop_assert_eq!(written, file, "{:?}", calls);
        // The script's own: its records and the end of them, and the answers.
        let count = calls.len() as u64;
        let own = [count + 1, count * 64, count, count * 8];
        let sums = [totals.gets, totals.get_bytes, totals.puts, totals.put_bytes];
        let expected: Vec<u64> = own.iter().zip(sums).map(|(own, sum)| own + sum).collect();
        prop_assert_eq!(&report.counters()[..4], expected);
    }
}
