//! Lint of the page of metrics, by promtool.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Client;
use reqwest::header::ACCEPT;
use test_support::{EmbeddedArchive, Exporter, Samples, every_second};

#[tokio::test]
async fn promtool_has_nothing_to_say_about_the_page() {
    let archive = EmbeddedArchive::small(1000).await;
    let configuration = every_second([archive.settings("production")]);
    let exporter = Exporter::start(configuration.to_string()).await;
    let is_up = |samples: &Samples| samples.value("barman_cloud_up", &[]) == Some(1.0);
    exporter
        .wait_for("a good scan", Duration::from_secs(30), is_up)
        .await;
    let client = Client::builder().no_proxy().build().unwrap();
    let request = client
        .get(exporter.url("/metrics"))
        .header(ACCEPT, "text/plain");
    let page = request.send().await.unwrap().text().await.unwrap();
    let promtool = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/bin/promtool");
    let mut command = Command::new(promtool);
    command
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut promtool = command.stderr(Stdio::piped()).spawn().unwrap();

    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();

    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
