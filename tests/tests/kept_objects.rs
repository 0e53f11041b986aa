//! Objects in memory of the program's, with values from Rust and in sessions of the command line.

use cosmos::{FaultCode, Function, Library, Memory, Value, callback};
use cosmos_tests::{World, in_world, run};
use std::time::Duration;

const C: &str = "libc.so.6";
const Z: &str = "libz.so.1";
const STREAM_SIZE: i32 = 112;

fn open(library: &str) -> Library {
    cosmos::dlopen(library).expect(library)
}

/// Functions by name, whose prototypes the product's packs know.
fn functions<const N: usize>(library: &Library, names: [&str; N]) -> [Function; N] {
    names.map(|name| library.function(name).expect(name))
}

fn member<'v>(outcome: &'v cosmos::Outcome, parameter: &str, name: &str) -> &'v Value {
    let output = outcome.outputs.iter().find(|(known, _)| known == parameter);
    let Some((_, Value::Record(members))) = output else {
        panic!("no record {parameter} in {outcome:?}")
    };
    let found = members.iter().find(|(known, _)| known == name);
    &found
        .unwrap_or_else(|| panic!("no {name} in {outcome:?}"))
        .1
}

#[test]
fn an_expression_is_kept_between_calls_with_values() {
    in_world(|_| {
        let library = open(C);
        let [compile, execute, free] = functions(&library, ["regcomp", "regexec", "regfree"]);
        let regex = Memory::new();
        let made = compile
            .call(&[(&regex).into(), "a(b*)c".into(), 1.into()])
            .expect("regcomp");
        assert_eq!(made.result, 0.into());
        assert_eq!(member(&made, "preg", "re_nsub"), &1.into());
        let find = |text: &str| {
            let arguments = [(&regex).into(), text.into(), 2.into(), Value::Out, 0.into()];
            execute.call(&arguments).expect("regexec")
        };
        let found = find("xabbcd");
        let span = |from: i32, to: i32| {
            let members = [("rm_so", from), ("rm_eo", to)];
            Value::Record(
                members
                    .map(|(name, at)| (name.to_owned(), at.into()))
                    .into(),
            )
        };
        assert_eq!(found.result, 0.into());
        assert_eq!(found.outputs.len(), 1, "a const object does not come back");
        assert_eq!(
            found.outputs[0].1,
            Value::Array(vec![span(1, 5), span(2, 4)])
        );
        assert_eq!(find("nothing").result, 1.into());
        free.call(&[(&regex).into()]).expect("regfree");
        // It stands for nothing now, and may be used again.
        let error = free.call(&[(&regex).into()]).expect_err("it is gone");
        assert_eq!(error.code(), FaultCode::StaleHandle, "{error}");
        compile
            .call(&[(&regex).into(), "^n".into(), 1.into()])
            .expect("regcomp again");
        assert_eq!(find("nothing").result, 0.into());
    });
}

#[test]
fn a_stream_walks_through_buffers_that_are_given_when_it_needs_them() {
    in_world(|_| {
        let library = open(Z);
        let names = ["compress", "inflateInit_", "inflate", "inflateEnd"];
        let [compress, start, inflate, end] = functions(&library, names);
        let text: Vec<u8> = (0..5000u32).flat_map(|at| (at / 9).to_le_bytes()).collect();
        let packed = compress
            .call(&[
                Value::Out,
                30_000.into(),
                text.as_slice().into(),
                20_000.into(),
            ])
            .expect("compress");
        let Value::Bytes(packed) = &packed.outputs[0].1 else {
            panic!("{packed:?}")
        };

        let stream = Memory::new();
        let begun = start
            .call(&[(&stream).into(), "1.2.11".into(), STREAM_SIZE.into()])
            .expect("inflateInit_");
        assert_eq!(begun.result, 0.into());
        // The input in two pieces, the output in many; what is not given goes on where it was.
        let (first, second) = packed.split_at(packed.len() / 2);
        let mut unpacked = Vec::new();
        for piece in [first, second] {
            let mut members = vec![("next_in", Value::from(piece))];
            loop {
                members.extend([("next_out", Value::Out), ("avail_out", 1000.into())]);
                let step = inflate
                    .call(&[stream.with(std::mem::take(&mut members)), 0.into()])
                    .expect("inflate");
                let Value::Bytes(bytes) = member(&step, "strm", "next_out") else {
                    panic!("{step:?}")
                };
                unpacked.extend_from_slice(bytes);
                let left = member(&step, "strm", "avail_in").to_f64();
                let Value::Bytes(rest) = member(&step, "strm", "next_in") else {
                    panic!("{step:?}")
                };
                assert_eq!(left, Some(rest.len() as f64));
                assert!(piece.ends_with(rest));
                if bytes.len() < 1000 {
                    assert_eq!(left, Some(0.0));
                    break;
                }
            }
        }
        assert!(unpacked == text);
        end.call(&[(&stream).into()]).expect("inflateEnd");
    });
}

