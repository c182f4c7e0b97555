//! `/v1/links`, `/v1/phys` and `/v1/counters/links`

use axum::Json;
use axum::extract::State;
use fabric::LinkName;
use fabric::api::{ChangeLink, LinkCounters, LinkInfo, PhysInfo};

use super::extract::{Body, Name};
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
        fabric.refresh_states().await?;
        Ok(Json(views::links(&fabric)))
    })
    .await
}

/// Change properties of a link that VNICs can sit on, for those VNICs: all
/// that are named, or none
#[utoipa::path(
    patch,
    path = "/v1/links/{name}",
    operation_id = "change_link",
    params((
        "name" = String,
        Path,
        description = "The name of a physical link, an aggregation or an etherstub"
    )),
    request_body(
        content = ChangeLink,
        example = json!({"set": {"maxbw": 500_000_000}, "temporary": false}),
    ),
    responses(
        (status = 200, description = "The link as it is now", body = LinkInfo),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn change(
    State(fabric): State<Shared>,
    Name(name): Name<LinkName>,
    Body(request): Body<ChangeLink>,
) -> Result<Json<LinkInfo>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.change_link(&name, &request).await?;
        Ok(Json(views::link(&fabric, &name)?))
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
        let queues = fabric.queue_stats()?;
        Ok(Json(views::link_counters(&fabric, &stats, &queues)?))
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
