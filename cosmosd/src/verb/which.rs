//! `Which`: the kinds considered for a target, and the rules that refused each.

use crate::{
    aside,
    matching::{self, Use, Weighed},
    requirements,
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
    let looked = coordinator.look_up(request.target, wanted).await?;
    let requirements = looked.requirements;
    let configured = coordinator.configured();
    let (profiles, host) = (&configured.profiles, &configured.host);
    let weighed = matching::weigh(&requirements, profiles, host, wanted);
    let path = requirements.path.clone();
    let digest = aside::run(move || requirements::sha256(&path)).await?;
    let mut rows = requirements.rows();
    // A file that is gone meanwhile has none, and the rest tells what it was.
    rows.extend(digest.map(|digest| ("sha256".to_owned(), digest)));
    Ok(Placement {
        path: requirements.path.to_string_lossy().into_owned(),
        requirements: rows,
        candidates: weighed.iter().map(Weighed::candidate).collect(),
    })
}
