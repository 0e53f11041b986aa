//! A program into the guest's space.
//!
//! The file is read once: headers into host memory, where they are checked, then the segments' bytes
//! into memory of the guest. Who changes the file meanwhile changes at most which bytes are read;
//! what is validated afterwards is memory that nobody can write any more.

use crate::space::Space;
use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use zerovm_session::Error;
use zerovm_session::elf::{Plan, Refusal, Segment, plan};
use zerovm_session::layout::{HALT, TEXT, TRAMPOLINES, round_up};
use zerovm_session::memory::{Memory, Protection, Rejection, Validator};

/// Opens a program.
pub fn open(path: &Path) -> Result<File, Error> {
    // A FIFO without a writer is no program; nobody waits for one.
    OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
        .map_err(|_| Error::ProgramUnreadable)
}

/// Reads a program into a space. Its text can be read now, but not be executed.
pub fn load(program: &File, space: &mut Space) -> Result<Plan, Error> {
    let status = program
        .metadata()
        .map_err(|_| Error::Program(Refusal::Short))?;
    if !status.is_file() {
        return Err(Error::Program(Refusal::Short));
    }
    let read = |offset, buffer: &mut [u8]| program.read_exact_at(buffer, offset).is_ok();
    let plan = plan(read).map_err(Error::Program)?;

    let text = TEXT..plan.sled_end();
    space.open(text.clone())?;
    space.populate(text.clone());
    read_segment(program, space, &plan.text)?;
    if let Some(sled) = space.writable(plan.text_end()..plan.sled_end()) {
        sled.fill(HALT);
    }
    space.close(text, Protection::Read)?;
    for (segment, protection) in [
        (plan.constants, Protection::Read),
        (plan.data, Protection::ReadWrite),
    ] {
        let Some(segment) = segment else { continue };
        let end = match (protection, plan.data) {
            // Constants reach to the data.
            (Protection::Read, Some(data)) => data.address,
            _ => round_up(segment.address + segment.memory_size),
        };
        space.open(segment.address..end)?;
        read_segment(program, space, &segment)?;
        space.close(segment.address..end, protection)?;
    }
    Ok(plan)
}

fn read_segment(program: &File, space: &mut Space, segment: &Segment) -> Result<(), Error> {
    if segment.file_size == 0 {
        return Ok(());
    }
    let range = segment.address..segment.address + segment.file_size;
    let memory = space
        .writable(range)
        .ok_or(Error::Program(Refusal::Overlap))?;
    program
        .read_exact_at(memory, segment.offset)
        .map_err(|_| Error::Program(Refusal::ShortSegment))
}

/// Has a loaded program's text judged, as it will be executed.
pub fn judge(plan: &Plan, space: &Space, validator: &dyn Validator) -> Result<(), Rejection> {
    let text = space.readable(TEXT..plan.text_end()).unwrap_or_default();
    validator.validate(TEXT, text)
}

/// Makes the text of a program that was judged executable.
pub fn make_executable(plan: &Plan, space: &mut Space) -> Result<(), Error> {
    space.close(TRAMPOLINES..plan.sled_end(), Protection::ReadExecute)
}
