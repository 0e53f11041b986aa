//! Proves that x86-64 code cannot leave a NaCl-style sandbox.
//!
//! [`Validator::validate`] accepts a text or says which instruction breaks which rule. Code that it
//! accepts, placed as described below, touches no memory but its own 4 GiB and runs no instruction
//! but those that were judged. It accepts what it can prove and nothing else: an instruction is
//! allowed because it is on a list.
//!
//! ```
//! use zerovm_validator::{Dialect, Reason, Validator};
//!
//! let validator = Validator::new(Dialect::Nacl);
//! // mov %eax, %eax; mov (%r15,%rax,1), %eax
//! assert_eq!(validator.validate(0x20000, &[0x89, 0xc0, 0x41, 0x8b, 0x04, 0x07]), Ok(()));
//! let violation = validator.validate(0x20000, &[0x90, 0x0f, 0x05]).unwrap_err();
//! assert_eq!((violation.offset, violation.reason), (1, Reason::SystemCall));
//! ```
//!
//! # Why accepted code is confined
//!
//! This is said of dialect `nacl`; [below](#why-accepted-code-of-dialect-fast-is-confined) is what is
//! different in dialect `fast`.
//!
//! **What whoever runs it provides.** BASE is a multiple of 4 GiB. [BASE, BASE + 4 GiB) is the sandbox;
//! nothing else is mapped from 40 GiB before it to 40 GiB behind it. All that is executable in it are
//! accepted texts, which start on bundles of 32 bytes and cannot be written any more, filled up with
//! HLT to the end of their pages, and trampolines that are safe to enter at the start of any bundle. A
//! text goes as it came, as a whole: where a part of it is taken away, the rest stays executable only
//! if it is accepted by itself, as branches of it may go into that part. Code is entered at the start
//! of a bundle, with r15 = BASE and with rsp and rbp in [BASE, BASE + 4 GiB]; when the host returns to
//! it, the same holds, but that rsp may be up to 4 bytes more, where the accesses of a push or pop meet
//! the guard as they do at the end. The bases of ds, es and ss are 0, as they always are in 64-bit
//! mode. Everything else, flags, direction and vector state among it, may be what the attacker wants.
//!
//! **What holds whenever an instruction is entered**, by falling through or by a branch:
//!
//! 1. r15 = BASE.
//! 2. rsp and rbp are in [BASE, BASE + 4 GiB].
//! 3. It starts where the walk found an instruction to start, and has been judged.
//!
//! with one exception to 2: between the write of esp or ebp and the next instruction, which repairs
//! it, that register is a number below 4 GiB. The repairing instruction touches no memory and cannot
//! be entered by a branch.
//!
//! **Registers.** No form may write r15, in any width. What may be done to rsp and rbp:
//!
//! - One may be copied to the other, whole: 2 holds again.
//! - A push or call writes the 8 bytes below rsp and then rsp is 8 less; a pop reads the 8 bytes
//!   there and then rsp is 8 more. At either end of the sandbox that access meets a guard and faults
//!   before rsp has changed. Forms of 16 bits are not on the list.
//! - `and $imm8, %rsp` with a negative immediate rounds rsp down to a multiple of at most 128. BASE
//!   is such a multiple, so rsp does not get below it.
//! - A write of 32 bits by a form of the list that clears the upper half, and at once `add %r15`, or
//!   `lea (%rsp,%r15)`, or for rsp `or %r15`: the result is BASE plus a number below 4 GiB. (`or`
//!   adds, because the lower half of BASE is 0.)
//!
//! Every operand that a form writes is in the table, and so are the registers that it writes without
//! naming them; the crate does not compile where those are rsp, rbp or r15.
//!
//! **Memory.** An operand in memory has 64-bit addressing, because 67 is refused, and no segment
//! base, because these prefixes are. It is one of
//!
//! | operand | lowest | highest |
//! |---|---|---|
//! | `disp(base)`, base one of r15, rsp, rbp | BASE − 2 GiB | BASE + 6 GiB |
//! | `disp(base,index,scale)`, index limited | BASE − 2 GiB | BASE + 4 + 8·4 + 2 = BASE + 38 GiB |
//! | `disp(%rip)` | BASE − 2 GiB | BASE + 6 GiB |
//! | string operand: base r15, index limited, then element by element | BASE | BASE + 4 GiB |
//!
//! plus its own width, at most 108 bytes (`fnsave`); all of which is in the sandbox or in the guards
//! of 40 GiB. *Limited* means that the instruction directly before, in the same bundle, wrote the
//! index with 32 bits and cleared its upper half, and that no branch may go between the two. String
//! instructions go on from rsi and rdi by at most 8 bytes at a time in either direction, so they
//! meet the guard before they are past it. Bit tests with a register as their offset, which would
//! reach further, are not on the list. `lea`, no-operations and prefetches touch nothing.
//!
//! **Control.** Falling through stays within judged instructions: each bundle is decoded from its
//! start, and its last instruction ends where it does; behind the last bundle of a text there is
//! HLT. A direct branch goes to the start of a bundle, or to an instruction of the same text that
//! was found and rests on none before it. Its displacement of 32 bits cannot get past a guard. An
//! indirect one goes to the sum of BASE and a multiple of 32 below 4 GiB: the start of a bundle, or
//! of unmapped or not executable memory. Returns, which would go to an address in memory that may
//! change at any moment, are not on the list. After a fault or a signal the guest does not go on.
//!
//! Three things are *sequences*: an index and its use, a write of esp or ebp and its repair, and a
//! masked branch or string. None crosses a bundle's end, and no branch may enter one but at its
//! start.
//!
//! Nothing is said of what a processor does ahead of time: what it fetches by guessing may leave
//! traces in its caches.
//!
//! # What is believed of the decoder
//!
//! iced-x86 is believed to tell how long an instruction is, which form it is, and which registers it
//! names: for the forms on the list and without the prefixes that have another meaning elsewhere.
//! It is not asked
//!
//! - which prefixes an instruction has, which is read from the bytes (`prefix`): processors differ
//!   on 66 before near branches and `movsxd`, exchange r8 and rax at `F3 49 90`, or take D5 for a
//!   prefix. A form is allowed with the combinations that its row in the table names, REX.W
//!   included, so a size the decoder took from a prefix is confirmed by the table;
//! - what an instruction reads or writes, which is in the table (`forms`);
//! - whether an instruction is harmless: what is not on the list is refused, be it known, reserved
//!   or undefined.
//!
//! Instructions that later processors added in encodings that were no-operations or undefined before
//! (`0F 19` to `0F 1E`, `0F 18 /4` to `/7`, `F3 0F 1E`, VEX, EVEX, REX2) are therefore refused.
//! Where processors differ and it does not matter: `tzcnt` and `lzcnt` may be executed as `bsf` and
//! `bsr`, which write the same register or leave it; 3DNow! and SSE4A may be undefined, which is
//! a fault.
//!
//! # Map of the crate
//!
//! `walk` goes over bundles; it knows where instructions start, `targets` where branches go, and
//! neither anything of the dialect. `policy` is what a dialect has to say. `nacl` says it for dialect
//! `nacl`, `fast` for dialect `fast`, both with `sequence` for what belongs together and `pointer` for
//! rsp and rbp. `shortcut` is for the most common instructions;
//! it is there for speed alone and is compared with the rest for all that it takes. `forms` and
//! `prefix` are the list. `validator` divides a text among threads.
//!
#![doc = include_str!("fast.md")]
#![forbid(unsafe_code)]

mod fast;
mod forms;
mod nacl;
mod pointer;
mod policy;
mod prefix;
mod register;
mod sequence;
mod shortcut;
mod targets;
mod units;
mod validator;
mod violation;
mod walk;

pub use units::Units;
pub use validator::{Dialect, Validator};
pub use violation::{InstructionBytes, Reason, Violation};
