//! A survey as a file of prototypes: what can be called as declarations, the rest as comments that
//! say what is missing. It is the beginning of a prototype pack.

use crate::survey::{Found, Survey, Verdict};
use callframe::CallFrame;
use callframe::error::Code;
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
    section(
        &mut text,
        "Can be called as declared.",
        survey,
        &mut defined,
        |verdict| match verdict {
            Verdict::Ready(frame) => Some(frame),
            _ => None,
        },
    );
    section(
        &mut text,
        "Can be called by what the pack says.",
        survey,
        &mut defined,
        |verdict| match verdict {
            Verdict::Pack(frame) => Some(frame),
            _ => None,
        },
    );
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

fn section(
    text: &mut String,
    title: &str,
    survey: &Survey,
    defined: &mut HashSet<String>,
    pick: impl Fn(&Verdict) -> Option<&CallFrame>,
) {
    let frames: Vec<&CallFrame> = survey
        .functions
        .iter()
        .filter_map(|found| pick(&found.verdict))
        .collect();
    if frames.is_empty() {
        return;
    }
    let _ = write!(text, "\n/* {title} */\n\n");
    for frame in frames {
        for definition in frame.definitions() {
            if defined.insert(definition.clone()) {
                let _ = writeln!(text, "{definition}");
            }
        }
        let _ = writeln!(text, "{};", frame.declaration());
    }
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
