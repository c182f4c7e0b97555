//! `/v1/fabric` and `/v1/apply`

use axum::Json;
use axum::extract::State;
use fabric::Status;
use fabric::api::{Applied, Apply, FabricInfo, Problem};
use serde::Deserialize;

use super::extract::{Asked, Body};
use super::{ApiError, Refused, Shared, finish};
use crate::views;

/// Read everything that is declared, and how far the host is like that
#[utoipa::path(
    get,
    path = "/v1/fabric",
    operation_id = "show_fabric",
    responses(
        (status = 200, description = "The fabric", body = FabricInfo),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn show(
    State(fabric): State<Shared>,
) -> Result<Json<FabricInfo>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.refresh().await?;
        fabric.settle().await;
        Ok(Json(views::fabric(&fabric)))
    })
    .await
}

/// Whether it is meant.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// 1: only tell what would be done.
    #[param(minimum = 0, maximum = 1)]
    dry_run: Option<u8>,
}

/// Declare everything anew, or make many changes: all of it, or nothing
#[utoipa::path(
    post,
    path = "/v1/apply",
    operation_id = "apply",
    params(How),
    request_body(
        content = Apply,
        example = json!({
            "batch": [
                {"create_etherstub": {"name": "stub0"}},
                {"create_vnic": {"name": "net0", "over": "stub0"}},
            ],
        }),
    ),
    responses(
        (status = 200, description = "What has changed, or would", body = Applied),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn apply(
    State(fabric): State<Shared>,
    Asked(how): Asked<How>,
    Body(request): Body<Apply>,
) -> Result<Json<Applied>, ApiError> {
    let dry_run = match how.dry_run {
        None | Some(0) => false,
        Some(1) => true,
        Some(other) => {
            let detail = format!("dry_run is 0 or 1, not {other}");
            return Err(Problem::new(Status::InvalidArgument, detail).into());
        }
    };
    finish(async move {
        let mut fabric = fabric.lock().await;
        let applied = match (request.spec, request.batch) {
            (Some(document), None) => {
                fabric.apply_document(document, dry_run).await?
            }
            (None, Some(batch)) => fabric.apply_batch(batch, dry_run).await?,
            (spec, _) => {
                let said = if spec.is_some() { "both" } else { "neither" };
                let detail = format!("either spec or batch, and not {said}");
                let problem = Problem::new(Status::InvalidArgument, detail);
                return Err(problem.into());
            }
        };
        Ok(Json(applied))
    })
    .await
}
