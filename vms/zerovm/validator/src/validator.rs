//! The validator as its users see it, and how it divides the work.

use crate::nacl::Nacl;
use crate::policy::{Places, Policy};
use crate::violation::{Reason, Violation};
use crate::walk::{self, BUNDLE, Branch};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

/// The rules that a text is held to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Dialect {
    /// Those of Native Client for x86-64, as ZeroVM applied them: what nexes of its time keep to.
    #[default]
    Nacl,
}

/// Judges texts; see the crate's documentation for what an accepted one cannot do.
#[derive(Clone, Copy, Debug)]
pub struct Validator {
    dialect: Dialect,
    threads: NonZeroUsize,
}

/// A thread is not worth its start for less.
const BYTES_PER_THREAD: usize = 256 * 1024;

/// Where the sandbox ends.
const SPACE: u64 = 1 << 32;

impl Validator {
    /// A validator that uses the thread it is called on.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            threads: NonZeroUsize::MIN,
        }
    }

    /// Lets it use so many threads for a text that is large enough. The verdict is the same.
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads, ..self }
    }

    /// Accepts `text`, to be placed at the sandbox's address `address`, or says what is wrong.
    ///
    /// That is the first instruction that breaks a rule, or else the first branch to where none may
    /// go. A text need not fill its last bundle, but then whoever places it has to see to it that
    /// what follows, up to the end of the page, is nothing but HLT.
    pub fn validate(&self, address: u64, text: &[u8]) -> Result<(), Violation> {
        let violations = match self.dialect {
            Dialect::Nacl => self.run::<Nacl>(address, text, Extent::First),
        };
        violations
            .into_iter()
            .min_by_key(|violation| violation.offset)
            .map_or(Ok(()), Err)
    }

    /// All instructions that break a rule, and then all branches to where none may go.
    ///
    /// Behind an instruction that is none, or that crosses a bundle's end, this can only guess where
    /// the next one starts. Nothing is accepted that [`Validator::validate`] refuses.
    pub fn violations(&self, address: u64, text: &[u8]) -> Vec<Violation> {
        match self.dialect {
            Dialect::Nacl => self.run::<Nacl>(address, text, Extent::All),
        }
    }

    fn run<P: Policy>(&self, address: u64, text: &[u8], extent: Extent) -> Vec<Violation> {
        let end = address.checked_add(text.len() as u64);
        if address % BUNDLE as u64 != 0 || end.is_none_or(|end| end > SPACE) {
            return vec![Violation::new(text, 0, 0, Reason::Placement)];
        }

        let text = without_trailing_halts(text);
        let mut entries = vec![0; text.len().div_ceil(BUNDLE)];
        let parts = self.walk_in_parts::<P>(text, &mut entries, extent);
        let mut violations: Vec<Violation> = parts
            .iter()
            .flat_map(|part| part.violations.iter().cloned())
            .collect();
        // Which instructions may be entered is not known where a bundle was left half-way.
        if violations.is_empty() || extent == Extent::All {
            let branches = parts
                .iter()
                .flat_map(|part| walk::check(text, &entries, &part.branches));
            match extent {
                Extent::First => violations.extend(branches.take(1)),
                Extent::All => violations.extend(branches),
            }
        }
        violations
    }

    fn walk_in_parts<P: Policy>(
        &self,
        text: &[u8],
        entries: &mut [Places],
        extent: Extent,
    ) -> Vec<Part> {
        let wanted = self.threads.get().min(text.len() / BYTES_PER_THREAD).max(1);
        let bundles = entries.len().div_ceil(wanted).max(1);
        let part = |index: usize, entries: &mut [Places]| {
            let start = index * bundles * BUNDLE;
            let end = (start + entries.len() * BUNDLE).min(text.len());
            let mut part = Part::default();
            walk::walk::<P>(text, start..end, entries, &mut part.branches, |violation| {
                part.violations.push(violation);
                match extent {
                    Extent::First => ControlFlow::Break(()),
                    Extent::All => ControlFlow::Continue(()),
                }
            });
            part
        };
        if wanted == 1 {
            return vec![part(0, entries)];
        }
        std::thread::scope(|scope| {
            let part = &part;
            let started: Vec<_> = entries
                .chunks_mut(bundles)
                .enumerate()
                .map(|(index, entries)| scope.spawn(move || part(index, entries)))
                .collect();
            started
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        })
    }
}

/// How much is wanted to be known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    First,
    All,
}

/// What the walk over a part of a text found.
#[derive(Default)]
struct Part {
    branches: Vec<Branch>,
    violations: Vec<Violation>,
}

/// Leaves out HLTs at the end of a text, but for 16 of them and as many as fill their bundle. Each
/// is an instruction that is allowed, so there is nothing to find; only branches past what is left
/// must go to the start of a bundle.
fn without_trailing_halts(text: &[u8]) -> &[u8] {
    const HLT: u8 = 0xf4;
    const KEPT: usize = 16;
    let end = text
        .iter()
        .rposition(|&byte| byte != HLT)
        .map_or(0, |last| last + 1);
    text.get(..(end + KEPT).next_multiple_of(BUNDLE))
        .unwrap_or(text)
}
