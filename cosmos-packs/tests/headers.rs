//! Every entry of every pack against the library's own header, with the C compiler as judge: a
//! redeclaration of another type is an error, and so is a record laid out in another way.

use callframe::types::{CallFrame, Origin, RecordId, RecordName, Type, TypeId};
use callframe::{DataModel, Template};
use cosmos_packs::{Pack, Packs, builtin};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;

/// Every word of the language, as a macro that leaves nothing.
const ANNOTATIONS: &str = "
#define __in
#define __out
#define __inout
#define __handle
#define __consume
#define __opaque
#define __fd
#define __null_terminated
#define __single
#define __borrowed
#define __static
#define __sentinel
#define __noerrno
#define __idempotent
#define __noreturn
#define __nocallback
#define __alias(...)
#define __borrowed_from(...)
#define __closed_by(...)
#define __owned(...)
#define __retained(...)
#define __sized_by(...)
#define __counted_by(...)
#define __terminated_by(...)
#define __ended_by(...)
#define __filled(...)
#define __success(...)
#define __fail(...)
#define __timeout(...)
#define __printf(...)
#define __variadic_by(...)
#define __variadic(...)
#define __field(...)
#define __scope(...)
#define __or_const(...)
#define __cursor(...)
#define __switch(...)
#define __case(...)
#define __case_range(...)
";

#[test]
fn every_entry_has_the_type_that_its_header_gives_it() {
    for (soname, _) in builtin::PACKS {
        let pack = pack(soname);
        let mut source = prologue(&pack);
        for declaration in pack.declarations() {
            // A macro of this name would hide the function.
            let name = declaration.name.unwrap_or_default();
            writeln!(source, "#undef {name}").unwrap();
        }
        source += ANNOTATIONS;
        writeln!(source, "#line 1 \"{soname}.protos\"\n{}", pack.text()).unwrap();
        assert_eq!(compile(&source), Ok(()), "{soname}");
        // The judge is awake: another type of the last function is an error.
        let last = pack.declarations().pop().unwrap().name.unwrap();
        let wrong = format!("{source}\nstruct strange *{last}(struct strange *, int, float);\n");
        let said = compile(&wrong).unwrap_err();
        assert!(said.contains("conflicting types"), "{said}");
    }
}

#[test]
fn every_record_lies_as_its_header_has_it() {
    if DataModel::native() != Some(DataModel::LP64) {
        return;
    }
    for (soname, _) in builtin::PACKS {
        let pack = pack(soname);
        let mut asserted = BTreeSet::new();
        for declaration in pack.declarations() {
            if let Ok(frame) = declaration.outcome {
                let frame = Arc::new(frame);
                let template = Template::of(&frame, DataModel::LP64).unwrap();
                asserted.extend(assertions(&template));
            }
        }
        let mut source = prologue(&pack);
        source += "#include <stddef.h>\n";
        for line in asserted {
            source += &line;
        }
        assert_eq!(compile(&source), Ok(()), "{soname}");
    }
}

fn pack(soname: &str) -> Pack {
    let packs = Packs::default().must_have(soname).unwrap();
    packs.into_iter().next().unwrap()
}

fn prologue(pack: &Pack) -> String {
    let mut source = "#define _GNU_SOURCE\n#define COSMOS_HEADERS\n".to_owned();
    for header in pack.headers() {
        writeln!(source, "#include {header}").unwrap();
    }
    source
}

/// One line of C per record that has a name and members: its size, and where each member lies.
fn assertions(template: &Template) -> Vec<String> {
    let frame = template.frame();
    let mut lines = Vec::new();
    for (ty, id) in records(frame) {
        let record = frame.record(id);
        let name = match &record.name {
            RecordName::Tag(tag) if record.union => format!("union {tag}"),
            RecordName::Tag(tag) => format!("struct {tag}"),
            RecordName::Typedef(name) => name.clone(),
            RecordName::Unnamed => continue,
        };
        if record.origin == Origin::Incomplete || name.ends_with("_variadic") {
            continue;
        }
        let size = template.size_align(ty).size;
        let mut line = format!("_Static_assert(sizeof({name}) == {size}, \"{name}\");\n");
        for (at, field) in record.fields.iter().enumerate() {
            let offset = template.field_offset(id, at).unwrap();
            let member = &field.name;
            // Implementation names differ from one release of a header to the next.
            if !member.starts_with("__") && !member.is_empty() {
                writeln!(
                    line,
                    "_Static_assert(offsetof({name}, {member}) == {offset}, \"{name}.{member}\");"
                )
                .unwrap();
            }
        }
        lines.push(line);
    }
    lines
}

/// Every record that the function reaches.
fn records(frame: &CallFrame) -> Vec<(TypeId, RecordId)> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<TypeId> = frame.parameters().iter().map(|one| one.ty).collect();
    waiting.push(frame.result());
    while let Some(ty) = waiting.pop() {
        if !seen.insert(ty) {
            continue;
        }
        match frame.ty(ty) {
            Type::Pointer(pointer) => waiting.push(pointer.target),
            Type::Array { element, .. } => waiting.push(*element),
            Type::Record(id) => {
                found.push((ty, *id));
                waiting.extend(frame.record(*id).fields.iter().map(|field| field.ty));
            }
            _ => {}
        }
    }
    found
}

/// What the compiler complains of, if it does.
fn compile(source: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pack.c");
    std::fs::write(&file, source).unwrap();
    let ran = Command::new("gcc")
        .args(["-std=gnu11", "-fsyntax-only", "-w", "-fmax-errors=30"])
        .arg(&file)
        .output()
        .expect("gcc");
    if ran.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&ran.stderr).into_owned())
}
