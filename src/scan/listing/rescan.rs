//! Listing of what can have changed in an archive that is known.

use std::collections::BTreeSet;

use archive_listing::{BoundarySearch, KeyRange, ListingError, ListingTask, list_directory};
use archive_store::{KeyOrder, ObjectStore};
use barman_archive::barman::{ObjectLocation, ServerKey};
use barman_archive::inventory::{Inventory, ListedObject};
use barman_archive::postgres::WalDir;
use futures::{StreamExt, TryStreamExt, stream};

use super::known::KnownArchive;
use super::relist_reasons::{ReasonsByServer, RelistReasons, reasons_before_rescan};
use super::wal_plan::{KnownWalDirs, WalPlan, has_lost, neighbours, saves_requests};
use super::wal_ranges::{ranges_of, ranges_without_wal, to_the_end};
use crate::scan::ScanContext;
use crate::scan::small_files::SmallFileReader;
use crate::scan::wal_dirs::WalDirRequests;

/// Rescan of a known archive. It skips WAL directories that cannot have changed.
pub(super) struct Rescan<'a, S> {
    context: &'a ScanContext<'a, S>,
    order: KeyOrder,
    known: &'a mut KnownArchive,
    /// Reasons to list WAL directories again.
    reasons: ReasonsByServer,
    /// Objects that were listed so far.
    listed: Inventory,
}

/// Server whose unchanged WAL directories are skipped.
#[derive(Debug)]
struct SkippingServer {
    /// Name of its directory.
    name: String,
    /// WAL directories that exist now.
    present: BTreeSet<WalDir>,
    /// Those of them that were listed again.
    relisted: BTreeSet<WalDir>,
}

/// Content of a server's `wals/` without that of its subdirectories.
struct WalsContent {
    server: String,
    directories: Vec<String>,
    objects: Vec<ListedObject>,
}

