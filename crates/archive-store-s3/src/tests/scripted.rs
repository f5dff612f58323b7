//! Test server that gives scripted answers, over real sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use openssl::ssl::SslAcceptor;

/// Reaction of the server to one request.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Sends these bytes and closes the connection.
    Send(String),
    /// Sends nothing until the client goes away.
    Hang,
    /// Sends these bytes, and nothing more until the client goes away.
    SendAndHang(String),
}

/// Server that takes one step per request, and repeats the last one.
pub(super) struct Scripted {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(super) fn http(steps: &[Step]) -> Self {
        Self::start(steps, None)
    }

    pub(super) fn https(steps: &[Step], tls: SslAcceptor) -> Self {
        Self::start(steps, Some(tls))
    }

    /// Heads of the requests that were received.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn start(steps: &[Step], tls: Option<SslAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let steps = steps.to_vec();
        let heard = Arc::clone(&requests);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (steps, heard, tls) = (steps.clone(), Arc::clone(&heard), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(socket.unwrap(), &steps, &heard),
                    // A client that does not like the certificate goes away.
                    Some(tls) => {
                        let _ = tls
                            .accept(socket.unwrap())
                            .map(|stream| serve(stream, &steps, &heard));
                    }
                });
            }
        });
        Self { port, requests }
    }
}

fn serve(mut stream: impl Read + Write, steps: &[Step], requests: &Mutex<Vec<String>>) {
    let Some(head) = read_head(&mut stream) else {
        return;
    };
    let step = {
        let mut requests = requests.lock().unwrap();
        requests.push(head);
        steps[requests.len().min(steps.len()) - 1].clone()
    };
    match step {
        Step::Send(text) => send(&mut stream, &text),
        Step::SendAndHang(text) => {
            send(&mut stream, &text);
            wait_for_end(&mut stream);
        }
        Step::Hang => wait_for_end(&mut stream),
    }
}

fn send(stream: &mut impl Write, text: &str) {
    // A client may have enough before the end.
    let _ = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
}

fn wait_for_end(stream: &mut impl Read) {
    while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
}

fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return None,
        }
    }
    String::from_utf8(head).ok()
}

/// Answer with a body, which closes the connection.
pub(super) fn answer(status: u16, headers: &str, body: &str) -> Step {
    Step::Send(format!(
        "HTTP/1.1 {status} Whatever\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    ))
}

/// Error in S3's form.
pub(super) fn error(status: u16, code: &str) -> Step {
    answer(
        status,
        "x-amz-request-id: R1\r\n",
        &format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>Because.</Message></Error>"
        ),
    )
}

/// Port on which nothing listens.
pub(super) fn refused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
