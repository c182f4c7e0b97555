//! Users and groups that only the lab has.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::mount::{MsFlags, mount};

use crate::lab::FILES;
use crate::{CmdOutput, Lab, Netns, binary};

/// Somebody with a shell on the host.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// Their name.
    pub name: &'static str,
    /// Their number, and that of the group of their own.
    pub uid: u32,
    /// The groups that they are in besides.
    pub groups: &'static [&'static str],
}

/// A group, and its number.
pub type Group = (&'static str, u32);

impl Lab {
    /// Has these users and groups on the lab's host, beside those that the
    /// machine has. Programs that already run may see them, too.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn have_users(&self, users: &[User], groups: &[Group]) {
        let own = |name: &str| {
            users.iter().any(|user| user.name == name)
                || groups.iter().any(|(group, _)| *group == name)
        };
        let others = |file: &str| {
            let text = fs::read_to_string(file)
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            let lines = text.lines();
            let lines =
                lines.filter(|line| !own(line.split(':').next().unwrap_or("")));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        let (mut passwd, mut group) =
            (others("/etc/passwd"), others("/etc/group"));
        for User { name, uid, .. } in users {
            passwd += &format!("{name}:x:{uid}:{uid}::/:/bin/sh\n");
            group += &format!("{name}:x:{uid}:\n");
        }
        for (name, gid) in groups {
            let members = users.iter().filter(|user| {
                // Their own group's line has no members, as useradd writes it.
                user.groups.contains(name)
            });
            let members: Vec<&str> = members.map(|user| user.name).collect();
            group += &format!("{name}:x:{gid}:{}\n", members.join(","));
        }
        for (file, text) in [("passwd", passwd), ("group", group)] {
            let new = self.file(file, &text);
            let old = Path::new("/etc").join(file);
            let (bind, nothing) = (MsFlags::MS_BIND, None::<&str>);
            mount(Some(new.as_str()), &old, nothing, bind, nothing)
                .unwrap_or_else(|error| panic!("{}: {error}", old.display()));
        }
    }

    /// Copies a program of the workspace to where every user may run it: Cargo
    /// may build where only root can look.
    ///
    /// # Panics
    /// When it can't be copied.
    #[track_caller]
    #[must_use]
    pub fn lend(&self, program: &str) -> String {
        let path = Path::new(FILES).join(program);
        let done = fs::copy(binary(program), &path).and_then(|_| {
            fs::set_permissions(&path, Permissions::from_mode(0o755))
        });
        done.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path.display().to_string()
    }
}

impl User {
    /// The words of setpriv(1) for a session of theirs: their number, and the
    /// groups that the lab's files say now.
    #[must_use]
    pub fn session(&self) -> Vec<String> {
        let name = self.name;
        ["--reuid", name, "--regid", name, "--init-groups"]
            .map(str::to_owned)
            .to_vec()
    }

    /// Runs a lent program in such a session.
    #[track_caller]
    pub fn run(&self, host: &Netns, program: &str, args: &[&str]) -> CmdOutput {
        let session = self.session();
        let words = session.iter().map(String::as_str);
        let words: Vec<&str> =
            words.chain([program]).chain(args.iter().copied()).collect();
        host.run("setpriv", &words)
    }
}
