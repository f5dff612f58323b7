//! The verdict on object storages, compared with that of the real boto3.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use embedded_s3::{Options, Server, Store, Tls};
use openssl::x509::X509;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{CREDENTIALS, Exporter, Samples, Tools, every_second};
use tls_certificates::x509::is_host_of_store;

use crate::chains::cases::Case;
use crate::chains::{TIME, chains};

/// Bucket of every store.
const BUCKET: &str = "backups";

/// Runs a Python script and returns its answer.
fn answers(questions: &Value) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/barman/chains/boto.py");
    let mut command = Command::new(Tools::find().python_program("python"));
    command
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut python = command.spawn().unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(questions.to_string().as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "Python failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Certificate chain at a store's address: the only host name that every test machine has.
fn at_a_store(case: &Case) -> bool {
    ["127.0.0.1", "localhost"].contains(&case.host.as_str())
}

async fn serve(case: &Case) -> Server {
    let (id, secret) = CREDENTIALS;
    let options = Options {
        tls: Some(Tls {
            cert_pem: case.chain.clone(),
            key_pem: case.key.clone(),
        }),
        credentials: Some((id.to_owned(), secret.to_owned())),
        ..Options::default()
    };
    let store = Store::default();
    store.create_bucket(BUCKET);
    Server::start(store, options).await.unwrap()
}

/// Store that presents a certificate chain.
struct Served {
    case: Case,
    server: Server,
    ca: PathBuf,
}

impl Served {
    async fn new(number: usize, case: Case, folder: &Path) -> Self {
        let ca = folder.join(format!("{number}.pem"));
        fs::write(&ca, &case.ca).unwrap();
        Self {
            server: serve(&case).await,
            case,
            ca,
        }
    }

    fn endpoint(&self) -> String {
        format!("https://{}:{}", self.case.host, self.server.port())
    }

    fn archive(&self, number: usize, folder: &Path) -> Value {
        json!({
            "name": name(number),
            "destinationPath": format!("s3://{BUCKET}/archive"),
            "endpointURL": self.endpoint(),
            "endpointCAFile": self.ca,
            "credentials": {
                "accessKeyIdFile": folder.join("id"),
                "secretAccessKeyFile": folder.join("secret"),
            },
        })
    }
}

fn name(number: usize) -> String {
    format!("store-{number}")
}

/// Result of the last scan of a store, and of the verification of its certificate.
fn outcome(samples: &Samples, number: usize) -> (Option<f64>, Option<f64>) {
    let up = samples.value("barman_cloud_up", &[("archive", &name(number))]);
    (up, of_certificate(samples, "chain_valid", number))
}

fn of_certificate(samples: &Samples, family: &str, number: usize) -> Option<f64> {
    let certificate = format!("s3/{}", name(number));
    let family = format!("barman_cloud_certificate_{family}");
    samples.value(&family, &[("certificate", &certificate)])
}

/// Waits until every store was scanned, and its certificate read, or neither could be.
async fn known(exporter: &Exporter, stores: usize) -> Samples {
    let are_known = |samples: &Samples| {
        (0..stores).all(|number| {
            let is_read = of_certificate(samples, "read_success", number).is_some();
            is_read && outcome(samples, number).0.is_some()
        })
    };
    exporter.wait_for("every store", TIME, are_known).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_reached_if_boto3_reaches_it() {
    let folder = TempDir::new().unwrap();
    let (id, secret) = CREDENTIALS;
    fs::write(folder.path().join("id"), id).unwrap();
    fs::write(folder.path().join("secret"), secret).unwrap();
    let mut stores = Vec::new();
    for (number, case) in chains().into_iter().filter(at_a_store).enumerate() {
        stores.push(Served::new(number, case, folder.path()).await);
    }
    let archives = stores.iter().zip(0..);
    let archives = archives.map(|(store, number)| store.archive(number, folder.path()));
    let mut configuration = every_second(archives.collect::<Vec<_>>());
    configuration["certificateWatch"] = json!({ "schedule": "0 0 0 1 1 *", "timeout": "60s" });
    let exporter = Exporter::start(configuration.to_string()).await;
    let samples = known(&exporter, stores.len()).await;

    let question = |store: &Served| json!({ "endpoint": store.endpoint(), "ca": store.ca });
    let answers = answers(&stores.iter().map(question).collect());

    let mut differences = Vec::new();
    for (number, (store, answer)) in stores.iter().zip(&answers).enumerate() {
        let wanted = f64::from(u8::from(answer.is_null()));
        let (up, valid) = outcome(&samples, number);
        let depends = store.case.depends_on_the_version();
        let is_read = of_certificate(&samples, "read_success", number) == Some(1.0);
        let is_unknown = valid.is_none() && !answer.is_null() && (!is_read || depends);
        let is_same = up == Some(wanted) && (valid == up || is_unknown);
        // Where it depends on the version of OpenSSL, the exporter's own may be newer.
        let depends = depends && valid.is_none() && up == Some(1.0) && !answer.is_null();
        if !is_same && !depends {
            let name = &store.case.name;
            differences.push(format!(
                "{name}: up {up:?}, valid {valid:?}, boto3: {answer}"
            ));
        }
    }
    let reached = answers.iter().filter(|answer| answer.is_null()).count();
    println!("{} stores, of which boto3 reaches {reached}", stores.len());
    assert!(
        differences.is_empty(),
        "differences:\n{}",
        differences.join("\n")
    );
    assert!(
        reached > 30 && stores.len() - reached > 30,
        "{reached} of {}",
        stores.len()
    );
}

#[test]
fn hosts_are_compared_as_urllib3_does() {
    let folder = TempDir::new().unwrap();
    let cases = chains();
    let hosts: BTreeSet<&str> = cases.iter().map(|case| case.host.as_str()).collect();
    let more = [
        "DB.EXAMPLE",
        "xn--db.example",
        "a.example",
        "example",
        "d.example",
    ];
    let hosts: BTreeSet<&str> = hosts.into_iter().chain(more).collect();
    let files: Vec<_> = (0..cases.len())
        .map(|number| folder.path().join(format!("{number}")))
        .collect();
    for (case, file) in cases.iter().zip(&files) {
        fs::write(file, &case.chain).unwrap();
    }
    let pairs = || {
        cases
            .iter()
            .zip(&files)
            .flat_map(|pair| hosts.iter().map(move |host| (pair, *host)))
    };
    let question = |((_, file), host)| json!({ "certificate": file, "host": host });
    let answers = answers(&pairs().map(question).collect());

    for (((case, _), host), answer) in pairs().zip(&answers) {
        let leaf = X509::from_pem(case.chain.as_bytes()).unwrap();
        let is_host = is_host_of_store(&leaf, &host.parse().unwrap());
        assert_eq!(Value::Bool(is_host), *answer, "{} at {host}", case.name);
    }
}
