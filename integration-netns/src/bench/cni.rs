//! CNI plugins, called by their protocol.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::Netns;

/// Where Debian's containernetworking-plugins are.
const DIR: &str = "/usr/lib/cni";

/// A plugin of the machine's.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    pub(super) path: String,
    host: Netns,
}

/// For whom a plugin is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Container<'a> {
    pub(super) id: &'a str,
    pub(super) netns: &'a Netns,
    pub(super) link: &'a str,
    /// `KEY=VALUE`, or nothing.
    pub(super) args: &'a str,
}

impl Plugin {
    /// Finds a plugin, to be called on a host.
    pub(super) fn find(name: &str, host: &Netns) -> Option<Self> {
        let path = format!("{DIR}/{name}");
        let there = Path::new(&path).exists();
        there.then(|| Self { path, host: host.clone() })
    }

    /// Calls it with `ADD` or `DEL` and a network's configuration.
    ///
    /// # Errors
    /// What it said when it failed.
    pub(super) fn call(
        &self,
        verb: &str,
        of: &Container,
        network: &str,
    ) -> Result<(), String> {
        let mut child = self.host.spawn_with(self.path.as_ref(), |command| {
            command
                .env("CNI_COMMAND", verb)
                .env("CNI_CONTAINERID", of.id)
                .env("CNI_NETNS", of.netns.path())
                .env("CNI_IFNAME", of.link)
                .env("CNI_ARGS", of.args)
                .env("CNI_PATH", DIR)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
        });
        let mut stdin = child.stdin.take().expect("it is piped");
        // One that doesn't read says why not.
        let _ = stdin.write_all(network.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Err(format!("{} {verb}: {text}", self.path))
    }
}
