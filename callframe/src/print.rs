//! The canonical spelling of a frame: one line of C with every default written out.
//!
//! `parse(&frame.to_string()) == Ok(frame)`. Records that the text gave come first, each before its
//! first use; standard ones go by name. Typedefs are gone, except where they name a record.
//!
//! ```
//! let frame = callframe::parse("size_t strlen(const char *s)").unwrap();
//! assert_eq!(frame.to_string(), "size_t strlen(const char *__in __null_terminated s)");
//! ```

use std::fmt;

use crate::expression::Expression;
use crate::types::{
    CallFrame, Callback, Contract, Direction, Extent, FailValue, Field, Filled, Handle, Identity,
    Origin, Ownership, Parameter, Pointer, Record, RecordId, RecordName, Scalar, Table, Type,
    TypeId, Variadic,
};

mod expression;

impl fmt::Display for CallFrame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for definition in self.definitions() {
            formatter.write_str(&definition)?;
            formatter.write_str(" ")?;
        }
        formatter.write_str(&self.declaration())
    }
}

impl CallFrame {
    /// The types that the declaration needs and the text gave, each after those it is made of; then
    /// the functions it asks that return something else than int.
    pub fn definitions(&self) -> Vec<String> {
        let printer = Printer::of(self);
        let given = printer.given().into_iter();
        let mut definitions: Vec<String> = given.map(|id| printer.definition(id)).collect();
        if let Some(Variadic::By(table)) = &self.variadic
            && table.origin == Origin::Given
        {
            definitions.push(printer.table(table));
        }
        definitions.extend(printer.declared());
        definitions
    }

    /// The declaration alone, without the types it needs.
    pub fn declaration(&self) -> String {
        let printer = Printer::of(self);
        let head = format!("{}({})", self.name, printer.list());
        let declared = printer.declare(self.result, false, &head);
        declared + &printer.variadic() + &printer.contract(&self.contract)
    }

    /// A type of this frame as C text, for messages: `char *__out __sized_by(n)`.
    pub fn type_text(&self, ty: TypeId) -> String {
        let printer = Printer::of(self);
        printer.declare(ty, false, "").trim_end().to_owned()
    }

    /// An expression of this frame's parameters as C text, for messages.
    pub fn expression_text(&self, expression: &Expression) -> String {
        Printer::of(self).expression(expression)
    }
}

impl Scalar {
    /// How C code names it.
    pub fn c_name(self) -> &'static str {
        match self {
            Scalar::Bool => "_Bool",
            Scalar::Char => "char",
            Scalar::SignedChar => "signed char",
            Scalar::UnsignedChar => "unsigned char",
            Scalar::Short => "short",
            Scalar::UnsignedShort => "unsigned short",
            Scalar::Int => "int",
            Scalar::UnsignedInt => "unsigned int",
            Scalar::Long => "long",
            Scalar::UnsignedLong => "unsigned long",
            Scalar::LongLong => "long long",
            Scalar::UnsignedLongLong => "unsigned long long",
            Scalar::Int8 => "int8_t",
            Scalar::UInt8 => "uint8_t",
            Scalar::Int16 => "int16_t",
            Scalar::UInt16 => "uint16_t",
            Scalar::Int32 => "int32_t",
            Scalar::UInt32 => "uint32_t",
            Scalar::Int64 => "int64_t",
            Scalar::UInt64 => "uint64_t",
            Scalar::Size => "size_t",
            Scalar::SignedSize => "ssize_t",
            Scalar::PointerDifference => "ptrdiff_t",
            Scalar::IntPointer => "intptr_t",
            Scalar::UIntPointer => "uintptr_t",
            Scalar::WideChar => "wchar_t",
            Scalar::Time => "time_t",
            Scalar::Offset => "off_t",
            Scalar::Float => "float",
            Scalar::Double => "double",
            Scalar::LongDouble => "long double",
            Scalar::ComplexFloat => "float _Complex",
            Scalar::ComplexDouble => "double _Complex",
            Scalar::ComplexLongDouble => "long double _Complex",
        }
    }
}

/// What the names in an expression refer to.
#[derive(Clone, Copy)]
enum Names<'f> {
    Parameters(&'f [Parameter]),
    Fields(&'f [Field]),
}

struct Printer<'f> {
    frame: &'f CallFrame,
    names: Names<'f>,
    /// The parameters that annotations speak of.
    parameters: &'f [Parameter],
    /// Inside of a callback: those of the function it is given to.
    outer: &'f [Parameter],
}

