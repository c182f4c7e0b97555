//! Flows, each a row of its own: thousands of them are one transaction.

use std::collections::BTreeMap;

use fabric::{Flow, FlowId, FlowProps};
use rusqlite::{Transaction, params};

use super::{Store, StoreError, json};

impl Store {
    /// Reads the flows of the VNICs that are there.
    ///
    /// # Errors
    /// [`StoreError`] for a file that can't be read or is damaged.
    pub(super) fn load_flows(
        &self,
    ) -> Result<BTreeMap<FlowId, Flow>, StoreError> {
        let query = "SELECT id, spec FROM flow
                     WHERE link IN (SELECT id FROM vnic)";
        let flows = self.entries::<u32, Flow>(query, "flow")?;
        let mut flows: BTreeMap<FlowId, Flow> =
            flows.into_iter().map(|(id, flow)| (FlowId(id), flow)).collect();
        let query = "SELECT flow, props FROM temporary_flow_props";
        for (id, props) in self.entries::<u32, FlowProps>(query, "flow")? {
            if let Some(flow) = flows.get_mut(&FlowId(id)) {
                flow.kept = Some(std::mem::replace(&mut flow.props, props));
            }
        }
        Ok(flows)
    }
}

/// A flow's row: the flow as it will be after the next boot.
fn kept(flow: &Flow) -> rusqlite::Result<String> {
    let props = flow.kept_props();
    json(&Flow { props, kept: None, ..flow.clone() })
}

pub(super) fn add(
    transaction: &Transaction<'_>,
    flow: &Flow,
    boot_id: &str,
) -> rusqlite::Result<()> {
    let mut add = transaction.prepare_cached(
        "INSERT INTO flow (id, link, spec, boot_id) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let boot = flow.temporary.then_some(boot_id);
    add.execute(params![flow.id.0, flow.link.0, kept(flow)?, boot])?;
    put_temporary_props(transaction, flow, boot_id)
}

pub(super) fn update(
    transaction: &Transaction<'_>,
    flow: &Flow,
    boot_id: &str,
) -> rusqlite::Result<()> {
    let boot = flow.temporary.then_some(boot_id);
    let updated = transaction.execute(
        "UPDATE flow SET spec = ?2, boot_id = ?3 WHERE id = ?1",
        params![flow.id.0, kept(flow)?, boot],
    )?;
    if updated != 1 {
        return Err(rusqlite::Error::StatementChangedRows(updated));
    }
    forget_temporary_props(transaction, flow)?;
    put_temporary_props(transaction, flow, boot_id)
}

pub(super) fn remove(
    transaction: &Transaction<'_>,
    flow: &Flow,
) -> rusqlite::Result<()> {
    let mut remove =
        transaction.prepare_cached("DELETE FROM flow WHERE id = ?1")?;
    remove.execute([flow.id.0])?;
    forget_temporary_props(transaction, flow)
}

/// Writes down the properties that hold for this boot only, if there are any.
fn put_temporary_props(
    transaction: &Transaction<'_>,
    flow: &Flow,
    boot_id: &str,
) -> rusqlite::Result<()> {
    if flow.kept.is_some() {
        transaction.execute(
            "INSERT INTO temporary_flow_props (flow, props, boot_id)
             VALUES (?1, ?2, ?3)",
            params![flow.id.0, json(&flow.props)?, boot_id],
        )?;
    }
    Ok(())
}

fn forget_temporary_props(
    transaction: &Transaction<'_>,
    flow: &Flow,
) -> rusqlite::Result<()> {
    let mut forget = transaction
        .prepare_cached("DELETE FROM temporary_flow_props WHERE flow = ?1")?;
    forget.execute([flow.id.0])?;
    Ok(())
}
