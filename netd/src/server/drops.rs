//! `/v1/drops`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use fabric::Status;
use fabric::api::{self, Problem};
use serde::Deserialize;
use tokio::time::Instant;

use super::extract::Asked;
use super::{ApiError, Refused, Shared};
use crate::drops::{Drops, Wanted};

/// The longest that a client may have netd wait, in seconds.
const WAIT_MAX: u64 = 60;

/// What to try when a name means no VNIC.
const HINT: &str = "dladm show-vnic lists the VNICs; one that is gone is \
                    known by its number";

/// Which dropped frames are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only what came after this one: `next` of the last answer. Without it,
    /// all that netd remembers.
    after: Option<u64>,
    /// Only those of this VNIC: its name or its number.
    link: Option<String>,
    /// Only those of VNICs of this zone, by its name or as it was written;
    /// empty: netd's own namespace.
    zone: Option<String>,
    /// How many seconds to wait for one when there is none yet.
    #[param(minimum = 0, maximum = 60)]
    wait: Option<u64>,
}

impl Which {
    fn wanted(&self) -> Result<Wanted, Problem> {
        let subject = self.link.as_ref().map(|link| {
            link.parse().map_err(|error| {
                let detail = format!("invalid link name '{link}': {error}");
                Problem::new(Status::InvalidLink, detail).hint(HINT)
            })
        });
        let subject = subject.transpose()?;
        Ok(Wanted { subject, zone: self.zone.clone() })
    }

    fn wait(&self) -> Result<Duration, Problem> {
        match self.wait.unwrap_or(0) {
            wait @ 0..=WAIT_MAX => Ok(Duration::from_secs(wait)),
            wait => {
                let detail = format!("cannot wait {wait} s");
                let hint = format!("wait is 0 to {WAIT_MAX}");
                Err(Problem::new(Status::InvalidArgument, detail).hint(hint))
            }
        }
    }
}

/// Show frames that were dropped lately, oldest first
#[utoipa::path(
    get,
    path = "/v1/drops",
    operation_id = "list_drops",
    params(Which),
    responses(
        (status = 200, description = "The frames", body = api::Drops),
        (status = "default", response = Refused),
    )
)]
pub(super) async fn list(
    State(fabric): State<Shared>,
    State(mut drops): State<Drops>,
    Asked(which): Asked<Which>,
) -> Result<Json<api::Drops>, ApiError> {
    let wanted = which.wanted()?;
    let deadline = Instant::now() + which.wait()?;
    let mut after = which.after;
    let mut missed = 0;
    loop {
        let taken = drops.after(after);
        after = Some(taken.next);
        missed += taken.missed;
        let answer = wanted.of(&taken, fabric.lock().await.spec());
        let answer = answer.map_err(|error| {
            let mut problem = Problem::from(&error);
            problem.hint.get_or_insert_with(|| HINT.to_owned());
            problem
        })?;
        // Nobody has the fabric while this waits.
        if !answer.drops.is_empty() || !drops.more_before(deadline).await {
            return Ok(Json(api::Drops { missed, ..answer }));
        }
    }
}
