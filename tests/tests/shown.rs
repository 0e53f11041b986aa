//! Values show whatever a call left where its arguments lead: behind records that only go in, and in
//! lists that came back.

use cosmos::{Function, Value};
use cosmos_tests::in_world;
use std::os::fd::AsRawFd;

fn function(library: &str, prototype: &str) -> Function {
    let library = cosmos::dlopen(library).expect(library);
    library.function(prototype).expect(prototype)
}

fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    let Value::Record(members) = value else {
        panic!("no record: {value:?}")
    };
    let found = members.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("no {name}: {value:?}")).1
}

#[test]
fn buffers_behind_records_that_go_in() {
    in_world(|world| {
        let path = world.directory().join("words");
        std::fs::write(&path, "seven words").expect("a file");
        let file = std::fs::File::open(&path).expect("the file");
        let readv = function(
            "libc.so.6",
            "ssize_t readv(int __fd fd, const struct iovec *__counted_by(iovcnt) iov, int iovcnt) \
             __field(iov->iov_base, __out __sized_by(iov_len))",
        );
        let room = |bytes: i32| Value::Struct(vec![Value::Out, bytes.into()]);
        let rooms = Value::Array(vec![room(6), room(5)]);
        let arguments = [Value::Descriptor(file.as_raw_fd()), rooms, 2.into()];
        let outcome = readv.call(&arguments).expect("readv");
        assert_eq!(outcome.result, 11.into());
        let Value::Array(read) = &outcome.outputs[0].1 else {
            panic!("{outcome:?}")
        };
        let bytes: Vec<&Value> = read.iter().map(|one| member(one, "iov_base")).collect();
        let expected = [Value::from(&b"seven "[..]), Value::from(&b"words"[..])];
        assert_eq!(bytes, expected.iter().collect::<Vec<_>>());
    });
}

#[test]
fn lists_that_came_back() {
    in_world(|_| {
        let getaddrinfo = function("libc.so.6", "getaddrinfo");
        let hints = vec![
            ("ai_flags".to_owned(), libc::AI_CANONNAME.into()),
            ("ai_socktype".to_owned(), 0.into()),
        ];
        let arguments = [
            "127.0.0.1".into(),
            "80".into(),
            Value::Record(hints),
            Value::Out,
        ];
        let outcome = getaddrinfo.call(&arguments).expect("getaddrinfo");
        assert_eq!(outcome.result, 0.into());
        let mut node = &outcome.outputs[0].1;
        assert_eq!(member(node, "ai_canonname"), &"127.0.0.1".into());
        let mut kinds = Vec::new();
        while *node != Value::Null {
            kinds.push(member(node, "ai_socktype").clone());
            let Value::Array(address) = member(node, "ai_addr") else {
                panic!("{node:?}")
            };
            assert_eq!(member(&address[0], "sa_family"), &libc::AF_INET.into());
            node = member(node, "ai_next");
        }
        let expected = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW];
        assert_eq!(kinds, expected.map(Value::from));
    });
}
