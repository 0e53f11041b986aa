//! A survey as a file of prototypes: what can be called as declarations, the rest as comments that
//! say what is missing. It is the beginning of a prototype pack.
//!
//! C declares a pointer to one number as it declares an array of them. Where a number beside it may say how
//! many there are, a comment asks whoever makes a pack of it to look.

use crate::survey::{Found, Survey, Verdict};
use callframe::CallFrame;
use callframe::error::Code;
use callframe::types::{Extent, Identity, Parameter, Type};
use std::collections::HashSet;
use std::fmt::Write as _;

/// The text. `searched`: whether the preprocessor found the header by its name, as others will;
/// otherwise it is included by its path.
pub fn text(survey: &Survey, header: &str, searched: bool) -> String {
    let mut text = summary(survey, header);
    let _ = match searched {
        true => write!(text, "\n#include <{header}>\n"),
        false => write!(text, "\n#include \"{header}\"\n"),
    };
    let mut defined = HashSet::new();
    section(&mut text, true, survey, &mut defined);
    section(&mut text, false, survey, &mut defined);
    for (code, functions) in survey.refused() {
        refused(&mut text, code, &functions);
    }
    if !survey.types.is_empty() {
        let _ = write!(text, "\n/* Types that could not be read.\n");
        for found in &survey.types {
            if let Verdict::Refused(error) = &found.verdict {
                let _ = write!(text, "\n   {}: {}\n", place(found), error.one_line());
            }
        }
        text.push_str("*/\n");
    }
    text
}

/// How many of the functions can be called, as a comment of a few lines.
pub fn summary(survey: &Survey, header: &str) -> String {
    let (ready, pack, refused) = survey.counts();
    let all = survey.functions.len();
    let mut text = format!(
        "/* {header}: {all} functions, {} of them ({} %) can be called",
        ready + pack,
        percent(ready + pack, all),
    );
    if pack > 0 {
        let _ = write!(text, ": {ready} as declared, {pack} by the pack");
    }
    text.push('.');
    if refused > 0 {
        let numbers: Vec<String> = survey
            .refused()
            .iter()
            .map(|(code, functions)| format!("{code} {}", functions.len()))
            .collect();
        let _ = write!(text, "\n   Refused: {}.", numbers.join(", "));
    }
    text + " */\n"
}

/// The share in percent, rounded down.
pub fn percent(part: usize, all: usize) -> usize {
    (part * 100).checked_div(all).unwrap_or(100)
}

/// What can be called as it is declared, or else what can be by a pack.
fn section(text: &mut String, as_declared: bool, survey: &Survey, defined: &mut HashSet<String>) {
    let functions = survey.functions.iter();
    let frames = functions.filter_map(|found| match &found.verdict {
        Verdict::Ready(frame) if as_declared => Some(frame),
        Verdict::Pack(frame) if !as_declared => Some(frame),
        _ => None,
    });
    let frames: Vec<&CallFrame> = frames.collect();
    if frames.is_empty() {
        return;
    }
    let title = match as_declared {
        true => "Can be called as declared.",
        false => "Can be called by what the pack says.",
    };
    let _ = write!(text, "\n/* {title} */\n\n");
    for frame in frames {
        for definition in frame.definitions() {
            if defined.insert(definition.clone()) {
                let _ = writeln!(text, "{definition}");
            }
        }
        // What a pack says was looked at by who made it.
        let asked = doubtful(frame).filter(|_| as_declared);
        for (pointer, number) in asked {
            let _ = writeln!(
                text,
                "/* '{pointer}' leads to one element, unless __counted_by({number}) or \
                 __sized_by({number}) says more. */"
            );
        }
        let _ = writeln!(text, "{};", frame.declaration());
    }
}

/// Pointers that lead to one element as far as was said, each with the number behind it, where its name is
/// one that numbers of elements have.
fn doubtful(frame: &CallFrame) -> impl Iterator<Item = (&str, &str)> {
    let parameters = frame.parameters();
    let pairs = parameters.iter().zip(parameters.iter().skip(1));
    pairs
        .filter(|(pointer, number)| is_one(frame, pointer) && is_number_of_some(frame, number))
        .map(|(pointer, number)| (pointer.name.as_str(), number.name.as_str()))
}

fn is_one(frame: &CallFrame, parameter: &Parameter) -> bool {
    let Type::Pointer(pointer) = frame.ty(parameter.ty) else {
        return false;
    };
    let is_copied = matches!(pointer.identity, Identity::Data);
    is_copied && matches!(pointer.extent, Extent::Single)
}

fn is_number_of_some(frame: &CallFrame, parameter: &Parameter) -> bool {
    let is_integer = matches!(frame.ty(parameter.ty), Type::Scalar(scalar) if scalar.is_integer());
    let name = parameter.name.to_lowercase();
    let says_so = ["count", "len", "num", "size"]
        .iter()
        .any(|word| name.contains(word));
    is_integer && (says_so || name == "n" || name.starts_with("n_"))
}

fn refused(text: &mut String, code: Code, functions: &[&Found]) {
    let _ = write!(text, "\n/* {code}: {}\n", code.title());
    for found in functions {
        let Verdict::Refused(error) = &found.verdict else {
            continue;
        };
        let _ = write!(
            text,
            "\n   {}: {}\n   {}\n",
            place(found),
            error.message(),
            found.declared.replace("*/", "* /")
        );
    }
    text.push_str("*/\n");
}

fn place(found: &Found) -> String {
    format!("{}:{}", found.file, found.line)
}
