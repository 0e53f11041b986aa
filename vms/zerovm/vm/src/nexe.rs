//! A program that was opened.

use cosmos_rpc::{Fault, FaultCode};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use zerovm::load;
use zerovm::validation::{Rules, Strict};
use zerovm_session::elf::plan;
use zerovm_session::layout::TEXT;

/// A program that ZeroVM loads and whose code keeps the rules, when it was looked at.
#[derive(Debug)]
pub struct Nexe {
    path: PathBuf,
}

impl Nexe {
    /// Judges the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Nexe, Fault> {
        let shown = path.display();
        let refused = |why: String| {
            let message = format!("{shown} cannot run: {why}");
            Fault::caller(FaultCode::NotLoadable, message)
        };
        let program = load::open(path).map_err(|_| {
            let message = format!("{shown} cannot be opened");
            Fault::caller(FaultCode::NoSuchTarget, message)
        })?;
        let metadata = program
            .metadata()
            .map_err(|error| refused(error.to_string()))?;
        if !metadata.is_file() {
            return Err(refused("it is no file".into()));
        }
        let read = |offset, buffer: &mut [u8]| program.read_exact_at(buffer, offset).is_ok();
        let plan = plan(read).map_err(|refusal| refused(refusal.to_string()))?;
        let text = bytes(
            &program,
            metadata.len(),
            plan.text.offset,
            plan.text.file_size,
        )
        .ok_or_else(|| refused("the file ends within its code".into()))?;
        Strict
            .judge(plan.dialect, TEXT, &text)
            .map_err(|rejection| {
                let why = format!(
                    "the validator refuses it: {} (`zerovm-validate {shown}` lists every place)",
                    rejection.0
                );
                refused(why)
            })?;
        Ok(Nexe {
            path: path.to_owned(),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A part of a file that is `length` long.
fn bytes(file: &File, length: u64, offset: u64, size: u64) -> Option<Vec<u8>> {
    offset.checked_add(size).filter(|&end| end <= length)?;
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}
