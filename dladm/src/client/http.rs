//! One question, one connection: HTTP/1.1 over a unix socket.

use std::error::Error;
use std::future::Future;
use std::io;
use std::time::Duration;

use fabric::Status;
use fabric::api::Problem;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::http::response::Parts;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};

use super::{Client, ClientError};

/// The longest answer, in bytes: a hundred times what 4096 VNICs need.
const LIMIT: usize = 128 << 20;

/// The least time before a question is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// An answer, whatever it says.
struct Answer {
    status: StatusCode,
    /// When the same question may be asked again. netd says so only where it
    /// has done nothing, so that there is no harm in asking twice.
    again_after: Option<Duration>,
    body: Bytes,
}

/// An API type as a request's body.
pub(super) fn body<T: Serialize>(value: &T) -> Bytes {
    let text = serde_json::to_vec(value);
    Bytes::from(text.expect("API types have text keys only"))
}

impl Client {
    /// Asks for something to look at.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<T, ClientError> {
        self.ask(Method::GET, path, None)
    }

    /// Asks for something to be gone. Whatever a success says is not read.
    pub(super) fn delete(
        &self,
        patience: Duration,
        path: &str,
    ) -> Result<(), ClientError> {
        let request = format!("DELETE {path}");
        let answer = self.exchange(patience, Method::DELETE, path, None)?;
        refusal(&request, answer.status, &answer.body)
    }

    /// Asks, and reads the answer as a `T`.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<T, ClientError> {
        self.ask_within(self.patience, method, path, body)
    }

    /// The same, where the answer may take longer than others.
    pub(super) fn ask_within<T: DeserializeOwned>(
        &self,
        patience: Duration,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<T, ClientError> {
        let request = format!("{method} {path}");
        let answer = self.exchange(patience, method, path, body)?;
        refusal(&request, answer.status, &answer.body)?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            ClientError::Garbled { request, what: error.to_string() }
        })
    }

    /// Sends a request and waits for the whole answer. While netd says that it
    /// may be asked again later, and patience lasts, it is: a command in a loop
    /// must not fail because the loop is fast.
    fn exchange(
        &self,
        patience: Duration,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, ClientError> {
        let name = format!("{method} {path}");
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "netd");
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(body.unwrap_or_default()))
            .expect("paths are escaped and headers are constants");
        let work = async {
            let start = Instant::now();
            loop {
                let connection = self.connect().await?;
                let request = request.clone();
                let answer = self.converse(connection, request, &name).await?;
                match answer.again_after.map(|wait| wait.max(PAUSE)) {
                    Some(wait) if start.elapsed() + wait < patience => {
                        sleep(wait).await;
                    }
                    _ => return Ok(answer),
                }
            }
        };
        self.in_time(patience, &name, work)
    }

    /// Runs to completion, or until patience ends.
    fn in_time<T>(
        &self,
        after: Duration,
        request: &str,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        self.runtime.block_on(async {
            // The timer belongs to the runtime, so it is made inside.
            match tokio::time::timeout(after, work).await {
                Ok(done) => done,
                Err(_) => Err(ClientError::TimedOut {
                    request: request.to_owned(),
                    after,
                }),
            }
        })
    }

    async fn connect(&self) -> Result<UnixStream, ClientError> {
        let socket = self.socket.clone();
        UnixStream::connect(&socket).await.map_err(|source| {
            match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    ClientError::Permission { socket }
                }
                _ => ClientError::Connect { socket, source },
            }
        })
    }

    async fn converse(
        &self,
        stream: UnixStream,
        request: Request<Full<Bytes>>,
        name: &str,
    ) -> Result<Answer, ClientError> {
        let broken = |source| {
            let socket = self.socket.clone();
            ClientError::Broken { socket, source }
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let answer = async {
            let response = sender.send_request(request).await;
            read(response.map_err(broken)?, name).await
        };
        // The connection's end is no end of the answer: its last bytes may
        // still wait to be read, and its error reaches the sender.
        let driver = async {
            let _ = connection.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = answer => answer,
            () = driver => unreachable!("it waits for ever"),
        }
    }
}

/// Reads an answer's body, up to [`LIMIT`].
async fn read(
    response: Response<Incoming>,
    request: &str,
) -> Result<Answer, ClientError> {
    let (head, body) = response.into_parts();
    let again_after = again_after(&head);
    let request = request.to_owned();
    if body.size_hint().lower() > LIMIT as u64 {
        return Err(ClientError::TooLarge { request, limit: LIMIT });
    }
    match Limited::new(body, LIMIT).collect().await {
        Ok(body) => {
            let (status, body) = (head.status, body.to_bytes());
            Ok(Answer { status, again_after, body })
        }
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ClientError::TooLarge { request, limit: LIMIT })
        }
        Err(error) => {
            Err(ClientError::Garbled { request, what: chain(&*error) })
        }
    }
}

