//! Listing of everything that the credentials permit, by a method that the store allows.

use archive_listing::{
    KeyRange, ListingError, ListingTask, ParallelListing, list_sequentially, list_unordered,
};
use archive_store::{ErrorScope, ObjectStore, StorageError};
use barman_archive::inventory::{Inventory, ListedObject};
use tracing::{debug, warn};

use super::ArchiveListing;
use super::known::KnownArchive;
use super::method::{ListingMethod, ListingScope};
use crate::scan::ScanContext;
use crate::scan::wal_dirs::WalDirRequests;

/// Listing of everything below some prefixes by one method.
struct PrefixListing<'a, S> {
    context: &'a ScanContext<'a, S>,
    method: ListingMethod,
    inventory: Inventory,
    requests: u32,
}

impl ArchiveListing {
    /// Lists everything that the credentials permit, and remembers what that is.
    pub(super) async fn list_permitted<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        requested: &WalDirRequests,
    ) -> Result<KnownArchive, StorageError> {
        let audit_period = context.limits.audit_period;
        if !self
            .scope
            .may_try_everything(audit_period, context.started_at)
        {
            return self
                .list_prefixes(context, requested, &context.expected_prefixes())
                .await;
        }
        let everything = [context.prefix.to_owned()];
        match self.list_prefixes(context, requested, &everything).await {
            Err(error) if error.scope() == ErrorScope::RefusedCall => {
                self.list_servers(context, requested, error).await
            }
            result => {
                self.scope = ListingScope::Everything;
                result
            }
        }
    }

    /// Lists only the expected servers, after a listing of everything was refused. If this
    /// succeeds, it is remembered, and the log says so once.
    async fn list_servers<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        requested: &WalDirRequests,
        refusal: StorageError,
    ) -> Result<KnownArchive, StorageError> {
        if context.expected.servers.is_none() {
            let advice = "or name the servers under `servers` of this archive: then it is enough \
                          to list `base/` and `wals/` of each";
            return Err(refusal.or_else(advice));
        }
        let known = self
            .list_prefixes(context, requested, &context.expected_prefixes())
            .await?;
        if self.scope == ListingScope::Everything {
            warn!(
                target: "scan",
                archive = context.archive,
                error = refusal.with_causes(),
                "Only the configured servers can be listed: anything else below the destination \
                 path is unknown"
            );
        }
        self.scope = ListingScope::Servers {
            refused_at: context.started_at,
        };
        Ok(known)
    }

    /// Lists everything below some prefixes by a method that the store allows, and remembers the
    /// method.
    async fn list_prefixes<S: ObjectStore + 'static>(
        &mut self,
        context: &ScanContext<'_, S>,
        requested: &WalDirRequests,
        prefixes: &[String],
    ) -> Result<KnownArchive, StorageError> {
        let archive = context.archive;
        let mut disorder = String::new();
        for method in self.method.to_try().iter().copied() {
            let mut listing = PrefixListing::new(context, method, requested);
            match listing.list_all(prefixes).await {
                Ok(()) => {
                    if method != self.method {
                        log_method(archive, method, &disorder);
                    }
                    self.method = method;
                    let PrefixListing {
                        inventory,
                        requests,
                        ..
                    } = listing;
                    return Ok(KnownArchive::new(inventory, requests, context.started_at));
                }
                Err(ListingError::Failed(error)) => return Err(error),
                Err(ListingError::OutOfOrder(why)) => {
                    debug!(
                        target: "scan",
                        archive,
                        ?method,
                        why,
                        "The store cannot be listed by this method"
                    );
                    disorder = why;
                }
            }
        }
        Err(StorageError::protocol(format!(
            "the store lists keys in no consistent order: {disorder}"
        )))
    }
}

impl<'a, S: ObjectStore + 'static> PrefixListing<'a, S> {
    fn new(
        context: &'a ScanContext<'a, S>,
        method: ListingMethod,
        requested: &WalDirRequests,
    ) -> Self {
        let names = context.expected.nested_names();
        let inventory = Inventory::with_names(names).keeping(requested.names());
        Self {
            context,
            method,
            inventory,
            requests: 0,
        }
    }

    async fn list_all(&mut self, prefixes: &[String]) -> Result<(), ListingError> {
        for prefix in prefixes {
            self.requests += self.list(prefix).await?;
        }
        Ok(())
    }

    /// Lists everything below one prefix; returns the number of requests.
    async fn list(&mut self, prefix: &str) -> Result<u32, ListingError> {
        let context = self.context;
        let store = context.store.as_ref();
        let inventory = &mut self.inventory;
        let sink = |object: &ListedObject| inventory.add(context.relative(object), object);
        match self.method {
            ListingMethod::Parallel(order) => {
                let ranges = vec![KeyRange::below(prefix)];
                let root = prefix.to_owned();
                let listing = ParallelListing {
                    root,
                    ..context.parallel_listing(order)
                };
                listing
                    .list(
                        ListingTask {
                            ranges,
                            ..ListingTask::default()
                        },
                        sink,
                    )
                    .await
            }
            ListingMethod::Sequential => list_sequentially(store, prefix, sink).await,
            ListingMethod::Unordered => Ok(list_unordered(store, prefix, sink).await?),
        }
    }
}

fn log_method(archive: &str, method: ListingMethod, why: &str) {
    match method {
        ListingMethod::Parallel(_) => {}
        ListingMethod::Sequential => warn!(
            target: "scan",
            archive,
            why,
            "The store does not list keys as S3 does: its listings are read page by page"
        ),
        ListingMethod::Unordered => warn!(
            target: "scan",
            archive,
            why,
            "The store lists keys in no particular order: every listing is read completely and \
             sorted"
        ),
    }
}
