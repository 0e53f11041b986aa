//! What an error says to write is what its text would want.

use callframe::parse;

/// A text that is refused, and the example that its error gives.
const ADVICE: &[(&str, &str)] = &[
    (
        "size_t wcslen(const wchar_t *s)",
        "const wchar_t *__null_terminated s",
    ),
    (
        "size_t mbstowcs(wchar_t *dest, const char *src, size_t n)",
        "wchar_t *__out __counted_by(n) dest",
    ),
    (
        "int f(const unsigned char *name)",
        "const unsigned char *__null_terminated name",
    ),
    (
        "int f(const char *name, void *buf, size_t n)",
        "void *__out __sized_by(n) buf",
    ),
    (
        "int f(const void *data, size_t *n)",
        "const void *__sized_by(*n) data",
    ),
    ("int f(void *data)", "void *__out __sized_by(64) data"),
    ("int f(struct tm all[], int n)", "struct tm all[n]"),
    (
        "struct tm *localtime(const time_t *t)",
        "struct tm *__borrowed localtime(..)",
    ),
    (
        "typedef struct { int x; } point; point *middle(void)",
        "point *__borrowed middle(..)",
    ),
    (
        "union u { int x; }; const union u *f(void)",
        "const union u *__borrowed f(..)",
    ),
    (
        "char **names(void)",
        "char *__borrowed *__borrowed names(..)",
    ),
];

#[test]
fn examples_are_what_the_text_would_want() {
    for (text, example) in ADVICE {
        let error = parse(text).expect_err(text);
        let rendered = error.render(text);
        assert!(
            rendered.lines().any(|line| line.trim() == *example),
            "{rendered}"
        );
    }
}

#[test]
fn examples_of_parameters_are_accepted_in_their_place() {
    for (text, example) in ADVICE
        .iter()
        .filter(|(_, example)| !example.contains("(..)"))
    {
        let (name, list) = text.split_once('(').expect("a list");
        let index = parse(text).expect_err(text).span().start;
        let mut start = 0;
        let parameters: Vec<&str> = list
            .trim_end_matches(')')
            .split(',')
            .map(|parameter| {
                let from = name.len() + 1 + start;
                start += parameter.len() + 1;
                match (from..from + parameter.len()).contains(&index) {
                    true => example,
                    false => parameter,
                }
            })
            .collect();
        let mended = format!("{name}({})", parameters.join(","));
        if let Err(error) = parse(&mended) {
            panic!("{}", error.render(&mended));
        }
    }
}

/// Sets of descriptors would be of the other process's; there is another function for it.
#[test]
fn who_selects_is_shown_poll() {
    let text = "int select(int n, fd_set *in, fd_set *out, fd_set *other, struct timeval *time)";
    let rendered = parse(text).unwrap_err().render(text);
    let example = rendered.lines().map(str::trim);
    let example = example
        .into_iter()
        .find(|line| line.starts_with("int poll("));
    let poll = parse(example.expect(&rendered)).expect("an example is right");
    assert_eq!(poll.name(), "poll");
}
