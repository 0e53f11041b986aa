//! How a file uses its symbols: which labels of its code may be gone to by address.

use gas_syntax::{Expression, Kind, Operand, Statement};
use std::collections::{HashMap, HashSet};

/// What is known of the symbols of a file.
#[derive(Debug, Default)]
pub(crate) struct Symbols<'a> {
    /// Used by anything but debugging information.
    used: HashSet<&'a str>,
    /// Used other than as the target of a direct branch, or known to other files.
    addresses: HashSet<&'a str>,
    /// Known to other files.
    globals: HashSet<&'a str>,
    /// What `.set` makes of another symbol.
    aliases: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Symbols<'a> {
    pub(crate) fn find(statements: &[Statement<'a>]) -> Self {
        let mut symbols = Self::default();
        let mut in_debug = false;
        for statement in statements {
            match &statement.kind {
                Kind::Directive { name, arguments } => {
                    in_debug = section_is_debug(name, arguments).unwrap_or(in_debug);
                    if !in_debug {
                        symbols.directive(name, arguments);
                    }
                }
                Kind::Assignment { symbol, value } => symbols.alias(symbol, *value),
                Kind::Instruction(instruction) => {
                    let branches = instruction.mnemonic.starts_with('j')
                        || instruction.mnemonic.starts_with("call");
                    for operand in &instruction.operands {
                        symbols.operand(operand, branches);
                    }
                }
                _ => (),
            }
        }
        symbols.follow_aliases();
        symbols
    }

    fn directive(&mut self, name: &str, arguments: &'a str) {
        match name {
            ".globl" | ".global" | ".weak" => {
                self.addresses.extend(names(arguments));
                self.globals.extend(names(arguments));
            }
            ".set" | ".equ" => {
                if let Some((symbol, value)) = arguments.split_once(',') {
                    self.alias(symbol.trim(), Expression::new(value));
                }
            }
            ".type" => {
                let function = arguments.split_once(',').filter(|(_, kind)| {
                    kind.trim_start_matches([' ', '\t', '@', '%']) == "function"
                });
                // The cold part of a function is only ever jumped to.
                let name = function.map(|(name, _)| name.trim());
                self.addresses
                    .extend(name.filter(|name| !name.contains(".cold")));
            }
            ".size" | ".file" | ".loc" | ".section" | ".ident" => (),
            _ if super::directive::is_data(name) => {
                for symbol in Expression::new(arguments).symbols() {
                    self.used.insert(symbol);
                    self.addresses.insert(symbol);
                }
            }
            _ => (),
        }
    }

    fn alias(&mut self, symbol: &'a str, value: Expression<'a>) {
        let values = value.symbols().filter(|&value| value != symbol);
        self.aliases.entry(symbol).or_default().extend(values);
    }

    fn operand(&mut self, operand: &Operand<'a>, branches: bool) {
        let expression = match operand {
            Operand::Immediate(value) => *value,
            Operand::Memory(memory) | Operand::IndirectMemory(memory) => memory.displacement,
            Operand::Register(_) | Operand::IndirectRegister(_) => return,
        };
        let direct = branches && matches!(operand, Operand::Memory(memory) if memory.is_fixed());
        for symbol in expression.symbols() {
            self.used.insert(symbol);
            if !direct {
                self.addresses.insert(symbol);
            }
        }
    }

    /// What is done with an alias is done with what it stands for.
    fn follow_aliases(&mut self) {
        let mut pending: Vec<&str> = Vec::new();
        for (name, values) in &self.aliases {
            if self.addresses.contains(name) || self.used.contains(name) {
                pending.extend(values);
            }
        }
        while let Some(symbol) = pending.pop() {
            self.used.insert(symbol);
            if self.addresses.insert(symbol) {
                pending.extend(self.aliases.get(symbol).into_iter().flatten());
            }
        }
    }

    /// Whether code may go to the label by its address, so that it has to be at a bundle.
    pub(crate) fn is_address(&self, label: &str) -> bool {
        self.addresses.contains(label)
    }

    /// Whether other files know the symbol.
    pub(crate) fn is_global(&self, symbol: &str) -> bool {
        self.globals.contains(symbol)
    }

    /// Whether anything but debugging information names the label.
    pub(crate) fn is_used(&self, label: &str) -> bool {
        self.used.contains(label) || self.addresses.contains(label)
    }
}

fn names(arguments: &str) -> impl Iterator<Item = &str> {
    arguments.split(',').map(str::trim)
}

/// Whether a directive switches to a section of debugging information, if it switches.
pub(super) fn section_is_debug(name: &str, arguments: &str) -> Option<bool> {
    match name {
        ".text" | ".data" | ".bss" => Some(false),
        ".section" => Some(arguments.starts_with(".debug_")),
        _ => None,
    }
}
