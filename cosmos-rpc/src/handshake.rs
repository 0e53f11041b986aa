//! The first frame each way: magic, version, role, and the largest body accepted.
//!
//! Both ends send it at once, without waiting for the other. Instead of it an end may send a
//! [`Fault`] frame to say why it will not talk.
//!
//! ```text
//! frame kind 0x0001, id 0, no descriptors; body:
//! offset  size  field
//!      0     4  magic, the ASCII bytes "COSM"
//!      4     2  major version, little-endian: both ends must have the same
//!      6     2  minor version, little-endian: the smaller one rules
//!      8     4  role of the sender, little-endian (see Role)
//!     12     4  largest body in bytes the sender accepts, little-endian
//!     16     n  room for later minor versions, ignored; at most 4080 bytes
//! ```

use crate::frame::{Frame, Limits, Outgoing};
use crate::{Fault, FaultCode};

/// Kind of the handshake frame.
pub const KIND: u16 = 0x0001;
/// The magic bytes.
pub const MAGIC: [u8; 4] = *b"COSM";
/// Major version: a change that an older end cannot understand.
pub const MAJOR: u16 = 1;
/// Minor version: messages and fields added.
pub const MINOR: u16 = 8;
/// Bytes of the body as this version sends it.
pub const LENGTH: usize = 16;

/// What the process at an end of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Role {
    /// A program that uses VMs, the `cosmos` command among them.
    Client = 1,
    /// cosmosdb.
    Registry = 2,
    /// cosmosd.
    Coordinator = 3,
    /// A VM.
    Vm = 4,
    /// cosmos-launch.
    Launcher = 5,
    /// Who started cosmosdb and holds its supervisor's descriptor.
    Supervisor = 6,
}

impl Role {
    /// What an end of this role accepts.
    pub fn limits(self) -> Limits {
        match self {
            Role::Client | Role::Vm => Limits::CALL,
            _ => Limits::CONTROL,
        }
    }

    /// The role of this number.
    pub fn from_number(number: u32) -> Option<Role> {
        use Role::*;
        [Client, Registry, Coordinator, Vm, Launcher, Supervisor]
            .into_iter()
            .find(|role| *role as u32 == number)
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Role::Client => "a client",
            Role::Registry => "cosmosdb",
            Role::Coordinator => "cosmosd",
            Role::Vm => "a VM",
            Role::Launcher => "cosmos-launch",
            Role::Supervisor => "a supervisor",
        }
    }
}

/// What an end says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Major version.
    pub major: u16,
    /// Minor version.
    pub minor: u16,
    /// What it is.
    pub role: Role,
    /// Largest body it accepts.
    pub body: u32,
}

impl Hello {
    /// What this program says.
    pub fn new(role: Role, limits: &Limits) -> Hello {
        Hello {
            major: MAJOR,
            minor: MINOR,
            role,
            body: limits.body,
        }
    }

    /// Its body.
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&self.major.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.minor.to_le_bytes());
        bytes[8..12].copy_from_slice(&(self.role as u32).to_le_bytes());
        bytes[12..16].copy_from_slice(&self.body.to_le_bytes());
        bytes
    }

    /// The frame that carries it, and its body.
    pub fn outgoing(&self) -> Result<(Outgoing, [u8; LENGTH]), Fault> {
        let body = self.encode();
        Ok((
            Outgoing::new(KIND, 0, body.len(), 0, Limits::HANDSHAKE.body)?,
            body,
        ))
    }

    /// What the peer said in its first frame.
    ///
    /// # Errors
    ///
    /// The fault it sent instead; `Protocol` for another frame or a wrong magic; `Version`, naming
    /// both versions, for another major version.
    pub fn decode(frame: &Frame) -> Result<Hello, Fault> {
        if let Some(fault) = frame.fault() {
            return Err(fault);
        }
        let stranger = || {
            Fault::peer(
                FaultCode::Protocol,
                "the peer does not speak the protocol of cosmos: no handshake with the magic COSM came",
            )
        };
        if frame.kind != KIND || frame.id != 0 || !frame.descriptors.is_empty() {
            return Err(stranger());
        }
        let fixed = frame.body.first_chunk::<LENGTH>().ok_or_else(stranger)?;
        let [
            m0,
            m1,
            m2,
            m3,
            a0,
            a1,
            i0,
            i1,
            r0,
            r1,
            r2,
            r3,
            b0,
            b1,
            b2,
            b3,
        ] = *fixed;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(stranger());
        }
        let (major, minor) = (u16::from_le_bytes([a0, a1]), u16::from_le_bytes([i0, i1]));
        if major != MAJOR {
            return Err(Fault::peer(
                FaultCode::Version,
                format!(
                    "the peer speaks version {major}.{minor} of the protocol of cosmos, this program \
                     {MAJOR}.{MINOR}: install both from the same release and restart the daemons"
                ),
            ));
        }
        let number = u32::from_le_bytes([r0, r1, r2, r3]);
        let role = Role::from_number(number).ok_or_else(|| {
            Fault::peer(
                FaultCode::Version,
                format!(
                    "the peer (version {major}.{minor}) says it is a {number}, which this program \
                     ({MAJOR}.{MINOR}) does not know"
                ),
            )
        })?;
        Ok(Hello {
            major,
            minor,
            role,
            body: u32::from_le_bytes([b0, b1, b2, b3]),
        })
    }

    /// The largest body of this kind the peer accepts.
    pub fn accepts(&self, kind: u16) -> u32 {
        Limits {
            body: self.body,
            descriptors: 0,
        }
        .body_of(kind)
    }
}
