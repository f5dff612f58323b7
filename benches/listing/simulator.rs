//! The process that serves an archive.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Child;
use std::time::Duration;

use s3_simulator::{ARCHIVE_ONE_MORE, Archive, Shape};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::process::{SIMULATE, process};

/// The archive that is served, and its latency.
#[derive(Serialize, Deserialize)]
struct Served {
    shape: Shape,
    latency_millis: u64,
}

/// Serves an archive, and tells on which port.
pub(crate) async fn simulate(what: &str) {
    let served: Served = serde_json::from_str(what).expect("what is served makes sense");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port is free");
    println!("{}", listener.local_addr().expect("it is bound").port());
    let latency = Duration::from_millis(served.latency_millis);
    let served = s3_simulator::serve(listener, Archive::new(served.shape), latency).await;
    served.expect("connections can be accepted");
}

/// A process that serves an archive, until it is dropped.
pub(crate) struct Simulator {
    child: Child,
    pub(crate) port: u16,
}

impl Simulator {
    /// Serves an archive, each answer after this time.
    pub(crate) fn start(shape: Shape, latency_millis: u64) -> Self {
        let mut command = process(
            SIMULATE,
            &Served {
                shape,
                latency_millis,
            },
        );
        let mut child = command.spawn().expect("this program can be started again");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it tells its port");
        Self {
            child,
            port: line.trim().parse().expect("a port is a number"),
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It has nothing to lose.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Has every server archive one more segment.
pub(crate) fn archive_one_more(port: u16) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it is there");
    write!(stream, "{ARCHIVE_ONE_MORE}HTTP/1.1\r\n\r\n").expect("it can be asked");
    stream.read_exact(&mut [0; 12]).expect("it answers");
}
