//! One call, as a VM kind sees it.

use callframe::Template;
use callframe::marshal::Image;

/// The arguments of one call, and where its result goes.
///
/// Everything is in the VM's own representation, by its data model: [`Call::argument`] gives the
/// bytes of an argument exactly as the function expects it.
pub struct Call<'a> {
    template: &'a Template,
    image: &'a mut Image,
    result: &'a mut [u8],
    errno: i32,
}

impl<'a> Call<'a> {
    /// A call over a decoded image. `result` has the size of the result, zeroed.
    pub(crate) fn new(template: &'a Template, image: &'a mut Image, result: &'a mut [u8]) -> Self {
        let errno = image.errno();
        Call {
            template,
            image,
            result,
            errno,
        }
    }

    /// The function's layout.
    pub fn template(&self) -> &Template {
        self.template
    }

    /// The bytes of argument number `index`, where there is one. Pointers among them are valid
    /// after [`Image::relocate`].
    pub fn argument(&self, index: usize) -> Option<&[u8]> {
        let slot = self.template.arguments().get(index)?;
        let start = usize::try_from(slot.offset).ok()?;
        let end = start.checked_add(usize::try_from(slot.size).ok()?)?;
        self.image.bytes().get(start..end)
    }

    /// Argument slots and the blocks that pointers lead to. Whoever runs the function tells the
    /// image where the function sees it, by [`Image::relocate`], before it reads a pointer.
    pub fn image(&mut self) -> &mut Image {
        self.image
    }

    /// Where the result goes, in the VM's representation; empty for `void`.
    pub fn result(&mut self) -> &mut [u8] {
        self.result
    }

    /// errno of the calling thread, or what was set since.
    pub fn errno(&self) -> i32 {
        self.errno
    }

    /// What the caller finds in errno after the call.
    pub fn set_errno(&mut self, errno: i32) {
        self.errno = errno;
    }
}

/// A call of a function of numbers and of pointers to memory of this process.
#[derive(Debug)]
pub struct Words<'a> {
    /// A word for each argument: a number, of which the type's own bytes are the first, or an address.
    pub arguments: &'a mut [u64],
    /// Where the result goes, in the VM's representation; zero before. What lies behind the type's own
    /// bytes does not matter.
    pub result: [u64; 2],
    /// errno of the calling thread; what the function left.
    pub errno: i32,
}

/// A call of a function of a few numbers.
///
/// Arguments and result have 16 bytes at most each, and lie there as the template says.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(16))]
pub struct Numbers {
    /// The argument slots.
    pub slots: [u64; 2],
    /// Where the result goes, in the VM's representation; zero before. What lies behind the type's own
    /// bytes does not matter.
    pub result: [u64; 2],
    /// errno of the calling thread; what the function left.
    pub errno: i32,
}
