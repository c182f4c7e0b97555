//! TCP from namespace to namespace, in this process.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::Netns;

/// How long one step of an exchange may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// More than fits into one segment however large (64 KiB with GSO), and no
/// multiple of anything.
const BYTES: usize = 200_003;

/// Sends bytes from `from` to `to`, which sends them back.
///
/// # Panics
/// When the connection fails, or not exactly the same bytes return.
#[track_caller]
pub fn exchange(from: &Netns, to: &Netns, addr: &str) {
    let addr: IpAddr = addr.parse().expect("a story knows its addresses");
    let listener = to.listen(addr);
    let at = listener.local_addr().expect("a bound socket has an address");
    if let Err(error) = try_exchange(from, at, &listener) {
        panic!("[{}] TCP to [{}] {at}: {error}", from.name(), to.name());
    }
}

/// Sends bytes from `from` to a service that sends them back.
///
/// # Panics
/// When the connection fails, or not exactly the same bytes return.
#[track_caller]
pub fn exchange_with_echo(from: &Netns, addr: &str) {
    let at: SocketAddr = addr.parse().expect("a story knows its addresses");
    let stream = from.connect(at, DEADLINE);
    if let Err(error) = stream.and_then(|stream| there_and_back(&stream)) {
        panic!("[{}] TCP to {at}: {error}", from.name());
    }
}

fn try_exchange(
    from: &Netns,
    at: SocketAddr,
    listener: &TcpListener,
) -> io::Result<()> {
    let stream = from.connect(at, DEADLINE)?;
    let (echo, _) = listener.accept()?;
    std::thread::scope(|scope| {
        let echo = scope.spawn(|| send_back(echo));
        let done = there_and_back(&stream);
        let echoed = echo.join().expect("it returns its errors");
        done.and(echoed)
    })
}

/// Sends bytes, and checks that the same come back.
fn there_and_back(stream: &TcpStream) -> io::Result<()> {
    let sent: Vec<u8> = (0..251).cycle().take(BYTES).collect();
    let mut back = Vec::new();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| send(stream, &sent));
        stream.set_read_timeout(Some(DEADLINE))?;
        { stream }.read_to_end(&mut back)?;
        sender.join().expect("it returns its errors")
    })?;
    if back == sent {
        return Ok(());
    }
    let (back, sent) = (back.len(), sent.len());
    let text = format!("sent {sent} bytes, {back} came back, changed");
    Err(io::Error::other(text))
}

fn send(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)
}

/// Echoes until the other side stops.
pub(crate) fn send_back(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            len => stream.write_all(&buffer[..len])?,
        }
    }
}
