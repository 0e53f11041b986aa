//! Functions, files and lines.

use crate::module::{Elf, Module, Modules, guarded};
use crate::{Frame, Step, presentable};
use addr2line::{Context, demangle_auto, gimli};
use object::read::ReadCacheOps;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use std::borrow::Cow;
use std::collections::BTreeMap;

type Lines<'d> = Context<gimli::EndianSlice<'d, gimli::LittleEndian>>;

/// Which functions these calls are. Files are looked into one after the other, each once.
pub(crate) fn name<R: ReadCacheOps>(modules: &Modules<R>, steps: &[Step]) -> Vec<Frame> {
    let mut named: Vec<Vec<Frame>> = steps.iter().map(|step| vec![modules.bare(*step)]).collect();
    let mut by_module: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        if let Some(module) = modules.at(step.probe()) {
            by_module.entry(module).or_default().push(index);
        }
    }
    for (module, indices) in by_module {
        let module = &modules.modules()[module];
        guarded(|| {
            let elf = module.elf()?;
            let symbols = Symbols::of(&elf);
            for &index in &indices {
                if let (Some(frame), Some(step)) = (named[index].first_mut(), steps.get(index)) {
                    symbols.name(
                        frame,
                        step.probe().wrapping_sub(module.bias),
                        step.is_return,
                    );
                }
            }
            Some(())
        });
        guarded(|| {
            let elf = module.elf()?;
            with_lines(module, &elf, |lines| {
                for &index in &indices {
                    let probe = steps[index].probe().wrapping_sub(module.bias);
                    let found = guarded(|| spread(lines, probe, &named[index]));
                    named[index] = found.unwrap_or(std::mem::take(&mut named[index]));
                }
            })
        });
    }
    named.into_iter().flatten().collect()
}

/// The functions of a file by address.
struct Symbols(BTreeMap<u64, (u64, String)>);

impl Symbols {
    fn of<R: ReadCacheOps>(elf: &Elf<'_, R>) -> Symbols {
        let code = |symbol: &object::read::elf::ElfSymbol64<'_, '_, _, _>| {
            symbol.kind() == SymbolKind::Text && !symbol.is_undefined()
        };
        let all = elf.symbols().filter(code);
        let exported = elf.dynamic_symbols().filter(code);
        let mut functions = BTreeMap::new();
        for symbol in exported.chain(all) {
            if let Ok(name) = symbol.name() {
                functions.insert(symbol.address(), (symbol.size(), name.to_owned()));
            }
        }
        Symbols(functions)
    }

    fn name(&self, frame: &mut Frame, probe: u64, is_return: bool) {
        let Some((start, (size, name))) = self.0.range(..=probe).next_back() else {
            return;
        };
        let within = probe - start;
        if *size == 0 || within < *size {
            frame.function = readable(name);
            frame.within = within + u64::from(is_return);
        }
    }
}

/// Gives the lines of a file to `ask`, where it has some.
fn with_lines<R: ReadCacheOps>(
    module: &Module<R>,
    elf: &Elf<'_, R>,
    ask: impl FnOnce(&Lines<'_>),
) -> Option<()> {
    if !module.has_searchable_lines(elf) {
        return None;
    }
    let load = |id: gimli::SectionId| -> Result<Cow<'_, [u8]>, gimli::Error> {
        let section = elf.section_by_name(id.name());
        let data = section.and_then(|section| section.uncompressed_data().ok());
        Ok(data.unwrap_or_default())
    };
    let sections = gimli::DwarfSections::load(load).ok()?;
    let dwarf = sections.borrow(|data| gimli::EndianSlice::new(data, gimli::LittleEndian));
    let lines = Context::from_dwarf(dwarf).ok()?;
    ask(&lines);
    Some(())
}

/// A frame with its line, and before it those of functions that were made part of it.
fn spread(lines: &Lines<'_>, probe: u64, bare: &[Frame]) -> Option<Vec<Frame>> {
    let bare = bare.first()?;
    let mut found = lines.find_frames(probe).skip_all_loads().ok()?;
    let mut frames = Vec::new();
    while frames.len() < crate::MAXIMUM_FRAMES
        && let Ok(Some(frame)) = found.next()
    {
        let function = frame
            .function
            .and_then(|function| Some(readable(&function.raw_name().ok()?)));
        let location = frame.location;
        frames.push(Frame {
            function: function.unwrap_or_else(|| bare.function.clone()),
            file: location
                .as_ref()
                .and_then(|location| location.file)
                .map(presentable)
                .unwrap_or_default(),
            line: location.and_then(|location| location.line).unwrap_or(0),
            inlined: true,
            ..bare.clone()
        });
    }
    // The last is the function itself, of which the table of symbols knows the beginning.
    let outermost = frames.last_mut()?;
    outermost.inlined = false;
    if outermost.function.is_empty() || bare.function.starts_with(&outermost.function) {
        outermost.function.clone_from(&bare.function);
    }
    Some(frames)
}

fn readable(name: &str) -> String {
    presentable(&demangle_auto(Cow::Borrowed(name), None))
}
