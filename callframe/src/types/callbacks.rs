//! What a frame's pointers to functions and to objects are.

use super::{CallFrame, Contract, Handle, Identity, Parameter, Type, TypeId};

impl CallFrame {
    /// Of a callback: the parameters of the function it was given to. Empty for a function.
    pub fn outer(&self) -> &[Parameter] {
        &self.outer
    }

    /// The frame of a callback: what is called back through a pointer of type `ty`, or `None` where
    /// that is no pointer to a function. Type and record ids mean the same in both frames.
    ///
    /// Its errno enters and leaves as with any function, and it has no further contract.
    pub fn callback(&self, ty: TypeId) -> Option<CallFrame> {
        let Some(Type::Pointer(pointer)) = self.types.get(ty.0 as usize) else {
            return None;
        };
        let (Identity::Callback(_), Type::Function { parameters, result }) =
            (&pointer.identity, self.ty(pointer.target))
        else {
            return None;
        };
        Some(CallFrame {
            name: self.callback_name(ty),
            parameters: parameters.clone(),
            result: *result,
            types: self.types.clone(),
            records: self.records.clone(),
            contract: Contract::default(),
            variadic: None,
            outer: self.parameters.clone(),
        })
    }

    /// The types of all pointers to functions that values of this frame hold, each once, in the
    /// order in which they are met. What callbacks themselves take is not among them.
    pub fn callbacks(&self) -> Vec<TypeId> {
        let mut found = Vec::new();
        let mut seen = vec![false; self.types.len()];
        let mut waiting: Vec<TypeId> = self.parameters.iter().map(|it| it.ty).collect();
        waiting.push(self.result);
        waiting.reverse();
        while let Some(id) = waiting.pop() {
            match seen.get_mut(id.0 as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match self.ty(id) {
                Type::Pointer(pointer) => match pointer.identity {
                    Identity::Callback(_) => found.push(id),
                    Identity::Data => waiting.push(pointer.target),
                    _ => {}
                },
                Type::Array { element, .. } => waiting.push(*element),
                Type::Record(record) => {
                    let fields = &self.record(*record).fields;
                    waiting.extend(fields.iter().rev().map(|field| field.ty));
                }
                Type::Void | Type::Scalar(_) | Type::Descriptor | Type::Function { .. } => {}
            }
        }
        found
    }

    /// The handles among the types of this frame: what each is a pointer to, and its annotations.
    pub fn handles(&self) -> impl Iterator<Item = (TypeId, &Handle)> {
        self.types.iter().filter_map(|ty| match ty {
            Type::Pointer(pointer) => match &pointer.identity {
                Identity::Handle(handle) => Some((pointer.target, handle)),
                _ => None,
            },
            _ => None,
        })
    }

    /// What a person calls the callback of this type: its parameter, or the member that holds it.
    fn callback_name(&self, ty: TypeId) -> String {
        let parameters = self.parameters.iter().map(|it| (it.ty, &it.name));
        let fields = self.records.iter().flat_map(|record| &record.fields);
        parameters
            .chain(fields.map(|field| (field.ty, &field.name)))
            .find(|(known, _)| *known == ty)
            .map_or_else(|| "callback".to_owned(), |(_, name)| name.clone())
    }
}
