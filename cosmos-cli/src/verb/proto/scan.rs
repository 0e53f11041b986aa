//! `cosmos proto scan HEADER`.

use crate::arguments::ProtoScan;
use crate::packs;
use crate::report::{Problem, Report, Verdict};
use callframe::{CallFrame, PrototypeError};
use callframe_import::{Found, Header, ImportError, Survey, Verdict as Becomes, listing};
use cosmos_packs::Pack;
use serde_json::json;
use std::collections::HashMap;

/// Prints the header's prototypes, and what the others lack.
pub fn run(arguments: &ProtoScan) -> Verdict {
    let header = Header {
        name: arguments.header.clone(),
        include: arguments.include.clone(),
        define: arguments.define.clone(),
    };
    let text = header.preprocess().map_err(|error| problem(&error))?;
    let said = match &arguments.pack {
        Some(library) => said(library)?,
        None => HashMap::new(),
    };
    let survey = Survey::of(&text, &header.name, |name| said.get(name).cloned());
    if arguments.json {
        super::super::print_json(&json(&survey, &header.name))?;
    } else if arguments.summary {
        super::super::print(&listing::summary(&survey, &header.name))?;
    } else {
        let text = listing::text(&survey, &header.name, header.is_searched());
        super::super::print(&text)?;
    }
    Ok(0)
}

/// What the packs of a library say of its functions.
fn said(library: &str) -> Result<HashMap<String, Result<CallFrame, PrototypeError>>, Problem> {
    let packs = packs::configured()?
        .must_have(library)
        .map_err(|error| packs::problem(&error))?;
    let mut said = HashMap::new();
    for declaration in packs.iter().flat_map(Pack::declarations) {
        if let Some(name) = declaration.name {
            said.entry(name).or_insert(declaration.outcome);
        }
    }
    Ok(said)
}

fn problem(error: &ImportError) -> Problem {
    let report = Report::new(error.to_string());
    match error {
        ImportError::NoCompiler { .. } => Problem::cosmos(report),
        ImportError::BadName(_) => Problem::usage(report),
        ImportError::Refused { .. } | ImportError::Unreadable { .. } => Problem::failed(report),
    }
}

fn json(survey: &Survey, header: &str) -> serde_json::Value {
    let (ready, pack, refused) = survey.counts();
    let functions: Vec<_> = survey.functions.iter().map(found).collect();
    let types: Vec<_> = survey.types.iter().map(found).collect();
    json!({
        "header": header,
        "functions": functions,
        "types": types,
        "summary": {
            "functions": survey.functions.len(),
            "ready": ready,
            "pack": pack,
            "refused": refused,
            "percent": listing::percent(ready + pack, survey.functions.len()),
        },
    })
}

fn found(found: &Found) -> serde_json::Value {
    let mut object = json!({
        "name": found.name,
        "file": found.file,
        "line": found.line,
        "declared": found.declared,
    });
    let (verdict, prototype) = match &found.verdict {
        Becomes::Ready(frame) => ("ready", Some(frame)),
        Becomes::Pack(frame) => ("pack", Some(frame)),
        Becomes::Refused(error) => {
            object["code"] = error.code().number().into();
            object["reason"] = error.message().into();
            ("refused", None)
        }
    };
    object["verdict"] = verdict.into();
    if let Some(frame) = prototype {
        object["prototype"] = frame.to_string().into();
    }
    object
}
