//! `cosmos session TARGET [FILE]`: calls that follow each other in one VM.
//!
//! A line is a call; what it leaves may be kept under a name for later ones: handles, and memory
//! that stands for objects, mean something as long as the session.

mod line;

use super::attempt::{Attempt, Declared};
use super::written::Written;
use crate::arguments::Session;
use crate::literal::{self, Kept, Names, sizes};
use crate::report::{COSMOS, Problem, Report, Verdict};
use crate::{format, packs};
use callframe::{CallFrame, Constants};
use cosmos::{Function, Library, Options, Outcome, Value};
use cosmos_packs::Packs;
use line::Line;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::time::Duration;

/// Calls what the lines say, up to the first that fails; at a terminal, up to the end.
pub fn run(session: &Session) -> Verdict {
    let talking = session.file.is_none() && io::stdin().is_terminal();
    let mut lines: Box<dyn BufRead> = match &session.file {
        None => Box::new(io::stdin().lock()),
        Some(path) => {
            let file = File::open(path);
            Box::new(BufReader::new(file.map_err(|error| {
                let message = format!("cannot open {}: {error}", path.display());
                Problem::usage(Report::new(message))
            })?))
        }
    };
    let mut course = Course::open(session)?;
    let mut number = 0;
    loop {
        if talking {
            // A prompt that cannot be written misses nobody.
            let _ = write!(io::stderr(), "{}> ", session.target);
        }
        let Some((first, text)) = next(lines.as_mut(), &mut number)? else {
            return Ok(0);
        };
        match course.line(&text) {
            Ok(()) => {}
            Err(Problem::Told(report, _)) if talking => {
                let _ = io::stderr().write_all(report.text().as_bytes());
            }
            Err(problem) => return Err(placed(problem, first)),
        }
    }
}

/// The next line with those it continues on, and its number.
fn next(lines: &mut dyn BufRead, number: &mut usize) -> Result<Option<(usize, String)>, Problem> {
    let mut text = String::new();
    let mut first = None;
    loop {
        let mut line = String::new();
        let count = lines.read_line(&mut line).map_err(|error| {
            let message = format!("cannot read the lines of the session: {error}");
            Problem::usage(Report::new(message))
        })?;
        if count == 0 {
            return Ok(first.map(|first| (first, text)));
        }
        *number += 1;
        let first = *first.get_or_insert(*number);
        let line = line.trim_end();
        match line.strip_suffix('\\') {
            Some(part) => {
                text.push_str(part);
                text.push(' ');
            }
            None => {
                text.push_str(line);
                return Ok(Some((first, text)));
            }
        }
    }
}

fn placed(problem: Problem, line: usize) -> Problem {
    match problem {
        Problem::Told(report, code) => {
            let message = report.message.trim_start_matches("error: ");
            let message = format!("line {line}: {message}");
            Problem::Told(Report { message, ..report }, code)
        }
        closed => closed,
    }
}

/// A function that can be called.
struct Resolved {
    frame: CallFrame,
    constants: Constants,
    function: Function,
}

/// What the lines so far have made.
struct Course {
    attempt: Attempt,
    target: String,
    packs: Packs,
    library: Library,
    /// By function name.
    declared: HashMap<String, Declared>,
    resolved: HashMap<String, Resolved>,
    kept: Kept,
    /// What is kept, as it is printed.
    shown: BTreeMap<String, String>,
    written: Written,
}

impl Course {
    fn open(session: &Session) -> Result<Course, Problem> {
        let mut options = Options::new();
        if let Some(milliseconds) = session.timeout {
            options = options.timeout(Duration::from_millis(milliseconds));
        }
        let options = session.confinement.apply(options);
        let attempt = Attempt {
            json: session.json,
            errno: session.errno,
            late_option: false,
        };
        Ok(Course {
            attempt,
            target: session.target.clone(),
            packs: packs::configured()?,
            library: cosmos::dlopen_with(&session.target, &options)
                .map_err(|error| attempt.failed(error))?,
            declared: HashMap::new(),
            resolved: HashMap::new(),
            kept: Kept::new(),
            shown: BTreeMap::new(),
            written: Written::default(),
        })
    }

