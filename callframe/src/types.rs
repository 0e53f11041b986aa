//! What a prototype means: the immutable nodes of a [`CallFrame`].
//!
//! The nodes say nothing of sizes; those belong to a data model (see [`crate::template`]). Nodes
//! live in one arena per frame and name each other by [`TypeId`], so a frame is a plain value that
//! can be compared, printed and shared between threads. Every default of the language has been
//! applied by the time a frame exists: a pointer node always knows its direction and its extent.

use crate::expression::{Expression, Query};

mod callbacks;

/// One parsed prototype: everything both ends need to know to carry a call of it.
///
/// Equality ignores nothing: two frames are equal when they describe the same function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFrame {
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) result: TypeId,
    pub(crate) variadic: Option<Variadic>,
    pub(crate) types: Vec<Type>,
    pub(crate) records: Vec<Record>,
    pub(crate) contract: Contract,
    /// Of a callback: the parameters of the function it was given to, whose integers its own
    /// annotations may name. Empty for a function.
    pub(crate) outer: Vec<Parameter>,
}

/// A parameter, in the order of the declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// As declared; `argN` (counted from 1) where the prototype gives none.
    pub name: String,
    /// Its type after the adjustments C makes to parameters (arrays and functions become pointers).
    pub ty: TypeId,
}

/// What tells the types of the arguments in place of `...`.
///
/// Only [`Variadic::Fixed`] can be called as it stands; of the others
/// [`with_arguments`](CallFrame::with_arguments) makes such a frame for the arguments of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variadic {
    /// `__variadic(n)`: they are written out among the parameters, after the first `n`.
    Fixed(u32),
    /// `__printf(f, first)`: the conversions of the format in this parameter, by index.
    Printf(u32),
    /// `__sentinel`: text after text, up to a NULL.
    Sentinel,
    /// `__variadic_by(tag)`: one argument, whose type the value of an integer parameter chooses.
    By(Table),
}

/// The types among which the value of a parameter chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The parameter, by index.
    pub tag: u32,
    /// Where the table comes from.
    pub origin: Origin,
    /// In order of declaration; no value chooses two of them.
    pub cases: Vec<Case>,
}

/// One type of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// As the table calls it.
    pub name: String,
    /// Its type, as a parameter's.
    pub ty: TypeId,
    /// `__case(v, ..)`: single values.
    pub values: Vec<i128>,
    /// `__case_range(first, last)`: values from the first to the last that no other case has singly.
    pub range: Option<(i128, i128)>,
}

impl Table {
    /// Which case a value of the tag chooses: the one that has it singly, else the one in whose range
    /// it is, else the one that names no values.
    pub fn case(&self, tag: i128) -> Option<usize> {
        let position = |test: &dyn Fn(&Case) -> bool| self.cases.iter().position(test);
        let single = position(&|case| case.values.contains(&tag));
        let ranged = || {
            position(&|case| {
                case.range
                    .is_some_and(|(first, last)| (first..=last).contains(&tag))
            })
        };
        let others = || position(&|case| case.values.is_empty() && case.range.is_none());
        single.or_else(ranged).or_else(others)
    }
}

/// Function-level annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contract {
    /// `__success(e)`: outputs are copied back only if `e` is non-zero after the call.
    pub success: Option<Expression>,
    /// `__fail(v)`: what the function returns when the call itself failed.
    pub fail: Option<FailValue>,
    /// `__noerrno`: errno neither enters nor leaves.
    pub no_errno: bool,
    /// `__noreturn`: the function ends its VM.
    pub no_return: bool,
    /// `__idempotent`: may be run again on a fresh VM when the first one died in the call.
    pub idempotent: bool,
    /// `__nocallback`: never calls back into the client.
    pub no_callback: bool,
    /// `__timeout(ms)`: how long a call may take, in milliseconds.
    pub timeout: Option<u32>,
}

/// The value of `__fail(v)`: an integer constant, or a floating one kept as its bits so that frames
/// can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailValue {
    /// For integers, enums and pointers.
    Integer(i128),
    /// For floating and complex results: the bits of an `f64`.
    Float(u64),
}

