//! `sym`: parse the prototype, resolve the function, prepare the call; each of them once.

use super::Answer;
use crate::Vm;
use crate::session::{Entry, Session};
use callframe::Template;
use callframe::marshal::Callee;
use cosmos_rpc::message::vm::{Resolved, Sym};
use cosmos_rpc::{Fault, FaultCode, Frame};
use std::sync::Arc;

pub(super) fn answer<V: Vm>(session: &Session<V>, frame: &Frame) -> Result<Answer, Fault> {
    let request: Sym = frame.message()?;
    let token = request.object.0;
    let library = session.library(token)?;
    let object = session.object(token)?;
    let refused = |message: String| Fault::caller(FaultCode::BadPrototype, message);
    let parsed = callframe::parse(&request.prototype)
        .map_err(|error| refused(error.render(&request.prototype)))?;
    let template = Template::of(&Arc::new(parsed), session.vm.model())
        .map_err(|error| refused(error.to_string()))?;
    let runable = session.vm.sym(&object, &template)?;
    let encoded = template.encode();
    let id = session.add_runable(Entry {
        callee: Callee::new(template),
        runable: Arc::new(runable),
        _library: library,
        token,
    })?;
    Answer::of::<Sym>(&Resolved {
        runable: id,
        model: session.vm.model(),
        template: encoded,
    })
}
