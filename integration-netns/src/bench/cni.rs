//! CNI plugins, called by their protocol.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::{Netns, door};

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

impl Container<'_> {
    /// Tells a command about it.
    fn tell(&self, verb: &str, command: &mut Command) {
        command
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", self.id)
            .env("CNI_NETNS", self.netns.path())
            .env("CNI_IFNAME", self.link)
            .env("CNI_ARGS", self.args)
            .env("CNI_PATH", DIR)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
    }
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
        let prepare = |command: &mut Command| of.tell(verb, command);
        let child = self.host.spawn_with(self.path.as_ref(), prepare);
        let output = talk(child, network).expect("it ends");
        self.said(verb, &output).map(drop)
    }

    /// Calls it with nothing between: the lab's own way to start a program
    /// takes three more `execve` calls, which a container runtime would not pay
    /// for. Gives what it answered and how long it took.
    ///
    /// # Errors
    /// What it said when it failed.
    pub(super) fn timed(
        &self,
        verb: &str,
        of: &Container,
        network: &str,
    ) -> Result<(String, Duration), String> {
        let mut command = door::plain(&self.path);
        of.tell(verb, &mut command);
        let (output, took) = self.host.on_thread(|| {
            let start = Instant::now();
            let output = command.spawn().and_then(|it| talk(it, network));
            (output, start.elapsed())
        });
        let output = output.map_err(|error| error.to_string())?;
        Ok((self.said(verb, &output)?, took))
    }

    fn said(&self, verb: &str, output: &Output) -> Result<String, String> {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        Err(format!("{} {verb}: {text}", self.path))
    }
}

/// Gives a program its input, and waits for its end.
pub(super) fn talk(mut child: Child, input: &str) -> io::Result<Output> {
    if let Some(mut stdin) = child.stdin.take() {
        // One that doesn't read says why not.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output()
}
