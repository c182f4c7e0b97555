//! The commands as people run them, against a netd that only pretends.
//!
//! A case is a folder under `tests/cli`:
//!
//! - `cmd`: the command line, perhaps after `NAME=value` words for the
//!   environment; `'…'` makes one word, `$SOCKET` is where netd is;
//! - `server.json`: what netd knows and how it answers; without it, that of
//!   the office (`tests/cli/office.json`);
//! - `stdout`, `stderr`, `code`: what must come of it;
//! - `requests`: what netd must have been asked, one line each.
//!
//! A missing file is an empty one. `BLESS=1 cargo test -p dladm --test cli`
//! writes down what happened instead; read the diff before believing it.

mod fake_netd;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fake_netd::Scene;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use tokio::runtime::Runtime;

/// What a case leaves behind, by file name.
const OUTCOMES: [&str; 4] = ["stdout", "stderr", "code", "requests"];

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli")
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// A file's text; a file that does not exist is empty.
fn read(path: &Path) -> String {
    match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn scene(case: &Path) -> Scene {
    let own = case.join("server.json");
    let path = if own.exists() { own } else { cases().join("office.json") };
    serde_json::from_str(&read(&path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Splits a command line at blanks, outside of `'…'`.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None;
    let mut quoted = false;
    for c in line.trim_end().chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_with(String::new);
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_with(String::new).push(c),
        }
    }
    words.extend(word);
    words
}

/// A command with nothing in its environment but netd's socket, and what the
/// line itself sets.
fn command(line: &str, socket: &Path) -> Command {
    let line = line.replace("$SOCKET", socket.to_str().unwrap());
    let words = words(&line);
    let is_setting = |word: &&String| word.contains('=');
    let settings: Vec<_> = words.iter().take_while(is_setting).collect();
    let program = &words[settings.len()];
    let path = match program.as_str() {
        "dladm" => env!("CARGO_BIN_EXE_dladm"),
        "dlstat" => env!("CARGO_BIN_EXE_dlstat"),
        "flowadm" => env!("CARGO_BIN_EXE_flowadm"),
        "flowstat" => env!("CARGO_BIN_EXE_flowstat"),
        "nictagadm" => env!("CARGO_BIN_EXE_nictagadm"),
        other => panic!("no such program: {other}"),
    };
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let mut command = Command::new(path);
    command.arg0(program).args(&words[settings.len() + 1..]);
    command.env_clear().env("NETD_SOCKET", socket);
    for setting in settings {
        let (name, value) = setting.split_once('=').unwrap();
        command.env(name, value);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a case; gives the texts of [`OUTCOMES`].
fn run(case: &Path) -> [String; 4] {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("netd.sock");
    let runtime = runtime();
    let requests = fake_netd::start(scene(case), &socket, &runtime);
    let line = read(&case.join("cmd"));
    let Output { status, stdout, stderr } =
        command(&line, &socket).output().unwrap();
    let text = |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(socket.to_str().unwrap(), "$SOCKET")
    };
    let code = status.code().expect("it was not killed");
    let requests = requests.lock().unwrap();
    let requests = requests.iter().map(|line| format!("{line}\n")).collect();
    [text(stdout), text(stderr), format!("{code}\n"), requests]
}

#[test]
fn every_case_comes_out_as_written() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut folders: Vec<_> = fs::read_dir(cases())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(!folders.is_empty(), "no cases in {}", cases().display());
    let mut wrong = Vec::new();
    for case in &folders {
        for (name, got) in OUTCOMES.into_iter().zip(run(case)) {
            let path = case.join(name);
            let want = read(&path);
            if got == want {
                continue;
            }
            if !bless {
                let title = path.strip_prefix(cases()).unwrap().display();
                wrong.push(format!(
                    "{title}\n--- want\n{want}--- got\n{got}---\n"
                ));
            } else if got.is_empty() {
                fs::remove_file(&path).unwrap();
            } else {
                fs::write(&path, got).unwrap();
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences in {} cases:\n{}",
        wrong.len(),
        folders.len(),
        wrong.join("\n")
    );
}

/// Lists the office's VNICs to somewhere; gives the code and stderr.
fn list_to(stdout: Stdio) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("netd.sock");
    let runtime = runtime();
    fake_netd::start(scene(&cases()), &socket, &runtime);
    let mut command = command("dladm show-vnic", &socket);
    let child = command.stdout(stdout).stderr(Stdio::piped()).spawn();
    // The parent's end of the output goes with the command.
    drop(command);
    let Output { status, stderr, .. } =
        child.unwrap().wait_with_output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    assert_eq!(list_to(writer.into()), (Some(0), String::new()));
}

#[test]
fn an_interval_goes_on_until_the_reader_leaves() {
    for (line, want) in [
        ("dladm show-link -s -i 1 -p -o opackets bge0", ["2345", "0"]),
        ("dlstat -i 1 -p -o link,opkts bge0", ["bge0:2345", "bge0:0"]),
        ("flowstat -i 1 -p -o flow,oerrs http", ["http:17", "http:0"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("netd.sock");
        let runtime = runtime();
        fake_netd::start(scene(&cases()), &socket, &runtime);
        let mut command = command(line, &socket);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for want in want {
            assert_eq!(lines.next().unwrap().unwrap(), want, "{line}");
        }
        drop(lines);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{line}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let (code, stderr) = list_to(full.into());
    assert_eq!(code, Some(1), "{stderr}");
    let want = "dladm: cannot write the output: No space left on device";
    assert!(stderr.starts_with(want), "{stderr}");
}

#[test]
fn a_capture_goes_where_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("netd.sock");
    let runtime = runtime();
    fake_netd::start(scene(&cases()), &socket, &runtime);
    let file = dir.path().join("drops.pcapng");
    let line = format!("dladm show-drops -w {}", file.display());
    let output = command(&line, &socket).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let piped = command("dladm show-drops -w -", &socket).output().unwrap();
    assert_eq!(piped.status.code(), Some(0), "{piped:?}");
    assert_eq!(piped.stdout, fs::read(&file).unwrap());

    let mut reader = PcapNgReader::new(piped.stdout.as_slice()).unwrap();
    let mut reasons = Vec::new();
    while let Some(block) = reader.next_block() {
        let Block::EnhancedPacket(packet) = block.unwrap() else { continue };
        for option in &packet.options {
            if let EnhancedPacketOption::Comment(text) = option {
                let word = text.split(':').next().unwrap().to_owned();
                reasons.push((word, packet.original_len));
            }
        }
    }
    let want = [("arp-spoof", 42), ("dhcp-server", 342), ("mac-spoof", 64)];
    assert_eq!(reasons, want.map(|(word, len)| (word.to_owned(), len)));
}

#[test]
fn the_name_in_messages_is_the_one_it_was_called_by() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("netd.sock");
    let mut command = command("dladm nonsense", &socket);
    let output = command.arg0("/usr/sbin/dladm").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let first = stderr.lines().next();
    let want = "/usr/sbin/dladm: unknown subcommand 'nonsense'";
    assert_eq!(first, Some(want));
}
