//! What each request passes before anything is done for it: how much its user
//! has asked already, and what the user may.

use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fabric::Status;
use fabric::api::Problem;
use futures::FutureExt;
use governor::clock::DefaultClock;

use super::ApiError;
use super::limits::Rates;
use super::peer::{Authority, Peer};
use super::seats::Seat;
use crate::seldom::Seldom;

/// How much of a request is in the log, in characters.
const SHOWN: usize = 80;

/// How many refusals at once are in the log: somebody who tries this and that.
const TOLD: NonZeroU32 = NonZeroU32::new(20).unwrap();

tokio::task_local! {
    /// The seat of the connection that a request came by.
    static SEAT: Arc<Seat>;
}

/// What all requests have in common.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    rates: Arc<Rates>,
    refused: Arc<Seldom>,
}

impl Gate {
    /// Nobody has asked for anything yet.
    pub(super) fn new() -> Self {
        let rates = Arc::new(Rates::new(DefaultClock::default()));
        Self { rates, refused: Arc::new(Seldom::new(TOLD)) }
    }

    /// Lets a request through, or says why not.
    async fn admit(&self, request: &Parts) -> Result<Peer, ApiError> {
        let Some(peer) = request.extensions.get::<Peer>() else {
            let detail = "nobody is known to have asked";
            return Err(Problem::new(Status::PermissionDenied, detail).into());
        };
        if let Err(wait) = self.rates.count(peer.uid) {
            self.tell(peer, request, "too many requests");
            let detail = format!("too many requests of user {}", peer.uid);
            // A part of a second counts as one.
            let seconds = wait.as_secs() + 1;
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(ApiError::later(status, detail, seconds));
        }
        let needed = needed(request);
        if peer.authority().await? < needed {
            self.tell(peer, request, "refused");
            return Err(peer.refusal(needed).into());
        }
        Ok(peer.clone())
    }

    fn tell(&self, peer: &Peer, request: &Parts, what: &str) {
        if let Some(unsaid) = self.refused.may_say() {
            let line = format!("{} {}", request.method, request.uri.path());
            let line: String = line.chars().take(SHOWN).collect();
            let (uid, pid) = (peer.uid.as_raw(), peer.pid.unwrap_or(0));
            tracing::warn!(uid, pid, request = line, unsaid, "{what}");
        }
    }
}

/// What a request needs. Whatever is not known to leave the fabric as it is
/// counts as a change.
fn needed(request: &Parts) -> Authority {
    let (path, query) = (request.uri.path(), request.uri.query());
    match request.method {
        // Asks what would happen. Nothing else may stand beside it: who reads
        // the query later might take another word for the last.
        Method::POST if path == "/v1/apply" && query == Some("dry_run=1") => {
            Authority::Read
        }
        // What answers GET answers HEAD.
        Method::GET | Method::HEAD => Authority::Read,
        _ => Authority::Change,
    }
}

/// The gate as a layer. A panic of whatever is behind it is an answer, too.
pub(super) async fn pass(
    State(gate): State<Gate>,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    let peer = match gate.admit(&head).await {
        Ok(peer) => peer,
        Err(error) => return error.into_response(),
    };
    let request = Request::from_parts(head, body);
    let answer = SEAT.scope(peer.seat, next.run(request));
    let answer = AssertUnwindSafe(answer).catch_unwind().await;
    answer.unwrap_or_else(|_| ApiError::own_fault().into_response())
}

/// The seat of the connection that is being served, for work that outlives it:
/// who hangs up in the middle of a change has not left yet.
pub(super) fn seat() -> Option<Arc<Seat>> {
    SEAT.try_with(Arc::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reads_is_a_reading() {
        for (method, path, want) in [
            ("GET", "/v1/vnics", Authority::Read),
            ("HEAD", "/v1/vnics", Authority::Read),
            ("GET", "/nowhere", Authority::Read),
            ("POST", "/v1/vnics", Authority::Change),
            ("POST", "/v1/vnics?dry_run=1", Authority::Change),
            ("POST", "/v1/apply", Authority::Change),
            ("POST", "/v1/apply?dry_run=1", Authority::Read),
            ("POST", "/v1/apply?dry_run=0", Authority::Change),
            ("POST", "/v1/apply?dry_run=1&dry_run=0", Authority::Change),
            ("PUT", "/v1/apply?dry_run=1", Authority::Change),
            ("PATCH", "/v1/vnics/net0", Authority::Change),
            ("DELETE", "/v1/vnics/net0", Authority::Change),
            ("get", "/v1/vnics", Authority::Change),
            ("OPTIONS", "/v1/vnics", Authority::Change),
            ("CHEESE", "/v1/vnics", Authority::Change),
        ] {
            let request = Request::builder().method(method).uri(path);
            let (head, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(needed(&head), want, "{method} {path}");
        }
    }
}