impl<'a, S: ObjectStore + 'static> Rescan<'a, S> {
    /// Plans a rescan; `None` if it would not take fewer requests than listing everything.
    pub(super) fn plan(
        context: &'a ScanContext<'a, S>,
        order: KeyOrder,
        known: &'a mut KnownArchive,
        requested: &WalDirRequests,
    ) -> Option<Self> {
        let reasons = reasons_before_rescan(context, known);
        let listed = Inventory::with_names(context.expected.nested_names())
            .keeping(requested.names())
            .with_memory_limits_of(&known.inventory);
        let rescan = Self {
            context,
            order,
            known,
            reasons,
            listed,
        };
        let servers = rescan.known.inventory.directories.keys();
        let plans = servers.map(|server| rescan.wal_plan(server));
        saves_requests(plans, context.limits.page).then_some(rescan)
    }

    /// Lists what can have changed, and takes the rest from what is known.
    ///
    /// If it fails, what is known stays as it was, except for its backups and their deletion.
    pub(super) async fn run(mut self, files: &mut SmallFileReader) -> Result<(), ListingError> {
        let candidates = self.list_all_but_wal().await?;
        // A new backup can have changed the WAL directory in which it began.
        files.read_new(self.context, &self.listed).await?;
        let started_at = self.context.started_at;
        self.known
            .note_deletions(&self.listed, files.contents(), started_at);
        let mut skipping = Vec::new();
        let mut changed = Vec::new();
        for server in candidates {
            self.add_reasons(&server, files);
            if self.wal_plan(&server).is_still_worth_skipping() {
                skipping.push(server);
            } else {
                changed.push(server);
            }
        }
        self.list_all_wal(&changed).await?;
        let mut servers = self.list_wal_dir_names(skipping).await?;
        for server in &mut servers {
            server.relisted = self
                .wal_plan(&server.name)
                .wal_dirs_to_list(&server.present);
        }
        self.list_chosen_wal_dirs(&servers).await?;
        self.follow_lost_wal(&mut servers).await?;
        self.finish(servers);
        Ok(())
    }

    /// Plans the listing of a server's WAL.
    fn wal_plan(&self, server: &str) -> WalPlan<'_> {
        static NO_WAL_DIRS: KnownWalDirs = KnownWalDirs::new();
        static NO_REASONS: RelistReasons = RelistReasons::NONE;
        let known_wal_dirs = match self.known.inventory.directories.get(server) {
            Some(directory) => &directory.wal.dirs,
            None => &NO_WAL_DIRS,
        };
        let directories = self.known.wal_dir_counts.get(server).copied();
        let reasons = self.reasons.get(server).unwrap_or(&NO_REASONS);
        WalPlan::new(
            known_wal_dirs,
            directories,
            reasons,
            self.context.limits.page,
        )
    }

    /// Adds the reasons that the server's backups give, now that they are listed.
    fn add_reasons(&mut self, server: &str, files: &SmallFileReader) {
        let reasons = self.reasons.entry(server.to_owned()).or_default();
        let known = &self.known.inventory;
        reasons.add_changed_backups(server, known, &self.listed, files.contents());
        reasons.up_to = self
            .known
            .deletions
            .get(server)
            .map(|deletion| deletion.up_to);
    }

    /// Lists everything except for `wals/` of the servers whose unchanged WAL directories can be
    /// skipped; returns the names of these servers.
    async fn list_all_but_wal(&mut self) -> Result<Vec<String>, ListingError> {
        let context = self.context;
        let listed = &mut self.listed;
        let sink = |object: &ListedObject| listed.add(context.relative(object), object);
        let store = context.store.as_ref();
        let directories = list_directory(store, context.prefix, self.order, sink).await?;
        let mut skipping = BTreeSet::new();
        let mut names = Vec::new();
        for directory in &directories {
            let name = directory.strip_prefix(context.prefix).unwrap_or_default();
            let name = name.trim_end_matches('/');
            if self.wal_plan(name).is_worth_skipping() {
                skipping.insert(directory.clone());
                names.push(name.to_owned());
            }
        }
        let ranges = ranges_without_wal(context.prefix, &directories, &skipping);
        let task = ListingTask {
            ranges,
            directories,
            search: BoundarySearch::WhenLarge,
            ..ListingTask::default()
        };
        // Objects next to the directories were listed with them.
        self.list_ranges(task, |key| key.contains('/')).await?;
        Ok(names)
    }

    /// Lists `wals/` of servers, and what comes after it.
    async fn list_all_wal(&mut self, servers: &[String]) -> Result<(), ListingError> {
        let mut task = ListingTask {
            search: BoundarySearch::Never,
            ..ListingTask::default()
        };
        for server in servers {
            let prefix = self.context.server_prefix(server);
            task.ranges.extend(to_the_end(&prefix, Vec::new()));
            if let Some(directory) = self.known.inventory.directories.get(server) {
                let wal_dirs = directory.wal.dirs.keys();
                task.directories
                    .extend(self.wal_dir_prefixes(server, wal_dirs));
            }
        }
        self.list_ranges(task, |_| true).await
    }

    /// Lists what lies in `wals/` of servers, except for the content of WAL directories.
    async fn list_wal_dir_names(
        &mut self,
        servers: Vec<String>,
    ) -> Result<Vec<SkippingServer>, ListingError> {
        let (context, order) = (self.context, self.order);
        let contents: Vec<WalsContent> = stream::iter(servers)
            .map(|server| list_wals(context, order, server))
            .buffered(context.concurrency())
            .try_collect()
            .await?;
        let mut skipping = Vec::new();
        let mut others = Vec::new();
        for WalsContent {
            server,
            directories,
            objects,
        } in contents
        {
            for object in &objects {
                self.listed.add(context.relative(object), object);
            }
            let prefix = context.wal_prefix(&server);
            let mut present = BTreeSet::new();
            for directory in directories {
                match wal_dir_of(&directory, &prefix) {
                    Some(wal_dir) => drop(present.insert(wal_dir)),
                    None => others.push(KeyRange::below(&directory)),
                }
            }
            skipping.push(SkippingServer {
                name: server,
                present,
                relisted: BTreeSet::new(),
            });
        }
        let task = ListingTask {
            ranges: others,
            ..ListingTask::default()
        };
        self.list_ranges(task, |_| true).await?;
        Ok(skipping)
    }

    /// Lists the chosen WAL directories, and whatever comes after `wals/`.
    async fn list_chosen_wal_dirs(
        &mut self,
        servers: &[SkippingServer],
    ) -> Result<(), ListingError> {
        let mut task = ListingTask {
            search: BoundarySearch::Never,
            ..ListingTask::default()
        };
        for server in servers {
            let prefix = self.context.server_prefix(&server.name);
            let ranges = ranges_of(&prefix, &server.present, &server.relisted);
            task.ranges.extend(to_the_end(&prefix, ranges));
            task.directories
                .extend(self.wal_dir_prefixes(&server.name, &server.relisted));
        }
        self.list_wal_dirs(task).await
    }

    /// Lists the neighbours of WAL directories that have lost objects, further each time, until
    /// these have lost none: not every store omits empty directories.
    async fn follow_lost_wal(
        &mut self,
        servers: &mut [SkippingServer],
    ) -> Result<(), ListingError> {
        let mut listed_last: Vec<BTreeSet<WalDir>> = servers
            .iter()
            .map(|server| server.relisted.clone())
            .collect();
        let mut distance = 1;
        loop {
            let mut task = ListingTask {
                search: BoundarySearch::Never,
                ..ListingTask::default()
            };
            for (server, last) in servers.iter_mut().zip(&mut listed_last) {
                let lost = self.wal_dirs_with_lost_segments(&server.name, last);
                let next = neighbours(&server.present, &lost, distance);
                *last = next.difference(&server.relisted).copied().collect();
                let prefix = self.context.server_prefix(&server.name);
                task.ranges
                    .extend(ranges_of(&prefix, &server.present, last));
                task.directories
                    .extend(self.wal_dir_prefixes(&server.name, &*last));
                server.relisted.extend(last.iter().copied());
            }
            if task.ranges.is_empty() {
                return Ok(());
            }
            self.list_wal_dirs(task).await?;
            distance *= 2;
        }
    }

    /// Returns those of the WAL directories, which were listed again, that have lost objects.
    fn wal_dirs_with_lost_segments(
        &self,
        server: &str,
        relisted: &BTreeSet<WalDir>,
    ) -> BTreeSet<WalDir> {
        let Some(before) = self.known.inventory.directories.get(server) else {
            return BTreeSet::new();
        };
        let after = self.listed.directories.get(server);
        let mut lost = BTreeSet::new();
        for wal_dir in relisted {
            let Some(known) = before.wal.dirs.get(wal_dir) else {
                continue;
            };
            let now = after.and_then(|directory| directory.wal.dirs.get(wal_dir));
            if has_lost(known, now.map(AsRef::as_ref)) {
                lost.insert(*wal_dir);
            }
        }
        lost
    }

    /// Returns the prefixes of WAL directories: a listing can be divided there without searching
    /// for boundaries.
    fn wal_dir_prefixes<'l>(
        &self,
        server: &str,
        wal_dirs: impl IntoIterator<Item = &'l WalDir>,
    ) -> Vec<String> {
        let prefix = self.context.wal_prefix(server);
        wal_dirs
            .into_iter()
            .map(|wal_dir| format!("{prefix}{wal_dir}/"))
            .collect()
    }

    /// Lists ranges with WAL directories.
    async fn list_wal_dirs(&mut self, task: ListingTask) -> Result<(), ListingError> {
        let names = self.context.expected.nested_names();
        let is_in_wal_dir = |key: &str| {
            // Objects next to the WAL directories were listed with the names of these.
            !matches!(
                ObjectLocation::among(key, &names),
                ObjectLocation::Directory { key: ServerKey::Wal(wal), .. } if wal.wal_dir.is_none()
            )
        };
        self.list_ranges(task, is_in_wal_dir).await
    }

    /// Lists ranges, and adds the objects whose keys are wanted.
    async fn list_ranges(
        &mut self,
        task: ListingTask,
        is_wanted: impl Fn(&str) -> bool + Send + Sync,
    ) -> Result<(), ListingError> {
        let context = self.context;
        let listed = &mut self.listed;
        let sink = |object: &ListedObject| {
            let key = context.relative(object);
            if is_wanted(key) {
                listed.add(key, object);
            }
        };
        context
            .parallel_listing(self.order)
            .list(task, sink)
            .await?;
        Ok(())
    }

    /// Makes what was listed, and what was skipped, the archive that is known.
    fn finish(self, servers: Vec<SkippingServer>) {
        let Self {
            context,
            known,
            mut listed,
            ..
        } = self;
        listed.settle(context.started_at);
        for server in servers {
            keep_skipped(&server, &mut known.inventory, &mut listed);
            known
                .wal_dir_counts
                .insert(server.name, server.present.len());
        }
        listed.bound_files();
        known.inventory = listed;
        known.listed_at = context.started_at;
        // Last: a deletion must be followed once more after the time that it can take.
        known.forget_outdated();
    }
}

