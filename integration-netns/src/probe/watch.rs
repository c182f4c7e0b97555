//! What happened to a link while nobody looked.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use crate::lab::FILES;
use crate::{Netns, Poll};

/// `ip monitor`: every change of links and addresses that the kernel announces.
#[derive(Debug)]
pub struct Watch {
    child: Child,
    netns: Netns,
    file: String,
}

impl Watch {
    /// An address that is given to `lo` and taken away, so that there is
    /// something to see. What was announced before it has been written down
    /// once it has.
    const MARK: &str = "127.9.9.9";

    /// Begins to watch a namespace. Every change from now on is seen.
    ///
    /// # Panics
    /// When `ip` can't be started.
    #[track_caller]
    #[must_use]
    pub fn over(netns: &Netns) -> Self {
        let file = format!("{FILES}/watch-{}", netns.name());
        let log = File::create(&file)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        let child = netns.spawn_with("ip".as_ref(), |command| {
            command.args(["-o", "monitor", "link", "address"]);
            command.stdin(Stdio::null()).stdout(log);
        });
        let watch = Self { child, netns: netns.clone(), file };
        watch.catch_up();
        watch
    }

    /// What was announced about a link so far, a line each.
    ///
    /// # Panics
    /// When the watch has broken down.
    #[track_caller]
    #[must_use]
    pub fn events(&self, link: &str) -> Vec<String> {
        self.catch_up();
        let (bare, veth) = (format!(": {link} "), format!(": {link}@"));
        let about = |line: &&str| line.contains(&bare) || line.contains(&veth);
        self.text().lines().filter(about).map(str::to_owned).collect()
    }

    /// Waits until it has seen a mark that is made now.
    #[track_caller]
    fn catch_up(&self) {
        let marks = || self.text().matches(Self::MARK).count();
        let before = marks();
        Poll::PATIENT.until("ip monitor sees a change", || {
            // Made again at each try: the first may come before it listens.
            for verb in ["add", "del"] {
                let mark = Self::MARK;
                self.netns.ip(&format!("addr {verb} {mark}/32 dev lo"));
            }
            if marks() > before { Ok(()) } else { Err(self.text()) }
        });
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.file).unwrap_or_default()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself; either way it must be reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
