//! `/v1/flows` and `/v1/counters/flows`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fabric::api::{ChangeFlow, CreateFlow, FlowCounters, FlowInfo};
use fabric::{FlowName, LinkName};
use serde::Deserialize;

use super::extract::{Asked, Body, Name};
use super::{ApiError, Refused, Shared, finish};
use crate::views;

/// The largest request body, in bytes: some fifty thousand flows.
pub(super) const MAX_BODY: usize = 16 << 20;

/// List the flows in the order of their creation
#[utoipa::path(
    get,
    path = "/v1/flows",
    operation_id = "list_flows",
    responses(
        (status = 200, description = "The flows", body = Vec<FlowInfo>),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn list(State(fabric): State<Shared>) -> Json<Vec<FlowInfo>> {
    Json(views::flows(&*fabric.lock().await))
}

/// Create flows: all that are listed, or none
#[utoipa::path(
    post,
    path = "/v1/flows",
    operation_id = "create_flows",
    request_body(
        content = Vec<CreateFlow>,
        example = json!([{
            "name": "http",
            "link": "net0",
            "attrs": {"transport": "tcp", "local_port": 80},
            "props": {"maxbw": 20_000_000},
        }]),
    ),
    responses(
        (status = 201, description = "The flows as they were made, in the order of the request", body = Vec<FlowInfo>),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn create(
    State(fabric): State<Shared>,
    Body(request): Body<Vec<CreateFlow>>,
) -> Result<(StatusCode, Json<Vec<FlowInfo>>), ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        let ids = fabric.create_flows(request).await?;
        let created = ids.into_iter().map(|id| views::flow(&fabric, id));
        let created: Result<Vec<_>, _> = created.collect();
        Ok((StatusCode::CREATED, Json(created?)))
    })
    .await
}

/// Whose flows are meant.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfLink {
    /// The VNIC.
    #[param(value_type = String)]
    link: LinkName,
    /// The VNIC's namespace, by its name or as it was written; empty: netd's
    /// own. Needed only when several zones have a VNIC of the name.
    zone: Option<String>,
}

/// Delete all flows of a VNIC
#[utoipa::path(
    delete,
    path = "/v1/flows",
    operation_id = "delete_flows",
    params(OfLink),
    responses(
        (status = 204, description = "The flows are gone"),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn delete_all(
    State(fabric): State<Shared>,
    Asked(OfLink { link, zone }): Asked<OfLink>,
) -> Result<StatusCode, ApiError> {
    finish(async move {
        fabric.lock().await.delete_flows(&link, zone.as_deref()).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Which of several flows of one name is meant.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The namespace of the flow's VNIC, by its name or as it was written;
    /// empty: netd's own. Needed only when several zones have the name.
    zone: Option<String>,
}

/// Change properties of a flow: all that are named, or none
#[utoipa::path(
    patch,
    path = "/v1/flows/{name}",
    operation_id = "change_flow",
    params(("name" = String, Path, description = "The flow's name"), Which),
    request_body(
        content = ChangeFlow,
        example = json!({
            "set": {"maxbw": 50_000_000},
            "reset": ["priority"],
            "temporary": false,
        }),
    ),
    responses(
        (status = 200, description = "The flow as it is now", body = FlowInfo),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn change(
    State(fabric): State<Shared>,
    Name(name): Name<FlowName>,
    Asked(which): Asked<Which>,
    Body(request): Body<ChangeFlow>,
) -> Result<Json<FlowInfo>, ApiError> {
    finish(async move {
        let mut fabric = fabric.lock().await;
        let zone = which.zone.as_deref();
        let id = fabric.change_flow(&name, zone, &request).await?;
        Ok(Json(views::flow(&fabric, id)?))
    })
    .await
}

/// Delete a flow
#[utoipa::path(
    delete,
    path = "/v1/flows/{name}",
    operation_id = "delete_flow",
    params(("name" = String, Path, description = "The flow's name"), Which),
    responses(
        (status = 204, description = "The flow is gone"),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn delete(
    State(fabric): State<Shared>,
    Name(name): Name<FlowName>,
    Asked(which): Asked<Which>,
) -> Result<StatusCode, ApiError> {
    finish(async move {
        let zone = which.zone.as_deref();
        fabric.lock().await.delete_flow(&name, zone).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Read what went through each flow that is counted, and what was dropped
#[utoipa::path(
    get,
    path = "/v1/counters/flows",
    operation_id = "count_flows",
    responses(
        (status = 200, description = "The counters of each flow that has any", body = Vec<FlowCounters>),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn counters(
    State(fabric): State<Shared>,
) -> Result<Json<Vec<FlowCounters>>, ApiError> {
    finish(async move {
        let fabric = fabric.lock().await;
        let queues = fabric.queue_stats()?;
        Ok(Json(views::flow_counters(&fabric, &queues)?))
    })
    .await
}
