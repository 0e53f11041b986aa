//! Functions of Lua scripts, through the whole stack.

use super::write_program;
use cosmos::{FaultCode, Value};
use cosmos_tests::in_world;

const SCRIPT: &str = r#"#!/usr/bin/env lua
calls = 0
function add(a, b) calls = calls + 1; return a + b end
function count() return calls end
function half(x) return x / 2 end
function is_even(n) return n % 2 == 0 end
function shout(text) if not text then return 0, "nothing" end return #text, text:upper() end
function reverse(bytes) return bytes:reverse() end
function wrong() return "text" end
function fails(text) error("told: " .. text) end
function forever() while true do end end
function hungry() local t = {} while true do t[#t + 1] = string.rep("x", 1000000) .. #t end end
"#;

#[test]
fn functions_of_a_script_are_called() {
    in_world(|world| {
        let path = write_program(&world.directory().join("script"), SCRIPT);
        let shown = world.run_cosmos(&["which", &path]);
        assert!(
            shown.succeeded().contains("-> script on local"),
            "{shown:?}"
        );
        let script = cosmos::dlopen(&path).expect("a script");
        assert_eq!(script.kind(), "script");
        let call = |prototype: &str, arguments: &[Value]| {
            let function = script.function(prototype).expect(prototype);
            function.call(arguments)
        };
        let result = |prototype: &str, arguments: &[Value]| {
            call(prototype, arguments).expect(prototype).result
        };
        let add = "int add(int a, int b)";
        assert_eq!(result(add, &[2.into(), (-5).into()]), Value::Int(-3));
        assert_eq!(result("long count(void)", &[]), Value::Int(1));
        assert_eq!(
            result("double half(float x)", &[5.0.into()]),
            Value::Float(2.5)
        );
        assert_eq!(
            result("bool is_even(unsigned char n)", &[254.into()]),
            Value::Int(1)
        );
        let shout = "int shout(const char *text, char *__out __sized_by(8) __null_terminated out)";
        let outcome = call(shout, &["hey".into(), Value::Out]).expect("a call");
        assert_eq!(outcome.result, Value::Int(3));
        assert_eq!(outcome.outputs[0].1, Value::Text(b"HEY".to_vec()));
        let outcome = call(shout, &[Value::Null, Value::Out]).expect("a call");
        assert_eq!(outcome.outputs[0].1, Value::Text(b"nothing".to_vec()));
        let reverse = "void reverse(const void *__sized_by(n) in, size_t n, \
                       void *__out __sized_by(*m) out, size_t *__inout m)";
        let bytes = Value::Bytes(vec![1, 0, 2]);
        let outcome = call(reverse, &[bytes, 3.into(), Value::Out, Value::Int(9)]);
        let outcome = outcome.expect("a call");
        let out = outcome.outputs.iter().find(|(name, _)| name == "out");
        assert_eq!(out.expect("an output").1, Value::Bytes(vec![2, 0, 1]));

        // What goes wrong is told, and the script goes on.
        let fails = |prototype: &str, arguments: &[Value], code: FaultCode, words: &str| {
            let error = call(prototype, arguments).expect_err(prototype);
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        };
        let (system, protocol) = (FaultCode::System, FaultCode::Protocol);
        fails(
            "void fails(const char *text)",
            &["x".into()],
            system,
            "told: x",
        );
        fails("int wrong(void)", &[], protocol, "an integer");
        fails(
            "signed char add(int a, int b)",
            &[100.into(), 100.into()],
            protocol,
            "200",
        );
        fails(
            shout,
            &["too long a text".into(), Value::Out],
            FaultCode::TooLarge,
            "room",
        );
        fails(
            "void add(unsigned long a, int b)",
            &[Value::Int(1 << 63), 1.into()],
            FaultCode::BadArgument,
            "9223372036854775808",
        );
        fails("void hungry(void)", &[], FaultCode::LimitReached, "memory");
        assert_eq!(result(add, &[1.into(), 1.into()]), Value::Int(2));

        let refused = script
            .function("char *__owned(free) shout(void)")
            .expect_err("refused");
        assert_eq!(refused.code(), FaultCode::BadPrototype, "{refused}");
        let missing = script
            .function("int ad(int a, int b)")
            .expect_err("no such function");
        assert!(
            missing.to_string().contains("did you mean add"),
            "{missing}"
        );
    });
}

#[test]
fn a_script_that_does_not_end_is_ended_from_outside() {
    in_world(|world| {
        let path = write_program(&world.directory().join("script"), SCRIPT);
        let ran = world.call(&["--timeout", "300", &path, "void forever(void)"]);
        ran.failed(1, &["error:", "in time"]);
        let endless = write_program(
            &world.directory().join("endless"),
            "#!lua\nwhile true do end\n",
        );
        let ran = world.call(&["--timeout", "300", &endless, "void f(void)"]);
        ran.failed(1, &["error:", "in time"]);
        let broken = write_program(
            &world.directory().join("broken"),
            "#!lua\n\nnot Lua at all\n",
        );
        let ran = world.call(&[&broken, "void f(void)"]);
        ran.failed(1, &["error:", "broken:3:"]);
    });
}
