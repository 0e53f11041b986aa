//! What goes in a line is what a brief body has.

use super::arena::Arena;
use super::pointer;
use crate::marshal::{Argument, Brief, BriefBody, Caller, CallerBytes, InLine};
use crate::types::CallFrame;
use crate::{DataModel, parse};
use proptest::prelude::*;
use std::sync::Arc;

fn ends(prototype: &str, outer: &[i128]) -> (Brief, Option<InLine>) {
    let frame: CallFrame = parse(prototype).unwrap();
    let callback = Arc::new(frame.callback(frame.callbacks()[0]).unwrap());
    let caller = Caller::new(callback, DataModel::LP64, DataModel::LP64).unwrap();
    let brief = caller.brief(outer).expect(prototype);
    (brief, brief.in_line())
}

/// A value that the program gave.
const COOKIE: u64 = 0x7fff_1234_5678_9abc;

/// The bytes of a parameter, and whether it is a pointer to them.
type Given = (Vec<u8>, bool);

/// Callbacks that go in a line, the integers of the call that passes them, and their parameters.
fn carried() -> Vec<(&'static str, Vec<i128>, Vec<Given>)> {
    let bytes = |first: u8, length: u8| (first..first + length).collect::<Vec<u8>>();
    let cookie = COOKIE.to_le_bytes().to_vec();
    vec![
        (
            "void f(int (*compare)(const int *a, const int *b))",
            vec![],
            vec![(bytes(1, 4), true), (bytes(0xf0, 4), true)],
        ),
        (
            "void f(size_t size, int (*compare)(const void *__sized_by(size) a, \
             const void *__sized_by(size) b, void *__opaque cookie))",
            vec![8],
            vec![
                (bytes(1, 8), true),
                (bytes(0xe0, 8), true),
                (cookie.clone(), false),
            ],
        ),
        (
            "void f(unsigned char (*see)(void *__opaque cookie, short number, const char *__counted_by(1) one))",
            vec![],
            vec![(cookie, false), (bytes(9, 2), false), (bytes(7, 1), true)],
        ),
        (
            "void f(double (*at)(double x, float y))",
            vec![],
            vec![(bytes(1, 8), false), (bytes(0xc0, 4), false)],
        ),
        ("void f(void (*tick)(void))", vec![], vec![]),
    ]
}

#[test]
fn a_request_in_a_line_is_the_brief_one_and_enters_as_it() {
    for (prototype, outer, given) in carried() {
        let (brief, in_line) = ends(prototype, &outer);
        let in_line = in_line.expect(prototype);
        let mut arena = Arena::new();
        let mut word = |(bytes, behind): &Given| match behind {
            true => pointer(arena.constant(bytes)),
            false => {
                // What a register has above a narrow number is nobody's business.
                let mut whole = bytes.clone();
                whole.resize(8, 0xee);
                whole
            }
        };
        let values: Vec<Vec<u8>> = given.iter().map(&mut word).collect();
        let words: Vec<u64> = values
            .iter()
            .map(|it| u64::from_le_bytes(it[..].try_into().unwrap()))
            .collect();
        let addresses: Vec<u64> = values.iter().map(|it| arena.constant(it)).collect();
        let read = |address, into: &mut [u8]| arena.read(address, into);
        let mut body = BriefBody::default();
        brief.request(77, -5, &addresses, read, &mut body).unwrap();
        let request = in_line.request(77, -5, &words, read).expect(prototype);
        assert_eq!(request, body.words()[..5], "{prototype}");
        assert_eq!(in_line.request_length(), brief.request_length());

        let length = in_line.request_length();
        let (arguments, errno) = in_line.enter(&request, length, COOKIE).expect(prototype);
        assert_eq!(errno, -5);
        let bytes: Vec<u8> = request.iter().flat_map(|it| it.to_le_bytes()).collect();
        for (argument, (value, behind)) in arguments.iter().zip(&given) {
            match *argument {
                Argument::Data(at) => {
                    assert_eq!((&bytes[at..at + value.len()], true), (&value[..], *behind))
                }
                Argument::Number(number) => {
                    let bytes = number.to_le_bytes();
                    let (low, above) = bytes.split_at(value.len());
                    assert_eq!((low, *behind), (&value[..], false), "{prototype}");
                    assert!(above.iter().all(|byte| *byte == 0));
                }
            }
        }
        let reply = in_line.reply(3, u64::MAX);
        assert_eq!(reply, brief.reply(3, u64::MAX));
        let left = in_line.result(reply, in_line.reply_length());
        let general = brief.result_of(reply, brief.reply_length()).unwrap();
        assert_eq!(left, Some((general.0, u64::from_le_bytes(general.1))));
    }
}

