//! `cosmos man DIRECTORY`: manual pages for `make install`, one per verb.

use crate::arguments::{Arguments, Man};
use crate::report::{Problem, Report, Verdict};
use clap::{Command, CommandFactory};
use std::path::Path;

const SECTIONS: &str = r#".SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
What was asked for failed or was refused: the call, the library, the symbol, the prototype.
.TP
.B 2
Wrong usage: options, or the number or form of arguments.
.TP
.B 125
cosmos itself failed: a daemon could not be started, the configuration is wrong, or a peer broke the protocol.
.SH ENVIRONMENT
.TP
.B COSMOS_SOCKET_DIRECTORY
Where the daemons listen; the default is $XDG_RUNTIME_DIR/cosmos.
.TP
.B COSMOS_LIBEXEC_DIRECTORY
Where the daemons' and VMs' executables are.
.PP
Every configuration key has such a variable; \fBcosmos config show\fR lists each key with its value and origin.
.SH FILES
.TP
.I /etc/cosmos/cosmos.toml
The machine's configuration.
.TP
.I $XDG_CONFIG_HOME/cosmos/cosmos.toml
The user's configuration; it is stronger, except that isolation and limits combine to the strictest.
"#;

/// Writes `cosmos.1` and a page per verb.
pub fn run(arguments: &Man) -> Verdict {
    let mut command = Arguments::command();
    command.build();
    page(&command, "cosmos".to_owned(), &arguments.directory)?;
    Ok(0)
}

fn page(command: &Command, name: String, directory: &Path) -> Result<(), Problem> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(&name)
        .render(&mut text)?;
    let mut text = as_written(&String::from_utf8_lossy(&text));
    text.push_str(SECTIONS);
    let path = directory.join(format!("{name}.1"));
    std::fs::write(&path, text).map_err(|error| {
        Problem::failed(Report::new(format!(
            "cannot write {}: {error}",
            path.display()
        )))
    })?;
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    for verb in verbs.filter(|verb| verb.get_name() != "help") {
        page(verb, format!("{name}-{}", verb.get_name()), directory)?;
    }
    Ok(())
}

/// Without filling lines that are indented: tables and commands stay as they were written. Examples
/// get the name that manual pages have for them.
fn as_written(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    let mut indented = false;
    for line in page.lines() {
        let indents = line.starts_with("  ") && !line.trim().is_empty();
        if indents != indented {
            text.push_str(if indents { ".nf\n" } else { ".fi\n" });
            indented = indents;
        }
        text.push_str(if line == ".SH EXTRA" {
            ".SH EXAMPLES"
        } else {
            line
        });
        text.push('\n');
    }
    if indented {
        text.push_str(".fi\n");
    }
    text
}
