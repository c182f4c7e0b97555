//! Reading requests, with every fault answered by a problem document.

use axum::extract::{
    FromRequest, FromRequestParts, Path, Query, Request,
    rejection::JsonRejection,
};
use axum::http::request::Parts;
use fabric::Status;
use fabric::api::Problem;
use serde::de::DeserializeOwned;

use super::ApiError;

/// A JSON body.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(
        request: Request,
        state: &S,
    ) -> Result<Self, ApiError> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(body_problem(&rejection).into()),
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
