//! Listing again what can have changed.

use std::collections::{BTreeMap, BTreeSet};

use archive_listing::{KeyRange, ListingError, Search, Wanted, list_directory};
use archive_store::{KeyOrder, ObjectStore};
use barman_archive::barman::{ObjectLocation, ServerKey};
use barman_archive::inventory::{Inventory, ListedObject, SmallFiles};
use barman_archive::postgres::WalDir;
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};

use super::Pass;
use super::audit::{Unchanged, whose_turn_it_is};
use super::listing_memory::{BackupBegin, ListingMemory};
use super::reading::FilesRead;
use super::rescan_plan::{
    KnownWalDirs, Plan, Suspects, has_lost, neighbours, ranges, ranges_but_wals, spares_requests,
    to_the_end,
};
use super::wal_dirs::AskedWalDirs;

/// Reasons to list WAL directories again, by the name of the server's directory.
pub(super) type SuspectsByServer = BTreeMap<String, Suspects>;

/// A server whose unchanged WAL directories are skipped.
#[derive(Debug)]
struct Skipping {
    /// Name of its directory.
    name: String,
    /// The WAL directories whose directories are there.
    listed: BTreeSet<WalDir>,
    /// Those of them that were listed again.
    fresh: BTreeSet<WalDir>,
}

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Returns the WAL directories that a rescan lists again, as far as they are known before it starts, if it takes fewer
    /// requests than listing everything.
    pub(super) fn plan_of_rescan(
        &self,
        known: &ListingMemory,
        now: DateTime<Utc>,
    ) -> Option<SuspectsByServer> {
        let mut suspects = self.turns(known, now);
        for (name, (_, up_to)) in &known.deletions {
            suspects.entry(name.clone()).or_default().up_to = Some(*up_to);
        }
        let names = known.inventory.directories.keys();
        let plans = names.map(|name| self.plan(name, known, &suspects));
        spares_requests(plans, self.limits.page).then_some(suspects)
    }

    /// Returns the plan for the WAL of a server, and the reasons to list its WAL directories again.
    fn plan<'k>(
        &self,
        name: &str,
        known: &'k ListingMemory,
        suspects: &'k SuspectsByServer,
    ) -> (Plan<'k>, &'k Suspects) {
        static NO_WAL_DIRS: KnownWalDirs = KnownWalDirs::new();
        static NONE: Suspects = Suspects { wal_dirs: BTreeSet::new(), up_to: None };
        let wal_dirs = known
            .inventory
            .directories
            .get(name)
            .map_or(&NO_WAL_DIRS, |directory| &directory.wal.dirs);
        let plan = Plan::new(wal_dirs, known.directories.get(name).copied(), self.limits.page);
        (plan, suspects.get(name).unwrap_or(&NONE))
    }

    /// Lists what can have changed in an archive that is known.
    ///
    /// Of what is known, only what it says of backups and their deletion is brought up to date unless
    /// this succeeds; then what did not change is taken from it.
    pub(super) async fn rescan(
        &self,
        (known, mut suspects): (&mut ListingMemory, SuspectsByServer),
        (files, asked): (&mut FilesRead, &AskedWalDirs),
        order: KeyOrder,
        now: DateTime<Utc>,
    ) -> Result<(), ListingError> {
        let names = self.expected.nested_names();
        let mut fresh = Inventory::with_names(names)
            .keeping(asked.names())
            .with_memory_limits_of(&known.inventory);
        let names = self.list_but_wals((known, &suspects), &mut fresh, (order, now)).await?;
        // Where a backup begins that is new tells which WAL directories may have changed.
        self.read_new_files(&fresh, files).await?;
        note_deletions(known, &fresh, &files.files, now);
        for name in &names {
            let suspects = suspects.entry(name.clone()).or_default();
            add_suspects(suspects, name, known, &fresh, &files.files);
        }
        let (names, changed): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| {
            let (plan, suspects) = self.plan(name, known, &suspects);
            plan.is_still_worth_skipping(suspects)
        });
        self.list_whole_wals(&changed, (&known.inventory, &mut fresh), (order, now)).await?;
        let mut servers = self.list_wals_directories(&names, &mut fresh, (order, now)).await?;
        for server in &mut servers {
            let (plan, suspects) = self.plan(&server.name, known, &suspects);
            server.fresh = plan.fresh_wal_dirs(&server.listed, suspects);
        }
        self.list_fresh_wal_dirs(&servers, &mut fresh, (order, now)).await?;
        self.follow_losses(known, &mut servers, &mut fresh, (order, now)).await?;
        fresh.settle(now);
        for server in &servers {
            keep_the_rest(server, &mut known.inventory, &mut fresh);
            known.directories.insert(server.name.clone(), server.listed.len());
        }
        fresh.bound_files();
        known.inventory = fresh;
        known.listed_at = now;
        // Only now: what goes on must be looked after once more when it should have ended.
        known.tidy(now);
        Ok(())
    }

    /// Lists everything but `wals/` of the servers whose unchanged WAL directories can be skipped; their names.
    async fn list_but_wals(
        &self,
        (known, suspects): (&ListingMemory, &SuspectsByServer),
        fresh: &mut Inventory,
        (order, now): (KeyOrder, DateTime<Utc>),
    ) -> Result<Vec<String>, ListingError> {
        let loose = |object: &ListedObject| fresh.add(self.relative(object), object);
        let directories = list_directory(self.store.as_ref(), self.prefix, order, loose).await?;
        let is_skipping = |directory: &String| {
            let (plan, suspects) = self.plan(self.name_of(directory), known, suspects);
            plan.is_worth_skipping(suspects)
        };
        let ranges = ranges_but_wals(self.prefix, &directories, is_skipping);
        let skipping = directories.iter().filter(|directory| is_skipping(directory));
        let names = skipping.map(|directory| self.name_of(directory).to_owned()).collect();
        let wanted = Wanted { ranges, directories, search: Search::WhenLarge, ..Wanted::default() };
        let sink = |object: &ListedObject| {
            let key = self.relative(object);
            // What lies beside the directories was listed with these.
            if key.contains('/') {
                fresh.add(key, object);
            }
        };
        self.parallel(order, now).list(wanted, sink).await?;
        Ok(names)
    }

    /// The name of a directory that is given as a key with its slash.
    fn name_of<'d>(&self, directory: &'d str) -> &'d str {
        directory.strip_prefix(self.prefix).unwrap_or_default().trim_end_matches('/')
    }

    /// Lists `wals/` of servers, and what comes after it.
    async fn list_whole_wals(
        &self,
        names: &[String],
        (known, fresh): (&Inventory, &mut Inventory),
        (order, now): (KeyOrder, DateTime<Utc>),
    ) -> Result<(), ListingError> {
        let mut wanted = Wanted { search: Search::Never, ..Wanted::default() };
        for name in names {
            wanted.ranges.extend(to_the_end(&self.directory_of(name), Vec::new()));
            let wal_dirs = known
                .directories
                .get(name)
                .into_iter()
                .flat_map(|directory| directory.wal.dirs.keys());
            wanted.directories.extend(self.directories_of(name, wal_dirs));
        }
        let sink = |object: &ListedObject| fresh.add(self.relative(object), object);
        self.parallel(order, now).list(wanted, sink).await?;
        Ok(())
    }

    /// Lists what lies in `wals/` of servers, but for the content of WAL directories.
    async fn list_wals_directories(
        &self,
        names: &[String],
        fresh: &mut Inventory,
        (order, now): (KeyOrder, DateTime<Utc>),
    ) -> Result<Vec<Skipping>, ListingError> {
        let levels: Vec<(String, Vec<String>, Vec<ListedObject>)> = stream::iter(names.to_vec())
            .map(async |name: String| {
                let (wals, mut objects) = (format!("{}{name}/wals/", self.prefix), Vec::new());
                // The one key that is `wals/` itself came with what lies before it.
                let sink = |object: &ListedObject| {
                    if object.key != wals {
                        objects.push(object.clone());
                    }
                };
                let directories = list_directory(self.store.as_ref(), &wals, order, sink).await?;
                Ok::<_, ListingError>((name, directories, objects))
            })
            .buffered(self.limits.concurrency.max(1))
            .try_collect()
            .await?;
        let (mut servers, mut others) = (Vec::new(), Vec::new());
        for (name, directories, objects) in levels {
            for object in &objects {
                fresh.add(self.relative(object), object);
            }
            let wals = format!("{}{name}/wals/", self.prefix);
            let mut listed = BTreeSet::new();
            for directory in directories {
                let wal_dir = directory.strip_prefix(&wals).and_then(|name| name.strip_suffix('/'));
                match wal_dir.and_then(WalDir::parse) {
                    Some(wal_dir) => drop(listed.insert(wal_dir)),
                    None => others.push(KeyRange::below(&directory)),
                }
            }
            servers.push(Skipping { name, listed, fresh: BTreeSet::new() });
        }
        let wanted = Wanted { ranges: others, ..Wanted::default() };
        let sink = |object: &ListedObject| fresh.add(self.relative(object), object);
        self.parallel(order, now).list(wanted, sink).await?;
        Ok(servers)
    }

    /// The WAL directories, by server, whose turn it is to be listed though nothing says that they changed.
    fn turns(&self, known: &ListingMemory, now: DateTime<Utc>) -> SuspectsByServer {
        let wal_dirs = known.inventory.directories.iter().flat_map(|(server, directory)| {
            directory.wal.dirs.iter().filter_map(move |(name, wal_dir)| {
                Some(Unchanged {
                    listed_at: wal_dir.listed_at?,
                    wal_dir: (server.as_str(), *name),
                    objects: wal_dir.usage.sums.objects,
                })
            })
        });
        let period = TimeDelta::from_std(self.limits.audit_period).unwrap_or(TimeDelta::MAX);
        let turns = whose_turn_it_is(wal_dirs.collect(), period, now - known.listed_at, now);
        let mut by_server = SuspectsByServer::new();
        for (server, wal_dir) in turns {
            by_server.entry(server.to_owned()).or_default().wal_dirs.insert(wal_dir);
        }
        by_server
    }

    /// Lists WAL directories again, and whatever comes after `wals/`.
    async fn list_fresh_wal_dirs(
        &self,
        servers: &[Skipping],
        fresh: &mut Inventory,
        how: (KeyOrder, DateTime<Utc>),
    ) -> Result<(), ListingError> {
        let mut wanted = Wanted { search: Search::Never, ..Wanted::default() };
        for server in servers {
            let directory = self.directory_of(&server.name);
            let ranges = ranges(&directory, &server.listed, &server.fresh);
            wanted.ranges.extend(to_the_end(&directory, ranges));
            wanted.directories.extend(self.directories_of(&server.name, &server.fresh));
        }
        self.list_wal_dirs(wanted, fresh, how).await
    }

    /// Returns the directory of a server as a key, with its slash.
    fn directory_of(&self, server: &str) -> String {
        format!("{}{server}/", self.prefix)
    }

    /// Returns the WAL directories as keys, with their slashes: a listing can be divided there without asking
    /// for them.
    fn directories_of<'l>(
        &self,
        server: &str,
        wal_dirs: impl IntoIterator<Item = &'l WalDir>,
    ) -> impl Iterator<Item = String> {
        let wals = format!("{}wals/", self.directory_of(server));
        wal_dirs.into_iter().map(move |wal_dir| format!("{wals}{wal_dir}/"))
    }

    async fn list_wal_dirs(
        &self,
        wanted: Wanted,
        fresh: &mut Inventory,
        (order, now): (KeyOrder, DateTime<Utc>),
    ) -> Result<(), ListingError> {
        let names = self.expected.nested_names();
        let sink = |object: &ListedObject| {
            let key = self.relative(object);
            // What lies beside the WAL directories was listed with their directories.
            let is_beside = matches!(
                ObjectLocation::among(key, &names),
                ObjectLocation::Directory { key: ServerKey::Wal(wal), .. } if wal.wal_dir.is_none()
            );
            if !is_beside {
                fresh.add(key, object);
            }
        };
        self.parallel(order, now).list(wanted, sink).await?;
        Ok(())
    }

    /// Goes on from WAL directories that have lost something to the ones beside them, further each time, until
    /// these have not: not every store leaves out directories in which nothing is left.
    async fn follow_losses(
        &self,
        known: &ListingMemory,
        servers: &mut [Skipping],
        fresh: &mut Inventory,
        how: (KeyOrder, DateTime<Utc>),
    ) -> Result<(), ListingError> {
        let mut listed_last: Vec<_> = servers.iter().map(|server| server.fresh.clone()).collect();
        let mut step = 1;
        loop {
            let mut more = Wanted { search: Search::Never, ..Wanted::default() };
            for (server, last) in servers.iter_mut().zip(&mut listed_last) {
                let lost = lost_wal_dirs(&server.name, last, &known.inventory, fresh);
                let next = neighbours(&server.listed, &lost, step);
                *last = next.difference(&server.fresh).copied().collect();
                more.ranges.extend(ranges(&self.directory_of(&server.name), &server.listed, last));
                more.directories.extend(self.directories_of(&server.name, &*last));
                server.fresh.extend(last.iter().copied());
            }
            if more.ranges.is_empty() {
                return Ok(());
            }
            self.list_wal_dirs(more, fresh, how).await?;
            step *= 2;
        }
    }
}

