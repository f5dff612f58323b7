//! Endpoints of archives.

use super::server::{Manner, Serving, server};
use super::*;

fn endpoint(found: EndpointResult) -> Watched {
    let find: EndpointFinder = Arc::new(move || {
        let found = found.clone();
        Box::pin(async move { found })
    });
    Watched::Endpoint {
        url: "https://store.test".to_owned(),
        find,
    }
}

#[tokio::test]
async fn an_endpoint_is_verified_by_name() {
    let (directory, root) = (TempDir::new().unwrap(), Authority::new("root"));
    let (address, _) = server(Manner::Direct(Serving::new(&root.leaf()).acceptor())).await;
    let watch = |trust| {
        let host = "127.0.0.1".parse().unwrap();
        let address = ServerAddress {
            host,
            port: address.port(),
        };
        Watch::new(endpoint(Ok(Some(address))), trust, LIMIT)
    };

    let trusted = watch(ca_file(&directory, &root)).read_one().await;
    let by_system = watch(Trust::System).read_one().await;

    assert_eq!(trusted.chain_is_valid(now()), Some(true));
    assert_eq!(
        (subject(&by_system), by_system.chain_is_valid(now())),
        ("CN=server", Some(false))
    );
    assert_eq!(trusted.place, "https://store.test");
}

#[tokio::test]
async fn an_unknown_endpoint_fails_and_one_without_tls_gives_nothing() {
    let unknown = Watch::new(endpoint(Err("no region".to_owned())), Trust::System, LIMIT);
    let without = Watch::new(endpoint(Ok(None)), Trust::System, LIMIT);

    assert_eq!(
        unknown.failure().await,
        "the endpoint is not known: no region"
    );
    assert_eq!(without.read().await, []);
}
