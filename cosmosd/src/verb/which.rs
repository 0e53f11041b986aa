//! `Which`: the kinds considered for a target, and the rules that refused each.

use crate::{
    matching::{self, Use, Weighed},
    session::Session,
};
use cosmos_rpc::{
    Fault,
    message::coordinator::{Placement, Which},
};
use std::rc::Rc;

pub(super) async fn answer(session: Rc<Session>, request: Which) -> Result<Placement, Fault> {
    let coordinator = &session.coordinator;
    let wanted = Use::Open;
    let requirements = coordinator.requirements(request.target, wanted).await?;
    let (profiles, host) = (&coordinator.profiles, &coordinator.host);
    let weighed = matching::weigh(&requirements, profiles, host, wanted);
    Ok(Placement {
        path: requirements.path.to_string_lossy().into_owned(),
        requirements: requirements.rows(),
        candidates: weighed.iter().map(Weighed::candidate).collect(),
    })
}
