//! `/v1/nictags` and `/v1/status`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fabric::api::{ChangeNicTag, CreateNicTag, DaemonStatus, NicTags};
use serde::Deserialize;

use super::extract::{Asked, Body, Name};

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

/// Define a NIC tag in the configuration file, or make an etherstub
#[utoipa::path(
    post,
    path = "/v1/nictags",
    operation_id = "create_nictag",
    request_body = CreateNicTag,
    responses(
        (status = 201, description = "The NIC tags there are now", body = NicTags),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn create(
    State(fabric): State<Shared>,
    Body(request): Body<CreateNicTag>,
) -> Result<(StatusCode, Json<NicTags>), ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.create_nic_tag(request).await?;
        Ok((StatusCode::CREATED, Json(views::nic_tags(&fabric))))
    })
    .await
}

/// Let a NIC tag name another link, or give it another MTU
#[utoipa::path(
    patch,
    path = "/v1/nictags/{name}",
    operation_id = "change_nictag",
    params(("name" = String, Path, description = "The tag's name")),
    request_body = ChangeNicTag,
    responses(
        (status = 200, description = "The NIC tags there are now", body = NicTags),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn change(
    State(fabric): State<Shared>,
    Name(name): Name<String>,
    Body(change): Body<ChangeNicTag>,
) -> Result<Json<NicTags>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        fabric.change_nic_tag(&name, &change).await?;
        Ok(Json(views::nic_tags(&fabric)))
    })
    .await
}

/// How a NIC tag is deleted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Deletion {
    /// Also when VNICs are on a link's tag: they wait then.
    #[serde(default)]
    #[param(value_type = Option<bool>)]
    force: bool,
}

/// Delete a NIC tag, or an etherstub
#[utoipa::path(
    delete,
    path = "/v1/nictags/{name}",
    operation_id = "delete_nictag",
    params(
        ("name" = String, Path, description = "The tag's name"),
        Deletion,
    ),
    responses(
        (status = 204, description = "The tag is gone"),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn delete(
    State(fabric): State<Shared>,
    Name(name): Name<String>,
    Asked(Deletion { force }): Asked<Deletion>,
) -> Result<StatusCode, ApiError> {
    finish(async move {
        fabric.lock().await.delete_nic_tag(&name, force).await?;
        Ok(StatusCode::NO_CONTENT)
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
