//! What a callback of the program's returns, laid as the arguments of a call are.

use super::{Laid, Layer, Place};
use crate::dynamic::bad;
use crate::memory::CallMemory;
use crate::value::Value;
use callframe::Template;
use callframe::marshal::CallerBytes;
use callframe::types::{Identity, Pointer, Type};
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
            stored: Vec::new(),
            total: 0,
        }
    }

    /// Writes to where parameters lead, within these capacities.
    pub(in crate::dynamic) fn outputs(
        &mut self,
        outputs: &[(String, Value)],
        capacities: &[u64],
    ) -> Result<(), Fault> {
        let frame = self.template.frame();
        for (name, value) in outputs {
            let place = format!("what it writes to '{name}'");
            let place = Place {
                name: &place,
                record: None,
            };
            let mut parameters = frame.parameters().iter();
            let index = parameters.position(|parameter| parameter.name == *name);
            let index = index.ok_or_else(|| bad(place.name, "it has no such parameter"))?;
            let pointer = match frame
                .parameters()
                .get(index)
                .map(|known| frame.ty(known.ty))
            {
                Some(Type::Pointer(pointer))
                    if pointer.identity == Identity::Data && pointer.direction.leaves() =>
                {
                    pointer
                }
                _ => return Err(bad(place.name, "nothing comes back there")),
            };
            let capacity = capacities.get(index).copied().unwrap_or(0);
            let mut address = [0; 8];
            let slot = self.addresses.get(index).copied().unwrap_or(0);
            self.memory
                .read(slot, &mut address)
                .map_err(|problem| bad(place.name, problem))?;
            match u64::from_le_bytes(address) {
                0 => return Err(bad(place.name, "it is NULL")),
                address => self.fill(pointer, (address, capacity), value, place)?,
            }
        }
        Ok(())
    }

    /// Writes a value to memory of a given capacity.
    fn fill(
        &mut self,
        pointer: &Pointer,
        (address, capacity): (u64, u64),
        value: &Value,
        place: Place,
    ) -> Result<(), Fault> {
        let size = self.element_size(pointer.target);
        let given = self.given(pointer, value, size);
        if given > capacity {
            let problem = format!("it has room for {capacity} bytes, {given} were given");
            return Err(bad(place.name, problem));
        }
        self.contents(pointer, address, value, place)?;
        self.terminate(pointer, (address, capacity), given, place)
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
