//! Parallel listings, against plain ones.

use std::sync::Arc;

use archive_store::memory::{
    MemoryStore, Misreading, MisreadingStore, Quirk, ignore_start_after, refuse_delimiters,
    skip_directory,
};
use archive_store::{KeyOrder, ListedObject, ObjectStore};
use barman_archive::barman::NestedNames;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::{KeyRange, ListingError, ListingTask, ParallelListing, list_sequentially};

fn now() -> DateTime<Utc> {
    "2026-11-15T12:00:00Z".parse().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn store(keys: &[String], page: usize, order: KeyOrder, quirk: Quirk) -> Arc<MemoryStore> {
    let store = MemoryStore::new(page).with_order(order).with_quirk(quirk);
    for key in keys {
        store.put(key, b"x", now());
    }
    Arc::new(store)
}

/// Parallel listing of everything below `p/`.
struct Everything {
    page_size: usize,
    order: KeyOrder,
    concurrency: usize,
    small_pages: u32,
    is_large: bool,
}

/// Result of a listing.
struct Listed {
    /// Keys, sorted.
    keys: Vec<String>,
    requests: u32,
}

impl Everything {
    async fn list<S: ObjectStore + 'static>(&self, store: &Arc<S>) -> Result<Listed, ListingError> {
        let listing = ParallelListing {
            store: Arc::clone(store),
            root: "p/".to_owned(),
            names: NestedNames::default(),
            order: self.order,
            concurrency: self.concurrency,
            page_size: self.page_size,
            started_at: now() + TimeDelta::days(1),
            small_pages: self.small_pages,
        };
        let ranges = vec![KeyRange::below("p/")];
        let task = ListingTask {
            ranges,
            is_large: self.is_large,
            ..ListingTask::default()
        };
        let mut keys = Vec::new();
        let requests = listing
            .list(task, |object| keys.push(object.key.clone()))
            .await?;
        keys.sort();
        Ok(Listed { keys, requests })
    }
}

async fn sequentially(store: &MemoryStore) -> Listed {
    let mut keys = Vec::new();
    let sink = |object: &ListedObject| keys.push(object.key.clone());
    let requests = list_sequentially(store, "p/", sink).await.unwrap();
    keys.sort();
    Listed { keys, requests }
}

/// Trees of any shape: names of few letters, so that some are the beginning of others, and some
/// keys end in a slash.
fn keys() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof![
        "[ab0-]{1,3}",
        "wals",
        "base",
        "[0-9]{4}",
        Just(String::new())
    ];
    let key = prop::collection::vec(name, 1..5).prop_map(|names| format!("p/{}", names.join("/")));
    let runs = ("[ab]", 1_u32..120).prop_map(|(name, count)| {
        (0..count)
            .map(move |number| format!("p/{name}/wals/{:02}/{number:04}", number / 7))
            .collect()
    });
    let single = key.prop_map(|key| vec![key]);
    prop::collection::vec(prop_oneof![4 => single, 1 => runs], 0..60).prop_map(|all| all.concat())
}

/// Archives as Barman writes them, some of them with what people left beside it.
fn archives() -> impl Strategy<Value = Vec<String>> {
    let wal_dirs = (0_u32..12, 1_u32..100);
    let server = (0_u32..8, 2_u32..6, wal_dirs, 0_u32..4).prop_map(
        |(backups, files, (wal_dirs, segments), strays)| {
            let backups = numbered(backups * files, move |n| {
                format!("base/20261115T{:06}/{}", n / files, n % files)
            });
            let wals = numbered(wal_dirs * segments, move |n| {
                format!("wals/{:016X}/{n:024X}.gz", n / segments)
            });
            let strays = numbered(strays, |n| format!("stray-{n}"));
            [backups, wals, strays].concat()
        },
    );
    prop::collection::vec(server, 1..4).prop_map(|servers| {
        let servers = servers.into_iter().enumerate();
        let below = |(at, keys): (usize, Vec<String>)| {
            keys.into_iter()
                .map(move |key| format!("p/server-{at:02}/{key}"))
        };
        servers.flat_map(below).collect()
    })
}

fn misreadings() -> impl Strategy<Value = Misreading> {
    let none: Misreading = Ok;
    let ignored: Misreading = ignore_start_after;
    let skipped: Misreading = skip_directory;
    let refused: Misreading = refuse_delimiters;
    prop_oneof![Just(none), Just(ignored), Just(skipped), Just(refused)]
}

