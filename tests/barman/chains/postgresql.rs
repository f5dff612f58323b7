//! The verdict on servers and files, compared with that of the real psql.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use test_support::{EmbeddedArchive, Exporter, Samples, Tools, every_second};

use crate::chains::cases::Case;
use crate::chains::server::{REACHED, serve};
use crate::chains::{TIME, chains};

/// Case that is served, and its files.
struct Served {
    case: Case,
    port: u16,
    chain: PathBuf,
    ca: PathBuf,
}

/// Verdict of psql on a server.
#[derive(Debug)]
struct Psql {
    is_content: bool,
    text: String,
}

async fn served(number: usize, case: Case, folder: &Path) -> Served {
    let port = serve(&case).await;
    let [chain, ca] = ["chain", "ca"].map(|kind| folder.join(format!("{number}-{kind}.pem")));
    fs::write(&chain, &case.chain).unwrap();
    fs::write(&ca, &case.ca).unwrap();
    Served {
        case,
        port,
        chain,
        ca,
    }
}

impl Served {
    async fn ask_psql(&self, mode: &str, home: &Path) -> Psql {
        let mut command = Command::new(Tools::find().postgres_program("psql"));
        let Self {
            case: Case { host, .. },
            port,
            ca,
            ..
        } = self;
        let connection = format!(
            "host='{host}' hostaddr=127.0.0.1 port={port} user=nobody dbname=nothing \
             sslmode={mode} sslrootcert='{}' gssencmode=disable connect_timeout=20",
            ca.display()
        );
        command.arg(connection).env_clear().env("HOME", home);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        let Output { stderr, .. } = run.await.unwrap();
        let text = String::from_utf8_lossy(&stderr).into_owned();
        Psql {
            is_content: text.contains(REACHED),
            text,
        }
    }

    fn entries(&self, number: usize) -> [Value; 2] {
        let Self {
            case,
            port,
            chain,
            ca,
        } = self;
        [
            json!({
                "name": format!("server-{number}"),
                "postgresql": format!("127.0.0.1:{port}"),
                "serverName": case.host,
                "caFile": ca,
            }),
            json!({ "name": format!("file-{number}"), "file": chain, "caFile": ca }),
        ]
    }
}

fn value(samples: &Samples, family: &str, certificate: &str) -> Option<f64> {
    samples.value(
        &format!("barman_cloud_certificate_{family}"),
        &[("certificate", certificate)],
    )
}

/// Waits until every certificate was read, or could not be.
async fn read(exporter: &Exporter, cases: usize) -> Samples {
    let is_known = |samples: &Samples, kind: &str, number: usize| {
        value(samples, "read_success", &format!("{kind}-{number}")).is_some()
    };
    let are_known = |samples: &Samples| {
        (0..cases)
            .all(|number| is_known(samples, "server", number) && is_known(samples, "file", number))
    };
    exporter
        .wait_for("every certificate", TIME, are_known)
        .await
}

/// Returns whether the exporter's verdict is psql's. What psql refuses need not be judged if the exporter says
/// that it cannot read it, or it depends on the version of `OpenSSL`.
fn is_same(samples: &Samples, certificate: &str, psql: &Psql, case: &Case) -> bool {
    let is_read = value(samples, "read_success", certificate) == Some(1.0);
    match value(samples, "chain_valid", certificate) {
        Some(valid) => (valid > 0.0) == psql.is_content,
        None => !psql.is_content && (!is_read || case.depends_on_the_version()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verdict_on_a_chain_is_that_of_psql() {
    let archive = EmbeddedArchive::small(1000).await;
    let mut all = Vec::new();
    for (number, case) in chains().into_iter().enumerate() {
        all.push(served(number, case, archive.directory()).await);
    }
    let entries = all
        .iter()
        .enumerate()
        .flat_map(|(number, served)| served.entries(number));
    let mut configuration = every_second([archive.settings("production")]);
    configuration["certificateWatch"] = json!({ "schedule": "0 0 0 1 1 *", "timeout": "60s" });
    configuration["certificates"] = entries.collect();
    let exporter = Exporter::start(configuration.to_string()).await;
    let samples = read(&exporter, all.len()).await;

    let home = archive.directory();
    let asked = stream::iter(&all).map(|served| async move {
        (
            served.ask_psql("verify-full", home).await,
            served.ask_psql("verify-ca", home).await,
        )
    });
    let answers: Vec<(Psql, Psql)> = asked.buffered(4).collect().await;

    let mut differences = Vec::new();
    for (number, (served, (by_name, by_ca))) in all.iter().zip(&answers).enumerate() {
        let case = &served.case;
        for (kind, psql) in [("server", by_name), ("file", by_ca)] {
            let certificate = format!("{kind}-{number}");
            // A client's or a CA's file is judged as such, and psql asks for a server's.
            let is_comparable = kind == "server" || psql.is_content || !case.has_other_purpose;
            if is_comparable && !is_same(&samples, &certificate, psql, case) {
                let valid = value(&samples, "chain_valid", &certificate);
                let (name, said) = (&case.name, &psql.text);
                differences.push(format!("{name}, {kind}: {valid:?}, psql: {said}"));
            }
        }
    }
    let accepted = answers.iter().filter(|(psql, _)| psql.is_content).count();
    println!("{} chains, of which psql takes {accepted}", all.len());
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(
        accepted > 30 && all.len() - accepted > 30,
        "{accepted} of {}",
        all.len()
    );
}
