//! What the VM's own code has to say, a line each on standard error, where cosmosd keeps it.
//!
//! A VM says little, and begins while its client waits: this is ready as soon as it is there, and has
//! neither spans nor filters.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Has it said from now on. Somebody's own subscriber does as well.
pub(crate) fn begin() {
    let _ = tracing::subscriber::set_global_default(Journal);
}

struct Journal;

impl Subscriber for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn event(&self, event: &Event<'_>) {
        // cosmosd, which reads it, may be what is gone.
        let _ = std::io::stderr().write_all(line(event).as_bytes());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn line(event: &Event<'_>) -> String {
    let metadata = event.metadata();
    let mut line = Line(format!("{:>5} {}:", metadata.level(), metadata.target()));
    event.record(&mut line);
    line.0.push('\n');
    line.0
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A text takes all of it.
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Keeps the lines instead.
    struct Kept(Arc<Mutex<String>>);

    impl Subscriber for Kept {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            Journal.enabled(metadata)
        }

        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push_str(&line(event));
        }

        fn new_span(&self, attributes: &Attributes<'_>) -> Id {
            Journal.new_span(attributes)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn what_matters_is_a_line_with_its_level_and_who_says_it() {
        let kept = Arc::new(Mutex::new(String::new()));
        tracing::subscriber::with_default(Kept(kept.clone()), || {
            tracing::warn!("{} is lost", "cosmosd");
            tracing::info!(clients = 3, "served");
            tracing::debug!("nobody wants to know");
        });
        let target = module_path!();
        let expected =
            format!(" WARN {target}: cosmosd is lost\n INFO {target}: served clients=3\n");
        assert_eq!(*kept.lock().unwrap(), expected);
    }
}
