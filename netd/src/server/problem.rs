//! Answers that are errors.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use fabric::Status;
use fabric::api::Problem;

use crate::error::FabricError;

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct ApiError {
    problem: Problem,
    /// After how many seconds the same request may be made again. Said only
    /// where nothing was done, so that clients may do so by themselves.
    retry_after: Option<u64>,
}

impl ApiError {
    /// Nothing was done; the same request may do better after some seconds.
    pub(super) fn later(
        status: StatusCode,
        detail: impl Into<String>,
        seconds: u64,
    ) -> Self {
        let mut problem = Problem::new(Status::TryAgain, detail);
        problem.status = status.as_u16();
        Self { problem, retry_after: Some(seconds) }
    }

    /// netd has made a mistake.
    pub(super) fn own_fault() -> Self {
        let detail = "netd failed to handle the request; its log says more";
        Problem::new(Status::OperationFailed, detail).into()
    }
}

impl From<FabricError> for ApiError {
    fn from(error: FabricError) -> Self {
        Problem::from(&error).into()
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem, retry_after: None }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut problem = self.problem;
        // Requests are quoted in it, whatever they hold.
        problem.detail = one_line(&problem.detail);
        problem.hint = problem.hint.as_deref().map(one_line);
        let status = StatusCode::from_u16(problem.status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static(Problem::MEDIA_TYPE);
        headers.insert(CONTENT_TYPE, media_type);
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A text as one line that moves no cursor and changes no colour.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_stays_on_its_line() {
        for (text, want) in [
            ("", ""),
            ("unknown field `é`", "unknown field `é`"),
            ("a\nb\r\tc\0", "a\\nb\\r\\tc\\u{0}"),
            ("\x1b[31mred\u{85}", "\\u{1b}[31mred\\u{85}"),
        ] {
            assert_eq!(one_line(text), want, "{text:?}");
        }
    }

    #[test]
    fn only_what_may_be_asked_again_says_when() {
        let too_many = StatusCode::TOO_MANY_REQUESTS;
        let later = ApiError::later(too_many, "slowly", 3).into_response();
        assert_eq!(later.status(), too_many);
        assert_eq!(later.headers()[RETRY_AFTER], "3");
        let problem = Problem::new(Status::TryAgain, "something is amiss");
        let failed = ApiError::from(problem).into_response();
        assert_eq!(failed.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!failed.headers().contains_key(RETRY_AFTER));
    }
}
