//! From a prototype to a command line.
//!
//! `int gzip(const char *in, int level)` names an entry of a program, and its parameters are the words
//! of a command line:
//!
//! | parameter | word |
//! |---|---|
//! | an integer, `float`, `double` | its decimal digits |
//! | `const char *` | the text itself; none where it is NULL |
//! | `bool NAME` | `--NAME` where it is true, else none; `-N` for a name of one letter |
//! | `opt_NAME`, of a type above | `--NAME` and its value, two words; neither where it is NULL |
//! | `stdin`, a buffer or text that goes in | none: it is the standard input |
//! | `stdout`, `stderr`, buffers that come out | none: they get what is written |
//! | an integer, or a pointer to one, that says how large such a buffer is | none |
//!
//! The function's name is the entry: a first word, as of `git log`. The program's own name, and `main`,
//! mean the program without such a word. An underscore in a name stands for a hyphen. The result is the
//! exit code, or 128 and the number of the signal. Anything else is refused, by the parameter's name.

use callframe::types::{Scalar, Type, TypeId};
use callframe::{CallFrame, Template};
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Buffer, Room};
use std::path::Path;

const STREAMS: [&str; 3] = ["stdin", "stdout", "stderr"];

/// What a parameter is to the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A word, with an option before it where one is named.
    Word(Option<String>, Value),
    /// This word, where it is true.
    Flag(String),
    /// The standard input; up to its NUL where it is text.
    Input { is_text: bool },
    /// What stream 1 or 2 gets.
    Output(usize, Room),
    /// Says how large a buffer is.
    Size,
}

/// How the value of a word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Signed,
    Unsigned,
    Float,
    Text,
}

/// The command line of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandLine {
    /// The first word after the program's name.
    pub entry: Option<String>,
    /// By parameter.
    pub parts: Vec<Part>,
}

impl CommandLine {
    /// What a prototype means for this program.
    ///
    /// # Errors
    /// `BadPrototype`, naming what no command line can carry.
    pub(crate) fn of(template: &Template, program: &Path) -> Result<CommandLine, Fault> {
        let frame = template.frame();
        if frame.variadic().is_some() {
            return Err(refused(frame, "what stands in place of '...'"));
        }
        match frame.ty(frame.result()) {
            Type::Void => {}
            Type::Scalar(scalar) if scalar.is_integer() => {}
            _ => {
                return Err(refused(
                    frame,
                    "a result other than the exit code, an integer,",
                ));
            }
        }
        let is_stream = |it: &callframe::types::Parameter| STREAMS.contains(&it.name.as_str());
        let sizes = Buffer::sizes(frame, is_stream);
        let part = |(index, parameter): (usize, &callframe::types::Parameter)| {
            if sizes.contains(&(index as u32)) {
                return Ok(Part::Size);
            }
            part(frame, &parameter.name, parameter.ty)
                .ok_or_else(|| refused(frame, &format!("the parameter '{}'", parameter.name)))
        };
        let parts = frame
            .parameters()
            .iter()
            .enumerate()
            .map(part)
            .collect::<Result<_, _>>()?;
        Ok(CommandLine {
            entry: entry(frame.name(), program),
            parts,
        })
    }
}

fn entry(name: &str, program: &Path) -> Option<String> {
    let own = program.file_name().unwrap_or_default().to_string_lossy();
    let as_identifier = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '_'
        }
    };
    let own: String = own.chars().map(as_identifier).collect();
    (name != "main" && name != own).then(|| name.replace('_', "-"))
}

fn part(frame: &CallFrame, name: &str, ty: TypeId) -> Option<Part> {
    let stream = STREAMS.iter().position(|stream| *stream == name);
    match (stream, Buffer::of(frame, ty)) {
        (None, _) => {}
        (Some(0), Some(Buffer::In { is_text })) => return Some(Part::Input { is_text }),
        (Some(stream), Some(Buffer::Out(room))) if stream > 0 => {
            return Some(Part::Output(stream, room));
        }
        _ => return None,
    }
    if *frame.ty(ty) == Type::Scalar(Scalar::Bool) {
        return Some(Part::Flag(option(name)));
    }
    let named = name.strip_prefix("opt_").filter(|rest| !rest.is_empty());
    Some(Part::Word(named.map(option), value(frame, ty)?))
}

