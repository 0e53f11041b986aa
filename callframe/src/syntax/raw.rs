//! What the parser hands to [`crate::resolve`]: types as declared, with every annotation where it
//! was written. Nothing has been checked for sense here but C's own grammar.

use std::sync::Arc;

use super::token::Span;
use crate::error::{Code, PrototypeError};
use crate::expression::Comparison;
use crate::types::{Direction, FailValue, RecordName, Scalar};

/// A type as declared.
#[derive(Clone, Debug)]
pub(crate) struct RawType {
    pub shape: Shape,
    pub constant: bool,
    pub annotations: Vec<Annotation>,
    pub span: Span,
    /// Pointers, arrays and functions on the way to the named type; bounded, so that no walk and no
    /// drop of a type can exhaust the stack.
    pub depth: u16,
}

/// What a type is made of.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Void,
    Scalar(Scalar),
    VariableArguments,
    Pointer(Arc<RawType>),
    Array(Arc<RawType>, Option<RawExpression>),
    Function(Arc<RawFunction>),
    Record(RecordKey),
}

/// A function's type.
#[derive(Clone, Debug)]
pub(crate) struct RawFunction {
    pub result: RawType,
    pub parameters: Vec<RawMember>,
    /// Where `()` stands in place of `(void)`.
    pub empty: Option<Span>,
    /// Where `...` stands.
    pub variadic: Option<Span>,
}

/// A parameter, or a member of a record.
#[derive(Clone, Debug)]
pub(crate) struct RawMember {
    pub name: Option<Name>,
    pub ty: RawType,
    pub span: Span,
}

/// A name and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub text: String,
    pub span: Span,
}

/// Which record: of the standard declarations, or given by the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RecordKey {
    pub standard: bool,
    pub index: usize,
}

/// A record of a scope.
#[derive(Clone, Debug)]
pub(crate) struct RawRecord {
    pub name: RecordName,
    pub union: bool,
    /// `None` as long as the record is incomplete.
    pub fields: Option<Vec<RawMember>>,
    /// Why a record that was read cannot be carried; told to those who use it.
    pub trouble: Option<PrototypeError>,
    /// Whether a member, or a member's member, is a pointer or a descriptor.
    pub holds_pointers: bool,
    /// How deep records lie in it by value.
    pub depth: u16,
}

/// One annotation.
#[derive(Clone, Debug)]
pub(crate) struct Annotation {
    pub kind: AnnotationKind,
    pub span: Span,
}

/// The annotations that survive parsing; those that cannot be carried are reported by the parser.
#[derive(Clone, Debug)]
pub(crate) enum AnnotationKind {
    Direction(Direction),
    Extent(RawExtent),
    /// `[]` or `[*]` on a parameter: more than one element, and nobody knows how many.
    Unbounded,
    Filled(RawExpression),
    Handle,
    ClosedBy(String),
    Consume,
    Opaque,
    Owned(String),
    Borrowed,
    BorrowedFrom(Name),
    Static,
    Retained(Name),
    Alias(Name),
    Scope(Name),
    /// `__cursor(next, available)`: two members of the record.
    Cursor(Name, Name),
    /// `__or_const(..)`: values that travel as they are.
    OrConst(Vec<i128>),
    Descriptor,
    /// `__field(p->m, ..)`: what is said of a member for this function; the path begins with the
    /// parameter.
    Field(Vec<Name>, Vec<Annotation>),
    /// The width of a bit-field.
    Bits(u8),
    Switch(Name),
    Case(Vec<i128>),
    Success(RawExpression),
    Fail(FailValue),
    NoErrno,
    Idempotent,
    NoReturn,
    NoCallback,
    /// `__case_range(first, last)`, of a member of a table of variadic arguments.
    CaseRange(i128, i128),
    /// `__timeout(ms)`
    Timeout(i128),
    /// What tells the types of the arguments in place of `...`.
    Variadic(RawVariadic),
    /// GCC `format(printf, f, first)` and `sentinel`: the same, where there is a `...` and no
    /// annotation says otherwise.
    VariadicAttribute(RawVariadic),
    /// GCC `access(mode, pointer[, size])`: parameters counted from 1.
    Access {
        direction: Direction,
        pointer: u32,
        size: Option<u32>,
    },
    /// GCC `malloc(f)`: the result is released by f.
    ReleasedBy(String),
    /// GCC `fd_arg(n)`.
    DescriptorParameter(u32),
    /// GCC `null_terminated_string_arg(n)`.
    TerminatedParameter(u32),
}

/// What tells the types of the arguments in place of `...`, as written.
#[derive(Clone, Debug)]
pub(crate) enum RawVariadic {
    /// How many parameters are named in C.
    Fixed(i128),
    /// The positions of the format and of the first argument, counted from 1.
    Printf(i128, i128),
    Sentinel,
    /// The parameter whose value chooses.
    By(Name),
}

/// How far a pointer reaches, as written.
#[derive(Clone, Debug)]
pub(crate) enum RawExtent {
    Single,
    NullTerminated,
    TerminatedBy(i128),
    Counted(RawExpression),
    Sized(RawExpression),
    EndedBy(Name),
}

/// Postfix operations whose names are not yet bound.
#[derive(Clone, Debug)]
pub(crate) struct RawExpression {
    pub operations: Vec<(RawOperation, Span)>,
    pub span: Span,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RawOperation {
    Constant(i128),
    Name(String),
    Pointee(String),
    Return,
    SizeOf(Scalar),
    SizeOfRecord(RecordKey),
    /// `fn(a, b)`: the function, and the parameters it is asked with.
    Query(String, Vec<String>),
    Add,
    Subtract,
    Multiply,
    Divide,
    Compare(Comparison),
    Negate,
}

/// A construct that was understood and is not carried: which, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uncarried {
    pub code: Code,
    pub span: Span,
}

impl RawType {
    pub fn new(shape: Shape, span: Span) -> RawType {
        RawType {
            shape,
            constant: false,
            annotations: Vec::new(),
            span,
            depth: 0,
        }
    }

    /// Whether it is a pointer to a function, or a function.
    pub fn is_function(&self) -> bool {
        match &self.shape {
            Shape::Function(_) => true,
            Shape::Pointer(target) => target.is_function(),
            _ => false,
        }
    }
}

impl AnnotationKind {
    /// Whether it says which member of a union is there.
    pub fn of_union(&self) -> bool {
        matches!(
            self,
            AnnotationKind::Switch(_) | AnnotationKind::Case(_) | AnnotationKind::CaseRange(..)
        )
    }

    /// Whether it speaks of a member itself, not of its type.
    pub fn of_member(&self) -> bool {
        self.of_union() || matches!(self, AnnotationKind::Bits(_))
    }

    /// Whether it speaks of the whole function.
    pub fn of_function(&self) -> bool {
        use AnnotationKind::*;
        matches!(
            self,
            Success(_)
                | Field(..)
                | Fail(_)
                | NoErrno
                | Idempotent
                | NoReturn
                | NoCallback
                | Timeout(_)
                | Variadic(_)
                | VariadicAttribute(_)
                | Access { .. }
                | ReleasedBy(_)
                | DescriptorParameter(_)
                | TerminatedParameter(_)
        )
    }
}
