//! Files, patterns, and what Kubernetes does to them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::pin::pin;

use super::*;

#[tokio::test]
async fn a_file_is_reread_each_time_and_verified_if_there_is_a_ca() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = |name: &str| directory.path().join(name);
    fs::write(path("ca.crt"), root.pem()).unwrap();
    fs::write(path("tls.crt"), root.sign(&named("first")).pem).unwrap();
    let plain = Watch::files(&path("tls.crt"), Trust::None);
    let verified = Watch::files(&path("tls.crt"), Trust::File(path("ca.crt")));

    let first = (plain.read_one().await, verified.read_one().await);
    fs::write(
        path("tls.crt"),
        Authority::new("other").sign(&named("second")).pem,
    )
    .unwrap();
    let second = verified.read_one().await;
    fs::remove_file(path("ca.crt")).unwrap();
    let without_ca = verified.read_one().await;

    assert_eq!(
        (subject(&first.0), &first.0.verification),
        ("CN=first", &Verification::NotAsked)
    );
    assert_eq!(
        (subject(&first.1), &first.1.verification),
        ("CN=first", &Verification::Verified)
    );
    assert_eq!(
        (subject(&second), second.chain_is_valid(now())),
        ("CN=second", Some(false))
    );
    // Nobody knows whether it verifies.
    assert_eq!(
        (without_ca.chain_is_valid(now()), without_ca.is_read()),
        (None, false)
    );
    let Verification::Unread(why) = without_ca.verification else {
        panic!("{without_ca:?}")
    };
    assert!(
        why.ends_with("ca.crt` cannot be used: there is no such file"),
        "{why}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_says_why_and_keeps_what_was_known() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = directory.path().join("tls.crt");
    let watch = Watch::files(&path, Trust::None);

    let before = watch.failure().await;
    fs::write(&path, root.leaf().pem).unwrap();
    let read = watch.read_one().await;
    fs::write(&path, root.leaf().key).unwrap();
    let after = watch.read_one().await;

    assert_eq!(before, "there is no such file");
    assert_eq!(read.failure, None);
    assert!(
        after
            .failure
            .unwrap()
            .contains("found only other things, such as a key")
    );
    assert_eq!(after.last, read.last);
}

#[tokio::test]
async fn a_file_system_that_does_not_answer_is_asked_once() {
    let (files, path) = (file::FileReads::default(), Path::new("tls.crt"));
    let (answer, wait) = std::sync::mpsc::channel::<()>();
    let hangs = files.run(path, move |_| {
        wait.recv().unwrap();
        Ok(())
    });
    let mut hangs = pin!(hangs);
    assert!(futures::poll!(hangs.as_mut()).is_pending());

    let again = files.run(path, |_| Ok(())).await;
    answer.send(()).unwrap();
    hangs.await.unwrap();

    assert!(matches!(again, Err(ReadError::Stuck)));
    assert!(files.run(path, |_| Ok(())).await.is_ok());
}

#[tokio::test]
async fn what_is_no_file_hangs_nobody() {
    let directory = TempDir::new().unwrap();
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());

    for path in [directory.path(), &pipe, Path::new("/dev/zero")] {
        let failure = Watch::files(path, Trust::None).failure().await;
        assert_eq!(failure, "expected a file, found something else", "{path:?}");
    }
}

#[tokio::test]
async fn the_files_of_a_pattern_come_and_go() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = |name: &str| directory.path().join(name);
    let watch = Watch::files(&path("*/tls.crt"), Trust::None);
    let known = |all: &[CertificateStatus]| {
        all.iter()
            .map(|status| (status.name.clone(), status.failure.is_none()))
            .collect::<Vec<_>>()
    };

    let none = watch.read().await;
    let no_text = OsStr::from_bytes(b"f\xff");
    for name in ["a", "b\n", "b\t", "b\\n", ".hidden", "ü"]
        .map(OsStr::new)
        .into_iter()
        .chain([no_text])
    {
        fs::create_dir(directory.path().join(name)).unwrap();
        fs::write(directory.path().join(name).join("tls.crt"), root.leaf().pem).unwrap();
    }
    fs::create_dir_all(path("c/tls.crt")).unwrap();
    fs::create_dir(path("d")).unwrap();
    fs::write(path("d/tls.crt"), "").unwrap();
    let some = watch.read().await;
    fs::remove_dir_all(path("a")).unwrap();
    let fewer = watch.read().await;

    assert_eq!(known(&none), [("orders".to_owned(), false)]);
    assert_eq!(
        none[0].failure.as_deref(),
        Some("no file matches the pattern")
    );
    let expected = [
        ("a", true),
        ("b\\\\n", true),
        ("b\\n", true),
        ("b\\t", true),
    ]
    .into_iter();
    let expected = expected.chain([("d", false), ("f\\xff", true), ("ü", true)]);
    let expected: Vec<_> = expected
        .map(|(name, is_read)| (format!("orders/{name}/tls.crt"), is_read))
        .collect();
    assert_eq!(known(&some), expected);
    assert_eq!(known(&fewer), expected[1..]);
}

