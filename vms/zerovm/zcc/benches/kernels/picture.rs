//! Draws ratios as a picture: a group of bars for each kernel, and a line where native is.

use std::fmt::Write as _;

const LEFT: f64 = 130.0;
const TOP: f64 = 50.0;
const BAR: f64 = 11.0;
const GAP: f64 = 12.0;
/// Pixels for a ratio of 1, and how many of them there is room for.
const UNIT: f64 = 280.0;
const MOST: f64 = 2.2;

const COLOURS: [&str; 5] = ["#7f8c8d", "#2c6fbb", "#e08e0b", "#8e5aa8", "#3a9a5b"];

/// A picture of rows: a name, and a ratio for each of the columns.
pub fn draw<'a>(columns: &[&str], rows: impl Iterator<Item = (&'a str, &'a [f64])>) -> String {
    let rows: Vec<_> = rows.collect();
    let group = BAR * columns.len() as f64 + GAP;
    let (width, height) = (
        LEFT + UNIT * MOST + 60.0,
        TOP + group * rows.len() as f64 + 20.0,
    );
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"18\" font-size=\"14\">Processor time against gcc -O2: less is faster</text>\n"
    );
    let mut add = |line: String| writeln!(picture, "{line}").expect("a string grows");
    for (index, (name, colour)) in columns.iter().zip(COLOURS).enumerate() {
        let x = LEFT + 100.0 * index as f64;
        add(format!(
            "<rect x=\"{x}\" y=\"28\" width=\"10\" height=\"10\" fill=\"{colour}\"/>"
        ));
        add(format!("<text x=\"{}\" y=\"37\">{name}</text>", x + 14.0));
    }
    for (index, (name, ratios)) in rows.iter().enumerate() {
        let y = TOP + group * index as f64;
        let middle = y + (group - GAP) / 2.0 + 4.0;
        add(format!(
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>",
            LEFT - 8.0
        ));
        for (column, (ratio, colour)) in ratios.iter().zip(COLOURS).enumerate() {
            let (y, length) = (y + BAR * column as f64, UNIT * ratio.min(MOST));
            add(format!(
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>",
                BAR - 1.0
            ));
            add(format!(
                "<text x=\"{:.1}\" y=\"{}\" font-size=\"9\">{ratio:.2}</text>",
                LEFT + length + 4.0,
                y + BAR - 2.5
            ));
        }
    }
    let native = LEFT + UNIT;
    add(format!(
        "<line x1=\"{native}\" x2=\"{native}\" y1=\"{}\" y2=\"{}\" stroke=\"black\" stroke-dasharray=\"4 3\"/>",
        TOP - 6.0,
        height - 16.0
    ));
    add("</svg>".to_owned());
    picture
}
