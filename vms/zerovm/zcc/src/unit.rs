//! What a source file becomes: pieces in the order in which they were written, each belonging to a
//! section.

/// A source file after rewriting.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    pub(crate) sections: Vec<Section>,
    pub(crate) pieces: Vec<Piece>,
}

impl Unit {
    /// For each section, the indices of its pieces in order.
    pub(crate) fn by_section(&self) -> Vec<Vec<usize>> {
        let mut found = vec![Vec::new(); self.sections.len()];
        for (index, piece) in self.pieces.iter().enumerate() {
            found[piece.section].push(index);
        }
        found
    }
}

/// A section.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its name, by which it is found in the object.
    pub(crate) name: String,
    /// The directive that switches to it.
    pub(crate) directive: String,
    /// Whether it holds code.
    pub(crate) is_code: bool,
}

/// A piece of a unit.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The index of the section it is in.
    pub(crate) section: usize,
    /// The line of the source it was made from.
    pub(crate) line: u32,
    pub(crate) kind: PieceKind,
}

impl Piece {
    /// A length as good as any.
    pub(crate) fn guessed_length(&self) -> u32 {
        match &self.kind {
            PieceKind::Group(group) => (8 * group.instructions.len() as u32).min(BUNDLE),
            _ => 0,
        }
    }
}

#[derive(Debug)]
pub(crate) enum PieceKind {
    /// A directive, or data; it takes no room in a section of code.
    Text(String),
    /// An assignment that the length of instructions may depend on.
    Constant(String),
    /// A label. Code may go here, or not.
    Label(String),
    /// What follows starts at a multiple of `to` if that takes no more than `limit` bytes.
    Align { to: u32, limit: u32 },
    /// Instructions that stay together.
    Group(Group),
}

/// Instructions that stay in one bundle, directly one after the other.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) instructions: Vec<String>,
    /// Whether it has to end where a bundle does, because it is returned to behind it.
    pub(crate) at_end: bool,
    /// If it is a direct jump and nothing else; its one instruction is the mnemonic.
    pub(crate) jump: Option<Jump>,
    /// The general register whose upper half is zero because the last instruction wrote the lower.
    pub(crate) limited: Option<u8>,
    /// No more bytes than these.
    pub(crate) bound: u32,
}

/// Where a direct jump goes. It has two lengths.
#[derive(Debug)]
pub(crate) struct Jump {
    pub(crate) target: String,
    /// Whether another file knows the target too: the assembler leaves such jumps to the linker.
    pub(crate) is_global: bool,
}

/// The size of a bundle, which no instruction and no group crosses.
pub(crate) const BUNDLE: u32 = 32;
