//! Frames by hand.

use crate::CallFrame;
use crate::expression::{Expression, Operation};
use crate::types::*;
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct Build {
    types: Vec<Type>,
    records: Vec<Record>,
    parameters: Vec<Parameter>,
    pub contract: Contract,
}

impl Build {
    pub fn new() -> Build {
        Build::default()
    }

    pub fn ty(&mut self, ty: Type) -> TypeId {
        self.types.push(ty);
        TypeId(self.types.len() as u32 - 1)
    }

    pub fn scalar(&mut self, scalar: Scalar) -> TypeId {
        self.ty(Type::Scalar(scalar))
    }

    pub fn void(&mut self) -> TypeId {
        self.ty(Type::Void)
    }

    /// A pointer to data of the caller's; `change` makes it something else.
    pub fn pointer(
        &mut self,
        target: TypeId,
        direction: Direction,
        extent: Extent,
        change: impl FnOnce(&mut Pointer),
    ) -> TypeId {
        let mut pointer = Pointer {
            target,
            constant: direction == Direction::In,
            direction,
            extent,
            filled: None,
            identity: Identity::Data,
            ownership: Ownership::Caller,
        };
        change(&mut pointer);
        self.ty(Type::Pointer(pointer))
    }

    /// `const char *`
    pub fn string(&mut self) -> TypeId {
        let char = self.scalar(Scalar::Char);
        self.pointer(char, Direction::In, Extent::NullTerminated, |_| {})
    }

    pub fn handle(&mut self, name: &str, handle: Handle) -> TypeId {
        let record = self.incomplete(name);
        self.pointer(record, Direction::In, Extent::Single, |pointer| {
            pointer.identity = Identity::Handle(handle);
        })
    }

    pub fn incomplete(&mut self, name: &str) -> TypeId {
        self.add_record(name, false, Origin::Incomplete, &[])
    }

    pub fn record(&mut self, name: &str, fields: &[(&str, TypeId)]) -> TypeId {
        self.add_record(name, false, Origin::Given, fields)
    }

    pub fn union(&mut self, name: &str, fields: &[(&str, TypeId)]) -> TypeId {
        self.add_record(name, true, Origin::Given, fields)
    }

    fn add_record(
        &mut self,
        name: &str,
        union: bool,
        origin: Origin,
        fields: &[(&str, TypeId)],
    ) -> TypeId {
        let field = |(name, ty): &(&str, TypeId)| Field {
            name: (*name).to_owned(),
            ty: *ty,
            switch: None,
            cases: Vec::new(),
            bits: None,
        };
        let fields = fields.iter().map(field).collect();
        self.records.push(Record {
            name: RecordName::Tag(name.to_owned()),
            union,
            origin,
            fields,
        });
        let id = RecordId(self.records.len() as u32 - 1);
        self.ty(Type::Record(id))
    }

    pub fn parameter(&mut self, name: &str, ty: TypeId) -> &mut Build {
        self.parameters.push(Parameter {
            name: name.to_owned(),
            ty,
        });
        self
    }

    pub fn finish(self, name: &str, result: TypeId) -> Arc<CallFrame> {
        Arc::new(CallFrame {
            variadic: None,
            name: name.to_owned(),
            parameters: self.parameters,
            result,
            types: self.types,
            records: self.records,
            contract: self.contract,
            outer: Vec::new(),
        })
    }

    /// `struct tm`, with GNU's two further members.
    pub fn tm(&mut self) -> TypeId {
        let int = self.scalar(Scalar::Int);
        let long = self.scalar(Scalar::Long);
        let char = self.scalar(Scalar::Char);
        let zone = self.pointer(char, Direction::In, Extent::NullTerminated, |pointer| {
            pointer.ownership = Ownership::Static;
        });
        let names = [
            "sec", "min", "hour", "mday", "mon", "year", "wday", "yday", "isdst",
        ];
        let mut fields: Vec<(&str, TypeId)> = names.iter().map(|name| (*name, int)).collect();
        fields.extend([("gmtoff", long), ("zone", zone)]);
        self.record("tm", &fields)
    }
}

pub(crate) fn expression(operations: Vec<Operation>) -> Expression {
    Expression { operations }
}

/// The value of parameter `index`.
pub(crate) fn value_of(index: u32) -> Expression {
    expression(vec![Operation::Parameter(index)])
}

/// What parameter `index` leads to.
pub(crate) fn pointee(index: u32) -> Expression {
    expression(vec![Operation::Pointee(index)])
}

/// What the function returned.
pub(crate) fn returned() -> Expression {
    expression(vec![Operation::Return])
}
