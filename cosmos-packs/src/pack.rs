//! One pack: a text of declarations with annotations.
//!
//! The text is C once the annotations are defined away. Preprocessor lines are skipped, but for
//! `#include <…>`, which names the headers that declare the same functions, and `#define NAME` for
//! what these headers need defined: what `cosmos gen` includes, and what the tests compare with. Types that these headers define stand between
//! `#ifndef COSMOS_HEADERS` and `#endif`, so that both can be compiled as one.

use callframe::{CallFrame, Constants, Declaration};
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// A pack.
#[derive(Clone, Debug)]
pub struct Pack {
    pub(crate) soname: String,
    pub(crate) origin: Origin,
    pub(crate) text: Cow<'static, str>,
}

/// Where a pack comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It comes with the product.
    BuiltIn,
    /// A file of a directory that somebody named.
    File(PathBuf),
}

/// A function of a pack.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it means.
    pub frame: CallFrame,
    /// A prototype string that says all of it, with the types it needs.
    pub prototype: String,
    /// What the enums of its pack call their values.
    pub constants: Constants,
}

impl Pack {
    /// The library it describes.
    pub fn soname(&self) -> &str {
        &self.soname
    }

    /// Where it comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every declaration of a function, and every one that cannot be read.
    pub fn declarations(&self) -> Vec<Declaration> {
        callframe::parse_file(&self.text)
    }

    /// The declaration of one function.
    pub fn declaration(&self, name: &str) -> Option<Declaration> {
        callframe::parse_one_of_file(&self.text, name)
    }

    /// The headers that declare the same functions, as they are included: `<zlib.h>`, `"own.h"`.
    pub fn headers(&self) -> Vec<&str> {
        self.text.lines().filter_map(included).collect()
    }

    /// The macros that are to be defined before these headers are included: `_GNU_SOURCE`.
    pub fn definitions(&self) -> Vec<&str> {
        self.text.lines().filter_map(defined).collect()
    }
}

impl Entry {
    pub(crate) fn of(frame: CallFrame, pack: &Pack) -> Entry {
        Entry {
            prototype: frame.to_string(),
            constants: callframe::constants(&pack.text),
            frame,
        }
    }
}

impl fmt::Display for Pack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::BuiltIn => write!(formatter, "{} (built in)", self.soname),
            Origin::File(path) => write!(formatter, "{}", path.display()),
        }
    }
}

/// `_GNU_SOURCE` of `#define _GNU_SOURCE`.
fn defined(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start();
    let name = rest.strip_prefix("define")?.trim();
    callframe::bare_name(name)
}

/// `<zlib.h>` of `#include <zlib.h>`.
fn included(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start();
    let rest = rest.strip_prefix("include")?.trim_start();
    let end = match rest.chars().next()? {
        '<' => '>',
        '"' => '"',
        _ => return None,
    };
    let length = rest.get(1..)?.find(end)?;
    rest.get(..length + 2)
}

#[cfg(test)]
mod tests {
    use super::{defined, included};

    #[test]
    fn headers_are_read_from_include_lines() {
        assert_eq!(included("#include <zlib.h>"), Some("<zlib.h>"));
        assert_eq!(
            included(" # include <curl/curl.h> /* x */"),
            Some("<curl/curl.h>")
        );
        assert_eq!(included("int f(void);"), None);
        assert_eq!(included("#include \"own.h\""), Some("\"own.h\""));
        assert_eq!(included("#include \"own.h>"), None);
        assert_eq!(included("#include own.h"), None);
        assert_eq!(included("#include <zlib.h"), None);
        assert_eq!(defined("#define _GNU_SOURCE"), Some("_GNU_SOURCE"));
        assert_eq!(defined("#define f(x) x"), None);
    }
}
