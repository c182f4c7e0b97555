//! Connections: who gets one, for how long, and how they end.

use std::pin::pin;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use nix::unistd::{Gid, Uid};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;
use tokio_io_timeout::TimeoutStream;

use super::ApiError;
use super::limits::{
    ANSWER_TIME, COME_BACK, CONNECTIONS, HEAD_TIME, TURNED_AWAY,
};
use super::peer::Peer;
use super::seats::Seats;

/// Serves until `stop`, then as long as answers are under way. Who is only
/// connected is hung up on.
pub async fn serve(
    mut listener: UnixListener,
    router: Router,
    stop: impl Future<Output = ()>,
) {
    let seats = Seats::new(CONNECTIONS);
    let standing = Seats::new(TURNED_AWAY);
    let full = Router::new().fallback(turn_away);
    let stopping = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, _) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        let Ok(who) = stream.peer_cred() else { continue };
        let uid = Uid::from_raw(who.uid());
        let (router, seat, stays) = if let Some(seat) = seats.take(uid) {
            (&router, seat, true)
        } else if let Some(seat) = standing.take(uid) {
            (&full, seat, false)
        } else {
            // Not even room to say so.
            continue;
        };
        let peer = Peer::new(uid, Gid::from_raw(who.gid()), who.pid(), seat);
        let router = router.clone();
        let watcher = stopping.watcher();
        tokio::spawn(converse(stream, router, peer, stays, watcher));
    }
    drop(listener);
    stopping.shutdown().await;
}

/// Answers what a peer asks until it hangs up, takes too long, or netd stops.
/// Who does not stay is answered once.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    router: Router,
    peer: Peer,
    stays: bool,
    watcher: Watcher,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(ANSWER_TIME));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .keep_alive(stays)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    if let Err(error) = watcher.watch(connection).await {
        // What a client does to its own connection is no news.
        tracing::debug!(%error, "a connection ended early");
    }
}

/// What everybody is told who comes when there is no seat.
async fn turn_away() -> ApiError {
    let detail = "netd has too many clients";
    ApiError::later(StatusCode::SERVICE_UNAVAILABLE, detail, COME_BACK)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;
    use crate::server::extract;
    use crate::server::limits::BODY_TIME;

    /// A connection, and the task that serves it.
    fn connect(buffer: usize, stays: bool) -> (DuplexStream, JoinHandle<()>) {
        let (client, server) = duplex(buffer);
        let uid = Uid::from_raw(7);
        let seat = Seats::new(CONNECTIONS).take(uid).unwrap();
        let peer = Peer::new(uid, Gid::from_raw(7), None, seat);
        let long = || async { "x".repeat(100_000) };
        let take = |extract::Body(number): extract::Body<u32>| async move {
            number.to_string()
        };
        let router = Router::new()
            .route("/short", get(async || "ok"))
            .route("/long", get(long))
            .route("/take", post(take));
        let served = async move {
            let stopping = GracefulShutdown::new();
            let watcher = stopping.watcher();
            converse(server, router, peer, stays, watcher).await;
        };
        (client, tokio::spawn(served))
    }

    /// Sends this, and gives what came back until the other end hung up.
    async fn say(client: &mut DuplexStream, text: &str) -> String {
        client.write_all(text.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        String::from_utf8(heard).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_come_to_the_point_is_hung_up_on() {
        let head = "content-type: application/json\r\ncontent-length: 9";
        let half = format!("POST /take HTTP/1.1\r\n{head}\r\n\r\n1");
        for (text, answer, after) in [
            ("", "", HEAD_TIME),
            ("GET /short HTTP/1.1\r\nhost: ", "", HEAD_TIME),
            ("GET /short HTTP/1.1\r\n\r\n", "HTTP/1.1 200", HEAD_TIME),
            (half.as_str(), "HTTP/1.1 408", BODY_TIME),
        ] {
            let (mut client, served) = connect(1 << 20, true);
            let start = Instant::now();
            let heard = say(&mut client, text).await;
            assert!(heard.starts_with(answer), "{text:?}: {heard}");
            assert_eq!(heard.is_empty(), answer.is_empty(), "{text:?}");
            let took = start.elapsed();
            let late = after + Duration::from_secs(1);
            assert!((after..late).contains(&took), "{text:?}: {took:?}");
            served.await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_listen_is_hung_up_on() {
        let (mut client, served) = connect(64, true);
        let start = Instant::now();
        client.write_all(b"GET /long HTTP/1.1\r\n\r\n").await.unwrap();
        served.await.unwrap();
        let took = start.elapsed();
        assert!(took >= ANSWER_TIME, "{took:?}");
        assert!(took < ANSWER_TIME + Duration::from_secs(1), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_listens_slowly_hears_everything() {
        let (mut client, _served) = connect(64, false);
        client.write_all(b"GET /long HTTP/1.1\r\n\r\n").await.unwrap();
        let mut heard = 0;
        let mut buffer = [0; 64];
        loop {
            tokio::time::sleep(ANSWER_TIME / 2).await;
            match client.read(&mut buffer).await.unwrap() {
                0 => break,
                some => heard += some,
            }
        }
        assert!(heard > 100_000, "{heard}");
    }

    #[tokio::test]
    async fn who_does_not_stay_is_answered_once() {
        let (mut client, _served) = connect(1 << 20, false);
        let twice = "GET /short HTTP/1.1\r\n\r\n".repeat(2);
        let heard = say(&mut client, &twice).await;
        assert_eq!(heard.matches("HTTP/1.1 200").count(), 1, "{heard}");
        let heard = heard.to_ascii_lowercase();
        assert!(heard.contains("connection: close"), "{heard}");
    }
}
