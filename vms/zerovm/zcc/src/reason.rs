//! Why a statement is not rewritten.

/// Why a statement of assembly cannot be made to keep the rules of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The text is no assembly.
    #[error("{0}")]
    Syntax(#[from] gas_syntax::Fault),
    /// The table has no such instruction.
    #[error("no instruction that zcc knows how to confine: {0}")]
    Unknown(String),
    /// A system call or interrupt.
    #[error("{0} is a system call; a guest has only the traps of zvm.h")]
    SystemCall(String),
    /// An instruction that tells the time or chance.
    #[error("{0} tells the time or chance, which a guest must not see")]
    Clock(String),
    /// An instruction or register of AVX.
    #[error("{0} belongs to AVX, which the sandbox does not have; compile for SSE")]
    Avx(String),
    /// Thread-local storage.
    #[error("thread-local access ({0}): a guest has one thread; use an ordinary variable")]
    ThreadLocal(String),
    /// Another segment.
    #[error("the segment of {0}: a guest has one flat memory")]
    Segment(String),
    /// Position-independent code.
    #[error("{0} is of position-independent code; a guest is linked to fixed addresses")]
    PositionIndependent(String),
    /// A register that the sandbox keeps for itself.
    #[error("{0} is a register that the sandbox keeps for itself")]
    ReservedRegister(String),
    /// A use of the stack pointer that has no confined form.
    #[error("a use of the stack pointer that cannot be confined: {0}")]
    StackPointer(String),
    /// A use of the frame pointer that has no confined form.
    #[error("a use of the frame pointer that cannot be confined: {0}")]
    FramePointer(String),
    /// An address of 64 bits.
    #[error("an address of 64 bits ({0}): pointers of a guest have 32")]
    WidePointer(String),
    /// An indirect branch through memory.
    #[error("a branch through memory ({0}): load the address into a register first")]
    BranchThroughMemory(String),
    /// Flags from before an indirect branch.
    #[error("flags from before an indirect branch, which changes them: compare again behind it")]
    FlagsAcrossBranch,
    /// A branch to something else than a label.
    #[error("a branch to no label: {0}")]
    BranchTarget(String),
    /// A prefix that the instruction does not take.
    #[error("the prefix {0} cannot stand here")]
    Prefix(String),
    /// Operands that the instruction does not take.
    #[error("operands that {0} does not take")]
    Operands(String),
    /// Bytes among instructions.
    #[error("{0} within code: only instructions can be confined there")]
    DataInCode(String),
    /// A directive that is not known.
    #[error("no directive that zcc knows: {0}")]
    Directive(String),
    /// Instructions outside of code.
    #[error("an instruction in the section {0}, which holds no code")]
    CodeInData(String),
    /// A section of code with another name.
    #[error("code in the section {0}: the name of a section of code starts with .text")]
    CodeSection(String),
    /// An executable stack.
    #[error(
        "a nested function whose address is taken needs an executable stack, which a guest has not"
    )]
    ExecutableStack,
    /// A numbered label that is not there.
    #[error("no label {0} in this direction")]
    NoLocalLabel(String),
    /// A group that does not fit.
    #[error("{0} bytes that have to stay together do not fit a bundle")]
    GroupTooLong(u32),
}