/// Index of a [`Type`] in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub(crate) u32);

/// Index of a [`Record`] in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub(crate) u32);

/// A type node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `void`, as a result or as what a pointer leads to.
    Void,
    /// An arithmetic type.
    Scalar(Scalar),
    /// `int __fd`: a file descriptor, passed to the other process.
    Descriptor,
    /// A pointer with all that is known of what it leads to.
    Pointer(Pointer),
    /// An array inside a record: `element` repeated `length` times.
    Array {
        /// Element type.
        element: TypeId,
        /// Number of elements, at least one.
        length: u64,
    },
    /// A struct or union by value.
    Record(RecordId),
    /// A function, as what a pointer leads to.
    Function {
        /// Parameters of the function.
        parameters: Vec<Parameter>,
        /// Its result.
        result: TypeId,
    },
}

/// Arithmetic types. Those whose width depends on the target keep their C name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is the C type of that name
pub enum Scalar {
    Bool,
    /// Plain `char`, signed on every supported target.
    Char,
    SignedChar,
    UnsignedChar,
    Short,
    UnsignedShort,
    Int,
    UnsignedInt,
    Long,
    UnsignedLong,
    LongLong,
    UnsignedLongLong,
    Int8,
    UInt8,
    Int16,
    UInt16,
    Int32,
    UInt32,
    Int64,
    UInt64,
    /// `size_t`
    Size,
    /// `ssize_t`
    SignedSize,
    /// `ptrdiff_t`
    PointerDifference,
    /// `intptr_t`
    IntPointer,
    /// `uintptr_t`
    UIntPointer,
    /// `wchar_t`
    WideChar,
    /// `time_t`
    Time,
    /// `off_t`
    Offset,
    Float,
    Double,
    LongDouble,
    ComplexFloat,
    ComplexDouble,
    ComplexLongDouble,
}

impl Scalar {
    /// Whether it is an integer; the others are floating and complex types.
    pub fn is_integer(self) -> bool {
        use Scalar::*;
        !matches!(
            self,
            Float | Double | LongDouble | ComplexFloat | ComplexDouble | ComplexLongDouble
        )
    }

    /// Whether it has eight bytes where pointers have eight.
    pub(crate) fn is_wide(self) -> bool {
        use Scalar::*;
        matches!(
            self,
            Long | UnsignedLong
                | LongLong
                | UnsignedLongLong
                | Int64
                | UInt64
                | Size
                | SignedSize
                | PointerDifference
                | IntPointer
                | UIntPointer
                | Time
                | Double
                | LongDouble
        )
    }

    /// Whether it has negative values. Plain `char` and `wchar_t` do on every supported target.
    pub fn is_signed(self) -> bool {
        use Scalar::*;
        !matches!(
            self,
            Bool | UnsignedChar
                | UnsignedShort
                | UnsignedInt
                | UnsignedLong
                | UnsignedLongLong
                | UInt8
                | UInt16
                | UInt32
                | UInt64
                | Size
                | UIntPointer
        )
    }
}

/// A pointer: where it leads, which way the data flows, how far it reaches, whose it is.
///
/// What holds of every pointer in a frame:
///
/// - `filled` goes with an extent of `Counted` or `Sized`; an `Amount` with a direction that leaves.
/// - Of a pointer whose identity is not `Data`, the direction is `In`, the extent `Single`, the
///   ownership `Caller`: they say nothing.
/// - The data of a result, and of a pointer inside an `__out` block, has direction `Out`, and its
///   ownership says whose it is.
/// - In a record, the direction is what happens to the target when the record travels to the VM;
///   `Owned`, `Borrowed` and `Static` describe what a record that travels back leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// What it leads to.
    pub target: TypeId,
    /// Whether the target is `const`-qualified.
    pub constant: bool,
    /// Which way the target's contents travel.
    pub direction: Direction,
    /// How many elements (or bytes) it leads to.
    pub extent: Extent,
    /// How much of it is valid after the call; all of it where nothing is said.
    pub filled: Option<Filled>,
    /// What kind of value the pointer itself is.
    pub identity: Identity,
    /// Who owns the memory of a pointer that comes back.
    pub ownership: Ownership,
}

