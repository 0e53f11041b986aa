//! The part of a filter that looks at the number of a call alone: a tree of comparisons.
//!
//! The kernel goes through a new program once for every number that there is, and translates each of its
//! instructions; all of that is on the way of a VM that somebody waits for. A chain compares a number with
//! half of all calls on the average, a tree with as many as their count has binary digits.
//!
//! Numbers that follow each other and are judged alike are one *stretch*. A tree of *n* stretches is *n* - 1
//! comparisons, each with the first number of a stretch, and one instruction for each verdict:
//!
//! ```text
//! jge 64 ─ no ─▶ jge 9 ─ no ─▶ …        … each comparison leads to another one further down, or to a
//!    └─ yes ──▶ jge 213 ─ …             verdict; the verdicts come last
//! ret ALLOW · ret ERRNO ENOSYS · … · ja rest
//! ```

use super::{JUMP, JUMP_IF_AT_LEAST, RETURN, instruction};
use crate::Error;
use seccompiler::sock_filter;
use std::collections::BTreeMap;

/// What is said of a call when nothing but its number was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This, as the kernel has it.
    Return(u32),
    /// What the rest of the program says, which looks at arguments.
    Rest,
}

/// Instructions that judge the loaded number: as `verdicts` says, and `otherwise` for all below `end`; from
/// `end` on as `beyond`. Where the rest of the program is to say it, that follows them.
///
/// # Errors
/// More than a jump of that machine can reach over.
pub(super) fn judge(
    verdicts: &BTreeMap<u32, Verdict>,
    otherwise: Verdict,
    (end, beyond): (u32, Verdict),
) -> Result<Vec<sock_filter>, Error> {
    let stretches = stretches(verdicts, otherwise, (end, beyond));
    let mut tree = Tree::default();
    let comparisons = stretches.len() - 1;
    for (_, verdict) in &stretches {
        if !tree.verdicts.contains(verdict) {
            tree.verdicts.push(*verdict);
        }
    }
    tree.grow(&stretches, comparisons)?;
    let last = tree.verdicts.len() - 1;
    let verdicts = tree.verdicts.iter().enumerate();
    let ends = verdicts.map(|(place, verdict)| match *verdict {
        Verdict::Return(what) => instruction(RETURN, 0, 0, what),
        // Over the verdicts that follow it, of which there are a handful.
        Verdict::Rest => instruction(JUMP, 0, 0, (last - place) as u32),
    });
    Ok(tree.instructions.into_iter().chain(ends).collect())
}

/// The first number of each stretch, and what is said of it; the first is 0.
fn stretches(
    verdicts: &BTreeMap<u32, Verdict>,
    otherwise: Verdict,
    (end, beyond): (u32, Verdict),
) -> Vec<(u32, Verdict)> {
    let mut stretches = vec![(0, otherwise)];
    let mut judge = |first: u32, verdict: Verdict| match stretches.last_mut() {
        Some(last) if last.1 == verdict => {}
        Some(last) if last.0 == first => last.1 = verdict,
        _ => stretches.push((first, verdict)),
    };
    let mut next = 0;
    for (&number, &verdict) in verdicts.range(..end) {
        if number > next {
            judge(next, otherwise);
        }
        judge(number, verdict);
        next = number + 1;
    }
    if next < end {
        judge(next, otherwise);
    }
    judge(end, beyond);
    stretches
}

#[derive(Default)]
struct Tree {
    instructions: Vec<sock_filter>,
    /// In the order in which they come after the comparisons.
    verdicts: Vec<Verdict>,
}

impl Tree {
    /// Adds the comparisons that tell these stretches apart, of which the whole tree has so many.
    fn grow(&mut self, stretches: &[(u32, Verdict)], comparisons: usize) -> Result<(), Error> {
        let (below, above) = stretches.split_at(stretches.len() / 2);
        let here = self.instructions.len();
        let Some(&(first, _)) = above.first().filter(|_| !below.is_empty()) else {
            return Ok(());
        };
        self.instructions
            .push(instruction(JUMP_IF_AT_LEAST, 0, 0, first));
        let no = self.way(below, here, comparisons)?;
        self.grow(below, comparisons)?;
        let yes = self.way(above, here, comparisons)?;
        self.grow(above, comparisons)?;
        (self.instructions[here].jt, self.instructions[here].jf) = (yes, no);
        Ok(())
    }

    /// How far it is from the comparison at `here` to what tells these stretches apart, which comes next; or
    /// to the verdict, where it is one stretch.
    fn way(
        &self,
        stretches: &[(u32, Verdict)],
        here: usize,
        comparisons: usize,
    ) -> Result<u8, Error> {
        let there = match stretches {
            [(_, verdict)] => {
                let place = self.verdicts.iter().position(|known| known == verdict);
                comparisons + place.unwrap_or_default()
            }
            _ => self.instructions.len(),
        };
        u8::try_from(there - here - 1).map_err(|_| {
            Error::Filter(format!(
                "{comparisons} comparisons are more than it can have"
            ))
        })
    }
}
