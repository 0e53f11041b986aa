//! `cosmos which TARGET [--explain]`.

use crate::arguments::Which;
use crate::report::{FAILED, Problem, Verdict, lines};
use cosmos::Host;
use cosmos_rpc::FaultCode;
use cosmos_rpc::message::coordinator::{Candidate, Placement};
use serde_json::{Map, json};
use std::fmt::Write as _;

/// Prints the VM kind that would run the target; exits with 1 where none can.
pub fn run(arguments: &Which) -> Verdict {
    let host = super::chosen(&arguments.place, &super::config::load()?);
    let placement = cosmos::queries::which_of(&host, &arguments.target)
        .map_err(|error| not_found(error, &host, &arguments.target))?;
    if arguments.json {
        super::print_json(&json_placement(&placement))?;
    } else if arguments.explain {
        super::print(&lines(&explained(&placement)))?;
    } else {
        super::print(&lines(&short(&placement)))?;
    }
    Ok(if chosen(&placement).is_some() {
        0
    } else {
        FAILED
    })
}

/// Names are those of libraries; what to type for a program that has the name.
fn not_found(error: cosmos::Error, host: &Host, target: &str) -> Problem {
    let is_searched = error.code() == FaultCode::NoSuchTarget && !target.contains('/');
    let problem = Problem::from(error);
    let help = match host {
        Host::Local if is_searched => a_program(target),
        _ => None,
    };
    match (problem, help) {
        (Problem::Told(report, code), Some(help)) => Problem::Told(report.help(help), code),
        (problem, _) => problem,
    }
}

fn a_program(name: &str) -> Option<String> {
    let found = cosmos::queries::program(name)?;
    Some(format!(
        "{name} is a program; its path says so: cosmos which {}",
        found.display()
    ))
}

/// The first candidate nothing speaks against.
fn chosen(placement: &Placement) -> Option<&Candidate> {
    placement
        .candidates
        .iter()
        .find(|candidate| candidate.refused.is_empty())
}

fn short(placement: &Placement) -> String {
    match chosen(placement) {
        Some(candidate) => {
            format!(
                "{} -> {} on {}\n",
                placement.path, candidate.kind, candidate.host
            )
        }
        None => format!(
            "{} -> no VM here runs it (--explain shows why)\n",
            placement.path
        ),
    }
}

fn explained(placement: &Placement) -> String {
    let mut text = format!("{}\n", placement.path);
    let width = placement
        .requirements
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    for (name, value) in &placement.requirements {
        let _ = writeln!(text, "  {name:width$}  {value}");
    }
    text.push_str("candidates\n");
    let chosen = chosen(placement);
    for candidate in &placement.candidates {
        let verdict = match candidate.refused.as_slice() {
            [] if chosen == Some(candidate) => "chosen".to_owned(),
            [] => "could run it".to_owned(),
            rules => format!("refused: {}", rules.join("; ")),
        };
        let _ = writeln!(
            text,
            "  {} on {}: {verdict}",
            candidate.kind, candidate.host
        );
    }
    if placement.candidates.is_empty() {
        text.push_str("  none: no VM kind has a profile here\n");
    }
    text
}

fn json_placement(placement: &Placement) -> serde_json::Value {
    let requirements: Map<_, _> = placement
        .requirements
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    let candidates: Vec<_> = placement
        .candidates
        .iter()
        .map(|one| json!({ "kind": one.kind, "host": one.host, "refused": one.refused }))
        .collect();
    json!({
        "path": placement.path,
        "chosen": chosen(placement).map(|one| &one.kind),
        "requirements": requirements,
        "candidates": candidates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placement(refused: &[&str]) -> Placement {
        let candidate = |kind: &str, refused: &[&str]| Candidate {
            kind: kind.into(),
            host: "local".into(),
            refused: refused.iter().map(|rule| (*rule).to_owned()).collect(),
        };
        Placement {
            path: "/usr/lib/x86_64-linux-gnu/libz.so.1".into(),
            requirements: vec![
                ("class".into(), "64-bit".into()),
                ("machine".into(), "x86-64".into()),
            ],
            candidates: vec![
                candidate("hostfn", refused),
                candidate("zerovm", &["format: needs a nexe"]),
            ],
        }
    }

    #[test]
    fn the_explanation_names_each_candidate_and_rule() {
        insta::assert_snapshot!(explained(&placement(&[])));
        insta::assert_snapshot!(explained(&placement(&["machine: needs x86-64"])));
    }

    #[test]
    fn the_short_answer_is_one_line() {
        assert_eq!(
            short(&placement(&[])),
            "/usr/lib/x86_64-linux-gnu/libz.so.1 -> hostfn on local\n"
        );
        assert!(short(&placement(&["no"])).contains("no VM here runs it"));
    }
}
