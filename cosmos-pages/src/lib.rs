//! Manual pages and shell completions of a program, from the definition of its command line, for
//! `make install`:
//!
//! | file | for |
//! |---|---|
//! | `NAME.1` | man |
//! | `NAME` | bash |
//! | `_NAME` | zsh |
//! | `NAME.fish` | fish |

use clap::Command;
use clap_complete::{Shell, generate};
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Writes the files of this command into a directory, and says on standard error what fails.
pub fn write(command: Command, directory: &Path) -> ExitCode {
    match try_write(command, directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write to {}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

fn try_write(mut command: Command, directory: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    let put = |file: String, text: Vec<u8>| std::fs::write(directory.join(file), text);
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    put(format!("{name}.1"), page)?;
    for (shell, file) in [
        (Shell::Bash, name.clone()),
        (Shell::Zsh, format!("_{name}")),
        (Shell::Fish, format!("{name}.fish")),
    ] {
        let mut script = Vec::new();
        generate(shell, &mut command, &name, &mut script);
        put(file, script)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_names_the_options_and_none_that_is_hidden() {
        let directory = tempfile::tempdir().expect("a directory");
        let option = |name: &'static str| clap::Arg::new(name).long(name);
        let command = Command::new("prog")
            .arg(option("shown").help("Is there"))
            .arg(option("secret").hide(true));
        try_write(command, directory.path()).expect("written");
        for file in ["prog.1", "prog", "_prog", "prog.fish"] {
            let text = std::fs::read_to_string(directory.path().join(file)).expect(file);
            assert!(text.contains("shown"), "{file}: {text}");
        }
        let page = std::fs::read_to_string(directory.path().join("prog.1")).expect("a page");
        assert!(!page.contains("secret"), "{page}");
    }
}
