//! Memory to go over, as the code and the data of a call are gone over: what comes next is known when what is there
//! has come.

/// As many as an end of a call touches beyond those of a futex's far end, by `/proc/PID/clear_refs`: 45 and 14.
const PAGES: usize = 31;
/// Lines of the processor's in each, one after the other of all pages.
const ROUNDS: usize = 3;
const LINES_OF_A_PAGE: usize = 4096 / size_of::<Line>();

/// Which line comes next.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Line(usize);

/// A circle of lines.
pub struct Pages(Vec<Line>);

impl Pages {
    pub fn new() -> Pages {
        let steps = PAGES * ROUNDS;
        let mut lines = vec![Line(0); PAGES * LINES_OF_A_PAGE];
        for step in 0..steps {
            lines[place(step)] = Line(place((step + 1) % steps));
        }
        Pages(lines)
    }

    pub fn go_over(&self) {
        let mut line = place(0);
        for _ in 0..PAGES * ROUNDS {
            line = self.0[line].0;
        }
        std::hint::black_box(line);
    }
}

/// Another line of each page, or what is asked for ahead by the processor would be the next one.
fn place(step: usize) -> usize {
    let (page, round) = (step % PAGES, step / PAGES);
    page * LINES_OF_A_PAGE + (page * 7 + round * 19) % LINES_OF_A_PAGE
}
