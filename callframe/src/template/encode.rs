//! The canonical bytes of a template.
//!
//! All numbers are little-endian. Types are numbered in the order in which they are first reached
//! from the parameters and the result, so the order in which a parser made its nodes leaves no
//! trace.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | version of this table, 2 |
//! | 16 | the data model: (size, align) of long, long long, pointer, time_t, off_t, wchar_t, double, long double |
//! | 1 | flags: 1 `__noerrno`, 2 `__noreturn`, 4 `__success` follows, 8 `__fail` integer follows, 16 `__fail` float follows, 32 `__idempotent`, 64 `__nocallback` |
//! | … | name: u16 length, bytes |
//! | … | the `__success` expression, then the 16 bytes of an integer `__fail` or the 8 of a float one, where flagged |
//! | 2 | of a variadic function, the number of its named parameters and one; else 0 |
//! | 4 | `__timeout` in milliseconds, 0 where there is none |
//! | 2 | number of parameters; for each: u32 slot offset, u32 type number |
//! | 4 | type number of the result |
//! | … | the types in order of their numbers |
//!
//! A type is a tag byte, u64 size, u64 alignment, then by tag:
//!
//! | tag | type | followed by |
//! |---|---|---|
//! | 0 | void | |
//! | 1 | scalar | u8: its place in the declaration of `Scalar` |
//! | 2 | descriptor | |
//! | 3 | pointer | target u32; u8 direction 0 in, 1 out, 2 inout; extent; filled: u8 0, 1 and the expression, or 2 and the terminator i128; identity; ownership |
//! | 4 | array | element u32, length u64 |
//! | 5 | record | u8 union; u32 number of fields; for each: u64 offset, u32 type, u8 1 + width of a bit-field or 0, u8 bits below it, u32 1 + its tag of `__switch` or 0, u16 number of `__case` values and i128 each |
//! | 6 | function | u32 number of parameters, their types u32, result u32 |
//!
//! | extent | bytes | identity | bytes | ownership | bytes |
//! |---|---|---|---|---|---|
//! | single | 0 | data | 0 | caller | 0 |
//! | null terminated | 1 | handle | 1, see below | owned | 1, name |
//! | terminated by | 2, i128 | alias | 2, u32 | borrowed | 2 |
//! | counted | 3, expression | opaque | 3 | borrowed from | 3, u32 |
//! | sized | 4, expression | callback | 4; u8 1 and its scope u32, or 0; u16 number of constants, i128 each | static | 4 |
//! | ended by | 5, u32 | | | retained | 5, u32 |
//!
//! A handle is u8 consumed, u8 closed_by given, its name, u8 resident, u16 number of cursors and for
//! each two members u32, u16 number of constants and for each i128.
//!
//! An expression is a u16 number of operations, each an opcode byte and its operand: 0 constant
//! i128, 1 parameter u32, 2 pointee u32, 3 field u32, 4 return, 5 sizeof u8, 6 add, 7 subtract,
//! 8 multiply, 9 divide, 10 compare u8, 11 negate, 12 outer parameter u32,
//! 13 query: name, u16 number of arguments and
//! their parameters u32, u8 scalar of the result; 14 sizeof the type of a number u32.

use super::Template;
use crate::expression::{Expression, Operation};
use crate::types::{
    Direction, Extent, FailValue, Filled, Identity, Ownership, Pointer, Type, TypeId, Variadic,
};
use std::collections::HashMap;

const VERSION: u8 = 2;

pub(super) fn encode(template: &Template) -> Vec<u8> {
    let mut writer = Writer {
        template,
        bytes: vec![VERSION],
        numbers: HashMap::new(),
        order: vec![],
    };
    writer.model();
    writer.contract();
    writer.signature();
    let mut next = 0;
    while let Some(&id) = writer.order.get(next) {
        writer.ty(id);
        next += 1;
    }
    writer.bytes
}

struct Writer<'a> {
    template: &'a Template,
    bytes: Vec<u8>,
    numbers: HashMap<TypeId, u32>,
    order: Vec<TypeId>,
}