/// Numbers beside a pointer do not make its buffer larger, whoever wrote them.
#[test]
fn a_stream_walks_no_further_than_its_buffers() {
    in_world(|_| {
        let library = open(Z);
        let names = ["inflateInit_", "inflate", "inflateEnd"];
        let [start, inflate, end] = functions(&library, names);
        let stream = Memory::new();
        start
            .call(&[(&stream).into(), "1.2.11".into(), STREAM_SIZE.into()])
            .expect("inflateInit_");
        let refused = |members: Vec<(&str, Value)>, words: &str| {
            let error = inflate
                .call(&[stream.with(members), 0.into()])
                .expect_err(words);
            assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        };
        let bytes = || Value::from(&b"12345678"[..]);
        refused(
            vec![("next_in", bytes()), ("avail_in", 9.into())],
            "8 bytes were given",
        );
        refused(vec![("next_in", Value::Out)], "goes in");
        refused(vec![("next_in", 5.into())], "bytes are needed");
        refused(vec![("zalloc", 5.into())], "not NULL");
        inflate
            .call(&[
                stream.with([("zalloc", Value::Null), ("next_in", bytes())]),
                0.into(),
            ])
            .expect("a call without room for output");
        // It kept its buffer of eight; a larger number alone does not do.
        refused(vec![("avail_in", 100.into())], "bytes left");
        // Nor does an address that was never a buffer.
        refused(
            vec![("avail_in", 1.into()), ("next_in", Value::Handle(0x5000))],
            "bytes are needed",
        );
        end.call(&[stream.with([("next_out", Value::Handle(0x5000))])])
            .expect_err("an address");
        // The numbers of another record do not fit.
        let [compile] = functions(&open(C), ["regcomp"]);
        let error = compile
            .call(&[(&stream).into(), "a".into(), 0.into()])
            .expect_err("a stream is no regex_t");
        assert!(error.to_string().contains("64"), "{error}");
    });
}

#[test]
fn memory_in_use_by_another_call_is_refused() {
    in_world(|_| {
        let library = open(C);
        let [compile, sort] = functions(&library, ["regcomp", "qsort"]);
        let regex = Memory::new();
        let make = move |regex: &Memory| compile.call(&[regex.into(), "a".into(), 0.into()]);
        make(&regex).expect("regcomp");
        // From a callback of a call that does not use it, it can be used.
        let inner = regex.clone();
        let compare = callback(move |_| {
            make(&inner).expect("regcomp in a callback");
            0.into()
        });
        let items = Value::from(&b"ba"[..]);
        sort.call(&[items, 2.into(), 1.into(), compare])
            .expect("qsort");
        // Many threads look at it at once.
        let [execute] = functions(&library, ["regexec"]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let arguments = [
                            (&regex).into(),
                            "bab".into(),
                            0.into(),
                            Value::Null,
                            0.into(),
                        ];
                        let found = execute.call(&arguments).expect("regexec");
                        assert_eq!(found.result, 0.into());
                    }
                });
            }
        });
    });
}

/// Runs lines as `cosmos session` of a library.
fn session(world: &World, target: &str, lines: &str) -> cosmos_tests::Ran {
    let file = world.directory().join("lines");
    std::fs::write(&file, lines).expect("a file");
    let mut command = world.cosmos();
    // gzopen works in the test's own directory.
    let granted = ["session", "--rw", "."];
    command.args(granted).arg(target).arg(&file);
    command.current_dir(world.directory());
    run(&mut command, Duration::from_secs(30))
}

