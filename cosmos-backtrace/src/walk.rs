//! From a frame to the one that called it, by the tables that compilers leave for exceptions.

use crate::module::{MAXIMUM_SECTIONS, Module, guarded};
use crate::{MAXIMUM_FRAMES, Registers, Step};
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, FrameAddress, Unwinder};
use object::read::ReadCacheOps;
use object::{Object, ObjectSection};
use std::ops::Range;

pub(crate) fn walk<R: ReadCacheOps>(
    modules: &[Module<R>],
    registers: Registers,
    read: &mut dyn FnMut(u64) -> Option<u64>,
) -> Vec<Step> {
    let mut unwinder = UnwinderX86_64::<Vec<u8>>::new();
    let mut left = MAXIMUM_SECTIONS;
    for module in modules {
        let described = guarded(|| describe(module, &mut left));
        if let Some(described) = described {
            let added = framehop::Module::new(
                module.path.clone(),
                module.start..module.end,
                module.bias,
                described,
            );
            unwinder.add_module(added);
        }
    }
    let mut steps = vec![Step {
        address: registers.instruction,
        is_return: false,
    }];
    let is_code = |address| modules.iter().any(|module| module.holds(address));
    // A panic on the way leaves the frames until there.
    guarded(|| {
        climb(&unwinder, registers, read, &mut steps, &is_code);
        Some(())
    });
    steps
}

fn climb(
    unwinder: &UnwinderX86_64<Vec<u8>>,
    registers: Registers,
    read: &mut dyn FnMut(u64) -> Option<u64>,
    steps: &mut Vec<Step>,
    is_code: &dyn Fn(u64) -> bool,
) {
    let mut cache = CacheX86_64::<_>::new();
    let mut known = UnwindRegsX86_64::new(registers.instruction, registers.stack, registers.frame);
    let mut at = FrameAddress::from_instruction_pointer(registers.instruction);
    // A jump to where no code is has left nothing but the address to return to.
    if !is_code(registers.instruction)
        && let Some(caller) = read(registers.stack).filter(|caller| is_code(*caller))
        && let Some(address) = FrameAddress::from_return_address(caller)
    {
        steps.push(Step {
            address: caller,
            is_return: true,
        });
        let stack = registers.stack.wrapping_add(8);
        known = UnwindRegsX86_64::new(caller, stack, registers.frame);
        at = address;
    }
    let mut read = |address| read(address).ok_or(());
    while steps.len() < MAXIMUM_FRAMES
        && let Ok(Some(caller)) = unwinder.unwind_frame(at, &mut known, &mut cache, &mut read)
        && let Some(address) = FrameAddress::from_return_address(caller)
    {
        steps.push(Step {
            address: caller,
            is_return: true,
        });
        at = address;
    }
}

/// What a file says of its frames.
fn describe<R: ReadCacheOps>(
    module: &Module<R>,
    left: &mut u64,
) -> Option<ExplicitModuleSectionInfo<Vec<u8>>> {
    let elf = module.elf()?;
    let mut section = |name: &str| {
        let section = elf.section_by_name(name)?;
        let range = range(section.address(), section.size())?;
        *left = left.checked_sub(section.size())?;
        Some((range, section.data().ok()?.to_vec()))
    };
    let (eh_frame_svma, eh_frame) = section(".eh_frame").unzip();
    let (eh_frame_hdr_svma, eh_frame_hdr) = section(".eh_frame_hdr").unzip();
    let address_of = |name: &str| {
        let section = elf.section_by_name(name)?;
        range(section.address(), section.size())
    };
    Some(ExplicitModuleSectionInfo {
        base_svma: 0,
        text_svma: address_of(".text"),
        got_svma: address_of(".got"),
        eh_frame_svma,
        eh_frame,
        eh_frame_hdr_svma,
        eh_frame_hdr,
        ..ExplicitModuleSectionInfo::default()
    })
}

fn range(start: u64, size: u64) -> Option<Range<u64>> {
    Some(start..start.checked_add(size)?)
}
