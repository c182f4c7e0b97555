//! `/v1/nictags` and `/v1/status`

use axum::Json;
use axum::extract::State;
use fabric::api::{DaemonStatus, NicTags, Problem};

use super::{ApiError, Shared, finish};
use crate::views;

/// List the NIC tags: those of links by name, then etherstubs
#[utoipa::path(
    get,
    path = "/v1/nictags",
    responses(
        (status = 200, body = NicTags),
        (status = "default", body = Problem),
    )
)]
pub(super) async fn list(
    State(fabric): State<Shared>,
) -> Result<Json<NicTags>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.refresh().await?;
        Ok(Json(views::nic_tags(&fabric)))
    })
    .await
}

/// Tell how netd is, and what a person should do next
#[utoipa::path(
    get,
    path = "/v1/status",
    responses(
        (status = 200, body = DaemonStatus),
        (status = "default", body = Problem),
    )
)]
pub(super) async fn status(
    State(fabric): State<Shared>,
) -> Result<Json<DaemonStatus>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.refresh().await?;
        Ok(Json(views::status(&fabric)))
    })
    .await
}
