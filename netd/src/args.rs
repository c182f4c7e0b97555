//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::logging::LogFormat;

/// Serve the VNICs, etherstubs and NIC tags of a host
///
/// netd builds the fabric that its store declares in the network namespace
/// that it is started in, and serves commands at RUN_DIR/netd.sock. Stopping
/// it stops no packet.
#[derive(Clone, Debug, Parser)]
#[command(name = "netd", version)]
pub struct Args {
    /// Read NIC tags from FILE
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "/usbkey/config"
    )]
    pub config: PathBuf,
    /// Keep the declared state in DIR
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/var/lib/netd"
    )]
    pub state_dir: PathBuf,
    /// Serve commands at DIR/netd.sock
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/run/netd"
    )]
    pub run_dir: PathBuf,
    /// Pin the data plane's tables in DIR; a BPF file system is mounted there
    /// if DIR is on none
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/sys/fs/bpf/netd"
    )]
    pub bpffs: PathBuf,
    /// Write log lines as FORMAT
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value_t = LogFormat::Text
    )]
    pub log_format: LogFormat,
    /// Say whether the file of --config can be used, and end
    #[arg(long)]
    pub check_config: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// What netd does instead of serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Subcommand)]
pub enum Task {
    /// Look whether this host can carry a fabric, and say what to do where it
    /// can't
    ///
    /// What the kernel can do is tried out, in namespaces that are gone
    /// afterwards; nothing on the host is changed. The exit code is 1 where
    /// something is in the way.
    Doctor,
}
