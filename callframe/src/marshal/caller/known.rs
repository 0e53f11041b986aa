//! What is known of the objects of a call before its reply is looked at, and after it.

use super::{Caller, Pending, Sent};
use crate::marshal::MarshalError;
use crate::marshal::memory::CallerMemory;
use crate::marshal::resident::Resident;
use crate::marshal::standing::{Change, Place, Standing};

/// An object in the caller's memory.
pub(super) struct Known {
    /// Its block in the request.
    number: u32,
    /// Its handle; 0 where the call is to make it.
    pub wire: u64,
    /// Whether the memory stands for it still: another thread, or a callback, may have ended it
    /// during the call, and made another one there.
    pub stands: bool,
    /// Its numbers as the program has them now: a callback may have changed them during the call.
    now: Vec<u64>,
    /// Before the reply was checked, and after.
    pub standing: Standing,
}

/// What is known of the objects that a reply may change.
pub(super) fn known<M: CallerMemory>(
    caller: &Caller,
    memory: &M,
    pending: &Pending,
) -> Result<Vec<Known>, MarshalError> {
    let mut known = Vec::new();
    if !caller.plans.has_residents() {
        return Ok(known);
    }
    for (number, sent) in pending.leaving() {
        let Some(resident) = caller.resident(sent) else {
            continue;
        };
        let wire = pending.handle(sent);
        let standing = memory.standing(sent.address);
        known.push(Known {
            number,
            wire,
            stands: wire == 0 || memory.resident(sent.address) == Ok(Some(wire)),
            now: now(caller, memory, sent, resident)?,
            standing: if wire == 0 {
                standing.renewed()
            } else {
                standing
            },
        });
    }
    Ok(known)
}

fn now<M: CallerMemory>(
    caller: &Caller,
    memory: &M,
    sent: &Sent,
    resident: &Resident,
) -> Result<Vec<u64>, MarshalError> {
    let value = |place: Place| value(memory, sent.address, place);
    let numbers = resident.numbers.iter().map(|number| value(number.caller));
    let numbers: Result<Vec<u64>, _> = numbers.collect();
    numbers.map_err(|error| MarshalError::memory(&caller.place(sent.root), error))
}

/// The number at a place of the memory that begins at `address`.
pub(super) fn value<M: CallerMemory>(
    memory: &M,
    address: u64,
    place: Place,
) -> Result<u64, crate::marshal::MemoryError> {
    let mut bytes = [0; 8];
    let size = place.size.min(bytes.len());
    memory.read(address.wrapping_add(place.at as u64), &mut bytes[..size])?;
    Ok(u64::from_le_bytes(bytes))
}

impl Known {
    /// Takes note of what the call makes of the numbers, whose bytes in the VM these are, and of the
    /// counts it has `walked` by. False where it may not.
    pub fn take(&mut self, resident: &Resident, bytes: &[u8], walked: &[Place]) -> bool {
        let change = match self.wire {
            0 => Change::Made,
            _ => Change::Theirs,
        };
        for walker in &resident.walkers {
            match walked.contains(&walker.count) {
                true => self.standing.walked(walker.count),
                false => self.standing.counts(walker.count),
            }
        }
        let mut numbers = resident.numbers.iter().zip(&self.now);
        numbers.all(|(number, &now)| {
            let after = number.arrives(bytes);
            walked.contains(&number.caller)
                || self.standing.changed(number.caller, now, after, change)
        })
    }
}

/// What is known of the object of a block of the request.
pub(super) fn of(known: &[Known], number: u32) -> Option<usize> {
    known.iter().position(|known| known.number == number)
}
