//! `/v1/etherstubs`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fabric::LinkName;
use fabric::api::{CreateEtherstub, EtherstubInfo};

use super::extract::{Body, Name};
use super::{ApiError, Refused, Shared, finish};
use crate::views;

/// List the etherstubs in the order of their creation
#[utoipa::path(
    get,
    path = "/v1/etherstubs",
    operation_id = "list_etherstubs",
    responses(
        (status = 200, description = "The etherstubs", body = Vec<EtherstubInfo>),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn list(
    State(fabric): State<Shared>,
) -> Json<Vec<EtherstubInfo>> {
    Json(views::etherstubs(&*fabric.lock().await))
}

/// Create an etherstub
#[utoipa::path(
    post,
    path = "/v1/etherstubs",
    operation_id = "create_etherstub",
    request_body = CreateEtherstub,
    responses(
        (status = 201, description = "The etherstub as it was made", body = EtherstubInfo),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn create(
    State(fabric): State<Shared>,
    Body(request): Body<CreateEtherstub>,
) -> Result<(StatusCode, Json<EtherstubInfo>), ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        let id = fabric.create_etherstub(request).await?;
        let created = views::etherstub(&fabric, id)?;
        Ok((StatusCode::CREATED, Json(created)))
    })
    .await
}

/// Delete an etherstub that no VNIC sits on
#[utoipa::path(
    delete,
    path = "/v1/etherstubs/{name}",
    operation_id = "delete_etherstub",
    params(("name" = String, Path, description = "The etherstub's name")),
    responses(
        (status = 204, description = "The etherstub is gone"),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn delete(
    State(fabric): State<Shared>,
    Name(name): Name<LinkName>,
) -> Result<StatusCode, ApiError> {
    finish(async move {
        fabric.lock().await.delete_etherstub(&name).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
