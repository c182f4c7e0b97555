//! The socket: HTTP/1.1 and JSON, described at `/v1/openapi.json`.
//!
//! Handlers decode, ask [`Daemon`], encode. Every error is a problem document.

mod etherstubs;
mod extract;
mod links;
mod listen;
mod nictags;
mod vnics;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use fabric::Status;
use fabric::api::Problem;
use tokio::sync::Mutex;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::daemon::Daemon;
use crate::error::FabricError;

pub use listen::{ListenError, Socket, listen};

/// The fabric as handlers share it: one change at a time.
pub type Shared = Arc<Mutex<Daemon>>;

/// The largest request body, in bytes. The largest honest one is under 1 KiB.
const MAX_BODY: usize = 64 * 1024;

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct ApiError(Problem);

impl From<FabricError> for ApiError {
    fn from(error: FabricError) -> Self {
        Self(Problem::from(&error))
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        response.headers_mut().insert(
            axum::http::header::CONTENT_TYPE,
            axum::http::HeaderValue::from_static(Problem::MEDIA_TYPE),
        );
        response
    }
}

/// Does a request's work to its end, even if the client hangs up meanwhile:
/// a change that was begun is finished or taken back, never dropped half way.
///
/// # Errors
/// What the work answers; a panic in it becomes an error of its own, and costs
/// nobody else their connection.
async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|_| {
        let detail = "netd failed to handle the request; its log says more";
        Err(Problem::new(Status::OperationFailed, detail).into())
    })
}

#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "netd",
        description = "The fabric: VNICs, etherstubs and NIC tags of a host.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem))
)]
struct Document;

/// The whole API over a fabric.
pub fn router(fabric: Shared) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(vnics::list, vnics::create))
        .routes(routes!(vnics::delete))
        .routes(routes!(vnics::counters))
        .routes(routes!(etherstubs::list, etherstubs::create))
        .routes(routes!(etherstubs::delete))
        .routes(routes!(links::links))
        .routes(routes!(links::phys))
        .routes(routes!(nictags::list))
        .routes(routes!(nictags::status))
        .split_for_parts();
    let document = Arc::new(document);
    router
        .route(
            "/v1/openapi.json",
            get(move || async move { Json(document.as_ref().clone()) }),
        )
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(fabric)
}

async fn unknown_path(uri: axum::http::Uri) -> ApiError {
    let detail = format!("there is nothing at {}", uri.path());
    let hint = "GET /v1/openapi.json lists what there is";
    Problem::new(Status::ObjectNotFound, detail).hint(hint).into()
}

async fn unknown_method(
    method: axum::http::Method,
    uri: axum::http::Uri,
) -> ApiError {
    let detail = format!("{} takes no {method}", uri.path());
    let mut problem = Problem::new(Status::NotSupported, detail);
    problem.status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    problem.into()
}
