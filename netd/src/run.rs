//! The life of the daemon, from its arguments to its last line.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::args::Args;
use crate::config::ConfigFile;
use crate::daemon::Daemon;
use crate::drops::Drops;
use crate::error::FabricError;
use crate::failpoint::{self, Place};
use crate::kernel::{Kernel, OpenError};
use crate::server::{self, ListenError, Shared};
use crate::store::{Store, StoreError};
use crate::{reconcile, telling, views};

/// How long a stop waits for answers that are under way. A client that merely
/// keeps its connection open must not keep netd.
const GRACE: Duration = Duration::from_secs(2);

/// How long a queue that a virtual machine has opened may be without its CPUs.
const LOOK: Duration = Duration::from_secs(2);

/// netd could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The kernel's side.
    #[error(transparent)]
    Kernel(#[from] OpenError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The fabric.
    #[error(transparent)]
    Fabric(#[from] FabricError),
    /// The socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Signals.
    #[error("cannot serve")]
    Serve(#[source] std::io::Error),
}

impl RunError {
    /// What to do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Fabric(error) => error.hint(),
            Self::Kernel(_) | Self::Listen(_) | Self::Serve(_) => None,
        }
    }
}

/// Runs netd until SIGTERM or SIGINT. SIGHUP reads the configuration file
/// again, and all of the kernel's state, and builds what is declared and
/// missing.
///
/// The data plane is left as it is at the end: programs stay attached, tables
/// stay pinned, traffic flows on.
///
/// # Errors
/// [`RunError`] when netd can't start or can't serve.
pub async fn run(args: &Args) -> Result<(), RunError> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(RunError::Serve)?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(RunError::Serve)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(RunError::Serve)?;

    failpoint::before(Place::OpenStore);
    let store = Store::open(&args.state_dir, &boot_id())?;
    failpoint::after(Place::OpenStore);
    let kernel = Kernel::open(&args.bpffs)?;
    let config = ConfigFile::open(&args.config);
    let daemon = Daemon::start(kernel, store, config).await?;
    for hint in views::hints(&daemon) {
        tracing::warn!("{hint}");
    }
    let (drops, feed) = Drops::follow(daemon.kernel());
    let fabric: Shared = Arc::new(Mutex::new(daemon));
    let (listener, socket) = server::listen(&args.run_dir)?;
    tracing::info!(socket = %socket.path.display(), "serving");
    notify(&[NotifyState::Ready]);

    telling::listen(&fabric).await;
    reconcile::keep(&fabric).await;
    let reload = fabric.clone();
    let reload = tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            reload_config(&reload).await;
        }
    });
    let taps = fabric.clone();
    let taps = tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            taps.lock().await.follow_taps().await;
        }
    });
    let watchdog = feed_watchdog(&fabric);
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
        }
        notify(&[NotifyState::Stopping]);
        // Who waits for dropped frames is answered now.
        drop(feed);
        let _ = stopping.send(());
    };
    let late = async move {
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(GRACE).await;
    };
    let served = server::serve(listener, server::router(fabric, drops), stop);
    tokio::select! {
        () = served => {}
        () = late => {
            tracing::warn!("clients still connected; stopping all the same");
        }
    }
    reload.abort();
    taps.abort();
    if let Some(watchdog) = watchdog {
        watchdog.abort();
    }
    drop(socket);
    Ok(())
}

async fn reload_config(fabric: &Shared) {
    tracing::info!("SIGHUP: reading the configuration file again");
    fabric.lock().await.reconcile(true).await;
}

/// Tells the service manager, if it wants to hear it, that requests are being
/// answered: a netd whose fabric nobody gets hold of any more is started anew,
/// and traffic flows on.
fn feed_watchdog(fabric: &Shared) -> Option<JoinHandle<()>> {
    let patience = sd_notify::watchdog_enabled()?;
    let fabric = fabric.clone();
    Some(tokio::spawn(async move {
        loop {
            drop(fabric.lock().await);
            notify(&[NotifyState::Watchdog]);
            tokio::time::sleep(patience / 3).await;
        }
    }))
}

/// Tells the service manager, where there is one.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot notify the service manager");
    }
}

/// The id of this boot; a kernel that tells none has one boot only.
fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.unwrap_or_default().trim().to_owned()
}
