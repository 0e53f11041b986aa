//! Which functions of a library destroy which of its objects, as its prototypes say.
//!
//! A handle is closed by a function whose parameter for it is `__consume`, and by the function that
//! `__closed_by(f)` named where the object came from. The VM goes by its table of objects; this side
//! needs to know for what it keeps until a handle is closed.

use callframe::CallFrame;
use callframe::types::{Identity, RecordName, Type, TypeId};
use std::collections::HashSet;

/// The closers of one library.
#[derive(Debug, Default)]
pub(crate) struct Closers {
    /// A function's name, and what C code calls the object.
    known: HashSet<(String, String)>,
}

impl Closers {
    /// Notes the closers that a prototype names.
    pub(crate) fn learn(&mut self, frame: &CallFrame) {
        for (ty, handle) in frame.handles() {
            if let Some(closer) = &handle.closed_by {
                let object = object(frame, ty).unwrap_or_default();
                self.known.insert((closer.clone(), object));
            }
        }
    }

    /// The parameters of a function that are handles it destroys.
    pub(crate) fn destroyed_by(&self, frame: &CallFrame) -> Vec<usize> {
        let parameters = frame.parameters().iter().enumerate();
        let destroyed = parameters.filter(|(_, parameter)| {
            let Type::Pointer(pointer) = frame.ty(parameter.ty) else {
                return false;
            };
            let Identity::Handle(handle) = &pointer.identity else {
                return false;
            };
            let object = object(frame, pointer.target).unwrap_or_default();
            handle.consumed || self.known.contains(&(frame.name().to_owned(), object))
        });
        destroyed.map(|(index, _)| index).collect()
    }
}

/// What C code calls the object of a handle; `None` for a `void *`.
fn object(frame: &CallFrame, target: TypeId) -> Option<String> {
    let Type::Record(record) = frame.ty(target) else {
        return None;
    };
    match &frame.record(*record).name {
        RecordName::Tag(name) | RecordName::Typedef(name) => Some(name.clone()),
        RecordName::Unnamed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(prototype: &str) -> CallFrame {
        callframe::parse(prototype).unwrap()
    }

    #[test]
    fn objects_are_destroyed_by_what_they_were_said_to_be() {
        let mut closers = Closers::default();
        let close = frame("int close_it(int how, struct thing *thing, struct other *other)");
        assert_eq!(closers.destroyed_by(&close), [0usize; 0]);
        closers.learn(&frame("struct thing *__closed_by(close_it) open_it(void)"));
        assert_eq!(closers.destroyed_by(&close), [1]);
        let consume = frame("int use(struct thing *thing, struct other *__consume other)");
        assert_eq!(closers.destroyed_by(&consume), [1]);
        closers.learn(&frame(
            "int make(struct other *__closed_by(close_it) *__out other)",
        ));
        assert_eq!(closers.destroyed_by(&close), [1, 2]);
    }
}
