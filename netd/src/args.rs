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
    #[arg(long, value_name = "FILE", default_value = "/usbkey/config")]
    pub config: PathBuf,
    /// Keep the declared state in DIR
    #[arg(long, value_name = "DIR", default_value = "/var/lib/netd")]
    pub state_dir: PathBuf,
    /// Serve commands at DIR/netd.sock
    #[arg(long, value_name = "DIR", default_value = "/run/netd")]
    pub run_dir: PathBuf,
    /// Pin the data plane's tables in DIR; a BPF file system is mounted there
    /// if DIR is on none
    #[arg(long, value_name = "DIR", default_value = "/sys/fs/bpf/netd")]
    pub bpffs: PathBuf,
    /// Write log lines as FORMAT
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t = LogFormat::Text
    )]
    pub log_format: LogFormat,
}