/// Which way a pointer's target travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Copied to the VM.
    In,
    /// Copied back.
    Out,
    /// Copied to the VM and back.
    InOut,
}

/// How far a pointer reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// One element.
    Single,
    /// Elements up to and including the first that is zero.
    NullTerminated,
    /// Elements up to and including the first that equals the value.
    TerminatedBy(i128),
    /// `__counted_by(e)`: a number of elements.
    Counted(Expression),
    /// `__sized_by(e)`: a number of bytes.
    Sized(Expression),
    /// `__ended_by(p)`: up to where parameter `p` (by index) points, which is an alias into it.
    EndedBy(u32),
}

/// How much of a buffer that has a capacity is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filled {
    /// `__filled(e)`: so many, in the unit of the extent.
    Amount(Expression),
    /// `__null_terminated` or `__terminated_by(v)` beside a capacity: up to and including the first
    /// element of this value, everything where there is none. Of data that only goes in, no more
    /// than that is sent.
    Until(i128),
}

/// What kind of value a pointer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Data that is copied.
    Data,
    /// An object that lives in the VM; the client holds a token.
    Handle(Handle),
    /// `__alias(p)`: points into what parameter `p` (by index) leads to; travels as an offset.
    Alias(u32),
    /// `__opaque`: a cookie of the client's, passed through untouched.
    Opaque,
    /// A function of the client's that the VM calls back; the target says of which type.
    Callback(Callback),
}

/// Annotations of a pointer to a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callback {
    /// `__scope(h)`: it may be called until the handle in parameter `h` (by index) is closed, not
    /// only while the call lasts.
    pub scope: Option<u32>,
    /// `__or_const(..)`: values that are no functions and mean something to the function; they
    /// travel as they are. Each fits 32 bits.
    pub constants: Vec<i128>,
}

/// Annotations of a handle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handle {
    /// `__closed_by(f)`: the function that destroys it.
    pub closed_by: Option<String>,
    /// `__consume`: this call destroys it.
    pub consumed: bool,
    /// The function makes the object in memory of the caller's; the object itself is resident in
    /// the VM, and what the caller's memory holds stands for it.
    pub resident: bool,
    /// `__cursor(next, available)`: members of a resident object that walk through buffers of the
    /// caller's in this call.
    pub cursors: Vec<Cursor>,
    /// `__or_const(..)`: values that are no object and mean something; they travel as they are.
    pub constants: Vec<i128>,
}

/// Two members of a record: a pointer, and how many elements are left behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Index of the pointer.
    pub pointer: u32,
    /// Index of the integer.
    pub available: u32,
}

/// Who owns the memory behind a pointer that comes back from the VM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The caller's own memory, or a pointer that does not come back.
    Caller,
    /// `__owned(f)`: copied to the client's malloc, then `f` runs in the VM; the client frees it.
    Owned(String),
    /// `__borrowed`: a copy kept until this function's next call on this thread.
    Borrowed,
    /// `__borrowed_from(h)`: a copy kept until the handle in parameter `h` is closed or used again.
    BorrowedFrom(u32),
    /// `__static`: a copy kept until dlclose.
    Static,
    /// `__retained(h)`: the VM keeps its copy of the input until the handle is closed.
    Retained(u32),
}

/// A struct or union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How C code names it.
    pub name: RecordName,
    /// Whether its members overlap.
    pub union: bool,
    /// Where its definition comes from.
    pub origin: Origin,
    /// Members in declaration order; empty for an incomplete type.
    pub fields: Vec<Field>,
}

/// How C code names a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RecordName {
    /// `struct tag` or `union tag`.
    Tag(String),
    /// A typedef of an untagged record, such as `div_t`.
    Typedef(String),
    /// Nothing names it: its text stands where it is used, as in `struct s { struct { int x; } m; }`.
    Unnamed,
}

