//! Asking netd.

mod drops;
mod error;
mod fabric;
mod flows;
mod http;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use ::fabric::LinkName;
use ::fabric::api::{
    ChangeLink, ChangeNicTag, ChangeVnic, CreateEtherstub, CreateNicTag,
    CreateVnic, DEFAULT_SOCKET, DaemonStatus, Drops, EtherstubInfo,
    LinkCounters, LinkInfo, NicTags, PhysInfo, SOCKET_ENV, VnicCounters,
    VnicInfo,
};
use hyper::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use drops::WhichDrops;
pub use error::ClientError;

/// What need not be escaped in a path segment or a query value: RFC 3986's
/// unreserved characters.
const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How long netd may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take to make changes by the thousand. Some thousand VNICs
/// take seconds, ten thousand flows with limits half a minute.
const LONG: Duration = Duration::from_secs(600);

/// A blocking client of netd, on its unix socket.
///
/// Nothing is sent before the first question, and every question has a
/// connection of its own, so a restarted netd goes unnoticed. A question takes
/// at most 30 s, one that makes changes by the thousand ten minutes; where netd
/// has too much to do it is asked again meanwhile.
///
/// It blocks the calling thread and must not be used on one that drives a
/// tokio runtime.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    patience: Duration,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    /// Makes a client for the netd behind a socket.
    ///
    /// # Errors
    /// [`ClientError::Runtime`] when the process has no descriptors left.
    pub fn new(socket: impl Into<PathBuf>) -> Result<Self, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ClientError::Runtime)?;
        Ok(Self { socket: socket.into(), patience: PATIENCE, runtime })
    }

    /// Where netd is: the socket named on the command line, else the one that
    /// the environment variable [`SOCKET_ENV`] names, else [`DEFAULT_SOCKET`].
    #[must_use]
    pub fn socket_path(option: Option<PathBuf>) -> PathBuf {
        choose_socket(option, std::env::var_os(SOCKET_ENV))
    }

    /// Changes how long netd may take to answer a question of the short kind.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The links of every class and zone, in the order of creation.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn links(&self) -> Result<Vec<LinkInfo>, ClientError> {
        self.get("/v1/links")
    }

    /// The physical links.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn phys(&self) -> Result<Vec<PhysInfo>, ClientError> {
        self.get("/v1/phys")
    }

    /// The VNICs of every zone, in the order of creation.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn vnics(&self) -> Result<Vec<VnicInfo>, ClientError> {
        self.get("/v1/vnics")
    }

    /// Creates a VNIC.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn create_vnic(
        &self,
        wanted: &CreateVnic,
    ) -> Result<VnicInfo, ClientError> {
        self.ask(Method::POST, "/v1/vnics", Some(http::body(wanted)))
    }

    /// Changes properties of a VNIC: all that are named, or none. `zone` tells
    /// VNICs of one name apart; the empty zone is netd's own.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn change_vnic(
        &self,
        name: &LinkName,
        zone: Option<&str>,
        change: &ChangeVnic,
    ) -> Result<VnicInfo, ClientError> {
        let path = vnic_path(name, zone);
        self.ask(Method::PATCH, &path, Some(http::body(change)))
    }

    /// Changes properties of a link that VNICs can sit on: all that are named,
    /// or none.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn change_link(
        &self,
        name: &LinkName,
        change: &ChangeLink,
    ) -> Result<LinkInfo, ClientError> {
        let path = format!("/v1/links/{}", escape(name.as_str()));
        self.ask(Method::PATCH, &path, Some(http::body(change)))
    }

    /// Deletes a VNIC. `zone` tells VNICs of one name apart; the empty zone is
    /// netd's own.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn delete_vnic(
        &self,
        name: &LinkName,
        zone: Option<&str>,
    ) -> Result<(), ClientError> {
        self.delete(self.patience, &vnic_path(name, zone))
    }

    /// What went through each link, those of the host by name and then the
    /// VNICs in the order of creation.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn link_counters(&self) -> Result<Vec<LinkCounters>, ClientError> {
        self.get("/v1/counters/links")
    }

    /// What went through each VNIC.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn vnic_counters(&self) -> Result<Vec<VnicCounters>, ClientError> {
        self.get("/v1/counters/vnics")
    }

    /// Frames that were dropped lately, oldest first.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when the name means no VNIC or several, and
    /// others as of every question.
    pub fn drops(&self, which: &WhichDrops<'_>) -> Result<Drops, ClientError> {
        self.get(&which.path())
    }

    /// The etherstubs, in the order of creation.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn etherstubs(&self) -> Result<Vec<EtherstubInfo>, ClientError> {
        self.get("/v1/etherstubs")
    }

    /// Creates an etherstub.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn create_etherstub(
        &self,
        wanted: &CreateEtherstub,
    ) -> Result<EtherstubInfo, ClientError> {
        self.ask(Method::POST, "/v1/etherstubs", Some(http::body(wanted)))
    }

    /// Deletes an etherstub.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn delete_etherstub(&self, name: &LinkName) -> Result<(), ClientError> {
        self.delete(
            self.patience,
            &format!("/v1/etherstubs/{}", escape(name.as_str())),
        )
    }

    /// The NIC tags, and what is wrong with the file that they come from.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn nic_tags(&self) -> Result<NicTags, ClientError> {
        self.get("/v1/nictags")
    }

    /// Defines a NIC tag, or makes an etherstub. Gives all there are then.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn create_nic_tag(
        &self,
        wanted: &CreateNicTag,
    ) -> Result<NicTags, ClientError> {
        self.ask(Method::POST, "/v1/nictags", Some(http::body(wanted)))
    }

    /// Lets a NIC tag name another link, or gives it another MTU. Gives all
    /// there are then.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn change_nic_tag(
        &self,
        name: &str,
        change: &ChangeNicTag,
    ) -> Result<NicTags, ClientError> {
        let path = format!("/v1/nictags/{}", escape(name));
        self.ask(Method::PATCH, &path, Some(http::body(change)))
    }

    /// Deletes a NIC tag or an etherstub; by `force` also a tag that VNICs are
    /// on.
    ///
    /// # Errors
    /// [`ClientError::Problem`] when netd refuses, and others as of every
    /// question.
    pub fn delete_nic_tag(
        &self,
        name: &str,
        force: bool,
    ) -> Result<(), ClientError> {
        let path = format!("/v1/nictags/{}?force={force}", escape(name));
        self.delete(self.patience, &path)
    }

    /// How netd is.
    ///
    /// # Errors
    /// [`ClientError`], as of every question.
    pub fn status(&self) -> Result<DaemonStatus, ClientError> {
        self.get("/v1/status")
    }
}

