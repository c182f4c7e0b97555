//! A client without manners.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Requests that are sent before the first answer is read.
const AT_ONCE: usize = 50;

/// Asks netd in circles until it is killed, and says when it is first told that
/// this is too much: the status, a blank, and the seconds to wait.
///
/// # Errors
/// When netd hangs up, or standard output is closed.
pub fn ask_in_circles(socket: &Path, mut out: impl Write) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let request = "GET /v1/etherstubs HTTP/1.1\r\nhost: netd\r\n\r\n";
    let requests = request.repeat(AT_ONCE);
    let mut told = false;
    loop {
        stream.write_all(requests.as_bytes())?;
        for _ in 0..AT_ONCE {
            let (status, wait) = answer(&mut answers)?;
            if status != "200" && !told {
                told = true;
                writeln!(out, "{status} {wait}")?;
                out.flush()?;
            }
        }
    }
}

/// The status of an answer, and when it allows another question.
fn answer(from: &mut impl BufRead) -> io::Result<(String, String)> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let status = line.split(' ').nth(1).ok_or(io::ErrorKind::InvalidData)?;
    let status = status.to_owned();
    let (mut length, mut wait) = (0, String::new());
    loop {
        line.clear();
        from.read_line(&mut line)?;
        let head = line.trim_end();
        if head.is_empty() {
            break;
        }
        match head.split_once(": ") {
            Some(("content-length", value)) => {
                length = value.parse().map_err(io::Error::other)?;
            }
            Some(("retry-after", value)) => wait = value.to_owned(),
            _ => {}
        }
    }
    io::copy(&mut from.take(length), &mut io::sink())?;
    Ok((status, wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]\
                    HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\n\
                    content-length: 3\r\n\r\n{1}";
        let mut from = text.as_bytes();
        let first = answer(&mut from).unwrap();
        assert_eq!(first, ("200".to_owned(), String::new()));
        let second = answer(&mut from).unwrap();
        assert_eq!(second, ("429".to_owned(), "1".to_owned()));
        assert!(answer(&mut from).is_err());
    }
}
