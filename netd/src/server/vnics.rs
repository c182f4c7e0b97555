//! `/v1/vnics`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fabric::LinkName;
use fabric::api::{ChangeVnic, CreateVnic, VnicCounters, VnicInfo};
use serde::Deserialize;

use super::extract::{Asked, Body, Name};
use super::{ApiError, Refused, Shared, finish};
use crate::views;

/// List the VNICs in the order of their creation
#[utoipa::path(
    get,
    path = "/v1/vnics",
    operation_id = "list_vnics",
    responses(
        (status = 200, description = "The VNICs", body = Vec<VnicInfo>),
        (status = "default", response = Refused),
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
    operation_id = "create_vnic",
    request_body = CreateVnic,
    responses(
        (status = 201, description = "The VNIC as it was made", body = VnicInfo),
        (status = "default", response = Refused),
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

/// Change properties of a VNIC: all that are named, or none
#[utoipa::path(
    patch,
    path = "/v1/vnics/{name}",
    operation_id = "change_vnic",
    params(("name" = String, Path, description = "The guest end's name"), Which),
    request_body(
        content = ChangeVnic,
        example = json!({
            "set": {"allowed_ips": ["192.168.1.7"], "mtu": 1400},
            "reset": ["dynamic-methods"],
            "temporary": false,
        }),
    ),
    responses(
        (status = 200, description = "The VNIC as it is now", body = VnicInfo),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn change(
    State(fabric): State<Shared>,
    Name(name): Name<LinkName>,
    Asked(which): Asked<Which>,
    Body(request): Body<ChangeVnic>,
) -> Result<Json<VnicInfo>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        let zone = which.zone.as_deref();
        let id = fabric.change_vnic(&name, zone, &request).await?;
        Ok(Json(views::vnic(&fabric, id)?))
    })
    .await
}

/// Delete a VNIC
#[utoipa::path(
    delete,
    path = "/v1/vnics/{name}",
    operation_id = "delete_vnic",
    params(("name" = String, Path, description = "The guest end's name"), Which),
    responses(
        (status = 204, description = "The VNIC is gone"),
        (status = "default", response = Refused),
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
    operation_id = "count_vnics",
    responses(
        (status = 200, description = "The counters of each VNIC", body = Vec<VnicCounters>),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn counters(
    State(fabric): State<Shared>,
) -> Result<Json<Vec<VnicCounters>>, ApiError> {
    Ok(Json(views::counters(&*fabric.lock().await)?))
}