async fn list_wals<S: ObjectStore + 'static>(
    context: &ScanContext<'_, S>,
    order: KeyOrder,
    server: String,
) -> Result<WalsContent, ListingError> {
    let prefix = context.wal_prefix(&server);
    let mut objects = Vec::new();
    let sink = |object: &ListedObject| {
        // The key `wals/` itself was listed with what lies before it.
        if object.key != prefix {
            objects.push(object.clone());
        }
    };
    let directories = list_directory(context.store.as_ref(), &prefix, order, sink).await?;
    Ok(WalsContent {
        server,
        directories,
        objects,
    })
}

/// Returns the WAL directory of a prefix below `wals/`; `None` for another directory.
fn wal_dir_of(directory: &str, wal_prefix: &str) -> Option<WalDir> {
    let name = directory.strip_prefix(wal_prefix)?.strip_suffix('/')?;
    WalDir::parse(name)
}

/// Moves the WAL directories that were skipped into the new inventory.
fn keep_skipped(server: &SkippingServer, known: &mut Inventory, listed: &mut Inventory) {
    let Some(before) = known.directories.get_mut(&server.name) else {
        return;
    };
    let wal = &mut listed
        .directories
        .entry(server.name.clone())
        .or_default()
        .wal;
    for (name, wal_dir) in std::mem::take(&mut before.wal.dirs) {
        if server.present.contains(&name) && !server.relisted.contains(&name) {
            wal.dirs.insert(name, wal_dir);
        }
    }
}
