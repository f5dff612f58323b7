//! Taking stock again, of what can have changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};

use crate::barman::{BackupStatus, Place, ServerKey};
use crate::inventory::{Files, Inventory, ListedObject};
use crate::postgres::LogName;
use crate::storage::{ListRequest, ObjectStore};

use super::Pass;
use super::audit::{Unchanged, whose_turn_it_is};
use super::exploration::check_order;
use super::key_order::KeyOrder;
use super::key_range::{KeyRange, end_of};
use super::listing::list_plainly;
use super::parallel::Wanted;
use super::part::Stop;
use super::progress::{Progress, protocol};
use super::reading::FilesRead;
use super::rescan_plan::{
    Suspects, fresh_logs, has_lost, is_worth_skipping, neighbours, ranges, to_the_end,
};
use super::stocktaking::Stock;

/// For how long WAL may go after the backup that it belongs to: deleting a million objects takes a
/// few minutes.
const DELETION_TAKES: TimeDelta = TimeDelta::hours(1);

/// What lies directly below a directory.
#[derive(Debug, Default)]
struct Level {
    objects: Vec<ListedObject>,
    /// The directories, each with its slash.
    directories: Vec<String>,
}

/// A server whose unchanged logs are skipped.
#[derive(Debug)]
struct Skipping {
    /// Name of its directory.
    name: String,
    /// The logs whose directories are there.
    listed: BTreeSet<LogName>,
    /// Those of them that were listed again.
    fresh: BTreeSet<LogName>,
}

impl<S: ObjectStore + 'static> Pass<'_, S> {
    /// Takes stock of an archive whose stock is known, asking for what can have changed.
    ///
    /// The known stock is left as it is unless this succeeds; then what did not change is taken from
    /// it.
    pub(super) async fn take_stock_again(
        &self,
        known: &mut Stock,
        files: &mut FilesRead,
        order: KeyOrder,
        now: DateTime<Utc>,
    ) -> Result<(), Stop> {
        let mut fresh = Inventory::default();
        let names = self.list_but_wals(&known.inventory, &mut fresh, order).await?;
        // Where a backup begins that is new tells which logs may have changed.
        self.read_new_files(&fresh, files).await?;
        note_deletions(known, &fresh, &names, &files.files, now);
        let mut servers = self.list_wals_directories(&names, &mut fresh, order).await?;
        let turns = self.turns(known, &servers, now);
        for server in &mut servers {
            let mut suspects = suspects(&server.name, known, &fresh, &files.files);
            suspects.logs.extend(turns.get(&server.name).into_iter().flatten());
            let wal = known.inventory.directories.get(&server.name).map(|it| &it.wal.logs);
            server.fresh = fresh_logs(&server.listed, wal.unwrap_or(&BTreeMap::new()), &suspects);
        }
        self.list_fresh_logs(&servers, &mut fresh, order).await?;
        self.follow_losses(known, &mut servers, &mut fresh, order).await?;
        fresh.settle(now);
        for server in &servers {
            keep_the_rest(server, &mut known.inventory, &mut fresh);
        }
        known.inventory = fresh;
        known.listed_at = now;
        Ok(())
    }

    /// Lists everything but `wals/` of the servers whose unchanged logs can be skipped; their names.
    async fn list_but_wals(
        &self,
        known: &Inventory,
        fresh: &mut Inventory,
        order: KeyOrder,
    ) -> Result<Vec<String>, Stop> {
        let level = self.list_level(self.prefix, order).await?;
        level.objects.iter().for_each(|object| fresh.add(self.relative(object), object));
        let is_skipping = |directory: &String| {
            let name = directory.strip_prefix(self.prefix).unwrap_or_default();
            let known = known.directories.get(name.trim_end_matches('/'));
            known.is_some_and(|known| is_worth_skipping(&known.wal, self.limits.page))
        };
        let groups =
            level.directories.chunk_by(|one, next| !is_skipping(one) && !is_skipping(next));
        let mut before: Option<&String> = None;
        let mut ranges = Vec::new();
        let mut names = Vec::new();
        for group in groups {
            let Some((first, last)) = group.first().zip(group.last()) else { continue };
            if is_skipping(first) {
                // The empty key that stands for `wals/` is in it.
                let until = Some(format!("{first}wals/"));
                ranges.push(KeyRange { prefix: first.clone(), after: None, until });
                let name = first.strip_prefix(self.prefix).unwrap_or_default();
                names.push(name.trim_end_matches('/').to_owned());
            } else {
                ranges.push(KeyRange {
                    prefix: self.prefix.to_owned(),
                    after: before.map(|before| end_of(before)),
                    until: Some(end_of(last)),
                });
            }
            before = Some(last);
        }
        let wanted = Wanted { ranges, directories: level.directories.clone(), is_large: true };
        let sink = |object: &ListedObject| {
            let key = self.relative(object);
            // What lies in no directory was listed with these.
            if Place::of(key) != Place::Loose {
                fresh.add(key, object);
            }
        };
        self.parallel(order).list(wanted, sink).await?;
        Ok(names)
    }

