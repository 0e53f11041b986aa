//! The validator as its users see it, and how it divides the work.

use crate::fast::Fast;
use crate::nacl::Nacl;
use crate::policy::Policy;
use crate::targets::{Astray, Wanted};
use crate::units::Units;
use crate::violation::{Reason, Violation};
use crate::walk::{self, BUNDLE, Broken, Extent, Findings};
use std::fmt;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

/// The rules that a text is held to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Dialect {
    /// Those of Native Client for x86-64, as ZeroVM applied them: what nexes of its time keep to.
    #[default]
    Nacl,
    /// Those with memory from gs and masked returns: what code is faster by, and may be held to only
    /// where nobody else writes the sandbox's memory.
    Fast,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Nacl, Self::Fast];

    /// The dialect that a nexe says it is written in, by the start of its ELF header: the ABI at
    /// offset 7 and its version at offset 8. Nexes of the first generation say 7 there, or anything;
    /// so all are `nacl` but those marked as [`Dialect::mark`] marks `fast`.
    pub fn of_nexe(identity: &[u8]) -> Self {
        match identity.get(7..9) {
            Some(marked) if marked == Self::Fast.mark() => Self::Fast,
            _ => Self::Nacl,
        }
    }

    /// What a nexe of this dialect has at the offsets 7 and 8 of its ELF header.
    pub fn mark(self) -> [u8; 2] {
        const ABI: u8 = 123;
        match self {
            Self::Nacl => [ABI, 7],
            Self::Fast => [ABI, 8],
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nacl => "nacl",
            Self::Fast => "fast",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
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
        self.validate_and_tell(address, text).map(drop)
    }

    /// The same, and says which units of the processor an accepted text uses.
    pub fn validate_and_tell(&self, address: u64, text: &[u8]) -> Result<Units, Violation> {
        let (units, mut violations) = self.judge(address, text, Extent::First);
        violations.next().map_or(Ok(units), Err)
    }

    /// All instructions that break a rule, and then all branches to where none may go.
    ///
    /// Behind an instruction that is none, or that crosses a bundle's end, this can only guess where
    /// the next one starts. It is empty exactly where [`Validator::validate`] accepts.
    pub fn violations<'t>(
        &self,
        address: u64,
        text: &'t [u8],
    ) -> impl Iterator<Item = Violation> + use<'t> {
        self.judge(address, text, Extent::All).1
    }

    fn judge<'t>(
        &self,
        address: u64,
        text: &'t [u8],
        extent: Extent,
    ) -> (Units, impl Iterator<Item = Violation> + use<'t>) {
        let end = address.checked_add(text.len() as u64);
        let misplaced = !address.is_multiple_of(BUNDLE as u64) || end.is_none_or(|end| end > SPACE);
        let text = if misplaced {
            &[]
        } else {
            without_trailing_halts(text)
        };
        let (units, broken) = match self.dialect {
            Dialect::Nacl => self.broken::<Nacl>(text, extent),
            Dialect::Fast => self.broken::<Fast>(text, extent),
        };
        let placement = misplaced.then(Violation::placement);
        let broken = broken
            .into_iter()
            .map(|broken| Violation::describe(text, broken));
        (units, placement.into_iter().chain(broken))
    }

    /// What a text uses, and what is wrong with it.
    fn broken<P: Policy>(&self, text: &[u8], extent: Extent) -> (Units, Vec<Broken>) {
        let (mut entries, mut broken, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        let mut units = Units::NONE;
        for (findings, targets) in self.walk::<P>(text, extent) {
            entries.extend(findings.entries);
            units = units | findings.units;
            broken.extend(findings.broken);
            wanted.push(targets);
        }
        // Which instructions may be entered is not known where a walk ended early.
        let complete = extent == Extent::All || broken.is_empty();
        if complete && !wanted.iter().all(|wanted| wanted.are_among(&entries)) {
            let mut astray = Astray::none(text.len(), &entries, extent);
            walk::walk::<P>(text, 0, Extent::All, &mut astray);
            // Should the two ever disagree, the text is refused all the same.
            let unknown = Broken {
                offset: 0,
                reason: Reason::TargetOutside,
            };
            let none = astray.found.is_empty();
            broken.extend(astray.found.into_iter().chain(none.then_some(unknown)));
        }
        (units, broken)
    }

    /// Walks over a text in as many parts as are worth a thread, and says what each found and where
    /// its branches go.
    fn walk<P: Policy>(&self, text: &[u8], extent: Extent) -> Vec<(Findings, Wanted)> {
        let walk = |part, offset| {
            let mut wanted = Wanted::none(text.len());
            (walk::walk::<P>(part, offset, extent, &mut wanted), wanted)
        };
        let parts = self.threads.get().min(text.len() / BYTES_PER_THREAD).max(1);
        if parts == 1 {
            return vec![walk(text, 0)];
        }
        let size = text.len().div_ceil(parts).next_multiple_of(BUNDLE);
        thread::scope(|scope| {
            let started: Vec<_> = text
                .chunks(size)
                .enumerate()
                .map(|(index, part)| {
                    let walk = move || walk(part, index * size);
                    // A process that may have no more threads does it itself.
                    thread::Builder::new()
                        .spawn_scoped(scope, walk)
                        .map_err(|_| walk())
                })
                .collect();
            started
                .into_iter()
                .map(|part| match part {
                    Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                    Err(done) => done,
                })
                .collect()
        })
    }
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
