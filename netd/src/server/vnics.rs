//! `/v1/vnics`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fabric::LinkName;
use fabric::api::{CreateVnic, Problem, VnicCounters, VnicInfo};
use serde::Deserialize;

use super::extract::{Asked, Body, Name};
use super::{ApiError, Shared, finish};
use crate::views;

/// List the VNICs in the order of their creation
#[utoipa::path(
    get,
    path = "/v1/vnics",
    responses(
        (status = 200, body = Vec<VnicInfo>),
        (status = "default", body = Problem),
    )
)]
pub(super) async fn list(
    State(fabric): State<Shared>,
) -> Result<Json<Vec<VnicInfo>>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.refresh_for_reading().await?;
        Ok(Json(views::vnics(&fabric)))
    })
    .await
}

/// Create a VNIC
#[utoipa::path(
    post,
    path = "/v1/vnics",
    request_body = CreateVnic,
    responses(
        (status = 201, body = VnicInfo),
        (status = "default", body = Problem),
    )
)]
pub(super) async fn create(
    State(fabric): State<Shared>,
    Body(request): Body<CreateVnic>,
) -> Result<(StatusCode, Json<VnicInfo>), ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        let id = fabric.create_vnic(request).await?;
        let created = views::vnic(&fabric, id)?;
        Ok((StatusCode::CREATED, Json(created)))
    })
    .await
}

/// Which of several VNICs of one name is meant.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The guest end's namespace, by its name or as it was written; empty:
    /// netd's own. Needed only when several zones have the name.
    zone: Option<String>,
}

/// Delete a VNIC
#[utoipa::path(
    delete,
    path = "/v1/vnics/{name}",
    params(("name" = String, Path, description = "The guest end's name"), Which),
    responses(
        (status = 204),
        (status = "default", body = Problem),
    )
)]
pub(super) async fn delete(
    State(fabric): State<Shared>,
    Name(name): Name<LinkName>,
    Asked(which): Asked<Which>,
) -> Result<StatusCode, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.delete_vnic(&name, which.zone.as_deref()).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Read what went through each VNIC, and what was dropped
#[utoipa::path(
    get,
    path = "/v1/counters/vnics",
    responses(
        (status = 200, body = Vec<VnicCounters>),
        (status = "default", body = Problem),
    )
)]
pub(super) async fn counters(
    State(fabric): State<Shared>,
) -> Result<Json<Vec<VnicCounters>>, ApiError> {
    Ok(Json(views::counters(&*fabric.lock().await)?))
}
