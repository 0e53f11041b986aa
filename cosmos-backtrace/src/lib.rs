//! The calls of a thread that is about to be killed, from what it left: registers, memory, the files
//! that were mapped.
//!
//! | room | purpose |
//! |---|---|
//! | [`maps`] | what was mapped where, from the kernel's text |
//! | [`module`](Modules) | a mapped ELF file: where it was loaded, what it says of its frames |
//! | `walk` | from one frame to the one that called it |
//! | `names` | functions, files and lines |
//!
//! # Promises
//!
//! 1. Every byte here may have been written by somebody who wants harm: stacks that lead in circles,
//!    files that contradict themselves. There are at most [`MAXIMUM_FRAMES`] frames, of at most
//!    [`MAXIMUM_MODULES`] files, of whose sections at most [`MAXIMUM_SECTIONS`] bytes are read.
//! 2. A panic of a parser costs what was being parsed, no more.
//! 3. Time and memory are bounded by whoever runs this, in a process that it can do without: the
//!    parsers of others that are used here promise neither.
//! 4. Nothing is opened here: files come from the caller.

#![forbid(unsafe_code)]

pub mod maps;
mod module;
mod names;
mod walk;

pub use cosmos_rpc::message::crash::{Frame, MAXIMUM_FRAMES, MAXIMUM_NAME};
pub use module::{MAXIMUM_MODULES, MAXIMUM_SECTIONS, Modules};

/// The registers that frames are found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// The instruction that failed.
    pub instruction: u64,
    /// The top of the stack.
    pub stack: u64,
    /// The frame pointer, where code keeps one.
    pub frame: u64,
}

/// A call that was found, without names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The address it stands at.
    pub address: u64,
    /// Whether it is where a call returns to, so that the call is before it.
    pub is_return: bool,
}

impl Step {
    /// An address within the instruction that it is about.
    fn probe(self) -> u64 {
        self.address.saturating_sub(u64::from(self.is_return))
    }
}

/// A text that foreign bytes made, fit for one line: bounded, without controls.
fn presentable(text: &str) -> String {
    let shown = text.chars().map(|letter| match letter.is_control() {
        true => '\u{fffd}',
        false => letter,
    });
    let mut length = 0;
    shown
        .take_while(|letter| {
            length += letter.len_utf8();
            length <= MAXIMUM_NAME
        })
        .collect()
}
