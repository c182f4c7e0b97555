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

fn try_exchange(
    from: &Netns,
    at: SocketAddr,
    listener: &TcpListener,
) -> io::Result<()> {
    let stream = from.connect(at, DEADLINE)?;
    let (echo, _) = listener.accept()?;
    let sent: Vec<u8> = (0..251).cycle().take(BYTES).collect();
    std::thread::scope(|scope| {
        let echo = scope.spawn(|| send_back(echo));
        let sender = scope.spawn(|| send(&stream, &sent));
        let mut back = Vec::new();
        stream.set_read_timeout(Some(DEADLINE))?;
        (&stream).read_to_end(&mut back)?;
        for thread in [echo, sender] {
            thread.join().expect("it returns its errors")?;
        }
        if back == sent {
            Ok(())
        } else {
            let (back, sent) = (back.len(), sent.len());
            let text = format!("sent {sent} bytes, {back} came back, changed");
            Err(io::Error::other(text))
        }
    })
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
