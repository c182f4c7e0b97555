//! What was set of the host's own links, by name.
//!
//! They are not netd's to declare, so they have no rows of their own; one that
//! nobody has set anything of is not in the tables.

use std::collections::BTreeMap;

use fabric::{LinkName, LinkProps, LinkSettings};
use rusqlite::{Transaction, params};

use super::{Store, StoreError, json};

impl Store {
    /// Reads what was set of links.
    ///
    /// # Errors
    /// [`StoreError`] for a file that can't be read or is damaged.
    pub(super) fn load_links(
        &self,
    ) -> Result<BTreeMap<LinkName, LinkSettings>, StoreError> {
        let mut links = BTreeMap::new();
        for (name, props) in self.entries::<String, _>(
            "SELECT link, props FROM link_props",
            "link",
        )? {
            let settings = LinkSettings { props, kept: None };
            links.insert(self.link_name(&name)?, settings);
        }
        let query = "SELECT link, props FROM temporary_link_props";
        for (name, props) in self.entries::<String, LinkProps>(query, "link")? {
            let settings: &mut LinkSettings =
                links.entry(self.link_name(&name)?).or_default();
            settings.kept = Some(settings.props);
            settings.props = props;
        }
        Ok(links)
    }

    fn link_name(&self, name: &str) -> Result<LinkName, StoreError> {
        let path = self.path.clone();
        serde_json::from_value(name.into()).map_err(|source| {
            let subject = format!("link {name}");
            StoreError::Damaged { path, subject, source }
        })
    }
}

/// Writes down what is set of a link now, in the place of what was before.
pub(super) fn put(
    transaction: &Transaction<'_>,
    link: &LinkName,
    settings: &LinkSettings,
    boot_id: &str,
) -> rusqlite::Result<()> {
    let name = link.as_str();
    for table in ["link_props", "temporary_link_props"] {
        let forget = format!("DELETE FROM {table} WHERE link = ?1");
        transaction.execute(&forget, [name])?;
    }
    let kept = settings.kept_props();
    if kept != LinkProps::default() {
        transaction.execute(
            "INSERT INTO link_props (link, props) VALUES (?1, ?2)",
            params![name, json(&kept)?],
        )?;
    }
    if settings.kept.is_some() {
        transaction.execute(
            "INSERT INTO temporary_link_props (link, props, boot_id)
             VALUES (?1, ?2, ?3)",
            params![name, json(&settings.props)?, boot_id],
        )?;
    }
    Ok(())
}