impl Writer<'_> {
    fn model(&mut self) {
        let model = self.template.model();
        let all = [
            model.long,
            model.long_long,
            model.pointer,
            model.time,
            model.offset,
            model.wide_char,
            model.double,
            model.long_double,
        ];
        for layout in all {
            self.bytes.extend([layout.size, layout.align]);
        }
    }

    fn contract(&mut self) {
        let frame = self.template.frame();
        let contract = frame.contract();
        let fail = match contract.fail {
            None => 0,
            Some(FailValue::Integer(_)) => 8,
            Some(FailValue::Float(_)) => 16,
        };
        let flags = u8::from(contract.no_errno)
            | u8::from(contract.no_return) << 1
            | u8::from(contract.success.is_some()) << 2
            | u8::from(contract.idempotent) << 5
            | u8::from(contract.no_callback) << 6
            | fail;
        self.bytes.push(flags);
        self.name(frame.name());
        if let Some(success) = &contract.success {
            self.expression(success);
        }
        match contract.fail {
            None => {}
            Some(FailValue::Integer(value)) => self.bytes.extend(value.to_le_bytes()),
            Some(FailValue::Float(bits)) => self.bytes.extend(bits.to_le_bytes()),
        }
        let named = match frame.variadic() {
            None => 0,
            Some(Variadic::Fixed(fixed)) => *fixed as u16 + 1,
            Some(_) => frame.parameters().len() as u16 + 1,
        };
        self.bytes.extend(named.to_le_bytes());
        let timeout = contract.timeout.unwrap_or(0);
        self.bytes.extend(timeout.to_le_bytes());
    }

    fn signature(&mut self) {
        let template = self.template;
        let frame = template.frame();
        self.bytes
            .extend((frame.parameters().len() as u16).to_le_bytes());
        for (parameter, slot) in frame.parameters().iter().zip(template.arguments()) {
            self.bytes.extend((slot.offset as u32).to_le_bytes());
            self.reference(parameter.ty);
        }
        self.reference(frame.result());
    }

    fn ty(&mut self, id: TypeId) {
        let template = self.template;
        let frame = template.frame();
        let ty = frame.ty(id);
        let tag = match ty {
            Type::Void => 0,
            Type::Scalar(_) => 1,
            Type::Descriptor => 2,
            Type::Pointer(_) => 3,
            Type::Array { .. } => 4,
            Type::Record(_) => 5,
            Type::Function { .. } => 6,
        };
        let layout = template.size_align(id);
        self.bytes.push(tag);
        self.bytes.extend(layout.size.to_le_bytes());
        self.bytes.extend(layout.align.to_le_bytes());
        match ty {
            Type::Void | Type::Descriptor => {}
            Type::Scalar(scalar) => self.bytes.push(*scalar as u8),
            Type::Pointer(pointer) => self.pointer(pointer),
            Type::Array { element, length } => {
                self.reference(*element);
                self.bytes.extend(length.to_le_bytes());
            }
            Type::Record(record) => {
                let fields = &frame.record(*record).fields;
                self.bytes.push(u8::from(frame.record(*record).union));
                self.bytes.extend((fields.len() as u32).to_le_bytes());
                for (index, field) in fields.iter().enumerate() {
                    let offset = template.field_offset(*record, index).unwrap_or(0);
                    self.bytes.extend(offset.to_le_bytes());
                    self.reference(field.ty);
                    let bits = template.bit_field(*record, index);
                    let (width, shift) = bits.map_or((0, 0), |bits| (bits.width + 1, bits.shift));
                    self.bytes.extend([width, shift]);
                    let switch = field.switch.map_or(0, |tag| tag.saturating_add(1));
                    self.bytes.extend(switch.to_le_bytes());
                    self.bytes.extend((field.cases.len() as u16).to_le_bytes());
                    for case in &field.cases {
                        self.bytes.extend(case.to_le_bytes());
                    }
                }
            }
            Type::Function { parameters, result } => {
                self.bytes.extend((parameters.len() as u32).to_le_bytes());
                for parameter in parameters {
                    self.reference(parameter.ty);
                }
                self.reference(*result);
            }
        }
    }

    fn pointer(&mut self, pointer: &Pointer) {
        self.reference(pointer.target);
        self.bytes.push(match pointer.direction {
            Direction::In => 0,
            Direction::Out => 1,
            Direction::InOut => 2,
        });
        self.extent(&pointer.extent);
        match &pointer.filled {
            None => self.bytes.push(0),
            Some(Filled::Amount(amount)) => {
                self.bytes.push(1);
                self.expression(amount);
            }
            Some(Filled::Until(terminator)) => {
                self.bytes.push(2);
                self.bytes.extend(terminator.to_le_bytes());
            }
        }
        self.identity(&pointer.identity);
        self.ownership(&pointer.ownership);
    }

    fn extent(&mut self, extent: &Extent) {
        match extent {
            Extent::Single => self.bytes.push(0),
            Extent::NullTerminated => self.bytes.push(1),
            Extent::TerminatedBy(value) => {
                self.bytes.push(2);
                self.bytes.extend(value.to_le_bytes());
            }
            Extent::Counted(expression) => {
                self.bytes.push(3);
                self.expression(expression);
            }
            Extent::Sized(expression) => {
                self.bytes.push(4);
                self.expression(expression);
            }
            Extent::EndedBy(parameter) => self.indexed(5, *parameter),
        }
    }

    fn identity(&mut self, identity: &Identity) {
        match identity {
            Identity::Data => self.bytes.push(0),
            Identity::Handle(handle) => {
                let closed_by = handle.closed_by.as_deref();
                self.bytes
                    .extend([1, u8::from(handle.consumed), u8::from(closed_by.is_some())]);
                self.name(closed_by.unwrap_or(""));
                self.bytes.push(u8::from(handle.resident));
                self.bytes
                    .extend((handle.cursors.len() as u16).to_le_bytes());
                for cursor in &handle.cursors {
                    self.bytes.extend(cursor.pointer.to_le_bytes());
                    self.bytes.extend(cursor.available.to_le_bytes());
                }
                self.constants(&handle.constants);
            }
            Identity::Alias(parameter) => {
                self.bytes.push(2);
                self.bytes.extend(parameter.to_le_bytes());
            }
            Identity::Opaque => self.bytes.push(3),
            Identity::Callback(callback) => {
                self.bytes.push(4);
                self.bytes.push(u8::from(callback.scope.is_some()));
                if let Some(scope) = callback.scope {
                    self.bytes.extend(scope.to_le_bytes());
                }
                self.constants(&callback.constants);
            }
        }
    }

    fn constants(&mut self, constants: &[i128]) {
        self.bytes.extend((constants.len() as u16).to_le_bytes());
        for value in constants {
            self.bytes.extend(value.to_le_bytes());
        }
    }

    fn ownership(&mut self, ownership: &Ownership) {
        match ownership {
            Ownership::Caller => self.bytes.push(0),
            Ownership::Owned(function) => {
                self.bytes.push(1);
                self.name(function);
            }
            Ownership::Borrowed => self.bytes.push(2),
            Ownership::BorrowedFrom(parameter) => {
                self.bytes.push(3);
                self.bytes.extend(parameter.to_le_bytes());
            }
            Ownership::Static => self.bytes.push(4),
            Ownership::Retained(parameter) => {
                self.bytes.push(5);
                self.bytes.extend(parameter.to_le_bytes());
            }
        }
    }

    fn expression(&mut self, expression: &Expression) {
        self.bytes
            .extend((expression.operations.len() as u16).to_le_bytes());
        for operation in &expression.operations {
            match operation {
                Operation::Constant(value) => {
                    self.bytes.push(0);
                    self.bytes.extend(value.to_le_bytes());
                }
                Operation::Parameter(index) => self.indexed(1, *index),
                Operation::Pointee(index) => self.indexed(2, *index),
                Operation::Field(index) => self.indexed(3, *index),
                Operation::Return => self.bytes.push(4),
                Operation::SizeOf(scalar) => self.bytes.extend([5, *scalar as u8]),
                Operation::Add => self.bytes.push(6),
                Operation::Subtract => self.bytes.push(7),
                Operation::Multiply => self.bytes.push(8),
                Operation::Divide => self.bytes.push(9),
                Operation::Compare(comparison) => self.bytes.extend([10, *comparison as u8]),
                Operation::Negate => self.bytes.push(11),
                Operation::Query(query) => {
                    self.bytes.push(13);
                    self.name(&query.function);
                    self.bytes
                        .extend((query.arguments.len() as u16).to_le_bytes());
                    for argument in &query.arguments {
                        self.bytes.extend(argument.to_le_bytes());
                    }
                    self.bytes.push(query.result as u8);
                }
                Operation::SizeOfType(ty) => {
                    self.bytes.push(14);
                    self.reference(*ty);
                }
                Operation::Outer(index) => self.indexed(12, *index),
            }
        }
    }

    fn indexed(&mut self, opcode: u8, index: u32) {
        self.bytes.push(opcode);
        self.bytes.extend(index.to_le_bytes());
    }

    fn name(&mut self, name: &str) {
        let name = name.as_bytes();
        let length = name.len().min(usize::from(u16::MAX));
        self.bytes.extend((length as u16).to_le_bytes());
        self.bytes.extend(&name[..length]);
    }

    /// Writes the number of a type, giving it one when it is met for the first time.
    fn reference(&mut self, id: TypeId) {
        let next = self.order.len() as u32;
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.order.push(id);
        }
        self.bytes.extend(number.to_le_bytes());
    }
}
