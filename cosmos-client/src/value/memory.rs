//! Memory that outlives a call: what a `regex_t` or a `z_stream` is in a C program.
//!
//! | part | lives |
//! |---|---|
//! | the record, which holds the object's token | as long as the [`Memory`] |
//! | buffers its members lead to, closures among them | until no member leads there any more |
//!
//! One call changes it at a time; any number may look at it meanwhile where none does. Nothing
//! waits for another call: what would have to is refused, for the other may be waiting for this one.

use super::Value;
use crate::callback::Lent;
use crate::dynamic::Area;
use crate::memory::{Block, program};
use crate::session::{Session, lock};
use std::sync::{Arc, Mutex};

/// Memory of this program in which a function makes an object, and that stands for it in later
/// calls: the `regex_t` of `regcomp`, the `z_stream` of `inflateInit_`.
///
/// The first call that gets it decides how large it is; it is zeroed then. Clones are the same
/// memory. When the last one is dropped, the object stays in the VM until the library is closed, as
/// what nobody freed stays in C.
///
/// ```no_run
/// # fn main() -> Result<(), cosmos::Error> {
/// use cosmos::{Memory, Value};
///
/// let libc = cosmos::dlopen("libc.so.6")?;
/// let regcomp = libc.function(
///     "int regcomp(regex_t *__closed_by(regfree) preg, const char *pattern, int cflags)
///      __success(return == 0)",
/// )?;
/// let regexec = libc.function(
///     "int regexec(const regex_t *__handle preg, const char *string, size_t nmatch,
///                  regmatch_t __out pmatch[nmatch], int eflags) __success(return == 0)",
/// )?;
/// let regfree = libc.function("void regfree(regex_t *__handle __consume preg)")?;
///
/// let regex = Memory::new();
/// regcomp.call(&[Value::from(&regex), "a+b".into(), 1.into()])?;
/// let found = regexec.call(&[Value::from(&regex), "caab".into(), 1.into(), Value::Out, 0.into()])?;
/// assert_eq!(found.result, 0.into());
/// regfree.call(&[Value::from(&regex)])?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Memory {
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept(Mutex<State>);

#[derive(Default)]
struct State {
    users: Users,
    record: Option<(Block, u64)>,
    buffers: Vec<(Block, Area)>,
    closures: Vec<Lent>,
}

#[derive(Default, PartialEq)]
enum Users {
    #[default]
    None,
    Looking(usize),
    Changing,
}

/// What a call does with the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Look,
    Change,
}

/// The memory in a call, until dropped.
pub(crate) struct InUse {
    kept: Arc<Kept>,
    address: u64,
}

impl Memory {
    /// Memory that stands for nothing yet.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// The memory as an argument, with these members set before the call. A member that walks
    /// through a buffer in the call (`__cursor`) is [`Value::Bytes`] that go in, or [`Value::Out`]:
    /// room for as many elements as the member beside it says. A member that is not given is as the
    /// last call left it; one that walks goes on in its buffer.
    pub fn with<N: Into<String>>(&self, members: impl IntoIterator<Item = (N, Value)>) -> Value {
        let members = members.into_iter();
        Value::Memory {
            memory: self.clone(),
            members: members.map(|(name, value)| (name.into(), value)).collect(),
        }
    }

    /// Enters a call, as memory for a record of so many bytes; a sentence where that cannot be.
    pub(crate) fn enter(&self, size: u64, purpose: Use) -> Result<InUse, String> {
        let mut state = lock(&self.kept.0);
        state.users = match (&state.users, purpose) {
            (Users::None, Use::Change) => Users::Changing,
            (Users::None, Use::Look) => Users::Looking(1),
            (Users::Looking(count), Use::Look) => Users::Looking(count + 1),
            _ => return Err("another call is using this memory now".to_owned()),
        };
        // From here on the memory is released by dropping this.
        let mut entered = InUse {
            kept: self.kept.clone(),
            address: 0,
        };
        let problem = match &state.record {
            Some((record, held)) if *held == size => {
                entered.address = record.address();
                None
            }
            Some((_, held)) => Some(format!(
                "this memory holds a record of {held} bytes, one of {size} is needed"
            )),
            None => match usize::try_from(size).ok().and_then(Block::zeroed) {
                Some(block) => {
                    entered.address = block.address();
                    state.record = Some((block, size));
                    None
                }
                None => Some("out of memory".to_owned()),
            },
        };
        drop(state);
        problem.map_or(Ok(entered), Err)
    }
}

