//! A network namespace with a name.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::rc::Rc;
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use serde_json::Value;

use crate::{CmdOutput, door, topo};

/// A network namespace, named under the lab's `/run/netns`. Its name and what
/// is in it go with the last clone.
#[derive(Clone, Debug)]
pub struct Netns(Rc<Owned>);

#[derive(Debug)]
struct Owned {
    name: String,
    path: PathBuf,
}

impl Netns {
    /// Makes a namespace, as `ip netns add` does.
    pub(crate) fn create(name: &str) -> io::Result<Self> {
        let path = Path::new(topo::NETNS_DIR).join(name);
        // A namespace is held by a mount over a file, so that it needs no
        // process to stay.
        File::create_new(&path)?;
        let owned = Owned { name: name.to_owned(), path };
        let path = owned.path.as_path();
        in_new_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            let own = Some("/proc/thread-self/ns/net");
            let bind = MsFlags::MS_BIND;
            mount(own, path, None::<&str>, bind, None::<&str>)?;
            Ok(())
        })?;
        Ok(Self(Rc::new(owned)))
    }

    /// Its name: what `-p zone=` takes and the ZONE column shows.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The file that stands for it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// A command in it; see the module `door` for what becomes of it.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        door::command(Some(self.path()), program.as_ref())
    }

    /// Runs a program in it to its end.
    ///
    /// # Panics
    /// When it can't be started.
    #[track_caller]
    pub fn run(&self, program: &str, args: &[&str]) -> CmdOutput {
        let mut command = self.command(program);
        command.args(args);
        let name = Path::new(program).file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        let words = [&*name].into_iter().chain(args.iter().copied());
        let line = words.map(quoted).collect::<Vec<_>>().join(" ");
        CmdOutput::run(format!("[{}] {line}", self.name()), command)
    }

    /// Starts a program in it, as `prepare` has made it ready. The caller
    /// reaps it; it dies with the thread at the latest.
    ///
    /// # Panics
    /// When it can't be started.
    #[track_caller]
    #[must_use]
    pub fn spawn_with(
        &self,
        program: &Path,
        prepare: impl FnOnce(&mut Command),
    ) -> Child {
        let mut command = self.command(program);
        prepare(&mut command);
        command.spawn().unwrap_or_else(|error| {
            panic!("[{}] {}: {error}", self.name(), program.display())
        })
    }

    /// Runs `ip` with words between blanks.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn ip(&self, words: &str) -> String {
        let args: Vec<&str> = words.split_whitespace().collect();
        self.run("ip", &args).check()
    }

    /// Asks `ip -j`, as a second opinion on what our own programs say.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    #[must_use]
    pub fn ip_json(&self, words: &str) -> Value {
        parsed(&self.ip(&format!("-j -d {words}")))
    }

    /// Asks `tc -j`.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    #[must_use]
    pub fn tc_json(&self, words: &str) -> Value {
        let args: Vec<&str> =
            ["-j"].into_iter().chain(words.split_whitespace()).collect();
        parsed(&self.run("tc", &args).check())
    }

    /// Sets a value of the namespace under `/proc/sys/net`.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn sysctl(&self, key: &str, value: &str) {
        let file = Path::new("/proc/sys/net").join(key);
        self.on_thread(|| fs::write(&file, value))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }

    /// Does something on a new thread inside the namespace. Sockets that are
    /// made there belong to the namespace wherever they are used.
    ///
    /// # Panics
    /// When `body` does, or the namespace is gone.
    #[track_caller]
    pub fn on_thread<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let path = self.path();
        in_new_thread(|| {
            let file = File::open(path)?;
            setns(&file, CloneFlags::CLONE_NEWNET)?;
            Ok(body())
        })
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Moves the calling thread into the namespace, for good.
    ///
    /// # Panics
    /// When the namespace is gone.
    #[track_caller]
    pub(crate) fn enter(&self) {
        let entered = File::open(self.path()).and_then(|file| {
            setns(&file, CloneFlags::CLONE_NEWNET)?;
            Ok(())
        });
        entered.unwrap_or_else(|error| panic!("{}: {error}", self.name()));
    }

    /// Listens in the namespace on a port that the kernel picks.
    ///
    /// # Panics
    /// When the address is not there.
    #[track_caller]
    #[must_use]
    pub fn listen(&self, addr: std::net::IpAddr) -> TcpListener {
        self.on_thread(|| TcpListener::bind((addr, 0))).unwrap_or_else(
            |error| panic!("[{}] listen on {addr}: {error}", self.name()),
        )
    }

    /// Connects from the namespace.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn connect(
        &self,
        addr: SocketAddr,
        deadline: Duration,
    ) -> io::Result<TcpStream> {
        self.on_thread(|| TcpStream::connect_timeout(&addr, deadline))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::note(&crate::report::netns_state(&self.name, &self.path));
        }
        // Where the lab was dropped first, both are gone already.
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
        let _ = fs::remove_file(&self.path);
    }
}

/// Runs `body` on a thread of its own, which may change its namespace.
fn in_new_thread<T: Send>(
    body: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    std::thread::scope(|scope| match scope.spawn(body).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// What `-j` printed. Where there is nothing to list, some commands print
/// nothing at all.
#[track_caller]
fn parsed(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Array(Vec::new());
    }
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A word as a shell would need it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.escape_default())
    }
}
