//! Bit-fields: values among the bits beside them.

use super::{Layer, Place};
use crate::dynamic::bad;
use crate::value::Value;
use callframe::marshal::CallerBytes;
use callframe::template::BitField;
use callframe::types::{Type, TypeId};
use cosmos_rpc::Fault;

impl Layer<'_, '_> {
    /// Puts a value among the bits beside it.
    pub(super) fn bit_field(
        &mut self,
        bits: BitField,
        ty: TypeId,
        address: u64,
        value: &Value,
        place: Place,
    ) -> Result<(), Fault> {
        let Value::Int(number) = value else {
            return match value {
                Value::Out => Ok(()),
                other => Err(bad(
                    place.name,
                    format!("an integer is needed, {} was given", other.kind()),
                )),
            };
        };
        let mut bytes = vec![0; bits.bytes()];
        self.memory
            .read(address, &mut bytes)
            .map_err(|problem| bad(place.name, problem))?;
        bits.put(&mut bytes, *number);
        let signed = matches!(self.template.frame().ty(ty), Type::Scalar(it) if it.is_signed());
        if bits.value(&bytes, signed) != *number {
            let reason = format!("{number} does not fit {} bits", bits.width);
            return Err(bad(place.name, reason));
        }
        self.write(address, &bytes, place)
    }
}