#[test]
fn what_takes_more_than_three_numbers_goes_in_no_line() {
    for prototype in [
        "void f(_Bool (*see)(int number))",
        "void f(int (*see)(_Bool yes))",
        "struct pair { long one; double other; }; void f(int (*see)(const struct pair *it))",
        "void f(int (*see)(const char *__sized_by(3) text))",
        "void f(int (*see)(char a, char b, char c, char d))",
    ] {
        assert!(ends(prototype, &[]).1.is_none(), "{prototype}");
    }
}

#[test]
fn null_and_too_few_arguments_go_in_no_line() {
    let (_, in_line) = ends("void f(int (*compare)(const int *a, const int *b))", &[]);
    let in_line = in_line.unwrap();
    let mut arena = Arena::new();
    let number = arena.constant(&7i32.to_le_bytes());
    let read = |address, into: &mut [u8]| arena.read(address, into);
    assert!(in_line.request(1, 0, &[number, number], read).is_some());
    assert!(in_line.request(1, 0, &[number, 0], read).is_none());
    assert!(in_line.request(1, 0, &[number], read).is_none());
}

proptest! {
    /// Whatever a VM writes into the line enters as brief bytes would, and with the known value alone.
    #[test]
    fn any_line_enters_as_its_bytes_would(words: [u64; 5], length in 0usize..48, fits: bool, plain: bool, known: bool) {
        for (prototype, outer, _) in carried() {
            let (brief, in_line) = ends(prototype, &outer);
            let in_line = in_line.unwrap();
            let length = if fits { in_line.request_length() } else { length };
            let mut words = words;
            if plain {
                words[1] &= 0xffff_ffff;
            }
            let bytes: Vec<u8> = words.iter().flat_map(|it| it.to_le_bytes()).collect();
            let mut body = BriefBody::default();
            let entered = brief.enter(bytes.get(..length).unwrap_or(&[0; 48][..length]), &mut body);
            let cookies: Vec<u64> = brief.opaque(&body).collect();
            let value = match (known, cookies.first()) {
                (true, Some(cookie)) => *cookie,
                _ => !cookies.first().copied().unwrap_or(0),
            };
            let fine = entered.is_some() && cookies.iter().all(|it| *it == value);
            let line = in_line.enter(&words, length, value);
            prop_assert_eq!(line.map(|(_, errno)| errno), entered.filter(|_| fine), "{}", prototype);
        }
    }

    /// Whatever a client answers is a result where the brief way takes it for one.
    #[test]
    fn any_answer_is_one_where_its_bytes_are(header: u64, word: u64, length in 0usize..24, narrow: bool, plain: bool) {
        for (prototype, outer, _) in carried() {
            let (brief, in_line) = ends(prototype, &outer);
            let word = if narrow { word & 0xff } else { word };
            let header = if plain { header & 0xffff_ffff } else { header };
            let general = brief.result_of([header, word], length);
            let line = in_line.unwrap().result([header, word], length);
            prop_assert_eq!(line, general.map(|(errno, bytes)| (errno, u64::from_le_bytes(bytes))));
        }
    }
}
