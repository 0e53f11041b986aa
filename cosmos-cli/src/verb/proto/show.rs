//! `cosmos proto show PROTOTYPE`.

use crate::arguments::ProtoShow;
use crate::describe;
use crate::report::{Problem, Report, Verdict};
use callframe::template::Template;
use callframe::types::{RecordId, Type, TypeId};
use callframe::{CallFrame, DataModel};
use comfy_table::{Table, presets};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// Prints the canonical spelling, the parameters and the layout of every record.
pub fn run(arguments: &ProtoShow) -> Verdict {
    let frame = callframe::parse(&arguments.prototype)
        .map_err(|error| Problem::prototype(&error, &arguments.prototype))?;
    let model = model(arguments.model.as_deref());
    let template = Template::of(&Arc::new(frame), model)
        .map_err(|error| Problem::failed(Report::new(error.to_string())))?;
    if arguments.json {
        super::super::print_json(&json_template(&template))?;
    } else {
        super::super::print(&text(&template))?;
    }
    Ok(0)
}

fn model(name: Option<&str>) -> DataModel {
    match name.map(str::to_ascii_lowercase).as_deref() {
        Some("lp64") => DataModel::LP64,
        Some("x32") => DataModel::X32,
        Some("ilp32") => DataModel::ILP32,
        _ => DataModel::native().unwrap_or(DataModel::LP64),
    }
}

fn text(template: &Template) -> String {
    let frame = template.frame();
    let mut text = format!("{frame}\n\n");
    let mut rows = Vec::new();
    for parameter in frame.parameters() {
        rows.push(row(template, &parameter.name, parameter.ty));
    }
    if let Some(further) = describe::variadic(frame) {
        rows.push(["...".to_owned(), String::new(), String::new(), further]);
    }
    rows.push(row(template, "return", frame.result()));
    text.push_str(&table(["PARAMETER", "SIZE", "ALIGN", "MEANING"], rows));
    for (ty, id) in records(frame) {
        let whole = template.size_align(ty);
        let _ = writeln!(
            text,
            "\n{}: {} bytes, aligned to {}",
            describe::ty(frame, ty),
            whole.size,
            whole.align
        );
        let members = frame
            .record(id)
            .fields
            .iter()
            .enumerate()
            .map(|(at, field)| {
                let offset = template.field_offset(id, at).unwrap_or(0);
                let size = template.size_align(field.ty).size;
                [
                    field.name.clone(),
                    offset.to_string(),
                    size.to_string(),
                    describe::ty(frame, field.ty),
                ]
            });
        text.push_str(&table(
            ["MEMBER", "OFFSET", "SIZE", "MEANING"],
            members.collect(),
        ));
    }
    let _ = writeln!(text, "\ndata model {}", template.model().name());
    text
}

fn row(template: &Template, name: &str, ty: TypeId) -> [String; 4] {
    let (size, align) = size_align(template, ty);
    [
        name.to_owned(),
        size.to_string(),
        align.to_string(),
        describe::ty(template.frame(), ty),
    ]
}

/// Zero for `void`, which has neither.
fn size_align(template: &Template, ty: TypeId) -> (u64, u64) {
    match template.frame().ty(ty) {
        Type::Void | Type::Function { .. } => (0, 0),
        _ => {
            let whole = template.size_align(ty);
            (whole.size, whole.align)
        }
    }
}

fn table(header: [&str; 4], rows: Vec<[String; 4]>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{}", line.trim_end());
        text
    })
}

/// Every complete record that the function reaches, each once, in the order it is met.
fn records(frame: &CallFrame) -> Vec<(TypeId, RecordId)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<TypeId> = frame
        .parameters()
        .iter()
        .map(|parameter| parameter.ty)
        .chain([frame.result()])
        .collect();
    waiting.reverse();
    while let Some(ty) = waiting.pop() {
        if !seen.insert(ty) {
            continue;
        }
        match frame.ty(ty) {
            Type::Pointer(pointer) => waiting.push(pointer.target),
            Type::Array { element, .. } => waiting.push(*element),
            Type::Record(id) => {
                let fields = &frame.record(*id).fields;
                if !fields.is_empty() && found.iter().all(|(_, known)| known != id) {
                    found.push((ty, *id));
                }
                waiting.extend(fields.iter().map(|field| field.ty));
            }
            _ => {}
        }
    }
    found
}

fn json_template(template: &Template) -> serde_json::Value {
    let frame = template.frame();
    let place = |ty: TypeId| {
        let (size, align) = size_align(template, ty);
        json!({ "type": describe::ty(frame, ty), "size": size, "align": align })
    };
    let parameters: Vec<_> = frame
        .parameters()
        .iter()
        .map(|parameter| {
            let mut object = place(parameter.ty);
            object["name"] = parameter.name.clone().into();
            object
        })
        .collect();
    let records: Vec<_> = records(frame)
        .into_iter()
        .map(|(ty, id)| {
            let mut object = place(ty);
            let members = frame
                .record(id)
                .fields
                .iter()
                .enumerate()
                .map(|(at, field)| {
                    let mut member = place(field.ty);
                    member["name"] = field.name.clone().into();
                    member["offset"] = template.field_offset(id, at).into();
                    member
                });
            object["members"] = members.collect();
            object
        })
        .collect();
    json!({
        "name": frame.name(),
        "prototype": frame.to_string(),
        "model": template.model().name(),
        "parameters": parameters,
        "variadic": describe::variadic(frame),
        "return": place(frame.result()),
        "records": records,
    })
}
