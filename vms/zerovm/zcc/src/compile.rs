//! From a source file to an object, or to assembly that is laid out.

use crate::arguments::Arguments;
use crate::emit::{self, MARK};
use crate::reason::Reason;
use crate::rewrite::{self, Refused};
use crate::runtime::Headers;
use crate::tools::{self, GCC};
use crate::unit::Unit;
use crate::{Dialect, Error, layout, measure};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What gcc is told besides what the user says. `../docs/zcc.md` has the reasons.
const FLAGS: [&str; 18] = [
    "-mx32",
    "-maddress-mode=short",
    "-ffixed-r15",
    "-ffixed-r11",
    "-mno-red-zone",
    "-fno-pic",
    "-fno-pie",
    "-fno-stack-protector",
    "-fcf-protection=none",
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-fno-split-stack",
    "-mtune-ctrl=^use_bt",
    "-mmemcpy-strategy=libcall:-1:noalign",
    "-mmemset-strategy=libcall:-1:noalign",
    "-falign-loops=32",
    "-fno-align-jumps",
    "-nostdinc",
];

const NACL_FLAGS: [&str; 2] = ["-ffixed-rbp", "-fomit-frame-pointer"];

/// What gcc is told besides, one after the other, as long as it compares before a jump table and uses
/// that behind it: first not to look for what was computed elsewhere, then to use no tables.
const MORE_FLAGS: [&[&str]; 2] = [&["-fno-gcse"], &["-fno-gcse", "-fno-jump-tables"]];

/// What files are compiled with.
#[derive(Debug)]
pub(crate) struct Compiler<'a> {
    pub(crate) arguments: &'a Arguments,
    pub(crate) headers: Headers,
    pub(crate) directory: &'a TempDir,
}

impl Compiler<'_> {
    /// Compiles a file to an object.
    pub(crate) fn object(&self, source: &Path, output: &Path) -> Result<(), Error> {
        let assembly = self.assembly(source, output)?;
        tools::assemble(&assembly.text, output, self.arguments.verbose)?;
        let Some((unit, layout)) = &assembly.made else {
            return Ok(());
        };
        let object = fs::read(output).map_err(Error::file(output))?;
        measure::check(unit, layout, &object).map_err(disagreement(source))
    }

    /// Compiles a file to assembly.
    pub(crate) fn assembly_file(&self, source: &Path, output: &Path) -> Result<(), Error> {
        let assembly = self.assembly(source, output)?;
        fs::write(output, assembly.text).map_err(Error::file(output))
    }

    fn assembly(&self, source: &Path, output: &Path) -> Result<Assembly, Error> {
        let is_c = source.extension().is_some_and(|extension| extension == "c");
        let dialect = self.arguments.dialect;
        if !is_c {
            let text = read_text(source)?;
            if let Some(found) = text.strip_prefix(MARK) {
                return already_laid_out(source, dialect, found, &text);
            }
            let unit = self.rewrite(&text, self.arguments.debugs());
            return self.finish(source, unit.map_err(|refused| refusal(source, *refused))?);
        }
        let compiled = |more: &[&str]| {
            let text = self.gcc(source, output, more)?;
            Ok(self.rewrite(&text, self.arguments.debugs()))
        };
        let mut rewritten = compiled(&[])?;
        for more in MORE_FLAGS {
            if let Err(refused) = &rewritten
                && refused.reason == Reason::FlagsAcrossBranch
            {
                rewritten = compiled(more)?;
            }
        }
        match rewritten {
            Ok(unit) => self.finish(source, unit),
            Err(refused) => Err(self.locate(source, output, *refused)),
        }
    }

    fn rewrite(&self, text: &str, debug: bool) -> Result<Unit, Box<Refused>> {
        let dialect = self.arguments.dialect;
        rewrite::rewrite(text, rewrite::Options { dialect, debug })
    }

    fn finish(&self, source: &Path, unit: Unit) -> Result<Assembly, Error> {
        let measured = self.directory.path().join("measured.o");
        let text = emit::for_measuring(&unit);
        tools::assemble(&text, &measured, self.arguments.verbose)?;
        let object = fs::read(&measured).map_err(Error::file(&measured))?;
        let lengths = measure::lengths(&unit, &object).map_err(disagreement(source))?;
        let layout = layout::lay_out(&unit, &lengths).map_err(|(line, reason)| Error::Refused {
            file: source.to_owned(),
            line,
            reason,
        })?;
        let text = emit::laid_out(&unit, &layout, &lengths, self.arguments.dialect);
        Ok(Assembly {
            text,
            made: Some((unit, layout)),
        })
    }

    /// Runs gcc on a file of C.
    fn gcc(&self, source: &Path, output: &Path, more: &[&str]) -> Result<String, Error> {
        let assembly = self.directory.path().join("compiled.s");
        let mut arguments: Vec<OsString> = FLAGS.iter().map(OsString::from).collect();
        if self.arguments.dialect == Dialect::Nacl {
            arguments.extend(NACL_FLAGS.iter().map(OsString::from));
        }
        arguments.extend(self.headers.options());
        arguments.extend(self.arguments.for_gcc(source, output));
        arguments.extend(more.iter().map(OsString::from));
        arguments.extend(["-S", "-o"].map(OsString::from));
        arguments.extend([
            assembly.as_os_str().to_owned(),
            source.as_os_str().to_owned(),
        ]);
        GCC.run(&arguments, self.arguments.verbose)?;
        read_text(&assembly)
    }

    /// The line of C that was refused. gcc tells lines only when it is asked for debugging
    /// information, so it is asked a second time.
    fn locate(&self, source: &Path, output: &Path, refused: Refused) -> Error {
        if refused.origin.is_some() {
            return refusal(source, refused);
        }
        let again = self.gcc(source, output, &["-g1"]);
        let located = again.ok().and_then(|text| self.rewrite(&text, true).err());
        match located {
            Some(located) if located.reason == refused.reason => refusal(source, *located),
            _ => refusal(source, refused),
        }
    }
}

/// What a source file became.
struct Assembly {
    text: String,
    /// What it was made from, unless it had been laid out before.
    made: Option<(Unit, layout::Layout)>,
}

fn already_laid_out(
    source: &Path,
    wanted: Dialect,
    found: &str,
    text: &str,
) -> Result<Assembly, Error> {
    let found = found.lines().next().unwrap_or_default();
    if found != wanted.name() {
        return Err(Error::OtherDialect {
            what: source.display().to_string(),
            found: found.to_owned(),
            wanted,
        });
    }
    Ok(Assembly {
        text: text.to_owned(),
        made: None,
    })
}

fn refusal(source: &Path, refused: Refused) -> Error {
    let (file, line) = match refused.origin {
        Some((file, line)) => (PathBuf::from(file), line),
        None => (source.to_owned(), refused.line),
    };
    Error::Refused {
        file,
        line,
        reason: refused.reason,
    }
}

fn disagreement(source: &Path) -> impl FnOnce(measure::Mismatch) -> Error {
    let file = source.to_owned();
    move |mismatch| Error::Disagreement {
        file,
        what: mismatch.to_string(),
    }
}

fn read_text(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(Error::file(path))?;
    String::from_utf8(bytes).map_err(|_| Error::NotText(path.to_owned()))
}
