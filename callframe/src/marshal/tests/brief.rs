//! Brief requests say what the general ones say.

use super::arena::Arena;
use super::pointer;
use crate::marshal::{Brief, BriefBody, Callee, Caller, Pending};
use crate::types::CallFrame;
use crate::{DataModel, Template};
use proptest::prelude::*;
use std::sync::Arc;

/// Both ends of the one callback of a function.
fn ends(prototype: &str, vm: DataModel) -> (Caller, Callee) {
    let frame: CallFrame = crate::parse(prototype).unwrap();
    let callback = Arc::new(frame.callback(frame.callbacks()[0]).unwrap());
    let caller = Caller::new(Arc::clone(&callback), vm, DataModel::LP64).unwrap();
    let callee = Callee::new(Template::of(&callback, DataModel::LP64).unwrap());
    (caller, callee)
}

fn brief(prototype: &str, outer: &[i128]) -> Option<Brief> {
    let (caller, callee) = ends(prototype, DataModel::LP64);
    let (vm, program) = (caller.brief(outer), callee.brief(outer));
    assert_eq!(format!("{vm:?}"), format!("{program:?}"));
    vm
}

/// Callbacks that are brief, the integers of the call that passes them, and their arguments: bytes
/// that a pointer leads to, or a value.
fn carried() -> Vec<(&'static str, Vec<i128>, Vec<Given>)> {
    use Given::{Behind, Value};
    let bytes = |length: u8| (1..=length).collect::<Vec<u8>>();
    vec![
        (
            "void f(int (*compare)(const int *a, const int *b))",
            vec![],
            vec![Behind(bytes(4)), Behind(bytes(4))],
        ),
        (
            "void f(size_t size, int (*compare)(const void *__sized_by(size) a, \
             const void *__sized_by(size) b))",
            vec![3],
            vec![Behind(bytes(3)), Behind(bytes(3))],
        ),
        (
            "struct pair { long one; double other; };
             void f(size_t n, _Bool (*wanted)(const int *__counted_by(n + 1) numbers, char c, \
             const struct pair *pair, void *__opaque cookie, _Bool yes))",
            vec![4],
            vec![
                Behind(bytes(20)),
                Value(vec![b'c']),
                Behind(bytes(16)),
                Value(vec![9, 0, 0, 0, 0, 0x7f, 0, 0]),
                Value(vec![1]),
            ],
        ),
        (
            "void f(void (*tick)(double now, float since, short n, unsigned char c))",
            vec![],
            vec![
                Value(bytes(8)),
                Value(bytes(4)),
                Value(bytes(2)),
                Value(bytes(1)),
            ],
        ),
        ("void f(long (*next)(void))", vec![], vec![]),
    ]
}

enum Given {
    Behind(Vec<u8>),
    Value(Vec<u8>),
}

impl Given {
    fn lay(&self, arena: &mut Arena) -> u64 {
        let value = match self {
            Given::Behind(bytes) => pointer(arena.constant(bytes)),
            Given::Value(bytes) => bytes.clone(),
        };
        arena.constant(&value)
    }
}

#[test]
fn a_brief_request_unfolds_to_the_general_one() {
    use crate::marshal::CallerBytes;
    for (prototype, outer, given) in carried() {
        let (caller, callee) = ends(prototype, DataModel::LP64);
        let brief = brief(prototype, &outer).expect(prototype);
        let mut arena = Arena::new();
        let arguments: Vec<u64> = given.iter().map(|it| it.lay(&mut arena)).collect();
        let read = |address, into: &mut [u8]| arena.read(address, into);
        let mut sent = BriefBody::default();
        let written = brief.request(77, -5, &arguments, read, &mut sent);
        written.expect(prototype);
        let bytes = &sent.bytes()[..brief.request_length()];
        assert_eq!(Brief::number(bytes), Some(77));
        let mut entered = BriefBody::default();
        let errno = brief.enter(bytes, &mut entered).expect(prototype);
        assert_eq!(errno, -5);

        let (mut general, mut none) = (Vec::new(), Vec::new());
        let mut pending = Pending::default();
        pending.set_outer(outer.as_slice().into());
        caller
            .encode_into(
                &mut arena,
                &arguments,
                -5,
                &mut general,
                &mut none,
                &mut pending,
            )
            .expect(prototype);
        let unfolded = brief.unfolded(&entered, callee.template());
        assert_eq!(unfolded, Some(general), "{prototype}");
    }
}

