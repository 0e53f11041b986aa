//! Functions called by their names alone, from the command line, from Rust and from C.

use cosmos::{Options, Value};
use cosmos_packs::{Packs, builtin};
use cosmos_tests::{Prefix, in_world, in_world_for, run};
use std::process::Command;
use std::time::Duration;

#[test]
fn the_command_line_needs_a_name_only() {
    in_world(|world| {
        let file = world.directory().join("file");
        std::fs::write(&file, "hello").expect("a file");
        let given = format!("@{}", file.display());
        let by_name = world.call(&["libz.so.1", "crc32", "0", &given]);
        assert_eq!(by_name.succeeded(), "907060870\n");
        assert_eq!(world.call(&["libm.so.6", "cos", "0"]).succeeded(), "1\n");
        world
            .call(&["libz.so.1", "crc23", "0"])
            .failed(1, &["E0165", "crc32", "libz.so.1"]);
        let json = world.call(&["--json", "libz.so.1", "crc23", "0"]);
        assert!(json.stdout.contains("\"E0165\""), "{json:?}");
        world
            .call(&["libz.so.1", "crc32"])
            .failed(2, &["crc32 takes 3 arguments"]);
    });
}

/// A wrong prototype is answered with whatever is in the register, and nothing else tells.
#[test]
fn who_says_other_than_the_pack_is_told() {
    in_world(|world| {
        let wrong = world.call(&["libm.so.6", "int cos(int x)", "3"]);
        wrong.succeeded();
        let note = "note: the prototype pack of libm.so.6 says otherwise: double cos(double x)\n";
        assert_eq!(wrong.stderr, note);
        let right = world.call(&["libm.so.6", "double cos(double angle)", "0"]);
        assert_eq!((right.succeeded(), &*right.stderr), ("1\n", ""));
    });
}

#[test]
fn a_pack_of_ones_own_comes_first_and_a_prototype_before_any_pack() {
    in_world(|world| {
        let directory = world.directory().join("packs");
        std::fs::create_dir(&directory).expect("a directory");
        let pack = directory.join("libc.so.6.protos");
        std::fs::write(&pack, "long labs(int n); int toupper(int c);").expect("a pack");
        let mut command = world.cosmos();
        command.args(["call", "libc.so.6", "toupper", "'a'"]);
        command.env("COSMOS_PACKS", &directory);
        assert_eq!(
            run(&mut command, Duration::from_secs(20)).succeeded(),
            "65\n"
        );

        let options = Options::new().packs(&directory);
        let library = cosmos::dlopen_with("libc.so.6", &options).expect("libc");
        let labs = library.function("labs").expect("labs of the pack");
        assert_eq!(labs.frame().to_string(), "long labs(int n)");
        let labs = library.function("long labs(long n)").expect("as given");
        let outcome = labs.call(&[Value::Int(-5_000_000_000)]).expect("a call");
        assert_eq!(outcome.result, Value::Int(5_000_000_000));

        std::fs::write(&pack, b"\xff").expect("a broken pack");
        let error = library.function("atoi").expect_err("it cannot be read");
        assert_eq!(error.code(), cosmos::FaultCode::Configuration, "{error}");
    });
}

/// One function has one pointer, whether it was asked for by name or by that very prototype.
#[test]
fn a_name_means_its_prototype() {
    in_world(|_| {
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let by_name = library
            .symbol::<extern "C" fn(f64) -> f64>("cos")
            .expect("cos");
        assert_eq!(by_name.call(0.0), 1.0);
        let by_prototype = library
            .symbol::<extern "C" fn(f64) -> f64>("double cos(double x)")
            .expect("cos");
        // SAFETY: the pointers are compared, and both symbols live.
        let (one, other) = unsafe { (by_name.pointer(), by_prototype.pointer()) };
        assert_eq!(one as usize, other as usize);
        let error = library.function("cosine").expect_err("there is none");
        assert_eq!(error.code(), cosmos::FaultCode::BadPrototype);
        assert!(error.to_string().contains("E0165"), "{error}");
    });
}

#[test]
fn a_c_program_needs_a_name_only() {
    in_world_for(Duration::from_secs(120), |world| {
        let prefix = Prefix::installed(world);
        let program = world.directory().join("by_name");
        let flags = ["-std=c99", "-Wall", "-Wextra", "-Werror"];
        prefix.compile("gcc", "by_name.c", &flags, &program);
        let directory = world.directory().join("packs");
        std::fs::create_dir(&directory).expect("a directory");
        std::fs::write(directory.join("libc.so.6.protos"), "int toupper(int c);").expect("a pack");
        let mut command = Command::new(&program);
        command.arg(&directory);
        let ran = run(prefix.environment(&mut command), Duration::from_secs(30));
        assert_eq!(ran.succeeded(), "907060870\nA\nE0165\n");
    });
}

/// What a library may be built without, as Debian builds SQLite.
const OPTIONAL: &[&str] = &["sqlite3_snapshot_", "sqlite3_stmt_scanstatus"];

/// Every entry that is carried resolves in a real VM: the library has the symbol, and both ends lay
/// the call out in the same way.
#[test]
fn every_entry_resolves() {
    in_world_for(Duration::from_secs(300), |_| {
        let mut wrong = String::new();
        for (soname, _) in builtin::PACKS {
            let library = cosmos::dlopen(soname).expect(soname);
            let pack = &Packs::default().must_have(soname).expect(soname)[0];
            for declaration in pack.declarations() {
                let name = declaration.name.unwrap_or_default();
                if OPTIONAL.iter().any(|optional| name.starts_with(optional)) {
                    continue;
                }
                if let Ok(frame) = declaration.outcome
                    && let Err(error) = library.function(&frame.to_string())
                {
                    wrong += &format!("{soname}: {name}: {error}\n");
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}

/// Values that come back with the size that another function tells, and several of one object at once.
#[test]
fn functions_of_sqlite_work_together() {
    in_world(|_| {
        let sqlite = cosmos::dlopen("libsqlite3.so.0").expect("SQLite");
        let call = |name: &str, arguments: &[Value]| {
            let function = sqlite.function(name).expect(name);
            function.call(arguments).expect(name)
        };
        let opened = call("sqlite3_open", &[":memory:".into(), Value::Out]);
        let db = opened.outputs[0].1.clone();
        let sql = "SELECT x'00c0ffee', 'text', NULL, zeroblob(100000)";
        let arguments = [db.clone(), sql.into(), (-1).into(), Value::Out, Value::Null];
        let prepared = call("sqlite3_prepare_v2", &arguments);
        let stmt = prepared.outputs[0].1.clone();
        let stepped = call("sqlite3_step", std::slice::from_ref(&stmt));
        assert_eq!(stepped.result, Value::Int(100));
        let column =
            |function: &str, index: i32| call(function, &[stmt.clone(), index.into()]).result;
        let blob = column("sqlite3_column_blob", 0);
        assert_eq!(blob, Value::Bytes(vec![0, 0xc0, 0xff, 0xee]));
        assert_eq!(
            column("sqlite3_column_text", 1),
            Value::Bytes(b"text".to_vec())
        );
        assert_eq!(column("sqlite3_column_blob", 2), Value::Null);
        assert_eq!(
            column("sqlite3_column_blob", 3),
            Value::Bytes(vec![0; 100_000])
        );
        call("sqlite3_finalize", std::slice::from_ref(&stmt));
        call("sqlite3_close", std::slice::from_ref(&db));
    });
}