fn value(frame: &CallFrame, ty: TypeId) -> Option<Value> {
    match frame.ty(ty) {
        Type::Scalar(Scalar::Float | Scalar::Double) => Some(Value::Float),
        Type::Scalar(scalar) if scalar.is_integer() => Some(match scalar.is_signed() {
            true => Value::Signed,
            false => Value::Unsigned,
        }),
        _ => match Buffer::of(frame, ty) {
            Some(Buffer::In { is_text: true }) => Some(Value::Text),
            _ => None,
        },
    }
}

/// `-n`, `--name-of-it`.
fn option(name: &str) -> String {
    let hyphens = if name.chars().count() == 1 { "-" } else { "--" };
    format!("{hyphens}{}", name.replace('_', "-"))
}

fn refused(frame: &CallFrame, what: &str) -> Fault {
    let message = format!(
        "{}: a command line cannot carry {what}: it has integers, floating numbers, texts, bool \
         flags, and buffers named stdin, stdout and stderr",
        frame.name()
    );
    Fault::caller(FaultCode::BadPrototype, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use callframe::DataModel;
    use std::sync::Arc;

    fn of(prototype: &str) -> Result<CommandLine, Fault> {
        let frame = Arc::new(callframe::parse(prototype).expect("a prototype"));
        let template = Template::of(&frame, DataModel::LP64).expect("its layout");
        CommandLine::of(&template, Path::new("/usr/bin/g++-12"))
    }

    #[test]
    fn parameters_are_words() {
        let line = of(
            "int main(const char *in, int level, unsigned char n, double x, bool v, \
                       bool keep_it, const char *opt_output, long opt_j)",
        );
        let word = |name: Option<&str>, value| Part::Word(name.map(str::to_owned), value);
        let parts = vec![
            word(None, Value::Text),
            word(None, Value::Signed),
            word(None, Value::Unsigned),
            word(None, Value::Float),
            Part::Flag("-v".into()),
            Part::Flag("--keep-it".into()),
            word(Some("--output"), Value::Text),
            word(Some("-j"), Value::Signed),
        ];
        let expected = CommandLine { entry: None, parts };
        assert_eq!(line.expect("a line"), expected);
    }

    #[test]
    fn streams_are_buffers() {
        let line = of("int g___12(const void *__sized_by(n) stdin, size_t n, \
             char *__out __sized_by(*m) stdout, size_t *__inout m, \
             char *__out __sized_by(k) __null_terminated stderr, int k)");
        let output = |stream, count, is_text| Part::Output(stream, Room { count, is_text });
        let parts = vec![
            Part::Input { is_text: false },
            Part::Size,
            output(1, Some(3), false),
            Part::Size,
            output(2, None, true),
            Part::Size,
        ];
        let expected = CommandLine { entry: None, parts };
        assert_eq!(line.expect("a line"), expected);
        assert_eq!(
            of("void show_all(void)").expect("a line").entry.as_deref(),
            Some("show-all")
        );
    }

    #[test]
    fn what_no_command_line_carries_is_refused_by_name() {
        for (prototype, named) in [
            ("double f(void)", "exit code"),
            ("char *__owned(free) f(void)", "exit code"),
            ("int f(long double x)", "'x'"),
            ("int f(struct file *handle)", "'handle'"),
            ("int f(int *number)", "'number'"),
            ("int f(void (*called)(int))", "'called'"),
            ("int f(int __fd file)", "'file'"),
            ("int f(const char *a, ...) __printf(1, 2)", "'...'"),
            ("int f(struct { int a; } pair)", "'pair'"),
            (
                "int f(char *__out __sized_by(n) stdout, size_t n)",
                "'stdout'",
            ),
            ("int f(int stdin)", "'stdin'"),
        ] {
            let fault = of(prototype).expect_err(prototype);
            assert_eq!(fault.code, FaultCode::BadPrototype);
            assert!(fault.message.contains(named), "{prototype}: {fault}");
        }
    }
}
