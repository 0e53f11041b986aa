//! Sizes that need not be given: `crc32 0 @file` for `crc32(crc, buf, len)`.
//!
//! Where fewer words than parameters are given, and exactly those are missing that do nothing but
//! say how large a buffer is which goes in, each becomes `sizeof:` its buffer.

use callframe::CallFrame;
use std::borrow::Cow;

/// The words with those that were left out.
pub fn completed<'w>(frame: &CallFrame, words: &'w [String]) -> Cow<'w, [String]> {
    let buffers = buffers(frame);
    let sizes = buffers.iter().flatten().count();
    if sizes == 0 || words.len() + sizes != buffers.len() {
        return Cow::Borrowed(words);
    }
    let mut given = words.iter();
    let all = buffers.iter().map(|buffer| match buffer {
        Some(name) => format!("sizeof:{name}"),
        None => given.next().cloned().unwrap_or_default(),
    });
    Cow::Owned(all.collect())
}

/// By parameter: the buffer whose bytes it counts, where it is nothing but that.
fn buffers(frame: &CallFrame) -> Vec<Option<&str>> {
    let name = |buffer: usize| {
        let parameter = frame.parameters().get(buffer)?;
        Some(parameter.name.as_str())
    };
    let counted = cosmos::counted(frame).into_iter();
    counted.map(|buffer| buffer.and_then(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(prototype: &str, given: &[&str]) -> Vec<String> {
        let frame = callframe::parse(prototype).unwrap();
        let given: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
        completed(&frame, &given).into_owned()
    }

    #[test]
    fn sizes_of_what_goes_in_are_added_where_all_of_them_are_missing() {
        let crc = "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)";
        assert_eq!(words(crc, &["0", "hello"]), ["0", "hello", "sizeof:buf"]);
        assert_eq!(words(crc, &["0", "hello", "3"]), ["0", "hello", "3"]);
        assert_eq!(words(crc, &["0"]), ["0"]);
        let two = "int f(const char *__counted_by(n) a, int n, const void *__sized_by(m) b, int m)";
        assert_eq!(words(two, &["x", "y"]), ["x", "sizeof:a", "y", "sizeof:b"]);
        assert_eq!(words(two, &["x", "1", "y"]), ["x", "1", "y"]);
    }

    #[test]
    fn other_numbers_are_never_guessed() {
        // How much is wanted back, a count of larger elements, and what measures two buffers.
        for prototype in [
            "ssize_t read(int __fd fd, void *__out __sized_by(count) __filled(return) buf, size_t count)",
            "int f(const int *__counted_by(n) p, int n)",
            "int f(const void *__sized_by(n) a, const void *__sized_by(n) b, size_t n)",
            "int f(const void *__sized_by(n * m) a, size_t n, size_t m)",
        ] {
            assert_eq!(words(prototype, &["1", "2"]), ["1", "2"], "{prototype}");
            assert_eq!(words(prototype, &["1"]), ["1"], "{prototype}");
        }
    }
}