fn vnic_path(name: &LinkName, zone: Option<&str>) -> String {
    let mut path = format!("/v1/vnics/{}", escape(name.as_str()));
    if let Some(zone) = zone {
        path.push_str("?zone=");
        path.push_str(&escape(zone));
    }
    path
}

/// A value as part of a path or a query.
fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// See [`Client::socket_path`]. An empty variable is no socket.
fn choose_socket(option: Option<PathBuf>, env: Option<OsString>) -> PathBuf {
    let env = env.filter(|path| !path.is_empty()).map(PathBuf::from);
    option.or(env).unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_wins_over_the_environment() {
        for (option, env, want) in [
            (Some("/a"), Some("/b"), "/a"),
            (Some("/a"), None, "/a"),
            (None, Some("/b"), "/b"),
            (None, Some(""), DEFAULT_SOCKET),
            (None, None, DEFAULT_SOCKET),
        ] {
            let got =
                choose_socket(option.map(Into::into), env.map(Into::into));
            assert_eq!(got, PathBuf::from(want), "{option:?} {env:?}");
        }
    }

    #[test]
    fn no_value_can_leave_its_place_in_the_path() {
        for (text, want) in [
            ("net0", "net0"),
            ("a_b.c-12", "a_b.c-12"),
            ("../x?y=z#", "..%2Fx%3Fy%3Dz%23"),
            ("/proc/7/ns/net", "%2Fproc%2F7%2Fns%2Fnet"),
            ("pid:17", "pid%3A17"),
            ("50% ü", "50%25%20%C3%BC"),
        ] {
            assert_eq!(escape(text), want, "{text:?}");
        }
    }
}
