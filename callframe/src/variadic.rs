//! The arguments in place of `...`: what they are in one call, and the frame of that call.
//!
//! A variadic function is never called by its own prototype. Who calls it learns the types of the
//! arguments ([`printf::arguments`] for a format; text for a sentinel; what the table says for a tag), and
//! [`CallFrame::with_arguments`] writes them out as parameters: the frame of a function that is
//! `__variadic(n)` and that both ends resolve as any other.
//!
//! ```
//! use callframe::variadic::printf;
//!
//! let declared = callframe::parse("int printf(const char *format, ...) __printf(1, 2)").unwrap();
//! let arguments: Vec<_> = printf::arguments(b"%d %s\n").unwrap().iter().map(|one| one.kind).collect();
//! assert_eq!(
//!     declared.with_arguments(&arguments).to_string(),
//!     "int printf(const char *__in __null_terminated format, int arg2, \
//!      const char *__in __null_terminated arg3) __variadic(1)"
//! );
//! ```

pub mod printf;

use crate::CallFrame;
use crate::types::{
    Direction, Extent, Identity, Ownership, Parameter, Pointer, Scalar, Type, TypeId, Variadic,
};

/// Most arguments a call may have, those of the named parameters included.
pub const MAXIMUM_ARGUMENTS: usize = 127;

/// What one argument in place of `...` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// A number of a type that C passes there as it is.
    Scalar(Scalar),
    /// `const char *`, terminated.
    Text,
    /// `const wchar_t *`, terminated.
    WideText,
    /// A pointer that only its value matters of.
    Opaque,
    /// A pointer to a number that the function writes.
    Written(Scalar),
    /// What this case of the function's table is, by index.
    Case(usize),
}

impl CallFrame {
    /// The frame of a call with these arguments in place of `...`, which come after the named
    /// parameters and are called `argN` as parameters without a name are, or as their table calls
    /// them.
    pub fn with_arguments(&self, arguments: &[Argument]) -> CallFrame {
        let mut frame = self.clone();
        frame.variadic = Some(Variadic::Fixed(self.parameters.len() as u32));
        for argument in arguments {
            let (name, ty) = match (argument, &self.variadic) {
                (Argument::Case(index), Some(Variadic::By(table))) => {
                    match table.cases.get(*index) {
                        Some(case) => (case.name.clone(), case.ty),
                        None => continue,
                    }
                }
                _ => (
                    format!("arg{}", frame.parameters.len() + 1),
                    frame.argument(*argument),
                ),
            };
            let name = frame.free_name(name);
            frame.parameters.push(Parameter { name, ty });
        }
        frame
    }

    fn argument(&mut self, argument: Argument) -> TypeId {
        match argument {
            Argument::Scalar(scalar) => self.append(Type::Scalar(scalar)),
            Argument::Text => self.text(Scalar::Char),
            Argument::WideText => self.text(Scalar::WideChar),
            Argument::Case(_) | Argument::Opaque => {
                let target = self.append(Type::Void);
                self.append(Type::Pointer(Pointer {
                    identity: Identity::Opaque,
                    ..pointer(target)
                }))
            }
            Argument::Written(scalar) => {
                let target = self.append(Type::Scalar(scalar));
                self.append(Type::Pointer(Pointer {
                    direction: Direction::Out,
                    ..pointer(target)
                }))
            }
        }
    }

    fn text(&mut self, scalar: Scalar) -> TypeId {
        let target = self.append(Type::Scalar(scalar));
        self.append(Type::Pointer(Pointer {
            constant: true,
            extent: Extent::NullTerminated,
            ..pointer(target)
        }))
    }

    /// The node of a type; of one without parts there is one in a frame.
    fn append(&mut self, ty: Type) -> TypeId {
        let known = match ty {
            Type::Void | Type::Scalar(_) => self.types.iter().position(|known| *known == ty),
            _ => None,
        };
        let index = known.unwrap_or_else(|| {
            self.types.push(ty);
            self.types.len() - 1
        });
        TypeId(index as u32)
    }

    /// The name, with underscores if a parameter has it.
    fn free_name(&self, mut name: String) -> String {
        while self.parameters.iter().any(|known| known.name == name) {
            name.push('_');
        }
        name
    }
}

fn pointer(target: TypeId) -> Pointer {
    Pointer {
        target,
        constant: false,
        direction: Direction::In,
        extent: Extent::Single,
        filled: None,
        identity: Identity::Data,
        ownership: Ownership::Caller,
    }
}