/// Those of some WAL directories of a server, which were listed again, that have lost something.
fn lost_wal_dirs(
    server: &str,
    listed: &BTreeSet<WalDir>,
    known: &Inventory,
    fresh: &Inventory,
) -> BTreeSet<WalDir> {
    let (before, after) = (known.directories.get(server), fresh.directories.get(server));
    let lost = listed.iter().filter(|wal_dir| {
        let before = before.and_then(|directory| directory.wal.dirs.get(wal_dir));
        let after = after.and_then(|directory| directory.wal.dirs.get(wal_dir));
        before.is_some_and(|before| has_lost(before, after.map(AsRef::as_ref)))
    });
    lost.copied().collect()
}

/// The backups of every server that need WAL, by id.
pub(super) fn backups(
    inventory: &Inventory,
    files: &SmallFiles,
) -> BTreeMap<String, BTreeMap<String, BackupBegin>> {
    let directories = inventory.directories.iter();
    let of_directory = directories.map(|(name, directory)| {
        let backups = directory.backups.iter().filter_map(|(id, backup)| {
            let info = files.backup_info(backup.info.as_ref()?)?;
            let is_copied = info.status().is_copied();
            Some((id.clone(), BackupBegin { wal_dir: info.begin_wal()?.into(), is_copied }))
        });
        (name.clone(), backups.collect())
    });
    of_directory.collect()
}