    /// Lists what lies directly below a directory.
    async fn list_level(&self, prefix: &str, order: KeyOrder) -> Result<Level, Stop> {
        let (mut level, mut progress) = (Level::default(), Progress::default());
        let mut request = ListRequest {
            prefix: prefix.to_owned(),
            delimiter: Some('/'),
            ..ListRequest::default()
        };
        loop {
            let page = self.store.list_page(&request).await?;
            progress.check(&page)?;
            check_order(level.directories.last(), &page.common_prefixes, order)?;
            level.objects.extend(page.objects);
            level.directories.extend(page.common_prefixes);
            match page.next {
                Some(next) => request.continuation = Some(next),
                None => break,
            }
        }
        let keys = level.objects.iter().map(|object| &object.key).chain(&level.directories);
        if let Some(stray) = keys.into_iter().find(|key| !key.starts_with(prefix)) {
            let why = format!("the listing of `{prefix}` holds `{stray}`, which does not begin so");
            return Err(Stop::Failed(protocol(why)));
        }
        Ok(level)
    }

    /// Lists what lies in `wals/` of servers, but for the content of logs.
    async fn list_wals_directories(
        &self,
        names: &[String],
        fresh: &mut Inventory,
        order: KeyOrder,
    ) -> Result<Vec<Skipping>, Stop> {
        let levels: Vec<(String, Level)> = stream::iter(names.to_vec())
            .map(async |name: String| {
                let level = self.list_level(&format!("{}{name}/wals/", self.prefix), order).await?;
                Ok::<_, Stop>((name, level))
            })
            .buffered(self.limits.concurrency.max(1))
            .try_collect()
            .await?;
        let mut servers = Vec::new();
        for (name, level) in levels {
            let wals = format!("{}{name}/wals/", self.prefix);
            // The one key that is `wals/` itself came with what lies before it.
            let beside = level.objects.iter().filter(|object| object.key != wals);
            beside.for_each(|object| fresh.add(self.relative(object), object));
            let mut listed = BTreeSet::new();
            for directory in &level.directories {
                let log = directory.strip_prefix(&wals).and_then(|name| name.strip_suffix('/'));
                if let Some(log) = log.and_then(LogName::parse) {
                    listed.insert(log);
                    continue;
                }
                let sink = |object: &ListedObject| fresh.add(self.relative(object), object);
                list_plainly(self.store.as_ref(), directory, sink).await?;
            }
            servers.push(Skipping { name, listed, fresh: BTreeSet::new() });
        }
        Ok(servers)
    }

    /// The logs, by server, whose turn it is to be listed though nothing says that they changed.
    fn turns(
        &self,
        known: &Stock,
        servers: &[Skipping],
        now: DateTime<Utc>,
    ) -> BTreeMap<String, BTreeSet<LogName>> {
        let logs = servers.iter().flat_map(|server| {
            let logs = known.inventory.directories.get(&server.name).map(|it| &it.wal.logs);
            logs.into_iter().flatten().filter_map(|(name, log)| {
                Some(Unchanged {
                    listed_at: log.listed_at?,
                    log: (server.name.clone(), *name),
                    objects: log.stock.sums.objects,
                })
            })
        });
        let period = TimeDelta::from_std(self.limits.audit_period).unwrap_or(TimeDelta::MAX);
        let turns = whose_turn_it_is(logs.collect(), period, now - known.listed_at, now);
        let mut by_server: BTreeMap<String, BTreeSet<LogName>> = BTreeMap::new();
        for (server, log) in turns {
            by_server.entry(server).or_default().insert(log);
        }
        by_server
    }

    /// Lists logs again, and whatever comes after `wals/`.
    async fn list_fresh_logs(
        &self,
        servers: &[Skipping],
        fresh: &mut Inventory,
        order: KeyOrder,
    ) -> Result<(), Stop> {
        let all = servers.iter().flat_map(|server| {
            let directory = format!("{}{}/", self.prefix, server.name);
            let ranges = ranges(&directory, &server.listed, &server.fresh);
            to_the_end(&directory, ranges)
        });
        self.list_logs(all.collect(), fresh, order).await
    }

    async fn list_logs(
        &self,
        ranges: Vec<KeyRange>,
        fresh: &mut Inventory,
        order: KeyOrder,
    ) -> Result<(), Stop> {
        let sink = |object: &ListedObject| {
            let key = self.relative(object);
            // What lies beside the logs was listed with their directories.
            let is_beside = matches!(
                Place::of(key),
                Place::Directory { key: ServerKey::Wal(wal), .. } if wal.log.is_none()
            );
            if !is_beside {
                fresh.add(key, object);
            }
        };
        let wanted = Wanted { ranges, directories: Vec::new(), is_large: true };
        self.parallel(order).list(wanted, sink).await?;
        Ok(())
    }

