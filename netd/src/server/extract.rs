//! Reading requests, with every fault answered by a problem document.

use axum::extract::{
    FromRequest, FromRequestParts, Path, Query, Request,
    rejection::JsonRejection,
};
use axum::http::StatusCode;
use axum::http::request::Parts;
use fabric::Status;
use fabric::api::Problem;
use hyper::body::Body as _;
use serde::de::DeserializeOwned;

use super::limits::BODY_TIME;
use super::{ApiError, flows};

/// A JSON body.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(
        request: Request,
        state: &S,
    ) -> Result<Self, ApiError> {
        // Each route has a limit of its own, which what comes is measured by;
        // what is announced to be above all of them need not come.
        if request.body().size_hint().lower() > flows::MAX_BODY as u64 {
            return Err(large_body().into());
        }
        let body = axum::Json::from_request(request, state);
        match tokio::time::timeout(BODY_TIME, body).await {
            Ok(Ok(axum::Json(value))) => Ok(Self(value)),
            Ok(Err(rejection)) => Err(body_problem(&rejection).into()),
            Err(_) => Err(slow_body().into()),
        }
    }
}

fn body_problem(rejection: &JsonRejection) -> Problem {
    use std::error::Error;
    // axum's own text names the library's view; its innermost cause names the
    // field.
    let mut cause: &dyn Error = rejection;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let mut problem = Problem::new(Status::InvalidArgument, cause.to_string());
    problem.status = match rejection {
        JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => {
            400
        }
        other => other.status().as_u16(),
    };
    problem
}

fn large_body() -> Problem {
    let detail = "length limit exceeded";
    let mut problem = Problem::new(Status::InvalidArgument, detail);
    problem.status = StatusCode::PAYLOAD_TOO_LARGE.as_u16();
    problem
}

fn slow_body() -> Problem {
    let seconds = BODY_TIME.as_secs();
    let detail = format!("the body did not come within {seconds} s");
    let mut problem = Problem::new(Status::InvalidArgument, detail);
    problem.status = StatusCode::REQUEST_TIMEOUT.as_u16();
    problem
}

/// A path segment.
#[derive(Debug)]
pub(super) struct Name<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S>
    for Name<T>
{
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                let detail = rejection.body_text();
                Err(Problem::new(Status::InvalidArgument, detail).into())
            }
        }
    }
}

/// A query string.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let detail = rejection.body_text();
                Err(Problem::new(Status::InvalidArgument, detail).into())
            }
        }
    }
}