/// Where a record's definition comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Known to every C programmer; see [`crate::standard`].
    Standard,
    /// Given as text before the prototype.
    Given,
    /// Named and never looked into: not defined, or reached through handles and aliases alone. Has
    /// no fields.
    Incomplete,
}

/// A member of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: TypeId,
    /// `__switch(tag)`, of a union: the member beside it (by index) whose value says which member of
    /// the union is there.
    pub switch: Option<u32>,
    /// `__case(..)`, of a member of a union: the values of the tag for which it is there.
    pub cases: Vec<i128>,
    /// The width of a bit-field; 0 where one without a name only ends its storage.
    pub bits: Option<u8>,
}

impl Record {
    /// The member of a union that is there for this value of its tag.
    pub fn chosen(&self, tag: i128) -> Option<&Field> {
        let mut fields = self.fields.iter();
        let named = fields.find(|field| field.cases.contains(&tag));
        named.or_else(|| self.fields.iter().find(|field| field.cases.is_empty()))
    }
}

impl CallFrame {
    /// The other functions of the library that extents ask.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        let pointers = self.types.iter().filter_map(|ty| match ty {
            Type::Pointer(pointer) => Some(pointer),
            _ => None,
        });
        pointers.flat_map(|pointer| {
            let extent = match &pointer.extent {
                Extent::Counted(extent) | Extent::Sized(extent) => Some(extent),
                _ => None,
            };
            extent.into_iter().flat_map(Expression::queries)
        })
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its parameters in order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The functions that release what the function gives its caller: f of every `__owned(f)`.
    pub fn owners(&self) -> impl Iterator<Item = &str> {
        self.types.iter().filter_map(|ty| match ty {
            Type::Pointer(Pointer {
                ownership: Ownership::Owned(function),
                ..
            }) => Some(function.as_str()),
            _ => None,
        })
    }

    /// What it returns.
    pub fn result(&self) -> TypeId {
        self.result
    }

    /// What tells the types of the arguments in place of `...`; `None` where there are none.
    pub fn variadic(&self) -> Option<&Variadic> {
        self.variadic.as_ref()
    }

    /// Function-level annotations.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The parameters from whose objects the function lends something (`__borrowed_from`), by index.
    pub fn lenders(&self) -> Vec<u32> {
        let lender = |ty: &Type| match ty {
            Type::Pointer(pointer) => match pointer.ownership {
                Ownership::BorrowedFrom(parameter) => Some(parameter),
                _ => None,
            },
            _ => None,
        };
        let mut lenders: Vec<u32> = self.types.iter().filter_map(lender).collect();
        lenders.sort_unstable();
        lenders.dedup();
        lenders
    }

    /// A type of this frame.
    ///
    /// # Panics
    /// When `id` was taken from another frame: a mistake of the calling code, never of input.
    pub fn ty(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    /// What C code calls the objects a pointer leads to, where they are records with a name.
    pub fn object_name(&self, pointer: &Pointer) -> Option<&str> {
        let Some(Type::Record(id)) = self.types.get(pointer.target.0 as usize) else {
            return None;
        };
        match &self.records.get(id.0 as usize)?.name {
            RecordName::Tag(name) | RecordName::Typedef(name) => Some(name),
            RecordName::Unnamed => None,
        }
    }

    /// All types of this frame, each once.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.types.iter()
    }

    /// A record of this frame.
    ///
    /// # Panics
    /// When `id` was taken from another frame: a mistake of the calling code, never of input.
    pub fn record(&self, id: RecordId) -> &Record {
        &self.records[id.0 as usize]
    }
}

impl Ownership {
    /// Whether the memory is the caller's, who made the pointer.
    pub fn is_callers(&self) -> bool {
        matches!(self, Ownership::Caller | Ownership::Retained(_))
    }
}

impl Direction {
    /// Whether contents travel to the VM.
    pub fn enters(self) -> bool {
        !matches!(self, Direction::Out)
    }

    /// Whether contents travel back.
    pub fn leaves(self) -> bool {
        !matches!(self, Direction::In)
    }
}
