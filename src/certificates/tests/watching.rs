//! One reading beside the others.

use std::pin::pin;

use super::server::{Manner, server};
use super::*;

#[tokio::test]
async fn a_reading_under_way_is_not_begun_again() {
    let (address, _) = server(Manner::Silent).await;
    let watch = watch_postgres(address, Trust::None);
    let stop = CancellationToken::new();
    let mut first = pin!(watch.watcher.read(&stop));
    assert!(futures::poll!(first.as_mut()).is_pending());

    watch.watcher.read(&CancellationToken::new()).await;
    stop.cancel();
    first.await;

    assert_eq!(watch.heard.0.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_panic_is_a_failure_of_one_certificate() {
    let find: EndpointFinder = Arc::new(|| Box::pin(async { panic!("as told") }));
    let watched = Watched::Endpoint {
        url: "https://store.test".to_owned(),
        find,
    };

    let failure = Watch::new(watched, Trust::System, LIMIT).failure().await;

    assert!(failure.starts_with("a bug in the exporter"), "{failure}");
}
