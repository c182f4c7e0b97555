//! `/v1/links`, `/v1/phys` and `/v1/counters/links`

use axum::Json;
use axum::extract::State;
use fabric::api::{LinkCounters, LinkInfo, PhysInfo};

use super::{ApiError, Refused, Shared, finish};
use crate::views;

/// List links of every class: the host's by name, then netd's in the order of
/// their creation
#[utoipa::path(
    get,
    path = "/v1/links",
    operation_id = "list_links",
    responses(
        (status = 200, description = "The links", body = Vec<LinkInfo>),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn links(
    State(fabric): State<Shared>,
) -> Result<Json<Vec<LinkInfo>>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.refresh().await?;
        Ok(Json(views::links(&fabric)))
    })
    .await
}

/// Read what went through each link, and what did not
#[utoipa::path(
    get,
    path = "/v1/counters/links",
    operation_id = "count_links",
    responses(
        (status = 200, description = "The counters of each link", body = Vec<LinkCounters>),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn counters(
    State(fabric): State<Shared>,
) -> Result<Json<Vec<LinkCounters>>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        let stats = fabric.refresh_for_counting().await?;
        Ok(Json(views::link_counters(&fabric, &stats)?))
    })
    .await
}

/// List the physical links by name
#[utoipa::path(
    get,
    path = "/v1/phys",
    operation_id = "list_phys",
    responses(
        (status = 200, description = "The physical links", body = Vec<PhysInfo>),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn phys(
    State(fabric): State<Shared>,
) -> Result<Json<Vec<PhysInfo>>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.refresh_for_reading().await?;
        Ok(Json(views::phys(&fabric)))
    })
    .await
}
