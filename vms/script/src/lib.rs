//! The VM for scripts: functions of Lua, by C prototypes.
//!
//! | room | purpose |
//! |---|---|
//! | [`ScriptVm`] | the verbs |
//! | `script` | a script that was opened: its engine, and the bounds of that |
//! | `signature` | what a prototype means as values of Lua |
//!
//! Each script that is opened has an engine of its own, and its calls take turns. The engine has Lua's
//! pure libraries and nothing that reaches files, processes or the network, a bound on its memory, and
//! stops a call whose time is over; what it cannot bound, such as a long search inside of one function
//! of the library, this process does: it is the real boundary, and is killed from outside.

#![forbid(unsafe_code)]

mod script;
mod signature;

pub use script::{Function, Script};

use callframe::{DataModel, Template};
use cosmos_rpc::Fault;
use cosmos_vm_core::pins::Pins;
use cosmos_vm_core::{Call, Vm};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The kind `script`.
#[derive(Debug, Default)]
pub struct ScriptVm {
    pins: OnceLock<Pins>,
}

impl Vm for ScriptVm {
    type Object = Script;
    type Runable = Function;

    fn kind(&self) -> &'static str {
        "script"
    }

    fn model(&self) -> DataModel {
        DataModel::LP64
    }

    fn pin(&self, pins: Pins) -> Option<Pins> {
        self.pins.set(pins).err()
    }

    fn open(&self, target: &Path) -> Result<Script, Fault> {
        let pin = self.pins.get().and_then(|pins| pins.digest(target));
        Script::open(target, pin)
    }

    fn sym(&self, script: &Arc<Script>, template: &Template) -> Result<Function, Fault> {
        script.function(template)
    }

    fn call(&self, function: &Function, call: &mut Call<'_>) -> Result<(), Fault> {
        function.call(call)
    }
}