/// Notes servers of which backups are gone: their WAL goes after them.
fn note_deletions(
    known: &mut ListingMemory,
    fresh: &Inventory,
    files: &SmallFiles,
    now: DateTime<Utc>,
) {
    let current = backups(fresh, files);
    let none = BTreeMap::new();
    for (name, before) in &known.backups {
        let after = current.get(name).unwrap_or(&none);
        let mut gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
        let Some((last_gone, last)) = gone.next_back() else { continue };
        // Barman deletes what comes before the next copied backup, or else before the deleted one.
        let next = after.iter().find(|(id, backup)| *id > last_gone && backup.is_copied);
        let up_to = next.map_or(last.wal_dir, |(_, next)| next.wal_dir);
        let earlier = known.deletions.get(name).map(|(_, up_to)| *up_to);
        known
            .deletions
            .insert(name.clone(), (now, earlier.map_or(up_to, |directory| directory.max(up_to))));
    }
    known.backups = current;
}

/// Adds the WAL directories to be listed again because backups of a server, which were listed already, have changed.
fn add_suspects(
    suspects: &mut Suspects,
    name: &str,
    known: &ListingMemory,
    fresh: &Inventory,
    files: &SmallFiles,
) {
    let before = known.inventory.directories.get(name);
    let backups =
        fresh.directories.get(name).into_iter().flat_map(|directory| directory.backups.iter());
    // With the end of a backup, its label arrives in the WAL directory in which it began.
    let changed = backups.filter_map(|(id, backup)| {
        let info = backup.info.as_ref()?;
        let then = before.and_then(|directory| directory.backups.get(id)?.info.as_ref());
        let is_same = then.is_some_and(|then| then.is_same_version(info));
        if is_same { None } else { files.backup_info(info)?.begin_wal().map(WalDir::from) }
    });
    suspects.wal_dirs.extend(changed);
    suspects.up_to = known.deletions.get(name).map(|(_, up_to)| *up_to);
}

/// Takes over what did not change.
fn keep_the_rest(server: &Skipping, known: &mut Inventory, fresh: &mut Inventory) {
    let Some(before) = known.directories.get_mut(&server.name) else { return };
    let kept = std::mem::take(&mut before.wal.dirs).into_iter();
    let kept = kept
        .filter(|(wal_dir, _)| server.listed.contains(wal_dir) && !server.fresh.contains(wal_dir));
    fresh.directories.entry(server.name.clone()).or_default().wal.dirs.extend(kept);
}
