//! `Follow` and `Followed`: a client that wants to know the steps of its requests.

pub(super) use crate::follow::Followed as Request;

use crate::session::Session;
use cosmos_rpc::{
    Fault,
    message::{coordinator::Follow, follow::Span},
};
use std::rc::Rc;

pub(super) async fn begin(session: Rc<Session>, request: Follow) -> Result<(), Fault> {
    session.follow(request.trace);
    Ok(())
}

pub(super) async fn tell(session: Rc<Session>) -> Result<Vec<Span>, Fault> {
    Ok(session.take_steps())
}