/// When an answer allows the same question again, if it does.
fn again_after(head: &Parts) -> Option<Duration> {
    let may = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    let value = head.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = value.parse().ok()?;
    may.contains(&head.status).then(|| Duration::from_secs(seconds))
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// What is read of a problem whose code this client doesn't know: it may come
/// from a newer netd, and its words are still worth showing.
#[derive(Deserialize)]
struct ForeignProblem {
    title: String,
    detail: Option<String>,
    hint: Option<String>,
}

/// Turns an answer that is no success into an error.
fn refusal(
    request: &str,
    status: StatusCode,
    answer: &[u8],
) -> Result<(), ClientError> {
    if status.is_success() {
        return Ok(());
    }
    if let Ok(problem) = serde_json::from_slice::<Problem>(answer) {
        return Err(ClientError::Problem(Box::new(problem)));
    }
    if let Ok(foreign) = serde_json::from_slice::<ForeignProblem>(answer) {
        let detail = foreign.detail.unwrap_or_default();
        let mut problem = Problem::new(Status::OperationFailed, detail);
        problem.title = foreign.title;
        problem.status = status.as_u16();
        problem.hint = foreign.hint;
        return Err(ClientError::Problem(Box::new(problem)));
    }
    Err(ClientError::Garbled {
        request: request.to_owned(),
        what: format!("status {status} without a problem document"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::thread;

    use super::*;

    /// A server for one connection that says these bytes to anything, and
    /// keeps the line open until the client hangs up.
    fn say(socket: &Path, bytes: &'static str) -> thread::JoinHandle<String> {
        let listener = UnixListener::bind(socket).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = vec![0; 4096];
            let n = stream.read(&mut heard).unwrap();
            stream.write_all(bytes.as_bytes()).unwrap();
            let _ = stream.read(&mut [0; 1]);
            String::from_utf8_lossy(&heard[..n]).into_owned()
        })
    }

    #[test]
    fn a_problem_of_the_future_keeps_its_words() {
        let body = br#"{"type":"about:blank","title":"too hot","status":409,
            "code":"too-hot","detail":"95 degrees","hint":"open a window"}"#;
        let error = refusal("GET /", StatusCode::CONFLICT, body).unwrap_err();
        let ClientError::Problem(problem) = error else {
            panic!("{error:?}");
        };
        assert_eq!(problem.code, Status::OperationFailed);
        assert_eq!(problem.title, "too hot");
        assert_eq!(problem.detail, "95 degrees");
        assert_eq!(problem.hint.as_deref(), Some("open a window"));
    }

    /// A server that gives these answers, a connection each, and then the
    /// number of connections that came.
    fn answer(
        socket: &Path,
        answers: &'static [&'static str],
    ) -> thread::JoinHandle<usize> {
        let listener = UnixListener::bind(socket).unwrap();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
            listener.set_nonblocking(true).unwrap();
            answers.len() + usize::from(listener.accept().is_ok())
        })
    }

    const VNICS: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]";
    const TOO_MANY: &str = "HTTP/1.1 429 Too Many Requests\r\n\
                            retry-after: 0\r\ncontent-length: 0\r\n\r\n";
    const FULL: &str = "HTTP/1.1 503 Service Unavailable\r\n\
                        retry-after: 0\r\ncontent-length: 0\r\n\r\n";
    const FAR_OFF: &str = "HTTP/1.1 503 Service Unavailable\r\n\
                           retry-after: 86400\r\ncontent-length: 0\r\n\r\n";
    const FAILED: &str = "HTTP/1.1 503 Service Unavailable\r\n\
                          content-length: 0\r\n\r\n";
    const ODD: &str = "HTTP/1.1 400 Bad Request\r\n\
                       retry-after: 0\r\ncontent-length: 0\r\n\r\n";

    #[test]
    fn who_is_told_to_come_back_does_and_nobody_else() {
        for (answers, want) in [
            (&[VNICS][..], true),
            (&[TOO_MANY, FULL, TOO_MANY, VNICS], true),
            (&[FULL, FAILED], false),
            (&[FAR_OFF], false),
            (&[FAILED], false),
            (&[ODD], false),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let socket = dir.path().join("s");
            let server = answer(&socket, answers);
            let client = Client::new(&socket).unwrap();
            let got = client.vnics();
            assert_eq!(got.is_ok(), want, "{answers:?}: {got:?}");
            assert_eq!(server.join().unwrap(), answers.len(), "{answers:?}");
        }
    }

    #[test]
    fn a_request_is_plain_http() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let heard =
            say(&socket, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]");
        let client = Client::new(&socket).unwrap();
        assert_eq!(client.vnics().unwrap(), []);
        drop(client);
        let heard = heard.join().unwrap();
        assert_eq!(heard, "GET /v1/vnics HTTP/1.1\r\nhost: netd\r\n\r\n");
    }

    #[test]
    fn silence_ends_with_patience() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let server = say(&socket, "");
        let client = Client::new(&socket).unwrap();
        let client = client.patience(Duration::from_millis(50));
        let error = client.vnics().unwrap_err();
        assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
        drop(client);
        server.join().unwrap();
    }

    #[test]
    fn an_answer_that_would_fill_the_memory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n[";
        let server = say(&socket, head);
        let client = Client::new(&socket).unwrap();
        let error = client.vnics().unwrap_err();
        assert!(matches!(error, ClientError::TooLarge { .. }), "{error:?}");
        drop(client);
        server.join().unwrap();
    }
}
