//! Asking about the fabric as a whole.

use ::fabric::api::{Applied, Apply, FabricInfo};
use hyper::Method;

use super::{Client, ClientError, LONG, http};

impl Client {
    /// Everything that is declared, and how far the host is like that.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn fabric(&self) -> Result<FabricInfo, ClientError> {
        self.get("/v1/fabric")
    }

    /// Declares everything anew or makes many changes: all of it, or nothing.
    /// With `dry_run` it only tells what would be done. It may take ten
    /// minutes.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn apply(
        &self,
        wanted: &Apply,
        dry_run: bool,
    ) -> Result<Applied, ClientError> {
        let path = if dry_run { "/v1/apply?dry_run=1" } else { "/v1/apply" };
        let body = Some(http::body(wanted));
        self.ask_within(LONG, Method::POST, path, body)
    }
}
