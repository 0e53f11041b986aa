//! Answering who scrapes: HTTP/1.1 on a Unix socket, and on a port of this machine alone where that is
//! configured.
//!
//! Nothing that comes is believed: at most [`AT_ONCE`] connections are open, each for [`PATIENCE`] at most,
//! and what is asked for is one of two words.

use super::render;
use crate::{coordinator::Coordinator, registry::Link};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    fs, io,
    net::Ipv4Addr,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::Path,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};

/// Most connections at once, of each kind.
const AT_ONCE: usize = 16;
/// How long a connection may be open.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between attempts to have the socket or the port, which a cosmosd that ends may have.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves as configured, until cosmosd ends.
pub async fn serve(coordinator: Rc<Coordinator>, link: watch::Receiver<Link>) {
    let on_socket = async {
        if let Some(path) = &coordinator.metrics.socket {
            let listener = had(path.display(), || bind(path)).await;
            let accept = async || Ok(listener.accept().await?.0);
            until_end(&coordinator, each(&coordinator, &link, accept)).await;
            // A successor makes its own.
            let _ = fs::remove_file(path);
        }
    };
    let on_port = async {
        if let Some(port) = coordinator.metrics.port {
            let address = (Ipv4Addr::LOCALHOST, port);
            let bind = || {
                let listener = std::net::TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener)
            };
            let listener = had(format!("port {port}"), bind).await;
            let accept = async || Ok(listener.accept().await?.0);
            until_end(&coordinator, each(&coordinator, &link, accept)).await;
        }
    };
    tokio::join!(on_socket, on_port);
}

/// Tries until there is one.
async fn had<L>(what: impl std::fmt::Display, bind: impl Fn() -> io::Result<L>) -> L {
    let mut is_told = false;
    loop {
        match bind() {
            Ok(listener) => {
                tracing::info!("metrics on {what}");
                return listener;
            }
            Err(error) if !is_told => {
                is_told = true;
                tracing::warn!("no metrics on {what} yet: {error}");
            }
            Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

/// A socket for this uid alone, in the place of one that nobody listens on any more.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let is_left = || {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
        is_socket
            && std::os::unix::net::UnixStream::connect(path)
                .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if is_left() {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn until_end(coordinator: &Coordinator, work: impl Future<Output = ()>) {
    let end = async {
        while !coordinator.is_ending() {
            coordinator.changed.notified().await;
        }
    };
    tokio::select! {
        () = end => {}
        () = work => {}
    }
}

async fn each<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    coordinator: &Rc<Coordinator>,
    link: &watch::Receiver<Link>,
    accept: impl AsyncFn() -> io::Result<S>,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(stream) = accept().await else {
            // Out of descriptors, most likely.
            sleep(PAUSE).await;
            continue;
        };
        // Who comes too much is hung up on.
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let (coordinator, link) = (coordinator.clone(), link.clone());
        tokio::task::spawn_local(async move {
            let _ = timeout(PATIENCE, converse(stream, &coordinator, &link)).await;
            drop(place);
        });
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    coordinator: &Coordinator,
    link: &watch::Receiver<Link>,
) -> hyper::Result<()> {
    let answer = |request: Request<Incoming>| {
        let answer = answer(&request, || render::text(coordinator, &link.borrow()));
        async { Ok::<_, Infallible>(answer) }
    };
    http1::Builder::new()
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await
}

fn answer(request: &Request<Incoming>, text: impl FnOnce() -> String) -> Response<Full<Bytes>> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/" | "/metrics") => (StatusCode::OK, text()),
        (&Method::GET | &Method::HEAD, _) => (
            StatusCode::NOT_FOUND,
            "the metrics are at /metrics\n".to_owned(),
        ),
        _ => (
            StatusCode::METHOD_NOT_ALLOWED,
            "GET is all there is\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(prometheus::TEXT_FORMAT);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
