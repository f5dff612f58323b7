//! Comparison with boto3 and Barman: what they can read, the exporter can read. All three run
//! against unusual stores and settings, and have to see the same.

#![expect(clippy::unwrap_used, reason = "a test may end so")]
#![expect(
    clippy::indexing_slicing,
    reason = "JSON without a field has none, and no panic either"
)]

use embedded_s3::{Options, Product, Store};
use serde_json::{Value, json};
use test_support::{
    BarmanClient, EmbeddedArchive, PlainClient, SMALL_BUCKET, SMALL_MORNING, SMALL_SERVER,
    small_archive, small_key,
};

/// Store and settings that boto3 and Barman can handle.
struct Case {
    name: &'static str,
    bucket: &'static str,
    prefix: &'static str,
    server: &'static str,
    options: Options,
    /// Region of the configuration.
    region: Option<&'static str>,
    /// True if the bucket may be listed as a whole.
    is_listable: bool,
}

impl Case {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            bucket: SMALL_BUCKET,
            prefix: "production",
            server: SMALL_SERVER,
            options: Options::default(),
            region: None,
            is_listable: true,
        }
    }

    fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// Store with the small archive's objects in the place that this case requires.
    fn store(&self) -> Store {
        let (from, store) = (small_archive(), Store::default());
        for key in from.keys(SMALL_BUCKET) {
            let rest = key.strip_prefix(&small_key("")).unwrap();
            let slash = if self.prefix.is_empty() { "" } else { "/" };
            let moved = format!("{}{slash}{}/{rest}", self.prefix, self.server);
            store.put(self.bucket, moved, from.get(SMALL_BUCKET, &key).unwrap());
        }
        store
    }

    fn settings(&self, archive: &EmbeddedArchive) -> Value {
        let mut settings = archive.settings("a");
        settings.as_object_mut().unwrap().remove("region");
        if let Some(region) = self.region {
            settings["region"] = json!(region);
        }
        settings["servers"] = json!([{ "serverName": self.server }]);
        settings
    }
}

fn cases() -> Vec<Case> {
    let options = Options::default;
    let product = |product| Options {
        product,
        ..options()
    };
    let far_away = || Options {
        region: Some("eu-central-1".to_owned()),
        ..options()
    };
    let below = ["production/orders/base/", "production/orders/wals/"].map(str::to_owned);
    vec![
        Case::new("as on AWS"),
        Case::new("in small pages").with_options(Options {
            page_limit: 2,
            ..options()
        }),
        Case {
            prefix: "",
            ..Case::new("in the root of the bucket")
        },
        Case {
            bucket: "Old_Backups",
            ..Case::new("a bucket with capitals and `_`")
        },
        Case {
            bucket: "a.b",
            ..Case::new("a bucket with a dot")
        },
        Case {
            server: "team/orders",
            ..Case::new("a server with a slash")
        },
        Case {
            server: "a b+c%",
            ..Case::new("a server with odd letters")
        },
        Case::new("an endpoint with a path").with_options(Options {
            base_path: "/storage/v1/s3".to_owned(),
            ..options()
        }),
        Case::new("a region that nobody named").with_options(far_away()),
        Case {
            region: Some("us-west-2"),
            ..Case::new("a wrong region").with_options(far_away())
        },
        Case::new("without order").with_options(product(Product::Unordered)),
        Case::new("MinIO").with_options(product(Product::MinIo)),
        Case::new("Storj").with_options(product(Product::Storj)),
        Case {
            is_listable: false,
            ..Case::new("the server's directories alone")
        }
        .with_options(Options {
            listable: Some(below.into()),
            ..options()
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_boto3_and_barman_read_is_read() {
    for case in cases() {
        let destination = format!("{}/{}", case.bucket, case.prefix);
        let archive =
            EmbeddedArchive::start(case.store(), &destination, case.options.clone()).await;

        let report = report(&archive, &case).await;
        let server = &report["archives"][0]["servers"][0];

        let name = case.name;
        assert_eq!(server["name"], case.server, "{name}");
        assert_eq!(
            ids(&server["backups"], "id"),
            barman_s_backups(&archive, &case),
            "{name}"
        );
        if case.is_listable {
            assert_eq!(
                stored(&report["archives"][0]["storage"]),
                boto3_s_sums(&archive, &case),
                "{name}"
            );
        }
    }
}

/// Report of the exporter on the archive.
async fn report(archive: &EmbeddedArchive, case: &Case) -> Value {
    let arguments = ["--output", "json", "--at", SMALL_MORNING];
    let ended = archive
        .run("report", vec![case.settings(archive)], &arguments)
        .await;
    assert_eq!(
        ended.code,
        Some(0),
        "{}: {}{}",
        case.name,
        ended.output,
        ended.errors
    );
    serde_json::from_str(&ended.output).unwrap()
}

/// Numbers of objects and bytes.
fn stored(storage: &Value) -> (u64, u64) {
    (
        storage["objects"].as_u64().unwrap(),
        storage["bytes"].as_u64().unwrap(),
    )
}

fn ids(backups: &Value, key: &str) -> Vec<String> {
    let backups = backups.as_array().unwrap().iter();
    let mut ids: Vec<_> = backups
        .map(|backup| backup[key].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

fn boto3_s_sums(archive: &EmbeddedArchive, case: &Case) -> (u64, u64) {
    let client = PlainClient::of(archive, case.bucket);
    let objects = tokio::task::block_in_place(|| client.objects());
    (
        u64::try_from(objects.len()).unwrap(),
        objects.iter().map(|object| object.size).sum(),
    )
}

fn barman_s_backups(archive: &EmbeddedArchive, case: &Case) -> Vec<String> {
    let client = BarmanClient::of(archive);
    let list = tokio::task::block_in_place(|| client.backups(case.server));
    ids(&list["backups_list"], "backup_id")
}