    /// Goes on from logs that have lost something to the ones beside them, further each time, until
    /// these have not: not every store leaves out directories in which nothing is left.
    async fn follow_losses(
        &self,
        known: &Stock,
        servers: &mut [Skipping],
        fresh: &mut Inventory,
        order: KeyOrder,
    ) -> Result<(), Stop> {
        let mut step = 1;
        loop {
            let mut more = Vec::new();
            for server in servers.iter_mut() {
                let lost = lost_logs(server, &known.inventory, fresh);
                let next = neighbours(&server.listed, &lost, step);
                let next: BTreeSet<_> = next.difference(&server.fresh).copied().collect();
                let directory = format!("{}{}/", self.prefix, server.name);
                more.extend(ranges(&directory, &server.listed, &next));
                server.fresh.extend(next);
            }
            if more.is_empty() {
                return Ok(());
            }
            self.list_logs(more, fresh, order).await?;
            step *= 2;
        }
    }
}

/// The logs of a server that were listed again and have lost something.
fn lost_logs(server: &Skipping, known: &Inventory, fresh: &Inventory) -> BTreeSet<LogName> {
    let (before, after) =
        (known.directories.get(&server.name), fresh.directories.get(&server.name));
    let lost = server.fresh.iter().filter(|log| {
        let before = before.and_then(|it| it.wal.logs.get(log));
        let after = after.and_then(|it| it.wal.logs.get(log));
        before.is_some_and(|before| has_lost(before, after))
    });
    lost.copied().collect()
}

/// Notes servers of which backups are gone: their WAL goes after them.
fn note_deletions(
    known: &mut Stock,
    fresh: &Inventory,
    names: &[String],
    files: &Files,
    now: DateTime<Utc>,
) {
    known.deletions.retain(|_, (seen_at, _)| now - *seen_at < DELETION_TAKES);
    for name in names {
        let (Some(before), after) =
            (known.inventory.directories.get(name), fresh.directories.get(name))
        else {
            continue;
        };
        let is_there = |id: &String| {
            after.and_then(|it| it.backups.get(id)).is_some_and(|backup| backup.info.is_some())
        };
        let mut gone =
            before.backups.iter().filter(|(id, backup)| backup.info.is_some() && !is_there(id));
        let Some((last_gone, last)) = gone.next_back() else { continue };
        // Barman deletes what comes before the next copied backup, or else before the deleted one.
        let next = after.into_iter().flat_map(|it| it.backups.iter()).find_map(|(id, backup)| {
            let info = files.backup_info(backup.info.as_ref()?)?;
            let is_copied =
                matches!(info.status, BackupStatus::Done | BackupStatus::WaitingForWals);
            (id > last_gone && is_copied).then_some(info.begin_wal?)
        });
        let own = || files.backup_info(last.info.as_ref()?)?.begin_wal;
        if let Some(up_to) = next.or_else(own) {
            let up_to = LogName::from(up_to);
            let earlier = known.deletions.get(name).map(|(_, up_to)| *up_to);
            known.deletions.insert(name.clone(), (now, earlier.map_or(up_to, |it| it.max(up_to))));
        }
    }
}

/// What gives reason to list logs of a server again.
fn suspects(name: &str, known: &Stock, fresh: &Inventory, files: &Files) -> Suspects {
    let before = known.inventory.directories.get(name);
    let backups = fresh.directories.get(name).into_iter().flat_map(|it| it.backups.iter());
    // With the end of a backup, its label arrives in the log in which it began.
    let changed = backups.filter_map(|(id, backup)| {
        let info = backup.info.as_ref()?;
        let then = before.and_then(|it| it.backups.get(id)?.info.as_ref());
        let is_same = then.is_some_and(|then| then.is_same_version(info));
        if is_same { None } else { files.backup_info(info)?.begin_wal.map(LogName::from) }
    });
    Suspects { logs: changed.collect(), up_to: known.deletions.get(name).map(|(_, up_to)| *up_to) }
}

/// Takes over what did not change.
fn keep_the_rest(server: &Skipping, known: &mut Inventory, fresh: &mut Inventory) {
    let Some(before) = known.directories.get_mut(&server.name) else { return };
    let kept = std::mem::take(&mut before.wal.logs).into_iter();
    let kept = kept.filter(|(log, _)| server.listed.contains(log) && !server.fresh.contains(log));
    fresh.directories.entry(server.name.clone()).or_default().wal.logs.extend(kept);
}
