//! What a command line asks for.

use crate::arguments::Arguments;
use crate::compile::Compiler;
use crate::tools::GCC;
use crate::{Error, link, runtime};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Does what a command line asks for.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    arguments.check()?;
    if arguments.print_runtime {
        runtime::library(arguments.dialect, arguments.verbose)?;
        println!("{}", runtime::place()?.display());
        return Ok(());
    }
    if arguments.files.is_empty() {
        return Err(Error::NoInput);
    }
    let directory = TempDir::new().map_err(Error::file(&std::env::temp_dir()))?;
    let job = Job {
        arguments,
        directory: &directory,
    };
    if arguments.is_for_preprocessor() {
        return job.preprocess();
    }
    for file in &arguments.files {
        Input::of(file)?;
    }
    if arguments.assembly || arguments.compile {
        return job.compile_only();
    }
    job.program()
}

/// What a file is by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Source,
    Linked,
}

impl Input {
    fn of(path: &Path) -> Result<Self, Error> {
        match path.extension().and_then(OsStr::to_str) {
            Some("c" | "s") => Ok(Self::Source),
            Some("o" | "a") => Ok(Self::Linked),
            _ => Err(Error::UnknownFile(path.to_owned())),
        }
    }
}

struct Job<'a> {
    arguments: &'a Arguments,
    directory: &'a TempDir,
}

impl Job<'_> {
    fn compiler(&self) -> Result<Compiler<'_>, Error> {
        Ok(Compiler {
            arguments: self.arguments,
            headers: runtime::headers()?,
            directory: self.directory,
        })
    }

    fn preprocess(&self) -> Result<(), Error> {
        let headers = runtime::headers()?;
        for file in &self.arguments.files {
            let mut options: Vec<OsString> =
                ["-mx32", "-nostdinc", "-E"].map(OsString::from).into();
            options.extend(headers.options());
            options.extend(self.arguments.for_gcc(file, file));
            let output = self.arguments.output.as_ref();
            options.extend(
                output
                    .into_iter()
                    .flat_map(|path| ["-o".into(), path.into()]),
            );
            options.push(file.into());
            GCC.run(&options, self.arguments.verbose)?;
        }
        Ok(())
    }

    fn compile_only(&self) -> Result<(), Error> {
        let compiler = self.compiler()?;
        for file in &self.arguments.files {
            if Input::of(file)? == Input::Linked {
                continue;
            }
            let suffix = if self.arguments.assembly { "s" } else { "o" };
            let beside = || {
                file.file_name()
                    .map(Path::new)
                    .map(|name| name.with_extension(suffix))
            };
            let output = self.arguments.output.clone().or_else(beside);
            let output = output.unwrap_or_else(|| PathBuf::from("a.o"));
            match self.arguments.assembly {
                true => compiler.assembly_file(file, &output)?,
                false => compiler.object(file, &output)?,
            }
        }
        Ok(())
    }

    fn program(&self) -> Result<(), Error> {
        let compiler = self.compiler()?;
        let mut objects = Vec::new();
        for (index, file) in self.arguments.files.iter().enumerate() {
            if Input::of(file)? == Input::Linked {
                objects.push(file.clone());
                continue;
            }
            let object = self.directory.path().join(format!("{index}.o"));
            compiler.object(file, &object)?;
            objects.push(object);
        }
        let library = match self.arguments.nostdlib {
            true => None,
            false => Some(runtime::library(
                self.arguments.dialect,
                self.arguments.verbose,
            )?),
        };
        let output = self
            .arguments
            .output
            .clone()
            .unwrap_or_else(|| "a.nexe".into());
        link::link(
            self.arguments,
            &objects,
            library.as_ref(),
            self.directory,
            &output,
        )
    }
}
