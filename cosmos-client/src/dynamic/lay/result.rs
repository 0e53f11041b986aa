//! What a callback of the program's returns, laid as the arguments of a call are.

use super::{Laid, Layer, Place};
use crate::memory::CallMemory;
use crate::value::Value;
use callframe::Template;
use callframe::types::Type;
use cosmos_rpc::Fault;

impl<'call, 'memory> Layer<'call, 'memory> {
    /// Over arguments that are there already: those of a callback, for its result.
    pub(in crate::dynamic) fn over(
        template: &'call Template,
        memory: &'call mut CallMemory<'memory>,
        addresses: Vec<u64>,
        outer: &'call [i128],
    ) -> Layer<'call, 'memory> {
        Layer {
            template,
            of_callback: true,
            outer,
            memory,
            capacities: Vec::new(),
            areas: Vec::new(),
            addresses,
            blocks: Vec::new(),
            lent: Vec::new(),
            total: 0,
        }
    }

    /// Lays a result; gives its address.
    pub(in crate::dynamic) fn result(mut self, value: &Value) -> Result<(u64, Laid), Fault> {
        let place = Place {
            name: "its result",
            record: None,
        };
        let address = self.make(self.template.result().size, place)?;
        let result = self.template.frame().result();
        if !matches!(self.template.frame().ty(result), Type::Void) {
            self.value(result, address, value, place)?;
        }
        Ok((address, self.finish()))
    }
}
