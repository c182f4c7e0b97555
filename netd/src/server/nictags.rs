//! `/v1/nictags` and `/v1/status`

use axum::Json;
use axum::extract::State;
use fabric::api::{DaemonStatus, NicTags};

use super::{ApiError, Refused, Shared, finish};
use crate::views;

/// List the NIC tags: those of links by name, then etherstubs
#[utoipa::path(
    get,
    path = "/v1/nictags",
    operation_id = "list_nictags",
    responses(
        (status = 200, description = "The NIC tags", body = NicTags),
        (status = "default", response = Refused),
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
    operation_id = "show_status",
    responses(
        (status = 200, description = "How netd is", body = DaemonStatus),
        (status = "default", response = Refused),
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