#[tokio::test]
async fn what_a_pattern_must_not_see_is_not_passed_over() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("a")).unwrap();
    fs::write(path("a/tls.crt"), root.leaf().pem).unwrap();
    fs::create_dir(path("dangling")).unwrap();
    symlink("gone", path("dangling/tls.crt")).unwrap();
    symlink("endless", path("endless")).unwrap();
    fs::write(path("file"), "").unwrap();
    let failures = |all: Vec<CertificateStatus>| -> Vec<_> {
        all.into_iter()
            .map(|status| (status.name, status.failure.unwrap_or_default()))
            .collect()
    };

    let files = failures(Watch::files(&path("*/tls.crt"), Trust::None).read().await);
    let directories = failures(Watch::files(&path("e*/*.crt"), Trust::None).read().await);

    let [(_, read), (dangling, gone), (endless, unseen)] = files.try_into().unwrap();
    assert_eq!(
        (read.as_str(), dangling.as_str()),
        ("", "orders/dangling/tls.crt")
    );
    assert!(gone.contains("no such file"), "{gone}");
    assert_eq!(endless, "orders/endless/tls.crt");
    assert!(unseen.contains("symbolic links"), "{unseen}");
    let [(own, why)] = directories.try_into().unwrap();
    assert_eq!(own, "orders");
    assert!(why.contains("endless` cannot be read: "), "{why}");
}

#[tokio::test]
async fn the_files_of_a_pattern_share_a_ca() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    for number in 0..20 {
        fs::write(
            directory.path().join(format!("{number}.crt")),
            root.leaf().pem,
        )
        .unwrap();
    }
    let ca = directory.path().join("ca.pem");
    fs::write(&ca, root.pem()).unwrap();
    let watch = Watch::files(&directory.path().join("*.crt"), Trust::File(ca));

    for _ in 0..2 {
        let known = watch.read().await;
        assert_eq!(known.len(), 20);
        assert!(
            known
                .iter()
                .all(|status| status.chain_is_valid(now()) == Some(true)),
            "{known:?}"
        );
    }
}

#[tokio::test]
async fn a_pattern_stands_for_so_many_files_and_no_more() {
    let directory = TempDir::new().unwrap();
    for number in 0..=100 {
        fs::write(directory.path().join(format!("{number}.crt")), "").unwrap();
    }

    let known = Watch::files(&directory.path().join("*.crt"), Trust::None)
        .read()
        .await;

    assert_eq!(known.len(), 101);
    let own = known.iter().find(|status| status.name == "orders").unwrap();
    assert!(
        own.failure
            .as_ref()
            .unwrap()
            .starts_with("more than 100 files match")
    );
}

#[tokio::test]
async fn a_swap_of_kubernetes_is_seen() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let path = |name: &str| directory.path().join(name);
    let version = |name: &str, subject: &str| {
        fs::create_dir(path(name)).unwrap();
        fs::write(path(name).join("tls.crt"), root.sign(&named(subject)).pem).unwrap();
        symlink(name, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
    };
    version("..2030_01", "first");
    symlink("..data/tls.crt", path("tls.crt")).unwrap();
    let watch = Watch::files(&path("*.crt"), Trust::None);

    let first = watch.read_one().await;
    version("..2030_02", "second");
    fs::remove_dir_all(path("..2030_01")).unwrap();
    let second = watch.read_one().await;

    assert_eq!(
        (subject(&first), subject(&second)),
        ("CN=first", "CN=second")
    );
    assert_eq!(second.name, "orders/tls.crt");
}
