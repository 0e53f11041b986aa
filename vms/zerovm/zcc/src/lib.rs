//! Compiles C for the sandbox of ZeroVM with the gcc that is already there.
//!
//! gcc compiles for x32, which has 32-bit pointers and all of x86-64's registers. What it writes is
//! parsed ([`gas_syntax`]), each instruction is rewritten so that it keeps the sandbox's rules, laid
//! out in bundles, assembled and linked. What comes out is validated before it is written: nothing
//! here has to be right for the sandbox to hold, only for the program to run.
//!
//! | module | what |
//! |---|---|
//! | `arguments` | the command line |
//! | `compile` | one source file to an object: gcc, and the four below |
//! | `forms` | the table of instructions, and what each needs |
//! | `rewrite` | statements to `unit`s |
//! | `layout` | bundles, alignment, the lengths of jumps |
//! | `measure`, `emit` | lengths by the assembler; what the assembler gets |
//! | `link` | objects to a nexe, which is checked |
//! | `runtime` | the guest's headers and archive |
//!
//! docs/zcc.md tells how it is used, what becomes of what gcc emits, and what cannot be done.

#![forbid(unsafe_code)]

mod arguments;
mod compile;
mod dialect;
mod emit;
mod error;
mod forms;
mod layout;
mod link;
mod measure;
mod padding;
mod reason;
mod rewrite;
mod run;
mod runtime;
mod tools;
mod unit;

/// Parses, rewrites and lays out assembly without asking the assembler, as if each instruction had
/// eight bytes: for those who feed it anything at all.
#[doc(hidden)]
pub fn survive(text: &str, dialect: Dialect) -> Result<String, (u32, Reason)> {
    let options = rewrite::Options {
        dialect,
        debug: true,
    };
    let unit = rewrite::rewrite(text, options).map_err(|refused| (refused.line, refused.reason))?;
    let lengths: Vec<u32> = unit
        .pieces
        .iter()
        .map(unit::Piece::guessed_length)
        .collect();
    let layout = layout::lay_out(&unit, &lengths)?;
    Ok(emit::laid_out(&unit, &layout, &lengths, dialect))
}

/// Rewrites assembly and says what became of it, without layout: one instruction a line, those that
/// stay together with a stroke before all but the first.
#[doc(hidden)]
pub fn rewritten(text: &str, dialect: Dialect) -> Result<String, (u32, Reason)> {
    let options = rewrite::Options {
        dialect,
        debug: false,
    };
    let unit = rewrite::rewrite(text, options).map_err(|refused| (refused.line, refused.reason))?;
    Ok(emit::listing(&unit))
}

pub use arguments::Arguments;
pub use dialect::Dialect;
pub use error::Error;
pub use reason::Reason;
pub use run::run;
