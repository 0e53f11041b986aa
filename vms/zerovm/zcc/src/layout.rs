//! Where each instruction goes: bundles, alignment and the lengths of jumps.
//!
//! Everything is known but two things that depend on each other: how much padding there is, and which
//! jumps are short. All jumps to labels of the same section start as short ones; whenever one does not
//! reach, it becomes long for good, until all do. Padding may grow and shrink meanwhile.
//!
//! | what | is placed |
//! |---|---|
//! | a group | so that it ends in the bundle it starts in |
//! | a group that ends with a call | so that it ends where a bundle does |
//! | `Align` | at a multiple, if that takes no more bytes than its limit |
//! | a label | where the next group starts, behind its padding |
//! | the end of a section | at the end of a bundle, so that the linker pads none |

use crate::reason::Reason;
use crate::unit::{BUNDLE, Group, PieceKind, Unit};
use std::collections::HashMap;

/// A layout.
#[derive(Debug)]
pub(crate) struct Layout {
    /// How many bytes of padding come before each piece.
    pub(crate) padding: Vec<u32>,
    /// Whether each piece is a long jump.
    pub(crate) is_long: Vec<bool>,
    /// Of each section of code.
    pub(crate) extents: Vec<Extent>,
}

/// The extent of a section.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extent {
    /// What it is aligned to.
    pub(crate) alignment: u32,
    /// Where its last piece ends.
    pub(crate) end: u32,
}

/// The length of a direct call.
pub(crate) const CALL: u32 = 5;

/// Lays out a unit whose pieces have these lengths; those of direct jumps and calls do not count.
pub(crate) fn lay_out(unit: &Unit, lengths: &[u32]) -> Result<Layout, (u32, Reason)> {
    let count = unit.pieces.len();
    let mut layout = Layout {
        padding: vec![0; count],
        is_long: vec![false; count],
        extents: vec![Extent::default(); unit.sections.len()],
    };
    for (index, pieces) in unit.by_section().into_iter().enumerate() {
        if unit.sections[index].is_code {
            Placer::new(unit, index, pieces, lengths, &mut layout).place()?;
        }
    }
    Ok(layout)
}

/// Places the pieces of one section.
struct Placer<'u> {
    unit: &'u Unit,
    lengths: &'u [u32],
    layout: &'u mut Layout,
    section: usize,
    /// The pieces of the section, in order.
    pieces: Vec<usize>,
    /// Where each piece is.
    offsets: Vec<u32>,
    /// For each jump that may be short, the place in `pieces` of the label it goes to.
    jumps: Vec<(usize, usize)>,
}

impl<'u> Placer<'u> {
    fn new(
        unit: &'u Unit,
        section: usize,
        pieces: Vec<usize>,
        lengths: &'u [u32],
        layout: &'u mut Layout,
    ) -> Self {
        let mut labels: HashMap<&str, usize> = HashMap::new();
        for (place, &index) in pieces.iter().enumerate() {
            if let PieceKind::Label(name) = &unit.pieces[index].kind {
                labels.insert(name, place);
            }
        }
        let mut jumps = Vec::new();
        for (place, &index) in pieces.iter().enumerate() {
            let PieceKind::Group(Group {
                jump: Some(jump), ..
            }) = &unit.pieces[index].kind
            else {
                continue;
            };
            let label = labels.get(jump.target.as_str()).filter(|_| !jump.is_global);
            match label {
                Some(&label) => jumps.push((place, label)),
                None => layout.is_long[index] = true,
            }
        }
        Self {
            offsets: vec![0; pieces.len()],
            unit,
            lengths,
            layout,
            section,
            pieces,
            jumps,
        }
    }

