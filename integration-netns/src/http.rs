//! netd's API as bytes: what a client of any language would send.
//!
//! The stories about bad input need to send what the client library can't, so
//! this speaks HTTP/1.1 itself: one request a connection.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use fabric::api::{Problem, VnicInfo};
use serde::de::DeserializeOwned;

/// How long an answer may take. Ten thousand flows take a minute where a virtual
/// machine's processor is emulated.
const DEADLINE: Duration = Duration::from_secs(120);

/// netd's API behind its socket.
#[derive(Clone, Debug)]
pub struct Api {
    socket: PathBuf,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "look at its status"]
pub struct Response {
    /// What was asked.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The media type; empty: none.
    pub media_type: String,
    /// The body.
    pub body: String,
}

impl Api {
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Asks for a resource, which must be there.
    ///
    /// # Panics
    /// When the answer is not 200 with such a body.
    #[track_caller]
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self.request("GET", path, "");
        assert_eq!(response.status, 200, "{response:#?}");
        response.parsed()
    }

    /// All VNICs.
    #[track_caller]
    #[must_use]
    pub fn vnics(&self) -> Vec<VnicInfo> {
        self.get("/v1/vnics")
    }

    /// Sends a request with a JSON body; none where the body is empty.
    ///
    /// # Panics
    /// When no answer comes.
    #[track_caller]
    pub fn request(&self, method: &str, path: &str, body: &str) -> Response {
        let media_type = if body.is_empty() {
            String::new()
        } else {
            "content-type: application/json\r\n".to_owned()
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: netd\r\nconnection: close\r\n\
             {media_type}content-length: {}\r\n\r\n",
            body.len()
        );
        let answer = self
            .talk(&[head.as_bytes(), body.as_bytes()].concat(), false)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        Response::parse(format!("{method} {path} {body:.200}"), &answer)
    }

    /// Opens a connection and says nothing.
    ///
    /// # Panics
    /// When nobody listens.
    #[track_caller]
    #[must_use]
    pub fn idle(&self) -> UnixStream {
        self.open().unwrap_or_else(|error| {
            panic!("{}: {error}", self.socket.display())
        })
    }

    /// Sends bytes, then nothing more, and gives what came back.
    ///
    /// # Panics
    /// When netd neither answers nor hangs up.
    #[track_caller]
    #[must_use]
    pub fn hang_up_after(&self, bytes: &[u8]) -> Vec<u8> {
        self.talk(bytes, true).unwrap_or_else(|error| panic!("{error}"))
    }

    fn open(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(stream)
    }

    /// Sends bytes and gives all that comes back before netd hangs up.
    fn talk(&self, bytes: &[u8], hang_up: bool) -> io::Result<Vec<u8>> {
        let mut stream = self.open()?;
        // netd may refuse and hang up before it has read everything; what it
        // said is still there to be read.
        let early = |error: &io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::NotConnected
            )
        };
        match stream.write_all(bytes) {
            Err(error) if !early(&error) => return Err(error),
            _ => {}
        }
        if hang_up {
            match stream.shutdown(Shutdown::Write) {
                Err(error) if !early(&error) => return Err(error),
                _ => {}
            }
        }
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Err(error) if !early(&error) => Err(error),
            _ => Ok(answer),
        }
    }
}

impl Response {
    #[track_caller]
    fn parse(request: String, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let parts = text.split_once("\r\n\r\n").and_then(|(head, body)| {
            let mut lines = head.lines();
            let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
            Some((status, lines, body))
        });
        let Some((status, lines, body)) = parts else {
            panic!("{request}: no HTTP answer: {text:?}");
        };
        let headers: Vec<(String, &str)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .collect();
        let header =
            |name| headers.iter().find(|(key, _)| key == name).map(|(_, v)| *v);
        assert_eq!(
            header("transfer-encoding"),
            None,
            "{request}: netd's answers are small and come in one piece"
        );
        let media_type = header("content-type").unwrap_or_default().to_owned();
        Self { request, status, media_type, body: body.to_owned() }
    }

    /// The body as a value.
    ///
    /// # Panics
    /// When it isn't one.
    #[track_caller]
    #[must_use]
    pub fn parsed<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The problem that it reports.
    ///
    /// # Panics
    /// When it isn't a well-formed problem document of one line.
    #[track_caller]
    #[must_use]
    pub fn problem(&self) -> Problem {
        assert_eq!(self.media_type, Problem::MEDIA_TYPE, "{self:#?}");
        let problem: Problem = self.parsed();
        assert_eq!(problem.status, self.status, "{self:#?}");
        assert_eq!(problem.detail.lines().count(), 1, "{self:#?}");
        problem
    }
}
