//! SeaweedFS server, which speaks S3.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Part, free_ports};
use crate::tools::Tools;
use crate::waiting::until;

/// Time limit for the server to accept its first connection.
const START: Duration = Duration::from_secs(60);

/// Running server with one identity and no bucket.
pub(crate) struct Seaweed {
    part: Part,
    ports: [u16; 8],
}

impl Seaweed {
    /// Starts a server that keeps its data and its log in `directory`.
    #[track_caller]
    pub(crate) fn start(tools: &Tools, directory: &Path, key: &str, secret: &str) -> Self {
        let data = directory.join("seaweed");
        fs::create_dir(&data).expect("a fresh directory has room for another");
        let identities = directory.join("seaweed-identities.json");
        fs::write(&identities, identity(key, secret)).expect("a fresh directory can be written");
        let ports = free_ports();
        let mut command = Command::new(tools.python_program("weed"));
        command
            .env_clear()
            .env("HOME", directory)
            .args(arguments(&ports));
        command.arg(format!("-dir={}", data.display()));
        command.arg(format!("-s3.config={}", identities.display()));
        let part = Part::start("SeaweedFS", command, &directory.join("seaweed.log"));
        Self { part, ports }
    }

    /// URL of the S3 service.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Waits until `attempt`, which is run again and again, succeeds.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, mut attempt: impl FnMut() -> Command) {
        until("SeaweedFS to serve", START, || {
            self.part.assert_running();
            let outcome = attempt()
                .output()
                .expect("a tool that was found can be run");
            outcome.status.success().then_some(())
        });
    }
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        for socket in sockets(&self.ports) {
            let _ = fs::remove_file(socket);
        }
    }
}

/// All ports are given: the default ones are fixed, or another one plus 10000, and may be taken.
fn arguments(ports: &[u16; 8]) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=256",
        "-volume.max=0",
        "-filer",
        "-s3",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
    ]
    .map(str::to_owned)
    .into();
    let numbered = [
        "s3.port",
        "s3.port.grpc",
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ];
    arguments.extend(
        numbered
            .iter()
            .zip(ports)
            .map(|(name, port)| format!("-{name}={port}")),
    );
    arguments
}

/// Sockets that the server leaves behind in a place of its own choice.
fn sockets(ports: &[u16; 8]) -> Vec<PathBuf> {
    let kinds = ["s3", "master", "volume", "filer"].iter();
    let named = kinds.flat_map(|kind| [kind.to_string(), format!("{kind}-grpc")]);
    let names =
        named.flat_map(|name| ports.map(|port| format!("/tmp/seaweedfs-{name}-{port}.sock")));
    names.map(PathBuf::from).collect()
}

fn identity(key: &str, secret: &str) -> String {
    serde_json::json!({"identities": [{
        "name": "test",
        "credentials": [{"accessKey": key, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }]})
    .to_string()
}
