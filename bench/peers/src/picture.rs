//! A picture: latency by payload, both ends on cores of their own, a line each system.

use crate::far::Placement;
use crate::measure::{Payload, Row};
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 500.0;
/// Powers of ten of a nanosecond, from bottom to top.
const LOWEST: f64 = 0.0;
const HIGHEST: f64 = 7.0;
const PAYLOADS: [Payload; 3] = [
    Payload::Scalar,
    Payload::Bytes(4096),
    Payload::Bytes(1 << 20),
];
const COLOURS: [&str; 12] = [
    "#1b6ca8", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93", "#008b8b", "#e4572e", "#556b2f",
    "#8b4513", "#4682b4", "#c71585", "#333333",
];

/// The picture as SVG.
pub fn of(rows: &[Row]) -> String {
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">A call and its answer, two cores, median</text>\n"
    );
    axes(&mut picture);
    let mut systems: Vec<&str> = Vec::new();
    for row in rows {
        if !systems.contains(&row.system) {
            systems.push(row.system);
        }
    }
    let mut labels = Vec::new();
    for (index, system) in systems.iter().enumerate() {
        let points = points_of(rows, system);
        let Some(last) = points.last() else { continue };
        let colour = COLOURS[index % COLOURS.len()];
        // Ours is the thick one, floors are dashed.
        let style = match system.starts_with("cosmos") {
            true => "stroke-width=\"4\"",
            false if is_floor(system) => "stroke-width=\"1.5\" stroke-dasharray=\"5 4\"",
            false => "stroke-width=\"1.5\"",
        };
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            picture,
            "<polyline fill=\"none\" stroke=\"{colour}\" {style} points=\"{}\"/>",
            path.join(" ")
        );
        for (x, y) in &points {
            let _ = writeln!(
                picture,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
            );
        }
        labels.push((*last, *system, colour));
    }
    name_lines(&mut picture, labels);
    picture.push_str("</svg>\n");
    picture
}

fn is_floor(system: &str) -> bool {
    ["shared memory", "Unix stream", "memcpy", "in-process"]
        .iter()
        .any(|floor| system.contains(floor))
}

fn points_of(rows: &[Row], system: &str) -> Vec<(f64, f64)> {
    let of_payload = |(index, payload): (usize, &Payload)| {
        let row = rows.iter().find(|row| {
            row.system == system && row.payload == *payload && row.placement == Placement::TwoCores
        })?;
        Some((across(index), up(row.times.median)))
    };
    PAYLOADS.iter().enumerate().filter_map(of_payload).collect()
}

fn across(index: usize) -> f64 {
    LEFT + 40.0 + (RIGHT - LEFT - 60.0) * index as f64 / (PAYLOADS.len() - 1) as f64
}

fn up(nanoseconds: f64) -> f64 {
    let power = nanoseconds.max(1.0).log10().clamp(LOWEST, HIGHEST);
    BOTTOM - (BOTTOM - TOP) * (power - LOWEST) / (HIGHEST - LOWEST)
}

fn axes(picture: &mut String) {
    for (power, label) in [
        "1 ns", "10 ns", "100 ns", "1 us", "10 us", "100 us", "1 ms", "10 ms",
    ]
    .iter()
    .enumerate()
    {
        let y = up(10f64.powi(power as i32));
        let _ = writeln!(
            picture,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    for (index, payload) in PAYLOADS.iter().enumerate() {
        let _ = writeln!(
            picture,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            across(index),
            BOTTOM + 24.0,
            payload.name()
        );
    }
}

/// Names beside the ends of the lines, moved apart where they would meet.
fn name_lines(picture: &mut String, mut labels: Vec<((f64, f64), &str, &str)>) {
    labels.sort_by(|left, right| left.0.1.total_cmp(&right.0.1));
    let mut lowest = TOP;
    for ((_, y), name, colour) in labels {
        let at = y.max(lowest + 15.0);
        lowest = at;
        let _ = writeln!(
            picture,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            RIGHT + 10.0,
            at + 4.0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Times;

    #[test]
    fn a_slower_row_is_higher_up() {
        let row = |payload, median| Row {
            placement: Placement::TwoCores,
            payload,
            system: "cosmos",
            times: Times {
                median,
                p99: median,
            },
        };
        let rows = [
            row(Payload::Scalar, 100.0),
            row(Payload::Bytes(4096), 10_000.0),
        ];
        let points = points_of(&rows, "cosmos");
        assert_eq!(points.len(), 2);
        assert!(points[0].1 > points[1].1 && points[0].0 < points[1].0);
        assert!(of(&rows).contains("<polyline"));
    }
}
