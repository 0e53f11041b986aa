//! The functions of a header, sorted: what can be called as it is declared, what a pack says, and
//! what else must be said of the rest.
//!
//! The functions of a header are those that it declares itself, or in files that belong to it:
//! beside it, where it has a directory of its own (`curl/easy.h` for `curl/curl.h`), or in one of the
//! directories `bits`, where glibc keeps parts of its headers. Not counted are variables, functions
//! whose name begins with two underscores, and those that are compiled into their callers.

use crate::origin::Origins;
use callframe::error::Code;
use callframe::{CallFrame, Declaration, PrototypeError};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The functions of a header.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Each once, in the order of the header.
    pub functions: Vec<Found>,
    /// Types that could not be read; functions that use them are refused.
    pub types: Vec<Found>,
}

/// A declaration of the header.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub verdict: Verdict,
    /// The file that declares it.
    pub file: String,
    /// Its line there.
    pub line: usize,
    /// The declaration as the preprocessor left it, on one line.
    pub declared: String,
}

/// What becomes of a function.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It can be called as it is declared.
    Ready(CallFrame),
    /// It can be called by what a pack says of it.
    Pack(CallFrame),
    /// More must be said, or nothing helps: the number tells.
    Refused(PrototypeError),
}

impl Survey {
    /// Reads the preprocessed text of a header that was named `header`. `pack` knows the functions
    /// of which more has been said.
    pub fn of(
        text: &str,
        header: &str,
        pack: impl Fn(&str) -> Option<Result<CallFrame, PrototypeError>>,
    ) -> Survey {
        let origins = Origins::of(text);
        let own = Own::of(&origins, header);
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut survey = Survey {
            functions: Vec::new(),
            types: Vec::new(),
        };
        for declaration in callframe::parse_header(text) {
            let (file, line) = origins.place(declaration.span.start);
            let Some(name) = declaration.name.clone() else {
                continue;
            };
            let found = Found {
                file: file.to_owned(),
                line,
                declared: one_line(text.get(declaration.span.clone()).unwrap_or_default()),
                verdict: match declaration.outcome.clone() {
                    Ok(frame) => Verdict::Ready(frame),
                    Err(error) => Verdict::Refused(error),
                },
                name,
            };
            if is_type(&found) {
                survey.types.push(found);
            } else if own.has(origins.header(declaration.span.start))
                && counts(&found, &declaration)
            {
                survey.add(found, &mut known, &pack);
            }
        }
        survey
    }

    fn add(
        &mut self,
        mut found: Found,
        known: &mut HashMap<String, usize>,
        pack: &impl Fn(&str) -> Option<Result<CallFrame, PrototypeError>>,
    ) {
        match pack(&found.name) {
            Some(Ok(frame)) => found.verdict = Verdict::Pack(frame),
            Some(Err(error)) => found.verdict = Verdict::Refused(error),
            None => {}
        }
        match known
            .get(&found.name)
            .and_then(|at| self.functions.get_mut(*at))
        {
            // Declared again: what can be called is kept.
            Some(before) if before.is_callable() => {}
            Some(before) => *before = found,
            None => {
                known.insert(found.name.clone(), self.functions.len());
                self.functions.push(found);
            }
        }
    }

    /// How many can be called as they are declared, by a pack, and not at all.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |test: fn(&Verdict) -> bool| {
            let all = self.functions.iter();
            all.filter(|found| test(&found.verdict)).count()
        };
        (
            count(|verdict| matches!(verdict, Verdict::Ready(_))),
            count(|verdict| matches!(verdict, Verdict::Pack(_))),
            count(|verdict| matches!(verdict, Verdict::Refused(_))),
        )
    }

    /// The functions that are refused, by number.
    pub fn refused(&self) -> BTreeMap<Code, Vec<&Found>> {
        let mut by_number: BTreeMap<Code, Vec<&Found>> = BTreeMap::new();
        for found in &self.functions {
            if let Verdict::Refused(error) = &found.verdict {
                by_number.entry(error.code()).or_default().push(found);
            }
        }
        by_number
    }
}

impl Found {
    /// Whether it can be called.
    pub fn is_callable(&self) -> bool {
        !matches!(self.verdict, Verdict::Refused(_))
    }
}

/// The files that belong to a header.
struct Own<'t> {
    header: &'t str,
    directory: Option<&'t str>,
}

impl<'t> Own<'t> {
    fn of(origins: &Origins<'t>, named: &str) -> Own<'t> {
        let real = std::path::absolute(named).ok();
        let is_it = |file: &str| {
            let suffix = file.strip_suffix(named);
            suffix.is_some_and(|before| before.is_empty() || before.ends_with('/'))
                || real.as_deref() == Some(Path::new(file))
        };
        let header = origins.files().find(|file| is_it(file)).unwrap_or("");
        let directory = header.rsplit_once('/').map(|(directory, _)| directory);
        // A directory that preprocessors search holds the headers of many.
        let shared = |directory: &str| {
            let last = directory.rsplit('/').next();
            last == Some("include") || last.is_some_and(|last| last.ends_with("-linux-gnu"))
        };
        Own {
            header,
            directory: directory.filter(|directory| !shared(directory)),
        }
    }

    fn has(&self, file: &str) -> bool {
        let directory = file.rsplit_once('/').map(|(directory, _)| directory);
        file == self.header || (directory.is_some() && directory == self.directory)
    }
}

/// Whether it is a type that could not be read.
fn is_type(found: &Found) -> bool {
    let first = found
        .declared
        .split_whitespace()
        .find(|word| *word != "__extension__");
    let is_record =
        matches!(first, Some("struct" | "union" | "enum")) && found.declared.ends_with("};");
    !found.is_callable() && (first == Some("typedef") || is_record)
}

/// Whether it is a function that a library may hold.
fn counts(found: &Found, declaration: &Declaration) -> bool {
    let code = declaration.outcome.as_ref().err().map(PrototypeError::code);
    let no_function = matches!(code, Some(Code::E0124 | Code::E0302 | Code::E0303));
    !no_function && !found.name.starts_with("__")
}

/// The text without markers of lines, its blanks made one each.
fn one_line(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    words.join(" ")
}