impl From<&Memory> for Value {
    fn from(memory: &Memory) -> Value {
        memory.with::<String>([])
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Memory")
    }
}

/// Equal when they are the same memory.
impl PartialEq for Memory {
    fn eq(&self, other: &Memory) -> bool {
        Arc::ptr_eq(&self.kept, &other.kept)
    }
}

impl InUse {
    /// Where the record is.
    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    /// The buffers that its members may lead to.
    pub(crate) fn areas(&self) -> Vec<Area> {
        let state = lock(&self.kept.0);
        state.buffers.iter().map(|(_, area)| *area).collect()
    }

    /// Keeps what members lead to now, and lets go of what none leads to any more.
    pub(crate) fn keep(
        &self,
        buffers: impl IntoIterator<Item = (Block, Area)>,
        closures: impl IntoIterator<Item = Lent>,
    ) {
        let mut state = lock(&self.kept.0);
        state.buffers.extend(buffers);
        state.closures.extend(closures);
        let words = state.words();
        let leads_into = |area: &Area| {
            let inside = |word: &u64| word.wrapping_sub(area.start) <= area.capacity;
            words.iter().any(inside)
        };
        state.buffers.retain(|(_, area)| leads_into(area));
        let (stay, gone) = std::mem::take(&mut state.closures)
            .into_iter()
            .partition(|lent| words.contains(&lent.number()));
        state.closures = stay;
        drop(state);
        // A closure may hold the last of this memory.
        drop::<Vec<Lent>>(gone);
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut state = lock(&self.kept.0);
        state.users = match state.users {
            Users::Looking(count) if count > 1 => Users::Looking(count - 1),
            _ => Users::None,
        };
    }
}

impl State {
    /// The record as words, each of which may be a pointer.
    fn words(&self) -> Vec<u64> {
        let Some((record, size)) = &self.record else {
            return Vec::new();
        };
        let words = (0..size / 8).map(|index| {
            let mut word = [0; 8];
            // The record is this large.
            let _ = program::read(record.address() + index * 8, &mut word);
            u64::from_le_bytes(word)
        });
        words.collect()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some((record, _)) = &self.record {
            Session::current().residents().forget(record.address());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_changes_it_or_many_look() {
        let memory = Memory::new();
        let first = memory.enter(16, Use::Look).unwrap();
        let second = memory.clone().enter(16, Use::Look).unwrap();
        assert_eq!(first.address(), second.address());
        assert!(memory.enter(16, Use::Change).is_err());
        drop(first);
        assert!(memory.enter(16, Use::Change).is_err());
        drop(second);
        let only = memory.enter(16, Use::Change).unwrap();
        assert!(memory.enter(16, Use::Look).is_err());
        drop(only);
        assert!(memory.enter(16, Use::Look).is_ok());
    }

    #[test]
    fn a_record_of_another_size_is_refused_and_leaves_it_free() {
        let memory = Memory::new();
        drop(memory.enter(16, Use::Change).unwrap());
        let Err(refusal) = memory.enter(24, Use::Change) else {
            panic!("it was accepted")
        };
        assert!(
            refusal.contains("16") && refusal.contains("24"),
            "{refusal}"
        );
        assert!(memory.enter(16, Use::Change).is_ok());
    }

    #[test]
    fn buffers_stay_while_a_member_leads_into_them() {
        let memory = Memory::new();
        let entered = memory.enter(16, Use::Change).unwrap();
        let buffer = || {
            let block = Block::zeroed(10).unwrap();
            let area = Area {
                start: block.address(),
                capacity: 9,
            };
            (block, area)
        };
        let (kept, lost) = (buffer(), buffer());
        let area = kept.1;
        // One past its last element is still in it.
        let end = (area.start + area.capacity).to_le_bytes();
        program::write(entered.address() + 8, &end).unwrap();
        entered.keep([kept, lost], []);
        let starts: Vec<u64> = entered.areas().iter().map(|area| area.start).collect();
        assert_eq!(starts, [area.start]);
        program::write(entered.address() + 8, &[0; 8]).unwrap();
        entered.keep([], []);
        assert!(entered.areas().is_empty());
    }
}
