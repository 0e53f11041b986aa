//! The ring: messages between a client thread and a VM thread through memory that both map.
//!
//! The two take turns: who has the turn writes a message and hands over, the other one waits for
//! it. A call is a message there and one back; a callback inside of a call, or a call inside of a
//! callback, is a message more each way, so nesting needs nothing of its own here: frames of calls
//! stack in the two threads, as they do within one. While both threads are awake a hand-over is one
//! atomic swap on one side and a load on the other, without a system call or an allocation.
//!
//! What a message means is not the ring's affair: it has a kind and an id, as
//! [`message`](crate::message) numbers them, and a body.
//!
//! # Segment
//!
//! One memfd, made, sized and sealed by the *client* (see [`Segment`]), which sends it over the
//! channel's socket. Nobody ever maps a descriptor that a VM made. Numbers are little-endian.
//!
//! | offset | size | field |
//! |---:|---:|---|
//! | 0 | 8 | magic, the ASCII bytes `COSMRING` |
//! | 8 | 4 | version of this table, 1 |
//! | 12 | 4 | C: bytes of each body area, a multiple of 4096 |
//! | 128 | 64 + 8 | the client's line, and its stamp |
//! | 256 | 64 + 8 | the VM's line, and its stamp |
//! | 4096 | C | bodies of the client |
//! | 4096 + C | C | bodies of the VM |
//!
//! A *line* is one cache line, written by its owner. The one beside it is hardly ever used, for
//! processors fetch them in pairs:
//!
//! | offset | size | field |
//! |---:|---:|---|
//! | 0 | 4 | the *word*: sequence number × 2 + SLEEP |
//! | 4 | 4 | the CPU its owner was on, a hint; 0xfffffffe of the VM: it comes to another one than the client's |
//! | 8 | 4 | kind of the message |
//! | 12 | 4 | length of the body |
//! | 16 | 8 | id of the message |
//! | 24 | 40 | the body, where it has at most 40 bytes; a longer one is in the body area |
//! | 64 | 8 | the stamp: when its owner last woke the other side, nanoseconds of CLOCK_MONOTONIC, a hint |
//!
//! A call of `double cos(double)` so takes one cache line there and one back. A body that is larger
//! than the area does not go through the ring ([`End::fits`]).
//!
//! # Hand-over
//!
//! The sequence number has 31 bits and wraps. Both words begin as 0. Owner means the owner of the
//! line, *other* the one that waits for it.
//!
//! | who | does |
//! |---|---|
//! | owner | writes CPU, kind, length, id, body; swaps the word for `(sequence + 1) << 1` (AcqRel); where the old word had SLEEP set, writes the stamp and calls futex_wake on it |
//! | other | loads the word (Acquire) until it has the next sequence number; then reads each field once |
//! | other, before it sleeps | compare-exchanges the word for the same with SLEEP set; on failure looks again from the start; then futex_waits for that value, for a *nap* at most |
//!
//! Sequence and SLEEP are in one word, so the swap orders "published" against "somebody sleeps"
//! without a fence. A wake that finds nobody, a nap that ends for no reason, a signal: all only lead
//! to another look.
//!
//! # Who believes what
//!
//! 1. Sequence numbers are counted in private memory. A word that has any other number than the last
//!    or the next one is a breach, which ends the connection.
//! 2. Every other number of the peer's is read once and checked then: a length against the area, a
//!    CPU against the own mask; a body is copied before anybody looks at it. There are no Rust
//!    references into a segment but to atomics, for the one access.
//! 3. A peer can keep SLEEP set, which costs its own side a system call a message; keep words
//!    changing, which costs the other side time until the deadline; move a sleeper to another futex,
//!    which the nap ends; or be silent. None of it outlasts the deadline, or the end of the peer.
//! 4. No wake is relied on: after each nap the sleeper looks at the word, at the deadline, and at
//!    whether the peer is gone ([`Peer`]).
//! 5. A forked child does not have the mapping (MADV_DONTFORK) and is told so before it touches it,
//!    by [`generation`](crate::generation).
//!
//! # Waiting
//!
//! `waiting` decides how long to spin, yield or sleep; `placement` brings the VM's thread to the
//! caller's CPU where it sleeps between calls, and away from there where calls are dense or come in
//! bursts. Only the
//! VM's thread ever changes an affinity, its own, and each CPU field has one writer. Both are
//! functions of what they are told, without a clock or a system call of their own: the checker in `model`
//! runs this same code over modelled atomics, and `simulation` on a machine with two CPUs and a clock of
//! its own.
//!
//! | room | purpose |
//! |---|---|
//! | `layout` | the tables above as constants |
//! | `segment` | the memfd: made and sealed, received and checked |
//! | `mapping` | the only access to shared memory |
//! | `machine` | what the protocol asks of the machine: words, futex, clock, CPU |
//! | `handover` | the hand-over |
//! | `short` | bodies that fit into a line |
//! | `waiting` | how to wait |
//! | `placement` | where the VM's thread is |
//! | `waiter` | the three together, as an end uses them |
//! | `end` | an end of a ring, as the crates above use it |

mod end;
mod handover;
mod layout;
mod machine;
pub(crate) mod mapping;
#[cfg(test)]
mod model;
mod placement;
mod segment;
mod short;
#[cfg(test)]
mod simulation;
mod waiter;
mod waiting;

pub use end::{End, Message, Peer};
pub use layout::{INLINE, LARGEST_AREA};
pub use segment::{AREA, Segment};
pub use short::{Form, Short, WORDS};
pub use waiting::Settings;