impl<'f> Printer<'f> {
    fn of(frame: &'f CallFrame) -> Printer<'f> {
        Printer {
            frame,
            names: Names::Parameters(&frame.parameters),
            parameters: &frame.parameters,
            outer: &frame.outer,
        }
    }

    /// The printer of a callback's parameters and result.
    fn inside(&self, parameters: &'f [Parameter]) -> Printer<'f> {
        Printer {
            frame: self.frame,
            names: Names::Parameters(parameters),
            parameters,
            outer: match self.names {
                Names::Parameters(outer) => outer,
                Names::Fields(_) => &[],
            },
        }
    }

    /// The parameters of the function itself, with its `...`.
    fn list(&self) -> String {
        match (&self.frame.variadic, self.frame.parameters.as_slice()) {
            (None | Some(Variadic::Fixed(_)), parameters) => self.parameters(parameters),
            (Some(_), []) => "...".to_owned(),
            (Some(_), parameters) => format!("{}, ...", self.parameters(parameters)),
        }
    }

    /// The table of variadic arguments, as it is given.
    fn table(&self, table: &Table) -> String {
        let mut text = format!("union {}_variadic {{ ", self.frame.name);
        for case in &table.cases {
            text.push_str(&self.declare(case.ty, false, &case.name));
            if !case.values.is_empty() {
                let values: Vec<String> = case.values.iter().map(i128::to_string).collect();
                text.push_str(&format!(" __case({})", values.join(", ")));
            }
            if let Some((first, last)) = case.range {
                text.push_str(&format!(" __case_range({first}, {last})"));
            }
            text.push_str("; ");
        }
        text + "};"
    }

    fn variadic(&self) -> String {
        match &self.frame.variadic {
            None => String::new(),
            Some(Variadic::Fixed(fixed)) => format!(" __variadic({fixed})"),
            Some(Variadic::Printf(format)) => {
                let first = self.frame.parameters.len() + 1;
                format!(" __printf({}, {first})", format + 1)
            }
            Some(Variadic::Sentinel) => " __sentinel".to_owned(),
            Some(Variadic::By(table)) => format!(" __variadic_by({})", self.parameter(table.tag)),
        }
    }

    fn parameters(&self, parameters: &[Parameter]) -> String {
        if parameters.is_empty() {
            return "void".to_owned();
        }
        let one = |parameter: &Parameter| self.declare(parameter.ty, false, &parameter.name);
        parameters.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// The declaration of `inner` with type `ty`.
    fn declare(&self, ty: TypeId, constant: bool, inner: &str) -> String {
        let prefix = if constant { "const " } else { "" };
        let named = |name: &str| match inner {
            "" => format!("{prefix}{name}"),
            _ => format!("{prefix}{name} {inner}"),
        };
        match self.frame.ty(ty) {
            Type::Void => named("void"),
            Type::Scalar(scalar) => named(scalar.c_name()),
            Type::Descriptor => named("int __fd"),
            Type::Record(record) => named(&self.record_text(*record)),
            Type::Array { element, length } => {
                let inner = format!("{}[{length}]", grouped(inner));
                self.declare(*element, constant, &inner)
            }
            Type::Function { parameters, result } => {
                let inside = self.inside(parameters);
                let inner = format!("{}({})", grouped(inner), inside.parameters(parameters));
                inside.declare(*result, false, &inner)
            }
            Type::Pointer(pointer) => {
                let mut text = String::from("*");
                if constant {
                    text.push_str("const ");
                }
                text.push_str(&self.annotations(pointer));
                // A star before a star, or a name that follows at once, needs no blank.
                let text = format!("{}{}", text.trim_end(), separated(&text, inner));
                self.declare(pointer.target, pointer.constant, &text)
            }
        }
    }

    /// What stands between a `*` and the name, each word followed by a blank.
    fn annotations(&self, pointer: &Pointer) -> String {
        let mut words = Vec::new();
        match &pointer.identity {
            Identity::Data => self.data(pointer, &mut words),
            Identity::Handle(handle) => {
                handle_words(handle, &mut words);
                self.cursors(pointer, handle, &mut words);
            }
            Identity::Alias(index) => words.push(format!("__alias({})", self.parameter(*index))),
            Identity::Opaque => words.push("__opaque".to_owned()),
            Identity::Callback(callback) => self.callback_words(callback, &mut words),
        }
        words.iter().map(|word| format!("{word} ")).collect()
    }

    fn data(&self, pointer: &Pointer, words: &mut Vec<String>) {
        match &pointer.ownership {
            Ownership::Caller => {}
            Ownership::Owned(function) => words.push(format!("__owned({function})")),
            Ownership::Borrowed => words.push("__borrowed".to_owned()),
            Ownership::BorrowedFrom(index) => {
                words.push(format!("__borrowed_from({})", self.parameter(*index)));
            }
            Ownership::Static => words.push("__static".to_owned()),
            Ownership::Retained(index) => {
                words.push(format!("__retained({})", self.parameter(*index)));
            }
        }
        if pointer.ownership.is_callers() {
            words.push(
                match pointer.direction {
                    Direction::In => "__in",
                    Direction::Out => "__out",
                    Direction::InOut => "__inout",
                }
                .to_owned(),
            );
        }
        let expression = |expression| self.expression(expression);
        words.push(match &pointer.extent {
            Extent::Single => "__single".to_owned(),
            Extent::NullTerminated => "__null_terminated".to_owned(),
            Extent::TerminatedBy(value) => format!("__terminated_by({value})"),
            Extent::Counted(count) => format!("__counted_by({})", expression(count)),
            Extent::Sized(size) => format!("__sized_by({})", expression(size)),
            Extent::EndedBy(end) => format!("__ended_by({})", self.parameter(*end)),
        });
        words.extend(match &pointer.filled {
            None => None,
            Some(Filled::Amount(amount)) => Some(format!("__filled({})", expression(amount))),
            Some(Filled::Until(0)) => Some("__null_terminated".to_owned()),
            Some(Filled::Until(value)) => Some(format!("__terminated_by({value})")),
        });
    }

    fn cursors(&self, pointer: &Pointer, handle: &Handle, words: &mut Vec<String>) {
        let Type::Record(id) = self.frame.ty(pointer.target) else {
            return;
        };
        let fields = &self.frame.record(*id).fields;
        let name = |index: u32| fields.get(index as usize).map_or("", |field| &field.name);
        words.extend(handle.cursors.iter().map(|cursor| {
            let (next, left) = (name(cursor.pointer), name(cursor.available));
            format!("__cursor({next}, {left})")
        }));
    }

    fn parameter(&self, index: u32) -> &str {
        let parameter = self.parameters.get(index as usize);
        parameter.map_or("", |parameter| parameter.name.as_str())
    }

    fn callback_words(&self, callback: &Callback, words: &mut Vec<String>) {
        if let Some(scope) = callback.scope {
            words.push(format!("__scope({})", self.parameter(scope)));
        }
        if !callback.constants.is_empty() {
            let constants: Vec<String> = callback.constants.iter().map(i128::to_string).collect();
            words.push(format!("__or_const({})", constants.join(", ")));
        }
    }

    /// A record where it is used: by its name, or with its members if it has none.
    fn record_text(&self, id: RecordId) -> String {
        let record = self.frame.record(id);
        match &record.name {
            RecordName::Tag(tag) => format!("{} {tag}", keyword(record)),
            RecordName::Typedef(name) => name.clone(),
            RecordName::Unnamed => format!("{} {{ {}}}", keyword(record), self.members(record)),
        }
    }

    /// A record that the text gave, as it is given.
    fn definition(&self, id: RecordId) -> String {
        let record = self.frame.record(id);
        let members = self.members(record);
        let keyword = keyword(record);
        match &record.name {
            RecordName::Typedef(name) => format!("typedef {keyword} {{ {members}}} {name};"),
            RecordName::Tag(tag) => format!("{keyword} {tag} {{ {members}}};"),
            RecordName::Unnamed => String::new(),
        }
    }

    fn members(&self, record: &'f Record) -> String {
        let inside = Printer {
            frame: self.frame,
            names: Names::Fields(&record.fields),
            parameters: self.parameters,
            outer: &[],
        };
        let one = |field: &Field| {
            let mut text = inside.declare(field.ty, false, &field.name);
            if let Some(width) = field.bits {
                text.push_str(&format!(" : {width}"));
            }
            let tag = field.switch.and_then(|tag| record.fields.get(tag as usize));
            if let Some(tag) = tag {
                text.push_str(&format!(" __switch({})", tag.name));
            }
            if !field.cases.is_empty() {
                let cases: Vec<String> = field.cases.iter().map(i128::to_string).collect();
                text.push_str(&format!(" __case({})", cases.join(", ")));
            }
            format!("{text}; ")
        };
        record.fields.iter().map(one).collect()
    }

    /// Records to print, each after those it is made of.
    fn given(&self) -> Vec<RecordId> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.frame.records.len()];
        for ty in &self.frame.types {
            if let Type::Record(record) = ty {
                self.visit(*record, &mut seen, &mut order);
            }
        }
        order
    }

    fn visit(&self, id: RecordId, seen: &mut [bool], order: &mut Vec<RecordId>) {
        match seen.get_mut(id.0 as usize) {
            Some(seen) if !*seen => *seen = true,
            _ => return,
        }
        let record = self.frame.record(id);
        for field in &record.fields {
            self.visit_type(field.ty, seen, order);
        }
        if record.origin == Origin::Given && record.name != RecordName::Unnamed {
            order.push(id);
        }
    }

    fn visit_type(&self, ty: TypeId, seen: &mut [bool], order: &mut Vec<RecordId>) {
        match self.frame.ty(ty) {
            Type::Pointer(pointer) => self.visit_type(pointer.target, seen, order),
            Type::Array { element, .. } => self.visit_type(*element, seen, order),
            Type::Record(inner) => self.visit(*inner, seen, order),
            Type::Function { parameters, result } => {
                self.visit_type(*result, seen, order);
                for parameter in parameters {
                    self.visit_type(parameter.ty, seen, order);
                }
            }
            Type::Void | Type::Scalar(_) | Type::Descriptor => {}
        }
    }

    /// Functions that are asked and return another integer than int, as declared before.
    fn declared(&self) -> Vec<String> {
        let mut declared = Vec::new();
        for query in self.frame.queries() {
            if query.result == Scalar::Int {
                continue;
            }
            let arguments = query.arguments.iter();
            let arguments =
                arguments.filter_map(|index| self.frame.parameters.get(*index as usize));
            let mut parameters: Vec<String> = arguments
                .map(|parameter| self.declare(parameter.ty, false, &parameter.name))
                .collect();
            if parameters.is_empty() {
                parameters.push("void".to_owned());
            }
            let (result, name) = (query.result.c_name(), &query.function);
            let text = format!("{result} {name}({});", parameters.join(", "));
            if !declared.contains(&text) {
                declared.push(text);
            }
        }
        declared
    }

    fn contract(&self, contract: &Contract) -> String {
        let mut text = String::new();
        if let Some(success) = &contract.success {
            text.push_str(&format!(" __success({})", self.expression(success)));
        }
        match contract.fail {
            Some(FailValue::Integer(value)) => text.push_str(&format!(" __fail({value})")),
            Some(FailValue::Float(bits)) => {
                text.push_str(&format!(" __fail({})", float_text(f64::from_bits(bits))));
            }
            None => {}
        }
        for (said, word) in [
            (contract.no_errno, " __noerrno"),
            (contract.idempotent, " __idempotent"),
            (contract.no_return, " __noreturn"),
            (contract.no_callback, " __nocallback"),
        ] {
            if said {
                text.push_str(word);
            }
        }
        if let Some(milliseconds) = contract.timeout {
            text.push_str(&format!(" __timeout({milliseconds})"));
        }
        text
    }
}

fn keyword(record: &Record) -> &'static str {
    if record.union { "union" } else { "struct" }
}

fn handle_words(handle: &Handle, words: &mut Vec<String>) {
    match &handle.closed_by {
        Some(function) => words.push(format!("__closed_by({function})")),
        None => words.push("__handle".to_owned()),
    }
    if handle.consumed {
        words.push("__consume".to_owned());
    }
    if !handle.constants.is_empty() {
        let values: Vec<String> = handle.constants.iter().map(i128::to_string).collect();
        words.push(format!("__or_const({})", values.join(", ")));
    }
}

/// `inner` in parentheses where a suffix would otherwise bind to less than it.
fn grouped(inner: &str) -> String {
    if inner.starts_with('*') {
        format!("({inner})")
    } else {
        inner.to_owned()
    }
}

/// `inner` with a blank before it where `before`, the text of a `*`, ends in a word.
fn separated(before: &str, inner: &str) -> String {
    if inner.is_empty() || before.trim_end() == "*" {
        inner.to_owned()
    } else {
        format!(" {inner}")
    }
}

fn float_text(value: f64) -> String {
    if value.is_nan() {
        "NAN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "INFINITY" } else { "-INFINITY" }.to_owned()
    } else {
        format!("{value:?}")
    }
}