#[test]
fn a_session_keeps_objects_in_memory_and_handles() {
    in_world(|world| {
        let ran = session(
            world,
            C,
            "# An expression, compiled once.\n\
             regcomp $re \"a(b*)c\" 1\n\
             found = regexec $re xabbc 2 $spans 0\n\
             $found\n\
             $spans\n\
             regexec $re nothing \\\n  0 NULL 0\n\
             regfree $re\n\
             int rand_r(unsigned *__inout seed);\n\
             rand_r $seed\n\
             abs -5\n",
        );
        let lines: Vec<&str> = ran.succeeded().lines().collect();
        assert_eq!(lines[0], "0");
        assert_eq!(lines[1], "0");
        assert_eq!(
            lines[2],
            "{{.rm_so = 1, .rm_eo = 5}, {.rm_so = 2, .rm_eo = 4}}"
        );
        assert_eq!(lines[3], "1");
        assert_eq!(lines.last(), Some(&"5"), "{ran:?}");
        assert_eq!(lines.len(), 6, "{ran:?}");

        let packed = world.directory().join("packed.gz");
        let lines = format!(
            "file = gzopen {0} w\n\
             gzputs $file \"a line\\n\"\n\
             gzclose $file\n\
             again = gzopen {0} r\n\
             gzgets $again _ 20\n\
             gzclose $again\n",
            packed.display()
        );
        let ran = session(world, Z, &lines);
        assert!(ran.succeeded().contains("\"a line\\n\""), "{ran:?}");
    });
}

#[test]
fn a_session_inflates_a_file_in_pieces() {
    in_world(|world| {
        let library = open(Z);
        let [compress] = functions(&library, ["compress"]);
        let packed = compress
            .call(&[
                Value::Out,
                100.into(),
                "some words, some words, some words".into(),
                34.into(),
            ])
            .expect("compress");
        let Value::Bytes(packed) = &packed.outputs[0].1 else {
            panic!("{packed:?}")
        };
        let file = world.directory().join("packed");
        std::fs::write(&file, packed).expect("a file");
        let lines = format!(
            "inflateInit_ $z 1.2.11 {STREAM_SIZE}\n\
             inflate $z{{.next_in = @{}, .next_out = _, .avail_out = 20}} 0\n\
             inflate $z{{.next_out = _, .avail_out = 20}} 0\n\
             $z\n\
             inflateEnd $z\n",
            file.display()
        );
        let ran = session(world, Z, &lines);
        let printed = ran.succeeded();
        let hexadecimal =
            |text: &str| -> String { text.bytes().map(|byte| format!("{byte:02x}")).collect() };
        // What is kept has a name and is printed when asked for.
        assert!(
            !printed.contains(&hexadecimal("some words, some wor")),
            "{ran:?}"
        );
        let rest = format!(".next_out = {}", hexadecimal("ds, some words"));
        assert!(printed.contains(&rest), "{ran:?}");
        assert!(printed.contains(".total_out = 34"), "{ran:?}");
    });
}

#[test]
fn a_session_ends_at_the_first_line_that_fails() {
    in_world(|world| {
        for (lines, code, words) in [
            ("abs 1\nabs x\nabs 3\n", 2, &["line 2:", "\"x\""][..]),
            ("abs 1\nabs $x\n", 2, &["line 2:", "nothing is kept as $x"]),
            (
                "abs 1\n\nint abs(int\n;\n",
                2,
                &["line 3:", "function's name"],
            ),
            (
                "abs 1\nint nowhere(int x);\nnowhere 1\n",
                1,
                &["line 3:", "nowhere"],
            ),
            ("abs 1\nabort\n", 1, &["line 2:", "SIGABRT"]),
            ("abs 1\nint puts(char *s);\n", 1, &["line 2:", "E0103"]),
            (
                "abs 1\nregexec $re a 0 NULL 0\n",
                2,
                &["line 2:", "nothing is kept as $re"],
            ),
            (
                "abs 1\nregcomp $re a 0\nregfree $re\nregfree $re\n",
                1,
                &["line 4:", "'preg'", "was closed"],
            ),
        ] {
            let ran = session(world, C, lines);
            ran.failed(code, words);
            assert!(ran.stdout.starts_with("1\n"), "{ran:?}");
            assert!(!ran.stdout.contains('3'), "{ran:?}");
        }
        let mut command = world.cosmos();
        command.args(["session", "--json", C, "/dev/stdin"]);
        let ran = run(&mut command, Duration::from_secs(20));
        assert_eq!(ran.succeeded(), "");
        // A handle of one session means nothing in another, nor on the command line.
        world
            .call(&[C, "void regfree(regex_t *__handle __consume preg)", "5"])
            .failed(2, &["is no handle"]);
        // What is not kept can be made all the same.
        let ran = world.call(&[C, "regcomp", "_", "a(", "1"]);
        assert_ne!(ran.succeeded(), "0\n", "{ran:?}");
    });
}
