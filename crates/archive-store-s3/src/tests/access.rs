//! Credentials and certificate authorities.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn rotated_credentials_count_soon() {
    let (bench, server) = bench(&[answer(200, "", EMPTY_PAGE)]);
    bench.list().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);

    write_credentials(bench.files.path(), "ID2", "secret2");
    let is_signed_by = |id: &str| {
        let heads = server.requests();
        heads
            .last()
            .is_some_and(|head| head.contains(&format!("Credential={id}/")))
    };
    assert!(is_signed_by("ID1"));
    while !is_signed_by("ID2") {
        assert!(Instant::now() < deadline, "they never count");
        bench.list().await.unwrap();
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_read_are_named_by_their_file() {
    let (bench, server) = bench(&[answer(200, "", EMPTY_PAGE)]);
    let secret = bench.files.path().join("secret");

    fs::write(&secret, "\n").unwrap();
    let empty = bench.list_error().await;
    fs::write(&secret, "hush\nhush").unwrap();
    let odd = bench.list_error().await;
    fs::remove_file(&secret).unwrap();
    let missing = bench.list_error().await;

    for (error, words) in [
        (empty, "is empty"),
        (odd, "one line"),
        (missing, "cannot be read"),
    ] {
        assert_eq!(
            (error.kind(), error.scope()),
            (ErrorKind::Auth, ErrorScope::Scan),
            "{error}"
        );
        let text = format!("{error} {error:?} {}", cause(&error));
        assert!(
            text.contains(words) && text.contains(&secret.display().to_string()),
            "{text}"
        );
        assert!(!text.contains("hush"), "{text}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn no_secret_stands_in_an_error() {
    for step in [
        error(403, "SignatureDoesNotMatch"),
        Step::Send("nonsense".to_owned()),
    ] {
        let (bench, _server) = bench(&[step]);

        let error = bench.list_error().await;

        let text = format!("{error} {error:?} {}", cause(&error));
        for secret in ["secret1", "Signature=", "AWS4-HMAC"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_a_credentials_error() {
    let server = Scripted::http(&[answer(200, "", EMPTY_PAGE)]);
    let bench = Bench::with(http(&server), |settings| {
        settings.credentials = CredentialSource::Chain {
            profile: Some("no-such-profile".to_owned()),
        };
    });

    let error = bench.list_error().await;

    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert!(
        error
            .to_string()
            .starts_with("no credentials could be loaded"),
        "{error}"
    );
}

/// A certificate authority, and a server's certificate from it.
fn authority(folder: &Path, name: &str) -> (PathBuf, SslAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap();
    let file = folder.join(name);
    fs::write(&file, ca.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&server_key, &issuer).unwrap();
    let mut tls = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    tls.set_certificate(&X509::from_der(server.der()).unwrap())
        .unwrap();
    let server_key = PKey::private_key_from_der(&server_key.serialize_der()).unwrap();
    tls.set_private_key(&server_key).unwrap();
    (file, tls.build())
}

#[tokio::test]
async fn a_new_authority_in_the_file_counts_from_the_next_listing_on() {
    let folder = TempDir::new().unwrap();
    let (right, config) = authority(folder.path(), "right.pem");
    let (wrong, _) = authority(folder.path(), "wrong.pem");
    let file = folder.path().join("ca.pem");
    fs::copy(wrong, &file).unwrap();
    let server = Scripted::https(&[answer(200, "", EMPTY_PAGE)], config);
    let endpoint = format!("https://127.0.0.1:{}", server.port);
    let bench = Bench::with(endpoint, |settings| settings.ca_file = Some(file.clone()));

    let error = bench.list_error().await;
    fs::copy(right, &file).unwrap();
    bench.list().await.unwrap();

    assert_eq!(error.kind(), ErrorKind::Network);
    let text = error.to_string();
    for words in ["https://127.0.0.1:", "`endpointCAFile`", "certificate"] {
        assert!(text.contains(words), "{text}");
    }
}

#[tokio::test]
async fn a_file_without_authorities_fails_the_call_and_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    let odd = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for content in [None, Some(""), Some("no pem"), Some(odd)] {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let bench = Bench::with("https://127.0.0.1:1".to_owned(), |settings| {
            settings.ca_file = Some(file.clone());
        });

        let error = bench.list_error().await;

        assert_eq!(error.kind(), ErrorKind::Network, "{error}");
        assert!(
            error.to_string().contains(&file.display().to_string()),
            "{error}"
        );
        assert!(error.to_string().contains("`endpointCAFile`"), "{error}");
    }
}

#[tokio::test]
async fn an_endpoint_s_path_comes_before_the_bucket() {
    for (bucket, path_style) in [("b", true), ("Old_Backups", true), ("Old_Backups", false)] {
        let server = Scripted::http(&[answer(200, "", EMPTY_PAGE)]);
        let bench = Bench::with(format!("{}/storage/v1", http(&server)), |settings| {
            settings.bucket = bucket.to_owned();
            settings.path_style = path_style;
        });

        bench.list().await.unwrap();
        bench.store.get_small("k", 1000).await.unwrap();

        let heads = server.requests();
        let expected = format!("GET /storage/v1/{bucket}/?");
        assert!(heads[0].starts_with(&expected), "{}", heads[0]);
        let expected = format!("GET /storage/v1/{bucket}/k?");
        assert!(heads[1].starts_with(&expected), "{}", heads[1]);
    }
}

#[test]
fn google_cloud_is_known_by_its_endpoint() {
    let is_of_google = |url| settings(url).is_of_google_cloud();
    assert!(is_of_google(Some("https://storage.googleapis.com")));
    assert!(is_of_google(Some(
        "https://Backups.storage.googleapis.com/"
    )));
    assert!(is_of_google(Some(
        "https://storage.us-central1.rep.googleapis.com"
    )));
    assert!(!is_of_google(Some(
        "https://storage.googleapis.com.example"
    )));
    assert!(!is_of_google(Some("https://cos.eu-frankfurt.myqcloud.com")));
    assert!(!is_of_google(None));
}
