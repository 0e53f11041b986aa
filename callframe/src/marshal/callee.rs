//! The VM's end of a call.

use super::MarshalError;
use super::brief::Brief;
use super::compact::Compact;
use super::evaluate::Failure;
use super::image::{Image, integer};
use super::line::Line;
use super::memory::CalleeMemory;
use super::numbers::Numbers;
use super::plan::Plans;
use crate::template::Template;
use crate::types::{Pointer, Scalar, Type, TypeId};

mod decode;
mod reply;
mod resident;

/// Carries calls of one function inside a VM. Immutable: one serves all threads.
#[derive(Debug)]
pub struct Callee {
    template: Template,
    plans: Plans,
    /// Of a function whose calls carry numbers alone.
    numbers: Option<Numbers>,
}

impl Callee {
    /// Prepares a function.
    pub fn new(template: Template) -> Callee {
        let plans = Plans::within(&template);
        let numbers = Numbers::of(&template, &plans);
        Callee {
            template,
            plans,
            numbers,
        }
    }

    /// The same, but that all calls go the general way.
    #[cfg(test)]
    pub(crate) fn without_shortcut(mut self) -> Callee {
        self.numbers = None;
        self
    }

    /// The layout.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Turns a request into the memory the function will see.
    ///
    /// # Errors
    /// When the request is not one for this template, or names a stale handle.
    pub fn decode(
        &self,
        request: &[u8],
        memory: &mut impl CalleeMemory,
    ) -> Result<Image, MarshalError> {
        let mut image = Image::default();
        self.decode_into(request, memory, &mut image)?;
        Ok(image)
    }

    /// As [`decode`](Callee::decode), into an image whose memory is used again.
    ///
    /// # Errors
    /// As [`decode`](Callee::decode); the image is then of no use but for another decode.
    pub fn decode_into(
        &self,
        request: &[u8],
        memory: &mut impl CalleeMemory,
        image: &mut Image,
    ) -> Result<(), MarshalError> {
        if let Some(numbers) = &self.numbers
            && numbers.enter(request, image).is_some()
        {
            return Ok(());
        }
        decode::decode(self, request, memory, image)
    }

    /// How calls travel whose request and reply fit into a few words each; `None` where they do not.
    pub fn line(&self) -> Option<Line> {
        self.numbers.as_ref()?.line()
    }

    /// Of a callback that was passed in a call whose integers are `outer`: how it travels where its
    /// arguments are a few bytes; `None` where they are not.
    pub fn brief(&self, outer: &[i128]) -> Option<Brief> {
        Brief::of(&self.template, &self.plans, outer)
    }

    /// How calls travel that carry numbers and plain bytes alone; `None` where they carry more.
    pub fn compact(&self) -> Option<Compact> {
        Compact::of(&self.template, &self.plans)
    }

    /// Writes the reply, emptying `reply` first: what the function returned (`result`, in the
    /// representation and at least of the size of the template), what it left in the image, and
    /// what it owns elsewhere. Afterwards what is `__owned` has been released.
    ///
    /// # Errors
    /// When the function left what cannot be carried: more filled than there is room for, an alias
    /// that points elsewhere, a string without end.
    pub fn encode_reply(
        &self,
        image: &Image,
        memory: &mut impl CalleeMemory,
        errno: i32,
        result: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<(), MarshalError> {
        if let Some(numbers) = &self.numbers
            && numbers
                .leave(errno, result, numbers.room_for_reply(reply))
                .is_some()
        {
            return Ok(());
        }
        reply::encode(self, image, memory, errno, result, reply)
    }

    fn place(&self, root: u32) -> String {
        match self.template.frame().parameters().get(root as usize) {
            Some(parameter) => format!("parameter '{}'", parameter.name),
            None => "result".to_owned(),
        }
    }

    fn pointer(&self, ty: TypeId) -> Option<&Pointer> {
        match self.template.frame().ty(ty) {
            Type::Pointer(pointer) => Some(pointer),
            _ => None,
        }
    }

    fn scalar(&self, ty: TypeId) -> Option<Scalar> {
        match self.template.frame().ty(ty) {
            Type::Scalar(scalar) => Some(*scalar),
            _ => None,
        }
    }

    /// The integer in slot `index`.
    fn parameter(&self, image: &Image, index: u32) -> Result<i128, Failure> {
        let parameter = self.template.frame().parameters().get(index as usize);
        let scalar = parameter.and_then(|parameter| self.scalar(parameter.ty));
        let slot = self.template.arguments().get(index as usize);
        let (Some(scalar), Some(slot)) = (scalar, slot) else {
            return Err(Failure::Absent);
        };
        Ok(integer(
            image.bytes(),
            slot.offset as usize,
            slot.size as usize,
            scalar.is_signed(),
        ))
    }

    /// The integer parameter `index` leads to, as it is in the image now.
    fn pointee(&self, image: &Image, index: u32) -> Result<i128, Failure> {
        let parameter = self.template.frame().parameters().get(index as usize);
        let pointer = parameter.and_then(|parameter| self.pointer(parameter.ty));
        let scalar = pointer.and_then(|pointer| self.scalar(pointer.target));
        let scalar = scalar.ok_or(Failure::Absent)?;
        let block = image.block_of(index).ok_or(Failure::Null)?;
        if block.shared.is_some() {
            return Err(Failure::Absent);
        }
        let size = self.template.scalar(scalar).size as usize;
        if block.capacity < size {
            return Err(Failure::Absent);
        }
        Ok(integer(
            image.bytes(),
            block.offset,
            size,
            scalar.is_signed(),
        ))
    }
}
