//! Prototypes made to take long: reading, laying out and preparing each of them is quick, whether
//! it is accepted or refused.

use callframe::marshal::{Callee, Caller};
use callframe::{DataModel, Template, parse};
use std::sync::Arc;
use std::time::Duration;

/// About as long as a prototype may be.
const LONG: usize = 64_000;
/// Even without optimisation, beside other tests.
const PATIENCE: Duration = Duration::from_secs(2);

/// As many repetitions of `unit` as make a long text.
fn long(unit: &str) -> String {
    unit.repeat(LONG / unit.len())
}

/// `open` so many times, `middle`, `close` as often.
fn nested(open: &str, middle: &str, close: &str, depth: usize) -> String {
    format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
}

/// Texts made of numbers from 0 on.
fn each(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect()
}

/// Records that each contain the one before `members` times.
fn doubled(keyword: &str, first: &str, members: &str, count: usize) -> String {
    let record = |index: usize| {
        format!(
            "{keyword} t{} {{ {keyword} t{index} {members}; }}; ",
            index + 1
        )
    };
    format!(
        "{keyword} t0 {{ {first} }}; {}int f({keyword} t{count} *p);",
        each(count, record)
    )
}

fn expression(text: &str) -> String {
    format!("int f(const char *__sized_by({text}) p, int n);")
}

fn texts() -> Vec<String> {
    let deep = 8000;
    vec![
        format!("int f(int {});", nested("(", "x", ")", deep)),
        format!("int f(int {}", long("(")),
        format!("int f(int {}x);", long("*")),
        format!("int f(int x{});", long("[2]")),
        format!("int f(int {}", long("x[")),
        format!("int f({});", nested("int (*a)(", "void", ")", deep)),
        format!(
            "{} int f(void);",
            nested("struct a {", "int x;", "} y;", 4000)
        ),
        expression(&nested("(", "n", ")", deep)),
        expression(&format!("{}n", long("n+"))),
        expression(&format!("{}n", long("- "))),
        expression(&format!("{}n", long("*"))),
        expression(&format!("{}n", long("9*"))),
        expression(&nested("sizeof(", "int", ")", 6000)),
        expression(&"9".repeat(LONG)),
        format!("enum e {{ A = {}1 }}; int f(enum e x);", long("~")),
        format!(
            "enum e {{ A0{} }}; int f(enum e x);",
            each(3000, |n| format!(", A{} = A{n} + 1", n + 1))
        ),
        format!("int f(void) __success({}return);", long("!")),
        format!("int f(void) __fail({});", "9".repeat(LONG)),
        format!("int f({});", long("a,")),
        format!(
            "int f(int n{});",
            each(1700, |n| format!(", const char *__sized_by(n) a{n}"))
        ),
        format!(
            "int f(int n{});",
            each(1000, |n| format!(", char *__alias(a{}) a{n}", n + 1))
        ),
        format!(
            "{}int f(void);",
            each(2500, |n| format!("struct t{n} {{ int a; }}; "))
        ),
        format!("struct s {{ {} }}; int f(struct s *p);", long("int a; ")),
        format!(
            "{}abcdefghijk f(void);",
            each(2300, |n| format!("typedef int abcdefghij{n};"))
        ),
        format!("typedef int {0}; {0}x f(void);", "y".repeat(LONG / 2 - 50)),
        format!(
            "typedef int t0;{}int f(t2000 x);",
            each(2000, |n| format!("typedef t{n} t{};", n + 1))
        ),
        format!("{}int f(void);", long("/**/")),
        format!("int f(void);{}", long("/*")),
        format!("int f(void){};", long("\\\n")),
        format!("int {}(void);", "f".repeat(LONG)),
        format!("int f(void) {};", long("__attribute__((pure)) ")),
        long("[["),
        long("{"),
        long(";"),
        long("#"),
        "\u{1f600}".repeat(LONG / 4),
        // Small texts of large types.
        doubled("struct", "int a;", "a, b", 24),
        doubled("struct", "char c; int a;", "a, b", 21),
        doubled("struct", "const char *__null_terminated a;", "a, b", 21),
        doubled("struct", "char c; int a;", "a[64]", 4),
        doubled("union", "int a; char c;", "a, b", 31),
        doubled("struct", "int a;", "*__single a, *__single b", 600),
        format!(
            "{}int f({});",
            doubled("struct", "char c; int a;", "a, b", 14).replace("int f(struct t14 *p);", ""),
            each(500, |n| format!("struct t14 *a{n}, ")).trim_end_matches(", ")
        ),
        "struct s { struct s x; }; int f(struct s *p);".to_owned(),
        "struct b; struct a { struct b x; }; struct b { struct a x; }; int f(struct a *p);"
            .to_owned(),
        "struct s { int a[0x7fffffffffffffff]; }; int f(struct s *p);".to_owned(),
        "struct s { int a[65536][65536][65536][65536]; }; int f(struct s *p);".to_owned(),
        "struct s { _Bool a[67108864]; }; int f(struct s *p);".to_owned(),
        "struct s { const char *__null_terminated a[8000000]; }; int f(struct s *p);".to_owned(),
        "enum e { A = 1 << 200 }; int f(enum e x);".to_owned(),
        "enum e { A = (-170141183460469231731687303715884105727 - 1) / -1 }; int f(enum e x);"
            .to_owned(),
    ]
}

#[test]
fn every_prototype_is_quick() {
    let mut accepted = 0;
    for text in texts() {
        let before = on_cpu();
        if let Ok(frame) = parse(&text) {
            let frame = Arc::new(frame);
            accepted += usize::from(prepare(&frame));
        }
        let took = on_cpu() - before;
        assert!(took < PATIENCE, "{took:?} for {:.80}", text);
    }
    println!("{accepted} are accepted");
    assert!(accepted > 0);
}

/// How long this thread was on a CPU, which is the same beside whatever else runs.
fn on_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let first = text.split(' ').next().unwrap();
    Duration::from_nanos(first.parse().unwrap())
}

fn prepare(frame: &Arc<callframe::CallFrame>) -> bool {
    let models = [DataModel::LP64, DataModel::ILP32];
    for callee in models {
        if Caller::new(Arc::clone(frame), DataModel::LP64, callee).is_err() {
            return false;
        }
        let Ok(template) = Template::of(frame, callee) else {
            return false;
        };
        template.encode();
        Callee::new(template);
    }
    true
}

#[test]
fn records_of_too_many_members_are_refused_by_name() {
    let frame = Arc::new(parse(&doubled("struct", "int a;", "a, b", 20)).unwrap());
    let error = Template::of(&frame, DataModel::LP64).unwrap_err();
    assert!(error.to_string().contains("members"), "{error}");
    let frame = Arc::new(parse(&doubled("struct", "int a;", "a, b", 10)).unwrap());
    Template::of(&frame, DataModel::LP64).unwrap();
    let frame = Arc::new(parse("struct s { int a[1000000]; }; int f(struct s *p);").unwrap());
    Template::of(&frame, DataModel::LP64).unwrap();
}
