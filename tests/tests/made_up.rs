//! Values are no addresses: whatever is given in place of a pointer, a call with values follows none that
//! somebody made up, and reads no further than what was given.

use cosmos::{FaultCode, Library, Value};
use cosmos_tests::{in_world, run};
use std::time::Duration;

const ICONV_OPEN: &str = "iconv_t __closed_by(iconv_close) __or_const(-1) \
     iconv_open(const char *to, const char *from)";
const ICONV: &str = "size_t iconv(iconv_t __handle cd, \
     char *__in __sized_by(*inleft) *__inout in, size_t *__inout inleft, \
     char *__out __sized_by(*outleft) *__inout out, size_t *__inout outleft)";

/// A number that is no address of anything, and what a call that followed it would die of.
const NOWHERE: u64 = 0x4141_4141_4140;

fn refused(library: &Library, prototype: &str, arguments: &[Value], words: &str) {
    let function = library.function(prototype).expect(prototype);
    let error = function.call(arguments).expect_err(prototype);
    assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn bytes_stand_for_no_pointer() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let bytes = || Value::Bytes([NOWHERE.to_le_bytes(), NOWHERE.to_le_bytes()].concat());
        for prototype in [
            "struct pair { char *__in __null_terminated a; char *__in __null_terminated b; }; \
             long labs(const struct pair *pair)",
            "struct pair { const char *__in names[2]; }; long labs(const struct pair *pair)",
            "long labs(const struct iovec *__counted_by(1) v) \
             __field(v->iov_base, __in __sized_by(iov_len))",
        ] {
            let function = library.function(prototype).expect(prototype);
            let given = match prototype.contains("names") {
                true => Value::Struct(vec![bytes()]),
                false => bytes(),
            };
            let error = function.call(&[given]).expect_err(prototype).to_string();
            assert!(error.contains("cannot stand for the pointers"), "{error}");
        }
        // A list of texts is one; bytes in its place are one text.
        let list = "long labs(char *__null_terminated const *__null_terminated argv)";
        let list = library.function(list).expect(list);
        let texts = Value::Array(vec!["one".into(), "two".into()]);
        list.call(&[texts]).expect("a list");
        list.call(&[bytes()]).expect("a list of one");
    });
}

#[test]
fn handles_are_tokens() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let regcomp =
            "int regcomp(regex_t *__closed_by(regfree) preg, const char *pattern, int flags)";
        let address = Value::Handle(NOWHERE);
        let arguments = [address.clone(), "a".into(), 0.into()];
        refused(&library, regcomp, &arguments, "is no handle");
        let regfree = "void regfree(regex_t *__handle __consume preg)";
        refused(
            &library,
            regfree,
            std::slice::from_ref(&address),
            "is no handle",
        );
        let fclose = "int fclose(FILE *__handle __consume stream)";
        refused(&library, fclose, &[address], "is no handle");
        // -1 is what iconv_open returns where there is no object.
        let open = library.function(ICONV_OPEN).expect(ICONV_OPEN);
        let none = open.call(&["no such".into(), "code".into()]);
        assert_eq!(none.expect("a call").result, Value::Handle(u64::MAX));
    });
}

#[test]
fn a_tag_chooses_the_member_that_may_be_given() {
    const TAGGED: &str = "struct item { int kind; union { long number __case(0); \
         const char *__in text __case(1, 2); } what __switch(kind); }; \
         long labs(const struct item *item)";
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let item = |kind: i32, member: &str, value: Value| {
            let what = Value::Record(vec![(member.to_owned(), value)]);
            [Value::Struct(vec![kind.into(), what])]
        };
        let labs = library.function(TAGGED).expect(TAGGED);
        labs.call(&item(0, "number", 5.into())).expect("a number");
        labs.call(&item(2, "text", "a text".into()))
            .expect("a text");
        for (kind, member, value) in [
            (1, "number", (NOWHERE as i64).into()),
            (0, "text", "a text".into()),
            (3, "number", 5.into()),
        ] {
            let arguments = item(kind, member, value);
            refused(&library, TAGGED, &arguments, "not the member");
        }
        // By position too, and with the tag given last.
        let both = Value::Struct(vec![(NOWHERE as i64).into(), "text".into()]);
        let arguments = [Value::Struct(vec![1.into(), both])];
        refused(&library, TAGGED, &arguments, "not the member");
        let what = Value::Record(vec![("number".to_owned(), (NOWHERE as i64).into())]);
        let members = vec![("what".to_owned(), what), ("kind".to_owned(), 1.into())];
        refused(
            &library,
            TAGGED,
            &[Value::Record(members)],
            "not the member",
        );
    });
}

#[test]
fn a_buffer_behind_two_pointers_is_as_long_as_its_number_says() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        let open = library.function(ICONV_OPEN).expect(ICONV_OPEN);
        let converter = open.call(&["UTF-16LE".into(), "UTF-8".into()]);
        let converter = converter.expect("iconv_open").result;
        let convert = |text: Value, length: i64| {
            let arguments = [
                converter.clone(),
                text,
                length.into(),
                Value::Out,
                20.into(),
            ];
            library.function(ICONV).expect(ICONV).call(&arguments)
        };
        for text in ["abc".into(), Value::Array(vec!["abc".into()])] {
            let outcome = convert(text, 3).expect("iconv");
            assert_eq!(outcome.result, 0.into());
            let output = |name: &str| {
                let mut outputs = outcome.outputs.iter();
                let found = outputs.find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            };
            assert_eq!(output("out"), Some(Value::from(&b"a\0b\0c\0"[..])));
            assert_eq!(output("outleft"), Some(14.into()));
        }
        // More than there is would be read beyond its end.
        let error = convert("abc".into(), 1000).expect_err("997 bytes too many");
        assert_eq!(error.code(), FaultCode::BadArgument, "{error}");
        assert!(error.to_string().contains("1000"), "{error}");
    });
}

/// The command line has the same forms.
#[test]
fn words_are_no_addresses() {
    in_world(|world| {
        let lines = "cd = iconv_open UTF-16LE UTF-8\n\
             iconv $cd \"abc\" 3 _ 20\n\
             iconv $cd \"abc\" 30 _ 20\n";
        let file = world.directory().join("lines");
        std::fs::write(&file, lines).expect("a file");
        let mut command = world.cosmos();
        command.args(["session", "libc.so.6"]).arg(&file);
        let ran = run(&mut command, Duration::from_secs(20));
        ran.failed(2, &["line 3:", "30"]);
        assert!(ran.stdout.contains("out = 610062006300"), "{ran:?}");
        world
            .call(&["libc.so.6", "regcomp", "0x414141414140", "a", "0"])
            .failed(2, &["is no handle"]);
    });
}