    fn place(mut self) -> Result<(), (u32, Reason)> {
        for pass in 1.. {
            let extent = self.pass()?;
            if pass == MOST_PASSES {
                self.lengthen_all();
            } else if !self.lengthen() {
                self.layout.extents[self.section] = extent;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Places each piece behind the one before it.
    fn pass(&mut self) -> Result<Extent, (u32, Reason)> {
        let mut alignment = BUNDLE;
        let mut offset = 0_u32;
        // Labels and directives go to where the next group starts.
        let mut waiting = 0;
        for place in 0..self.pieces.len() {
            let index = self.pieces[place];
            self.layout.padding[index] = 0;
            let padding = match &self.unit.pieces[index].kind {
                PieceKind::Group(group) => {
                    let length = self.length(index, group);
                    if length > BUNDLE {
                        let line = self.unit.pieces[index].line;
                        return Err((line, Reason::GroupTooLong(length)));
                    }
                    let padding = before_group(offset, length, group.at_end);
                    self.settle(waiting, place, offset + padding);
                    self.offsets[place] = offset + padding;
                    offset += padding + length;
                    padding
                }
                PieceKind::Align { to, limit } => {
                    let padding = offset.next_multiple_of(*to) - offset;
                    let padding = if padding <= *limit { padding } else { 0 };
                    alignment = alignment.max(*to);
                    self.settle(waiting, place, offset);
                    offset += padding;
                    self.offsets[place] = offset;
                    self.layout.padding[index] = padding;
                    waiting = place + 1;
                    continue;
                }
                _ => continue,
            };
            // The padding comes before the labels, so that who jumps there jumps past it.
            let first = self.pieces[waiting];
            self.layout.padding[first] = padding;
            waiting = place + 1;
        }
        self.settle(waiting, self.pieces.len(), offset);
        Ok(Extent {
            alignment,
            end: offset,
        })
    }

    fn settle(&mut self, from: usize, to: usize, offset: u32) {
        self.offsets[from..to].fill(offset);
    }

    fn length(&self, index: usize, group: &Group) -> u32 {
        match &group.jump {
            None if is_direct_call(group) => CALL,
            None => self.lengths[index],
            Some(_) => jump_length(group, self.layout.is_long[index]),
        }
    }

    /// Makes all jumps long.
    fn lengthen_all(&mut self) {
        for (place, _) in self.jumps.drain(..) {
            self.layout.is_long[self.pieces[place]] = true;
        }
    }

    /// Makes the jumps long that do not reach; whether there was one.
    fn lengthen(&mut self) -> bool {
        let mut any = false;
        let (offsets, pieces, is_long) = (&self.offsets, &self.pieces, &mut self.layout.is_long);
        self.jumps.retain(|&(place, label)| {
            let end = i64::from(offsets[place]) + i64::from(SHORT_JUMP);
            let reaches = i8::try_from(i64::from(offsets[label]) - end).is_ok();
            if !reaches {
                is_long[pieces[place]] = true;
                any = true;
            }
            reaches
        });
        any
    }
}

const SHORT_JUMP: u32 = 2;

/// Code that was not made to take many passes takes a handful; after so many all jumps are made long.
const MOST_PASSES: u32 = 64;

/// The length of a direct jump.
pub(crate) fn jump_length(group: &Group, is_long: bool) -> u32 {
    match is_long {
        false => SHORT_JUMP,
        true if group.instructions.first().is_some_and(|name| name == "jmp") => 5,
        true => 6,
    }
}

/// Whether a group is a direct call, whose length is known.
pub(crate) fn is_direct_call(group: &Group) -> bool {
    group.at_end && group.instructions.len() == 1
}

/// How much comes before a group of this length that would start at `offset`.
fn before_group(offset: u32, length: u32, at_end: bool) -> u32 {
    let start = offset % BUNDLE;
    if at_end {
        return (2 * BUNDLE - start - length) % BUNDLE;
    }
    match start + length > BUNDLE {
        true => BUNDLE - start,
        false => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::{Options, rewrite};

    fn laid_out(text: &str, length: u32) -> (Unit, Layout) {
        let dialect = crate::Dialect::Nacl;
        let unit = rewrite(
            text,
            Options {
                dialect,
                debug: false,
            },
        )
        .expect("it is rewritten");
        let lengths: Vec<u32> = vec![length; unit.pieces.len()];
        let layout = lay_out(&unit, &lengths).expect("it is laid out");
        (unit, layout)
    }

    /// Of each jump, whether it is long.
    fn long_jumps(text: &str, length: u32) -> Vec<bool> {
        let (unit, layout) = laid_out(text, length);
        let pieces = unit.pieces.iter().zip(&layout.is_long);
        let jumps = pieces.filter(
            |(piece, _)| matches!(&piece.kind, PieceKind::Group(group) if group.jump.is_some()),
        );
        jumps.map(|(_, is_long)| *is_long).collect()
    }

    #[test]
    fn jumps_are_as_short_as_they_reach() {
        let between = |count: usize| format!("jmp .L1\n{}.L1: jmp .L1\n", "nop\n".repeat(count));
        assert_eq!(long_jumps(&between(127), 1), [false, false]);
        assert_eq!(long_jumps(&between(128), 1), [true, false]);
        assert_eq!(
            long_jumps("jmp elsewhere\n.globl f\nf: jmp f\n", 1),
            [true, true]
        );
    }

    #[test]
    fn jumps_that_lengthen_one_another_come_to_an_end() {
        let mut text = String::new();
        for each in 0..2000 {
            text.push_str(&format!(
                ".L{each}: jmp .L{}\n{}",
                each + 61,
                "nop\n".repeat(each % 3)
            ));
        }
        (2000..2061).for_each(|each| text.push_str(&format!(".L{each}: nop\n")));
        let (unit, layout) = laid_out(&text, 1);
        assert_eq!(unit.pieces.len(), layout.padding.len());
    }

    #[test]
    fn calls_end_where_bundles_do() {
        for offset in 0..200 {
            for length in 1..=32 {
                let start = offset + before_group(offset, length, true);
                assert_eq!((start + length) % 32, 0);
                assert!(start - offset < 32);
                let start = offset + before_group(offset, length, false);
                assert!(start % 32 + length <= 32);
            }
        }
    }
}
