//! Asking about flows.

use ::fabric::api::{ChangeFlow, CreateFlow, FlowCounters, FlowInfo};
use ::fabric::{FlowName, LinkName};
use hyper::Method;

use super::{Client, ClientError, LONG, escape, http};

impl Client {
    /// The flows of every zone, in the order of creation.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn flows(&self) -> Result<Vec<FlowInfo>, ClientError> {
        self.get("/v1/flows")
    }

    /// What went through each flow that is counted, in the order of creation.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn flow_counters(&self) -> Result<Vec<FlowCounters>, ClientError> {
        self.get("/v1/counters/flows")
    }

    /// Creates flows: all of them, or none.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn create_flows(
        &self,
        wanted: &[CreateFlow],
    ) -> Result<Vec<FlowInfo>, ClientError> {
        let body = Some(http::body(&wanted));
        self.ask_within(LONG, Method::POST, "/v1/flows", body)
    }

    /// Changes properties of a flow: all that are named, or none. `zone` tells
    /// flows of one name apart; the empty zone is netd's own.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn change_flow(
        &self,
        name: &FlowName,
        zone: Option<&str>,
        change: &ChangeFlow,
    ) -> Result<FlowInfo, ClientError> {
        let path = flow_path(name, zone);
        self.ask(Method::PATCH, &path, Some(http::body(change)))
    }

    /// Deletes a flow. `zone` tells flows of one name apart; the empty zone is
    /// netd's own.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn delete_flow(
        &self,
        name: &FlowName,
        zone: Option<&str>,
    ) -> Result<(), ClientError> {
        self.delete(self.patience, &flow_path(name, zone))
    }

    /// Deletes all flows of a VNIC. `zone` tells VNICs of one name apart; the
    /// empty zone is netd's own.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn delete_flows_of(
        &self,
        link: &LinkName,
        zone: Option<&str>,
    ) -> Result<(), ClientError> {
        let mut path = format!("/v1/flows?link={}", escape(link.as_str()));
        if let Some(zone) = zone {
            path.push_str("&zone=");
            path.push_str(&escape(zone));
        }
        self.delete(LONG, &path)
    }
}

fn flow_path(name: &FlowName, zone: Option<&str>) -> String {
    let mut path = format!("/v1/flows/{}", escape(name.as_str()));
    if let Some(zone) = zone {
        path.push_str("?zone=");
        path.push_str(&escape(zone));
    }
    path
}