    fn line(&mut self, text: &str) -> Result<(), Problem> {
        let line = line::read(text).map_err(|problem| Problem::usage(Report::new(problem)))?;
        match line {
            Line::Blank => Ok(()),
            Line::Declaration(prototype) => self.declare(prototype),
            Line::Show(name) => match self.shown.get(&name) {
                Some(text) => Ok(super::print(&format!("{text}\n"))?),
                None => {
                    let message = format!("nothing is kept as ${name}");
                    Err(Problem::usage(Report::new(message)))
                }
            },
            Line::Call {
                result,
                function,
                words,
            } => self.call(result, &function, &words),
        }
    }

    fn declare(&mut self, prototype: String) -> Result<(), Problem> {
        let frame = self.attempt.parsed(&prototype)?;
        self.resolved.remove(frame.name());
        self.declared
            .insert(frame.name().to_owned(), Declared::of(&prototype));
        Ok(())
    }

    fn call(
        &mut self,
        result: Option<String>,
        function: &str,
        words: &[String],
    ) -> Result<(), Problem> {
        self.resolve(function)?;
        let Some(resolved) = self.resolved.get(function) else {
            let message = format!("{function} was not resolved");
            return Err(Problem::Told(Report::new(message), COSMOS));
        };
        let attempt = self.attempt;
        let frame = &resolved.frame;
        let words = sizes::completed(frame, words);
        let names = Names {
            constants: &resolved.constants,
            kept: Some(&self.kept),
        };
        let given = literal::arguments(frame, &words, names)
            .map_err(|error| attempt.wrong_words(frame.name(), &error))?;
        let mut outcome = resolved
            .function
            .call(&given.values)
            .map_err(|error| attempt.failed(error))?;
        self.written.note(&self.library);
        let whole = outcome.clone();
        if let Some(name) = result {
            let value = std::mem::replace(&mut outcome.result, Value::Void);
            let text = format::value(&given.frame, Some(given.frame.result()), &value);
            self.keep(name, value, text);
        }
        for (position, name) in &given.names {
            self.keep_output(&given, &mut outcome, *position, name);
        }
        // For people, what has a name now is not in the way; programs get everything.
        let told = if attempt.json { &whole } else { &outcome };
        attempt.print(&given.frame, told)
    }

    /// Knows the function, by its declaration or by what a pack says.
    fn resolve(&mut self, function: &str) -> Result<(), Problem> {
        if self.resolved.contains_key(function) {
            return Ok(());
        }
        let attempt = self.attempt;
        let given = match self.declared.get(function) {
            Some(given) => given.clone(),
            None => attempt.packed(&self.packs, &self.target, function)?,
        };
        let resolved = Resolved {
            frame: attempt.parsed(&given.prototype)?,
            constants: given.constants,
            function: self
                .library
                .function(&given.prototype)
                .map_err(|error| attempt.failed(error))?,
        };
        self.resolved.insert(function.to_owned(), resolved);
        Ok(())
    }

    /// Keeps what came back for the parameter at a position.
    fn keep_output(
        &mut self,
        given: &literal::Given,
        outcome: &mut Outcome,
        position: usize,
        name: &str,
    ) {
        let Some(parameter) = given.frame.parameters().get(position) else {
            return;
        };
        let memory = match given.values.get(position) {
            Some(Value::Memory { memory, .. }) => Some(Value::from(memory)),
            _ => None,
        };
        let mut outputs = outcome.outputs.iter();
        let output = outputs
            .position(|(output, _)| *output == parameter.name)
            .map(|at| outcome.outputs.remove(at).1);
        let ty = format::target(&given.frame, parameter.ty);
        let text = output
            .as_ref()
            .map(|output| format::value(&given.frame, ty, output));
        // Memory that a call only looked at is as it was.
        let text = text.or_else(|| self.shown.get(name).cloned());
        if let Some(value) = memory.or(output) {
            self.keep(name.to_owned(), value, text.unwrap_or_default());
        }
    }

    fn keep(&mut self, name: String, value: Value, text: String) {
        self.shown.insert(name.clone(), text);
        self.kept.insert(name, value);
    }
}