fn orders() -> impl Strategy<Value = KeyOrder> {
    prop_oneof![Just(KeyOrder::Bytes), Just(KeyOrder::Parts)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_parts_are_the_whole_whatever_the_tree(
        keys in keys(), page in 1_usize..8, at_once in 1_usize..9, small in 0_u32..6,
        is_large: bool, order in orders(), short: bool, empty: bool,
    ) {
        let quirk = match (short, empty) {
            (true, _) => Quirk::ShortPages,
            (false, true) => Quirk::KeepsEmptyDirectories,
            (false, false) => Quirk::None,
        };
        let store = store(&keys, page, order, quirk);
        let everything = Everything {
            page_size: page,
            order,
            concurrency: at_once,
            small_pages: small,
            is_large,
        };
        let (found, whole) = runtime().block_on(async {
            let found = everything.list(&store).await.unwrap();
            (found.keys, sequentially(&store).await.keys)
        });
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn a_store_that_misreads_requests_is_found_out_or_does_no_harm(
        keys in keys(), page in 1_usize..8, at_once in 1_usize..9,
        order in orders(), assumed in orders(), misreading in misreadings(),
    ) {
        let honest = store(&keys, page, order, Quirk::None);
        let store = Arc::new(MisreadingStore { store: Arc::clone(&honest), misreading });
        let everything = Everything {
            page_size: page,
            order: assumed,
            concurrency: at_once,
            small_pages: 0,
            is_large: true,
        };
        runtime().block_on(async {
            match everything.list(&store).await {
                Ok(found) => assert_eq!(found.keys, sequentially(&honest).await.keys),
                Err(ListingError::OutOfOrder(_)) => {}
                Err(ListingError::Failed(error)) => panic!("{error}"),
            }
        });
    }

    #[test]
    fn a_small_archive_costs_two_requests_more_at_most(
        keys in archives(), page in 20_usize..400, at_once in 1_usize..20,
    ) {
        let (plain, requests) = plain_and_parallel(&keys, page, at_once);
        prop_assert!(plain > 15 || requests <= plain + 2, "{requests} for {plain}");
    }

    #[test]
    fn a_small_archive_costs_at_most_two_more_requests(
        keys in keys(), page in 4_usize..40, at_once in 1_usize..20,
    ) {
        let (plain, requests) = plain_and_parallel(&keys, page, at_once);
        prop_assert!(plain > 15 || requests <= plain + 2, "{requests} for {plain}");
    }

    #[test]
    fn five_pages_of_anything_cost_two_requests_more_at_most(
        keys in keys(), page in 4_usize..200, at_once in 1_usize..20,
    ) {
        let (plain, requests) = plain_and_parallel(&keys, page, at_once);
        prop_assert!(plain > 5 || requests <= plain + 2, "{requests} for {plain}");
    }

    #[test]
    fn base_is_listed_to_its_end_before_wals_begins(
        backups in 1_u32..40, wal_dirs in 1_u32..30, page in 2_usize..8, at_once in 2_usize..9,
        guesses: bool,
    ) {
        let name = if guesses { "data_" } else { "data/" };
        let base = (0..backups).map(|number| format!("p/s/base/{name}{number:04}"));
        let wals = (0..wal_dirs * 5).map(|number| format!("p/s/wals/{:03}/{number}", number / 5));
        let keys: Vec<String> = base.chain(wals).collect();
        let store = store(&keys, page, KeyOrder::Bytes, Quirk::None);
        let mut seen = Vec::new();
        runtime().block_on(async {
            let listing = ParallelListing {
                names: NestedNames::default(),
                store: Arc::clone(&store),
                root: "p/".to_owned(),
                order: KeyOrder::Bytes,
                concurrency: at_once,
                started_at: now(),
                page_size: page,
                small_pages: 0,
            };
            let ranges = vec![KeyRange::below("p/")];
            let task = ListingTask { ranges, is_large: true, ..ListingTask::default() };
            listing.list(task, |object| seen.push(object.key.clone())).await.unwrap();
        });
        let last_of_base = seen.iter().rposition(|key| key.starts_with("p/s/base/"));
        let first_of_wals = seen.iter().position(|key| key.starts_with("p/s/wals/"));
        prop_assert!(last_of_base < first_of_wals);
    }
}

/// Returns the number of requests of a sequential listing, and of a parallel one that does not know
/// the size of the archive.
fn plain_and_parallel(keys: &[String], page: usize, at_once: usize) -> (u32, u32) {
    let store = store(keys, page, KeyOrder::Bytes, Quirk::None);
    runtime().block_on(async {
        let everything = Everything {
            page_size: page,
            order: KeyOrder::Bytes,
            concurrency: at_once,
            small_pages: 50,
            is_large: false,
        };
        let found = everything.list(&store).await.unwrap();
        (sequentially(&store).await.requests, found.requests)
    })
}

fn numbered(count: u32, name: impl Fn(u32) -> String) -> Vec<String> {
    (0..count).map(name).collect()
}

#[tokio::test]
async fn whatever_the_shape_the_requests_are_hardly_more() {
    let shapes: [(&str, Vec<String>); 4] = [
        (
            "wal_dirs",
            numbered(50_000, |n| format!("p/s/wals/{:016X}/{n:024X}.gz", n / 25)),
        ),
        (
            "servers",
            numbered(20_000, |n| format!("p/server-{:04}/x/{}", n / 20, n % 20)),
        ),
        (
            "flat",
            numbered(20_000, |n| format!("p/orphan/file-{n:07}")),
        ),
        (
            "deep",
            numbered(20_000, |n| {
                format!("p/o/{}/{}/{}/{n}", n % 7, n % 11, n % 13)
            }),
        ),
    ];
    for (shape, keys) in shapes {
        let store = store(&keys, 100, KeyOrder::Bytes, Quirk::None);
        let everything = Everything {
            page_size: 100,
            order: KeyOrder::Bytes,
            concurrency: 16,
            small_pages: 5,
            is_large: false,
        };

        let Listed {
            keys: found,
            requests,
        } = everything.list(&store).await.unwrap();

        let plain = sequentially(&store).await.requests;
        assert_eq!(found.len(), keys.len(), "{shape}");
        assert!(
            requests <= plain * 3 / 2 + 40,
            "{shape}: {requests} for {plain}"
        );
        println!("{shape}: {requests} requests for {plain}");
    }
}

#[test]
fn what_is_large_says_nothing_of_the_small_servers_behind_it() {
    let orphan = numbered(710, |n| format!("p/orphan/file-{n:04}"));
    let busy = numbered(1200, |n| format!("p/busy/wals/{:016X}/{n:024X}", n / 100));
    let small = numbered(80, |n| {
        format!("p/server-{n:02}/base/20261115T120000/backup.info")
    });

    for large in [orphan, busy] {
        let (plain, requests) = plain_and_parallel(&[large, small.clone()].concat(), 100, 16);

        assert!(requests <= plain + 2, "{requests} for {plain}");
    }
}

#[tokio::test]
async fn a_key_that_another_order_puts_between_two_parts_is_not_lost() {
    let loose = [
        "0",
        "0/0",
        "0000/-",
        "0000/0",
        "0001/0",
        "0001/base/a",
        "0002/0",
        "0010/a",
        "0011/",
    ];
    let late = [
        "aa/a",
        "b-",
        "b/wals/00/0000",
        "b/wals/00/0001",
        "b/wals/00/0002",
        "b/wals/00/0003",
    ];
    let last = ["/-", "/0", "/0000", "3004", "base/0", "wals/0", ""];
    let segments = (0..15).map(|number| format!("a/wals/{:02}/{number:04}", number / 7));
    let others = [&loose[..], &late, &last]
        .concat()
        .into_iter()
        .map(str::to_owned);
    let keys: Vec<_> = segments
        .chain(others)
        .map(|key| format!("p/{key}"))
        .collect();
    let store = store(&keys, 2, KeyOrder::Bytes, Quirk::None);

    let everything = Everything {
        page_size: 2,
        order: KeyOrder::Parts,
        concurrency: 4,
        small_pages: 0,
        is_large: true,
    };
    match everything.list(&store).await {
        Ok(found) => assert_eq!(found.keys, sequentially(&store).await.keys),
        Err(ListingError::OutOfOrder(_)) => {}
        Err(ListingError::Failed(error)) => panic!("{error}"),
    }
}
