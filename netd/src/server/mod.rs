//! The socket: HTTP/1.1 and JSON, described at `/v1/openapi.json`.
//!
//! Handlers decode, ask [`Daemon`], encode. Every error is a problem document,
//! but of what is not HTTP: hyper answers that with 400, 414 or 431 and nothing
//! more, before there is a request.
//!
//! A connection takes a seat (`seats`, `serve`); each of its requests passes the
//! gate, which asks how much its user has asked already and what they may
//! (`gate`, `limits`, `peer`).

mod acl;
mod drops;
mod etherstubs;
mod extract;
mod fabric;
mod flows;
mod gate;
mod limits;
mod links;
mod listen;
mod nictags;
mod peer;
mod problem;
mod seats;
mod serve;
mod vnics;

use std::sync::Arc;

use ::fabric::Status;
use ::fabric::api::Problem;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use tokio::sync::Mutex;
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::daemon::Daemon;
use crate::drops::Drops;

use gate::Gate;
use limits::MAX_BODY;
use problem::ApiError;

pub use listen::{ListenError, Socket, listen};
pub(crate) use peer::{CHANGERS, READERS};
pub use serve::serve;

/// The fabric as handlers share it: one change at a time.
pub type Shared = Arc<Mutex<Daemon>>;

/// What handlers can ask for: the fabric, and what needs none of it.
#[derive(Clone, Debug)]
struct Served {
    fabric: Shared,
    drops: Drops,
}

impl FromRef<Served> for Shared {
    fn from_ref(served: &Served) -> Self {
        served.fabric.clone()
    }
}

impl FromRef<Served> for Drops {
    fn from_ref(served: &Served) -> Self {
        served.drops.clone()
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
    let seat = gate::seat();
    let work = async move {
        let done = work.await;
        drop(seat);
        done
    };
    tokio::spawn(work).await.unwrap_or_else(|_| Err(ApiError::own_fault()))
}

#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "netd",
        description = "The fabric: VNICs, flows, etherstubs and NIC tags of a host.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem), responses(Refused))
)]
struct Document;

/// Nothing was changed. `code` says why in a word, `detail` in a line.
#[derive(utoipa::ToResponse)]
#[response(
    content_type = "application/problem+json",
    headers((
        "retry-after" = u32,
        description = "After how many seconds the same request may be made \
                       again; only where nothing was done (429, 503)"
    ))
)]
#[expect(dead_code, reason = "stands for ApiError in the OpenAPI document")]
pub(crate) struct Refused(Problem);

/// The whole API over a fabric and what is dropped on it.
pub fn router(fabric: Shared, drops: Drops) -> Router {
    let (router, document) = routes().split_for_parts();
    let document = Arc::new(document);
    router
        .route(
            "/v1/openapi.json",
            get(move || async move { Json(document.as_ref().clone()) }),
        )
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Gate::new(), gate::pass))
        .with_state(Served { fabric, drops })
}

/// The paths with what the OpenAPI document says of them.
fn routes() -> OpenApiRouter<Served> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(vnics::list, vnics::create))
        .routes(routes!(vnics::change, vnics::delete))
        .routes(routes!(vnics::counters))
        .routes(
            routes!(flows::list, flows::create, flows::delete_all)
                .layer(DefaultBodyLimit::max(flows::MAX_BODY)),
        )
        .routes(routes!(flows::change, flows::delete))
        .routes(routes!(flows::counters))
        .routes(routes!(drops::list))
        .routes(routes!(fabric::show))
        .routes(
            routes!(fabric::apply)
                .layer(DefaultBodyLimit::max(flows::MAX_BODY)),
        )
        .routes(routes!(etherstubs::list, etherstubs::create))
        .routes(routes!(etherstubs::delete))
        .routes(routes!(links::links))
        .routes(routes!(links::change))
        .routes(routes!(links::phys))
        .routes(routes!(links::counters))
        .routes(routes!(nictags::list, nictags::create))
        .routes(routes!(nictags::change, nictags::delete))
        .routes(routes!(nictags::status))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_document_says_what_openapi_asks_for() {
        let document = routes().to_openapi();
        let document = serde_json::to_value(document).unwrap();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 18, "{paths:#?}");
        let operations = paths.values().flat_map(|path| {
            let methods = path.as_object().unwrap();
            methods.values().filter(|value| value.is_object())
        });
        let mut ids = BTreeSet::new();
        for operation in operations {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id} is there twice");
            assert!(operation["summary"].is_string(), "{id}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.contains_key("default"), "{id}");
            for (status, answer) in answers {
                let described = answer["description"].is_string();
                let refers = answer["$ref"].is_string();
                assert!(described || refers, "{id} {status}: {answer:#}");
            }
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            let target = document.pointer(pointer);
            assert!(target.is_some_and(Value::is_object), "{pointer}");
        }
    }
}
