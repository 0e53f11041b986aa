//! The verbs, one file each.

mod attempt;
mod bench;
mod call;
mod completion;
mod config;
mod crash;
mod daemons;
mod doctor;
mod exec;
mod explain;
mod generate;
mod limits;
mod logs;
mod ls;
mod man;
mod proto;
mod session;
mod stop;
mod top;
mod trace;
mod unlike;
mod which;
mod written;

use crate::arguments::{Arguments, Place, Verb};
use crate::report::{self, Verdict};
use crate::streams;
use cosmos::Host;
use cosmos_config::Config;
use std::io::{self, Write};

pub use bench::Way;

/// Does what the command line asks for.
pub fn run(arguments: Arguments) -> Verdict {
    let followed = match &arguments.verb {
        Verb::Call(_) => Some("cosmos call"),
        Verb::Session(_) => Some("cosmos session"),
        Verb::Exec(_) => Some("cosmos exec"),
        Verb::Which(_) => Some("cosmos which"),
        _ => None,
    };
    let _span = followed.map(|name| cosmos::trace::span(name, ""));
    let [_, has_no_output, _] = streams::closed();
    // Of these the first says by itself where its program's output goes; the other need not say a word.
    if has_no_output && !matches!(arguments.verb, Verb::Exec(_) | Verb::Stop(_)) {
        return Err(report::no_output());
    }
    match arguments.verb {
        Verb::Call(call) => call::run(&call),
        Verb::Bench(bench) => bench::run(&bench),
        Verb::Session(session) => session::run(&session),
        Verb::Exec(exec) => exec::run(&exec),
        Verb::Logs(logs) => logs::run(&logs),
        Verb::Ls(ls) => ls::run(&ls),
        Verb::Top(top) => top::run(&top),
        Verb::Limits(limits) => limits::run(&limits),
        Verb::Which(which) => which::run(&which),
        Verb::Explain(explain) => explain::run(&explain),
        Verb::Gen(generate) => generate::run(&generate),
        Verb::Proto(proto) => proto::run(&proto),
        Verb::Doctor(doctor) => doctor::run(&doctor),
        Verb::Crash(crash) => crash::run(&crash),
        Verb::Trace(trace) => trace::run(&trace),
        Verb::Config(config) => config::run(&config),
        Verb::Completion(completion) => completion::run(&completion),
        Verb::Stop(stop) => stop::run(&stop),
        Verb::Man(man) => man::run(&man),
    }
}

/// The host that a verb asks: by its option, or else by the configuration.
fn chosen(place: &Place, config: &Config) -> Host {
    place.host.as_ref().unwrap_or(&config.host).clone()
}

/// Writes to standard output at once, so that a reader that went away is noticed here.
fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// Writes a JSON value and a newline to standard output.
fn print_json(value: &serde_json::Value) -> io::Result<()> {
    print(&format!("{value:#}\n"))
}
