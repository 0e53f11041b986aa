//! The table of what the benchmarks promise and what it came to, after the others have run.
//!
//! `cargo bench -p cosmos-tests --bench targets`. A target that is missed is said, and is no failure.

fn main() -> std::io::Result<()> {
    // `cargo test` runs this without the word.
    if std::env::args().any(|argument| argument == "--bench") {
        print!("{}", cosmos_tests::targets::table()?);
    }
    Ok(())
}
