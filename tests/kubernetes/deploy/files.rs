//! Image, systemd unit and access rights.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::deploy::{output, printed, project, read, text, tool};

const UNIT: &str = "deploy/systemd/barman-cloud-exporter.service";

/// Maximum exposure that `systemd-analyze security` may find, of 100.
const EXPOSURE: &str = "--threshold=15";

#[test]
fn the_dockerfile_is_good_and_a_bad_one_is_not() {
    printed(tool("hadolint").arg(project("deploy/Dockerfile")));

    let scratch = TempDir::new().expect("temporary directories can be made");
    let bad = scratch.path().join("Dockerfile");
    fs::write(&bad, "FROM rust:latest\nRUN cd / && make\n").expect("the directory can be written");
    let refused = output(tool("hadolint").arg(&bad));
    assert!(!refused.status.success(), "{}", text(&refused.stdout));
}

#[test]
fn the_image_is_built_from_what_the_build_needs() {
    let ignored = read("deploy/Dockerfile.dockerignore");
    let kept: Vec<_> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();

    assert!(ignored.lines().any(|line| line == "*"), "{ignored}");
    for path in &kept {
        assert!(project(path).exists(), "{path} is not there");
    }
    // Cargo wants to see every member of the workspace, also those that it does not build.
    let metadata = read("Cargo.toml");
    let (_, members) = metadata
        .split_once("members = [")
        .expect("there is a workspace");
    let (members, _) = members.split_once(']').expect("the list of members ends");
    for member in members.split(',') {
        let member = member.trim().trim_matches('"').trim_end_matches("/*");
        assert!(
            kept.iter().any(|path| member.starts_with(path)),
            "{member} is ignored"
        );
    }
    let dockerfile = read("deploy/Dockerfile");
    assert!(dockerfile.contains(&format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION"))));
    assert!(dockerfile.contains(&format!("FROM rust:{}", env!("CARGO_PKG_RUST_VERSION"))));
    assert!(dockerfile.contains("USER 65532:65532\n"));
}

/// Unit with the program that was built here, in a directory of its own.
fn unit(scratch: &TempDir, change: impl Fn(&str) -> String) -> std::path::PathBuf {
    let built = env!("CARGO_BIN_EXE_barman-cloud-exporter");
    let unit = read(UNIT).replace("/usr/local/bin/barman-cloud-exporter", built);
    assert!(unit.contains(built), "{unit}");
    let file = scratch.path().join("barman-cloud-exporter.service");
    fs::write(&file, change(&unit)).expect("a fresh directory can be written");
    file
}

fn systemd_analyze() -> std::process::Command {
    std::process::Command::new("systemd-analyze")
}

#[test]
fn systemd_takes_the_unit() {
    let scratch = TempDir::new().expect("temporary directories can be made");
    let good = unit(&scratch, str::to_owned);
    let verified = output(systemd_analyze().arg("verify").arg(&good));
    let said = text(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");

    let bad = unit(&scratch, |unit| {
        unit.replace("ProtectHome=", "ProtectHouse=")
    });
    let said = text(&output(systemd_analyze().arg("verify").arg(&bad)).stderr);
    assert!(said.contains("ProtectHouse"), "{said}");
}

#[test]
fn the_unit_is_hardened() {
    let scratch = TempDir::new().expect("temporary directories can be made");
    let security = ["security", "--offline=true", "--no-pager", EXPOSURE];
    let good = unit(&scratch, str::to_owned);
    printed(systemd_analyze().args(security).arg(&good));

    let soft = unit(&scratch, |unit| {
        unit.replace("CapabilityBoundingSet=\n", "")
    });
    let refused = output(systemd_analyze().args(security).arg(&soft));
    assert!(!refused.status.success(), "{}", text(&refused.stdout));
}

#[test]
fn the_policy_is_documented_and_gives_no_right_to_write() {
    let policy = read("deploy/aws/iam-policy.json");
    let parsed: Value = serde_json::from_str(&policy).expect("the policy is JSON");
    let statements = parsed["Statement"]
        .as_array()
        .expect("the policy has statements");
    let actions = statements
        .iter()
        .filter_map(|statement| statement["Action"].as_array());
    let actions: Vec<_> = actions.flatten().filter_map(Value::as_str).collect();

    let document = read("docs/configuration.md");
    assert!(
        document.contains(&policy),
        "the document shows another policy"
    );
    assert_eq!(
        actions,
        [
            "s3:ListBucket",
            "s3:ListBucketMultipartUploads",
            "s3:GetObject",
            "s3:ListMultipartUploadParts"
        ]
    );
}
