//! Says where its source was, as messages of panics do.

fn main() {
    println!("{}", file!());
}
