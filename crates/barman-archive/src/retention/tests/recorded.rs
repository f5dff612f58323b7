//! Tests against the archive that Barman's own tools left, and what Barman's own code says about
//! it.

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/real-archive")
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder().join(name)).unwrap()).unwrap()
}

/// Returns the sizes by key, without the prefix and the slash after it.
fn listing(prefix: &str) -> BTreeMap<String, u64> {
    let lines = fs::read_to_string(folder().join("listing.jsonl")).unwrap();
    let rows = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let row = |row: Value| {
        let key = row["key"]
            .as_str()
            .unwrap()
            .strip_prefix(prefix)?
            .strip_prefix('/')?;
        Some((key.to_owned(), row["size"].as_u64().unwrap()))
    };
    rows.filter_map(row).collect()
}

fn server(prefix: &str, name: &str, sizes: &BTreeMap<String, u64>) -> Server {
    let keys = sizes
        .keys()
        .filter(|key| key.starts_with(&format!("{name}/")));
    let keys: Vec<String> = keys.cloned().collect();
    let is_small = |key: &&String| key.ends_with("/backup.info") || key.ends_with("/keep");
    let content = |key: &String| fs::read(folder().join("objects").join(prefix).join(key)).unwrap();
    let contents = keys
        .iter()
        .filter(is_small)
        .map(|key| (key.clone(), content(key)))
        .collect();
    Server { keys, contents }
}

fn check(server: &Server, sizes: &BTreeMap<String, u64>, expected: &Value) {
    let now = json("meta.json")["now"].as_str().unwrap().parse().unwrap();
    let catalog = server.catalog();
    let policy = expected["policy"].as_str().unwrap();

    let statuses = retention_statuses(policy.parse().unwrap(), &catalog, 0, now).unwrap();
    let deletion = deletion(&catalog, &statuses);

    let removed = server.removed(&deletion);
    let wals = removed.iter().filter(|key| key.contains("/wals/"));
    let wals: Vec<&str> = wals.map(|key| key.rsplit('/').next().unwrap()).collect();
    let found = serde_json::json!({
        "policy": policy,
        "report": as_words(statuses),
        "deleted": {
            "backups": deletion.backups,
            "objects": removed.len(),
            "bytes": removed.iter().map(|key| sizes[*key]).sum::<u64>(),
            "wals": wals,
        },
    });
    assert_eq!(&found, expected);
}

#[test]
fn every_policy_does_what_barmans_own_code_did() {
    let mut checked = 0;
    for expected in json("expected.json")["servers"].as_array().unwrap() {
        let prefix = expected["prefix"].as_str().unwrap();
        let sizes = listing(prefix);
        let server = server(prefix, expected["server"].as_str().unwrap(), &sizes);
        for policy in expected["retention"].as_array().unwrap() {
            check(&server, &sizes, policy);
            checked += 1;
        }
    }
    assert_eq!(checked, 16);
}
