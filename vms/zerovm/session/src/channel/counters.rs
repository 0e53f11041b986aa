//! What a read or a write may do, and what it leaves.
//!
//! The order of the checks decides which error number a guest sees, so it is the original's,
//! generation by generation. Positions and sizes are the guest's to choose: nothing here overflows.

use super::{Access, Answer, Direction, Generation, Request};

/// A channel's limits, what was used of them, and its positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    access: Access,
    direction: Direction,
    limits: [i64; 4],
    used: [i64; 4],
    size: i64,
    get_position: i64,
    put_position: i64,
    at_end: bool,
}

/// An operation that may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many bytes at most.
    pub size: usize,
    /// Where.
    pub offset: u64,
}

const GETS: usize = 0;
const GET_BYTES: usize = 1;
const PUTS: usize = 2;
const PUT_BYTES: usize = 3;

impl Counters {
    /// Those of a fresh channel whose source has `size` bytes. What is only appended to begins at
    /// its end.
    pub fn new(access: Access, limits: [i64; 4], size: i64) -> Self {
        let appends = access == Access::RandomRead;
        Self {
            access,
            direction: Direction::of(limits),
            limits,
            used: [0; 4],
            size,
            get_position: 0,
            put_position: if appends { size } else { 0 },
            at_end: false,
        }
    }

    /// The channel has another source from now on. Positions and what was used of the limits stay;
    /// what is only written is as long as before, the beginning of it being lost.
    pub fn reopen(&mut self, size: i64) {
        if self.direction != Direction::Write {
            self.size = size;
        }
    }

    /// How positions are chosen.
    pub fn access(&self) -> Access {
        self.access
    }

    /// What the limits leave.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The limits of the manifest.
    pub fn limits(&self) -> [i64; 4] {
        self.limits
    }

    /// How many bytes the channel has.
    pub fn size(&self) -> i64 {
        self.size
    }

    /// What the guest is told about the size before it starts.
    pub fn told_size(&self) -> i64 {
        match self.access {
            Access::Sequential => 0,
            _ => self.size,
        }
    }

    /// Whether and what a read may do; an answer if there is nothing to try.
    pub fn plan_read(&self, request: &Request) -> Result<Plan, Answer> {
        let Request {
            generation,
            size,
            offset,
        } = *request;
        let random = self.access.reads_anywhere();
        if generation == Generation::Second {
            check_arguments(size, offset)?;
            if random && offset > self.size {
                return Err(0);
            }
        }
        let (offset, size) = match random {
            true => (offset, self.size.saturating_sub(offset).min(size.into())),
            false => (self.get_position, size.into()),
        };
        check_size_and_offset(size, offset)?;
        if self.at_end {
            return Err(0);
        }
        if self.used[GETS] >= self.limits[GETS] {
            return Err(error(libc::EDQUOT));
        }
        let reach = self.left(PUT_BYTES).saturating_add(self.size);
        if random && offset >= reach {
            return Err(error(libc::EINVAL));
        }
        plan(size.min(self.left(GET_BYTES)), offset)
    }

    /// Whether and what a write may do; an answer if there is nothing to try.
    pub fn plan_write(&self, request: &Request) -> Result<Plan, Answer> {
        let Request {
            generation,
            size,
            offset,
        } = *request;
        let random = self.access.writes_anywhere();
        if generation == Generation::Second {
            check_arguments(size, offset)?;
        }
        let offset = if random { offset } else { self.put_position };
        check_size_and_offset(size.into(), offset)?;
        if self.used[PUTS] >= self.limits[PUTS] {
            return Err(error(libc::EDQUOT));
        }
        let tail = self.left(PUT_BYTES);
        let bounded = match generation {
            Generation::First => self.direction == Direction::Write,
            Generation::Second => random,
        };
        let beyond = bounded && offset >= self.limits[PUT_BYTES];
        if beyond || offset >= self.size.saturating_add(tail) {
            return Err(error(libc::EINVAL));
        }
        plan(tail.min(size.into()), offset)
    }

    /// A read brought `count` bytes.
    pub fn did_read(&mut self, plan: &Plan, count: usize) {
        let count = count as i64;
        self.used[GETS] += 1;
        self.used[GET_BYTES] += count;
        self.get_position = (plan.offset as i64).saturating_add(count);
        if self.access.writes_anywhere() {
            self.put_position = self.get_position;
        }
        if count == 0 && !self.access.reads_anywhere() {
            self.at_end = true;
        }
    }

    /// A write took `count` bytes.
    pub fn did_write(&mut self, plan: &Plan, count: usize) {
        let count = count as i64;
        self.used[PUTS] += 1;
        self.used[PUT_BYTES] += count;
        self.put_position = (plan.offset as i64).saturating_add(count);
        self.size = match self.access.writes_anywhere() {
            true => self.size.max(self.put_position),
            false => self.put_position,
        };
        self.get_position = self.put_position;
    }

    fn left(&self, limit: usize) -> i64 {
        self.limits[limit].saturating_sub(self.used[limit])
    }
}

/// What the second generation looks at before anything else.
fn check_arguments(size: i32, offset: i64) -> Result<(), Answer> {
    if size < 0 {
        return Err(error(libc::EFAULT));
    }
    if offset < 0 {
        return Err(error(libc::EINVAL));
    }
    if size == 0 { Err(0) } else { Ok(()) }
}

fn check_size_and_offset(size: i64, offset: i64) -> Result<(), Answer> {
    if size == 0 {
        return Err(0);
    }
    if size < 0 {
        return Err(error(libc::EFAULT));
    }
    if offset < 0 {
        return Err(error(libc::EINVAL));
    }
    Ok(())
}

fn plan(size: i64, offset: i64) -> Result<Plan, Answer> {
    match (usize::try_from(size), u64::try_from(offset)) {
        (Ok(size), Ok(offset)) if size > 0 => Ok(Plan { size, offset }),
        _ => Err(error(libc::EDQUOT)),
    }
}

fn error(number: i32) -> Answer {
    -i64::from(number)
}
