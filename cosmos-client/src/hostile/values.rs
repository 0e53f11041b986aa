//! Whatever is given as values, nothing that somebody made up is followed: a call is refused, or its
//! bytes are those of what was given. A mistake here is a crash of the test.

use super::vm::*;
use crate::{FaultCode, Memory, Value};
use cosmos_rpc::Fault;
use proptest::collection::vec;
use proptest::prelude::*;

/// Prototypes whose pointers lead to everything there is, under other pointers, in records and unions.
const PROTOTYPES: [&str; 12] = [
    "size_t iconv(iconv_t __handle cd, char *__in __sized_by(*n) *__inout in, size_t *__inout n, \
     char *__out __sized_by(*m) *__inout out, size_t *__inout m)",
    "long readv(const struct iovec *__counted_by(n) v, int n) \
     __field(v->iov_base, __out __sized_by(iov_len))",
    "long writev(const struct iovec *__counted_by(n) v, int n) \
     __field(v->iov_base, __in __sized_by(iov_len))",
    "struct item { int n; union { long a __case(0); const char *__in b __case(1, 2); \
     char *__in __sized_by(4) c; } u __switch(n); }; int f(struct item *__inout __counted_by(n) items, int n)",
    "struct node { int n; char *__in __sized_by(n) a; struct node *__in b; }; int f(const struct node *list)",
    "struct pair { char *__null_terminated __in a[2]; int (*b)(int n); }; int f(const struct pair *pair, int n)",
    "int f(char *__null_terminated const *__null_terminated a, const char *b, int n)",
    "int f(long *__ended_by(b) a, const long *b, int n)",
    "int f(wchar_t *__inout __counted_by(n) a, int n, const wchar_t *__null_terminated b)",
    "int regcomp(regex_t *__closed_by(regfree) preg, const char *pattern, int n)",
    "int inflate(z_streamp __handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) strm, int n)",
    "int inflateInit_(z_streamp __closed_by(inflateEnd) strm, const char *version, int n)",
];

/// Names of members in the records of these prototypes.
const MEMBERS: [&str; 12] = [
    "n",
    "a",
    "b",
    "c",
    "u",
    "iov_base",
    "iov_len",
    "next_in",
    "avail_in",
    "next_out",
    "avail_out",
    "state",
];

/// A number in place of a token: an address, one of no VM here, anything.
fn token() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(0x4141_4141_4140),
        1 => Just(u64::MAX),
        1 => Just(2u64 << 62 | 1 << 48 | 1),
        1 => any::<u64>(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        4 => 0..20i128,
        1 => -2..0i128,
        1 => Just(0x4141_4141_4140i128),
        1 => any::<i64>().prop_map(i128::from),
    ];
    let leaf = prop_oneof![
        4 => number.prop_map(Value::Int),
        2 => vec(any::<u8>(), 0..24).prop_map(Value::Bytes),
        2 => "[a-z]{0,12}".prop_map(|text| Value::Text(text.into_bytes())),
        1 => Just(Value::Null),
        2 => Just(Value::Out),
        1 => any::<f64>().prop_map(Value::Float),
        2 => token().prop_map(Value::Handle),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let members = vec(
            (proptest::sample::select(&MEMBERS[..]), inner.clone()),
            0..5,
        );
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec(inner, 0..4).prop_map(Value::Struct),
            members.clone().prop_map(|members| {
                let named = |(name, value): (&str, Value)| (name.to_owned(), value);
                Value::Record(members.into_iter().map(named).collect())
            }),
            members.prop_map(|members| Memory::new().with(members)),
        ]
    })
}

/// Members of memory, a token in its place, or anything.
fn given() -> impl Strategy<Value = Value> {
    prop_oneof![1 => token().prop_map(Value::Handle), 4 => value()]
}

/// What most parameters take, or anything.
fn likely() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => (0..8i32).prop_map(Value::from),
        1 => Just(Value::from("1.2.11")),
        2 => value(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_value_is_an_address(calls in vec((0..PROTOTYPES.len(), vec(likely(), 5)), 40)) {
        let refusal = Fault::vm(FaultCode::System, "no more than this is wanted");
        let target = opens(Answer::Fault(refusal));
        let kept = PROTOTYPES.map(|prototype| target.resolve(prototype).unwrap());
        for (which, values) in calls {
            let function = &kept[which];
            let count = function.frame().parameters().len();
            let outcome = crate::dynamic::call(function, &values[..count]);
            prop_assert!(outcome.is_err());
            prop_assert!(target.usable().is_ok(), "what was sent is a call");
        }
    }

    /// The same memory in one call after the other, as a program might give it.
    #[test]
    fn memory_is_no_address(calls in vec((9..PROTOTYPES.len(), given(), likely()), 40)) {
        let refusal = Fault::vm(FaultCode::System, "no more than this is wanted");
        let target = opens(Answer::Fault(refusal));
        let kept = PROTOTYPES.map(|prototype| target.resolve(prototype).unwrap());
        let memory = Memory::new();
        for (which, members, text) in calls {
            let given = match members {
                Value::Record(members) => memory.with(members),
                Value::Handle(_) => members,
                _ => Value::from(&memory),
            };
            let values = [given, text, 5.into()];
            let count = kept[which].frame().parameters().len();
            let arguments = match count {
                2 => [values[0].clone(), 5.into()].to_vec(),
                _ => values.to_vec(),
            };
            prop_assert!(crate::dynamic::call(&kept[which], &arguments).is_err());
        }
    }
}