#[test]
fn what_is_no_few_bytes_is_not_brief() {
    let outer = [300, -1, i128::MAX];
    for prototype in [
        "void f(void (*say)(const char *text))",
        "void f(void (*fill)(int *__out place))",
        "void f(void (*change)(int *__inout place))",
        "void f(size_t n, void (*see)(const char *__sized_by(n) bytes))",
        "void f(int a, long n, void (*see)(const char *__sized_by(n) bytes))",
        "void f(int a, int b, long long n, void (*see)(const long *__counted_by(n) bytes))",
        "void f(void (*see)(size_t n, const char *__sized_by(n) bytes))",
        "void f(void (*see)(long double number))",
        "void f(const char *__static (*name)(int which))",
        "struct s { _Bool yes; int number; }; void f(void (*see)(const struct s *it))",
        "void f(void (*see)(int a, int b, int c, int d, int e, int f, int g, int h, int i))",
        "struct s { int number; }; void f(void (*see)(struct s by_value))",
    ] {
        assert!(brief(prototype, &outer).is_none(), "{prototype}");
    }
    // Without the integers of the call nothing is known.
    let sized = "void f(size_t n, void (*see)(const char *__sized_by(n) bytes))";
    assert!(brief(sized, &[]).is_none());
    assert!(brief(sized, &[8]).is_some());
    // A VM of another model converts.
    let (caller, _) = ends("void f(long (*next)(long))", DataModel::ILP32);
    assert!(caller.brief(&[]).is_none());
}

#[test]
fn null_goes_the_general_way() {
    use crate::marshal::CallerBytes;
    let brief = brief("void f(int (*see)(const int *it))", &[]).unwrap();
    let mut arena = Arena::new();
    let argument = arena.constant(&pointer(0));
    let read = |address, into: &mut [u8]| arena.read(address, into);
    let mut body = BriefBody::default();
    let request =
        |arguments: &[u64], body: &mut BriefBody| brief.request(1, 0, arguments, read, body);
    assert!(request(&[argument], &mut body).is_none());
    assert!(request(&[], &mut body).is_none());
}

#[test]
fn a_result_is_as_wide_as_it_is() {
    let brief = brief("void f(short (*see)(void))", &[]).unwrap();
    let [header, result] = brief.reply(7, -2i64 as u64);
    assert_eq!((header, result), (7, 0xfffe));
    let reply = [header.to_le_bytes(), result.to_le_bytes()].concat();
    assert_eq!(brief.result(&reply), Some((7, 0xfffe_u64.to_le_bytes())));
    for wrong in [
        &reply[..8],
        &[&reply[..], &[0]].concat(),
        &[&reply[..15], &[1]].concat(),
        &[&[0, 0, 0, 0, 0, 0, 0, 1], &reply[8..]].concat(),
    ] {
        assert_eq!(brief.result(wrong), None, "{wrong:?}");
    }
}

#[test]
fn truths_are_one_or_nothing_on_both_ends() {
    let brief = brief("void f(_Bool (*both)(_Bool yes))", &[]).unwrap();
    let mut request = [0; 24];
    request[16] = 0xaa;
    let mut entered = BriefBody::default();
    brief.enter(&request, &mut entered).unwrap();
    assert_eq!(entered.bytes()[16], 1);
    assert_eq!(brief.reply(0, 0x100), [0, 0]);
    assert_eq!(brief.reply(0, 0x180), [0, 1]);
    let forged = [[0; 8], 2u64.to_le_bytes()].concat();
    assert_eq!(brief.result(&forged), None);
}

proptest! {
    /// Whatever bytes come, what enters is the request's own bytes, of its own length.
    #[test]
    fn any_bytes_enter_as_they_are_or_not_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..300), fits: bool) {
        for (prototype, outer, _) in carried() {
            let brief = brief(prototype, &outer).unwrap();
            let mut bytes = bytes.clone();
            if fits {
                bytes.resize(brief.request_length(), 7);
                bytes[12..16].fill(0);
            }
            let mut body = BriefBody::default();
            let entered = brief.enter(&bytes, &mut body);
            prop_assert_eq!(entered.is_some(), bytes.len() == brief.request_length() && bytes[12..16] == [0; 4]);
            if entered.is_some() {
                let (_, callee) = ends(prototype, DataModel::LP64);
                prop_assert!(brief.unfolded(&body, callee.template()).is_some());
            }
            let _ = brief.result(&bytes);
        }
    }
}
