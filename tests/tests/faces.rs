//! The same call from Rust, from C and from the command line does the same.

use cosmos::Value;
use cosmos_tests::{Prefix, World, in_world, run};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

const CALLS: [(&str, &str, &str, &[&str]); 5] = [
    ("cos", "libm.so.6", "double cos(double x)", &["0.5"]),
    (
        "crc32",
        "libz.so.1",
        "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)",
        &["0", "hello", "5"],
    ),
    (
        "strdup",
        "libc.so.6",
        "char *__owned(free) strdup(const char *s)",
        &["hello"],
    ),
    (
        "chdir",
        "libc.so.6",
        "int chdir(const char *path)",
        &["/no/such/directory"],
    ),
    ("log", "libm.so.6", "double log(double x)", &["0"]),
];

/// What a face said of a call, in the words of faces.c.
type Said = BTreeMap<String, String>;

#[test]
fn three_faces_agree() {
    in_world(|world| {
        let rust = from_rust();
        println!("{rust:?}");
        assert_eq!(rust["crc32"], "907060870");
        assert_eq!(rust["strdup"], "hello");
        assert_eq!(rust["chdir"], format!("-1 errno {}", libc::ENOENT));
        assert_eq!(rust["log"], format!("errno {}", libc::ERANGE));
        assert_eq!(from_command_line(world), rust);
        assert_eq!(from_c(world), rust);
    });
}

fn from_rust() -> Said {
    let arguments: [Vec<Value>; 5] = [
        vec![0.5.into()],
        vec![0.into(), b"hello"[..].into(), 5.into()],
        vec!["hello".into()],
        vec!["/no/such/directory".into()],
        vec![0.0.into()],
    ];
    let rows = CALLS.iter().zip(arguments);
    rows.map(|((name, library, prototype, _), arguments)| {
        let opened = cosmos::dlopen(library).expect(library);
        let function = opened.function(prototype).expect(name);
        let outcome = function.call(&arguments).expect(name);
        let result = match &outcome.result {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => format!("{number:?}"),
            Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => panic!("{name}: {other:?}"),
        };
        ((*name).to_owned(), in_words(name, &result, outcome.errno))
    })
    .collect()
}

fn in_words(name: &str, result: &str, errno: i32) -> String {
    match name {
        "chdir" => format!("{result} errno {errno}"),
        "log" => format!("errno {errno}"),
        _ => result.to_owned(),
    }
}

fn from_command_line(world: &World) -> Said {
    let rows = CALLS.iter().map(|(name, library, prototype, arguments)| {
        let mut all = vec!["--json", library, prototype];
        all.extend_from_slice(arguments);
        let ran = world.call(&all);
        let json: serde_json::Value =
            serde_json::from_str(ran.succeeded()).expect("one JSON object");
        let result = match &json["return"] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let errno = json["errno"]
            .as_i64()
            .and_then(|number| i32::try_from(number).ok());
        (
            (*name).to_owned(),
            in_words(name, &result, errno.expect("errno")),
        )
    });
    rows.collect()
}

fn from_c(world: &World) -> Said {
    let prefix = Prefix::installed(world);
    let program = world.directory().join("faces");
    prefix.compile("gcc", "faces.c", &["-Wall", "-Wextra", "-Werror"], &program);
    let ran = run(
        prefix.environment(&mut Command::new(&program)),
        Duration::from_secs(20),
    );
    let lines = ran.succeeded().lines();
    lines
        .map(|line| {
            let (name, rest) = line.split_once(' ').expect("a name and a result");
            let rest = match name {
                "cos" => format!("{:?}", rest.parse::<f64>().expect("a number")),
                _ => rest.to_owned(),
            };
            (name.to_owned(), rest)
        })
        .collect()
}
