//! A channel: what a guest may do with it, and what it did.

mod copies;
mod counters;
mod order;

use crate::manifest::ChannelLine;
use crate::report::Totals;
pub use copies::{Copies, Device, DeviceError, Outcome};
pub use counters::{Counters, Plan};
pub use order::{MAX_CHANNELS, check_same, order};
use sha1::{Digest, Sha1};

/// How a channel's positions are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Both where the last operation ended.
    Sequential = 0,
    /// Reads anywhere, writes at the end.
    RandomRead = 1,
    /// Reads in order, writes anywhere.
    RandomWrite = 2,
    /// Both anywhere.
    Random = 3,
}

impl Access {
    /// From a manifest's number.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Sequential),
            1 => Some(Self::RandomRead),
            2 => Some(Self::RandomWrite),
            3 => Some(Self::Random),
            _ => None,
        }
    }

    /// Whether reads say where.
    pub fn reads_anywhere(self) -> bool {
        matches!(self, Self::RandomRead | Self::Random)
    }

    /// Whether writes say where.
    pub fn writes_anywhere(self) -> bool {
        matches!(self, Self::RandomWrite | Self::Random)
    }
}

/// What a channel's limits leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Nothing.
    Nil,
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Both.
    Both,
}

impl Direction {
    /// From a line of the manifest: what has a number and bytes.
    pub fn of(limits: [i64; 4]) -> Self {
        let [gets, get_bytes, puts, put_bytes] = limits;
        match (gets != 0 && get_bytes != 0, puts != 0 && put_bytes != 0) {
            (false, false) => Self::Nil,
            (true, false) => Self::Read,
            (false, true) => Self::Write,
            (true, true) => Self::Both,
        }
    }

    /// Whether there is something to write.
    pub fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Both)
    }
}

/// A channel of a session: its counters, its copies on the host, its digest.
#[derive(Debug)]
pub struct Channel<D> {
    /// Its name in the guest.
    pub alias: Vec<u8>,
    /// What it may do and has done.
    pub counters: Counters,
    /// What it is on the host.
    pub copies: Copies<D>,
    tag: Option<Sha1>,
}

/// What a guest gets back: a count, or an error number below 0.
pub type Answer = i64;

/// Which generation's rules a call is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// ZeroVM 1.
    First,
    /// ZeroVM 2.
    Second,
}

/// What a guest asks of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Whose rules it is judged by.
    pub generation: Generation,
    /// How many bytes. What is not positive is for the counters to refuse.
    pub size: i32,
    /// Where. Channels that go on where they ended do not look.
    pub offset: i64,
}

impl<D: Device> Channel<D> {
    /// A channel as it is mounted. `size` is that of what it has on the host, 0 for what has none.
    pub fn new(line: &ChannelLine, access: Access, size: i64, copies: Vec<D>) -> Self {
        Self {
            alias: line.alias.clone(),
            counters: Counters::new(access, line.limits, size),
            copies: Copies::new(copies),
            tag: line.etag.then(Sha1::new),
        }
    }

    /// Other sources for the session that goes on with this channel. A digest begins anew, and only
    /// if one was wanted before.
    pub fn reopen(&mut self, tagged: bool, size: i64, copies: Vec<D>) {
        self.counters.reopen(size);
        self.copies = Copies::new(copies);
        self.tag = (self.tag.is_some() && tagged).then(Sha1::new);
    }

    /// Gives the sources up.
    pub fn forget_sources(&mut self) {
        self.copies = Copies::new(Vec::new());
    }

    /// Reads for the guest. The buffer is as large as the guest asked for.
    pub fn read(
        &mut self,
        request: &Request,
        buffer: &mut [u8],
        totals: &mut Totals,
    ) -> Result<Answer, DeviceError> {
        let plan = match self.counters.plan_read(request) {
            Ok(plan) => plan,
            Err(answer) => return Ok(answer),
        };
        let Some(buffer) = buffer.get_mut(..plan.size) else {
            return Ok(-i64::from(libc::EINVAL));
        };
        let outcome = self.copies.read(buffer, plan.offset, totals);
        self.digest_more(&buffer[..outcome.count]);
        self.counters.did_read(&plan, outcome.count);
        outcome.answer()
    }

    /// Writes for the guest. The buffer is as large as the guest asked for.
    pub fn write(
        &mut self,
        request: &Request,
        buffer: &[u8],
        totals: &mut Totals,
    ) -> Result<Answer, DeviceError> {
        let plan = match self.counters.plan_write(request) {
            Ok(plan) => plan,
            Err(answer) => return Ok(answer),
        };
        let Some(buffer) = buffer.get(..plan.size) else {
            return Ok(-i64::from(libc::EINVAL));
        };
        let outcome = self.copies.write(buffer, plan.offset, totals);
        self.digest_more(&buffer[..outcome.count]);
        self.counters.did_write(&plan, outcome.count);
        outcome.answer()
    }

    fn digest_more(&mut self, bytes: &[u8]) {
        if let Some(tag) = &mut self.tag {
            tag.update(bytes);
        }
    }

    /// The digest of what was read and written, if one is wanted.
    pub fn digest(&self) -> Option<String> {
        self.tag.clone().map(hexadecimal)
    }
}

/// A finished digest as text.
pub fn hexadecimal(tag: Sha1) -> String {
    let bytes = tag.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
