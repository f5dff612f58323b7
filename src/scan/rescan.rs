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
use super::key_order::{Forward, KeyOrder};
use super::key_range::KeyRange;
use super::logs::AskedLogs;
use super::parallel::{Search, Wanted};
use super::part::Stop;
use super::progress::{Progress, protocol};
use super::reading::FilesRead;
use super::rescan_plan::{
    KnownLogs, Plan, Suspects, has_lost, neighbours, ranges, ranges_but_wals, spares_requests,
    to_the_end,
};
use super::stocktaking::{BackupBegin, Stock};

/// Reasons to list logs again, by the name of the server's directory.
pub(super) type SuspectsByServer = BTreeMap<String, Suspects>;

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
    /// Returns the logs that a rescan lists again, as far as they are known before it starts, if it takes fewer
    /// requests than listing everything.
    pub(super) fn plan_of_rescan(
        &self,
        known: &Stock,
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

    /// Returns the plan for the WAL of a server, and the reasons to list its logs again.
    fn plan<'k>(
        &self,
        name: &str,
        known: &'k Stock,
        suspects: &'k SuspectsByServer,
    ) -> (Plan<'k>, &'k Suspects) {
        static NO_LOGS: KnownLogs = KnownLogs::new();
        static NONE: Suspects = Suspects { logs: BTreeSet::new(), up_to: None };
        let logs = known.inventory.directories.get(name).map_or(&NO_LOGS, |it| &it.wal.logs);
        let plan = Plan::new(logs, known.directories.get(name).copied(), self.limits.page);
        (plan, suspects.get(name).unwrap_or(&NONE))
    }

    /// Takes stock of an archive whose stock is known, asking for what can have changed.
    ///
    /// Of the known stock, only what it says of backups and their deletion is brought up to date unless
    /// this succeeds; then what did not change is taken from it.
    pub(super) async fn take_stock_again(
        &self,
        (known, mut suspects): (&mut Stock, SuspectsByServer),
        (files, asked): (&mut FilesRead, &AskedLogs),
        order: KeyOrder,
        now: DateTime<Utc>,
    ) -> Result<(), Stop> {
        let names = self.expected.nested_names();
        let mut fresh =
            Inventory::with_names(names).keeping(asked.names()).with_room_of(&known.inventory);
        let names = self.list_but_wals((known, &suspects), &mut fresh, (order, now)).await?;
        // Where a backup begins that is new tells which logs may have changed.
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
            server.fresh = plan.fresh_logs(&server.listed, suspects);
        }
        self.list_fresh_logs(&servers, &mut fresh, (order, now)).await?;
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

    /// Lists everything but `wals/` of the servers whose unchanged logs can be skipped; their names.
    async fn list_but_wals(
        &self,
        (known, suspects): (&Stock, &SuspectsByServer),
        fresh: &mut Inventory,
        (order, now): (KeyOrder, DateTime<Utc>),
    ) -> Result<Vec<String>, Stop> {
        let loose = |object: &ListedObject| fresh.add(self.relative(object), object);
        let directories = self.list_level(self.prefix, order, loose).await?;
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

    /// Lists what lies directly below a directory, and hands on the objects; the directories, each
    /// with its slash.
    async fn list_level(
        &self,
        prefix: &str,
        order: KeyOrder,
        mut sink: impl FnMut(&ListedObject) + Send,
    ) -> Result<Vec<String>, Stop> {
        let (mut progress, mut forward) = (Progress::default(), Forward::default());
        let mut directories: Vec<String> = Vec::new();
        let mut request = ListRequest {
            prefix: prefix.to_owned(),
            delimiter: Some('/'),
            ..ListRequest::default()
        };
        loop {
            let page = self.store.list_page(&request).await?;
            progress.check(&page)?;
            check_order(directories.last(), &page.common_prefixes, order)?;
            let keys = page.objects.iter().map(|object| object.key.as_str());
            let all = keys.clone().chain(page.common_prefixes.iter().map(String::as_str));
            if let Some(stray) = all.into_iter().find(|key| !key.starts_with(prefix)) {
                let why =
                    format!("the listing of `{prefix}` holds `{stray}`, which does not begin so");
                return Err(Stop::Failed(protocol(why)));
            }
            forward.take(keys).map_err(|key| {
                Stop::Failed(protocol(format!("the listing of `{prefix}` goes back to `{key}`")))
            })?;
            page.objects.iter().for_each(&mut sink);
            directories.extend(page.common_prefixes);
            match page.next {
                Some(next) => request.continuation = Some(next),
                None => return Ok(directories),
            }
        }
    }

    /// Lists `wals/` of servers, and what comes after it.
    async fn list_whole_wals(
        &self,
        names: &[String],
        (known, fresh): (&Inventory, &mut Inventory),
        (order, now): (KeyOrder, DateTime<Utc>),
    ) -> Result<(), Stop> {
        let mut wanted = Wanted { search: Search::Never, ..Wanted::default() };
        for name in names {
            wanted.ranges.extend(to_the_end(&self.directory_of(name), Vec::new()));
            let logs = known.directories.get(name).into_iter().flat_map(|it| it.wal.logs.keys());
            wanted.directories.extend(self.directories_of(name, logs));
        }
        let sink = |object: &ListedObject| fresh.add(self.relative(object), object);
        self.parallel(order, now).list(wanted, sink).await?;
        Ok(())
    }

    /// Lists what lies in `wals/` of servers, but for the content of logs.
    async fn list_wals_directories(
        &self,
        names: &[String],
        fresh: &mut Inventory,
        (order, now): (KeyOrder, DateTime<Utc>),
    ) -> Result<Vec<Skipping>, Stop> {
        let levels: Vec<(String, Vec<String>, Vec<ListedObject>)> = stream::iter(names.to_vec())
            .map(async |name: String| {
                let (wals, mut objects) = (format!("{}{name}/wals/", self.prefix), Vec::new());
                // The one key that is `wals/` itself came with what lies before it.
                let sink = |object: &ListedObject| {
                    if object.key != wals {
                        objects.push(object.clone());
                    }
                };
                let directories = self.list_level(&wals, order, sink).await?;
                Ok::<_, Stop>((name, directories, objects))
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
                let log = directory.strip_prefix(&wals).and_then(|name| name.strip_suffix('/'));
                match log.and_then(LogName::parse) {
                    Some(log) => drop(listed.insert(log)),
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

    /// The logs, by server, whose turn it is to be listed though nothing says that they changed.
    fn turns(&self, known: &Stock, now: DateTime<Utc>) -> SuspectsByServer {
        let logs = known.inventory.directories.iter().flat_map(|(server, directory)| {
            directory.wal.logs.iter().filter_map(move |(name, log)| {
                Some(Unchanged {
                    listed_at: log.listed_at?,
                    log: (server.as_str(), *name),
                    objects: log.stock.sums.objects,
                })
            })
        });
        let period = TimeDelta::from_std(self.limits.audit_period).unwrap_or(TimeDelta::MAX);
        let turns = whose_turn_it_is(logs.collect(), period, now - known.listed_at, now);
        let mut by_server = SuspectsByServer::new();
        for (server, log) in turns {
            by_server.entry(server.to_owned()).or_default().logs.insert(log);
        }
        by_server
    }

    /// Lists logs again, and whatever comes after `wals/`.
    async fn list_fresh_logs(
        &self,
        servers: &[Skipping],
        fresh: &mut Inventory,
        how: (KeyOrder, DateTime<Utc>),
    ) -> Result<(), Stop> {
        let mut wanted = Wanted { search: Search::Never, ..Wanted::default() };
        for server in servers {
            let directory = self.directory_of(&server.name);
            let ranges = ranges(&directory, &server.listed, &server.fresh);
            wanted.ranges.extend(to_the_end(&directory, ranges));
            wanted.directories.extend(self.directories_of(&server.name, &server.fresh));
        }
        self.list_logs(wanted, fresh, how).await
    }

    /// Returns the directory of a server as a key, with its slash.
    fn directory_of(&self, server: &str) -> String {
        format!("{}{server}/", self.prefix)
    }

    /// Returns the directories of logs as keys, with their slashes: a listing can be divided there without asking
    /// for them.
    fn directories_of<'l>(
        &self,
        server: &str,
        logs: impl IntoIterator<Item = &'l LogName>,
    ) -> impl Iterator<Item = String> {
        let wals = format!("{}wals/", self.directory_of(server));
        logs.into_iter().map(move |log| format!("{wals}{log}/"))
    }

    async fn list_logs(
        &self,
        wanted: Wanted,
        fresh: &mut Inventory,
        (order, now): (KeyOrder, DateTime<Utc>),
    ) -> Result<(), Stop> {
        let names = self.expected.nested_names();
        let sink = |object: &ListedObject| {
            let key = self.relative(object);
            // What lies beside the logs was listed with their directories.
            let is_beside = matches!(
                Place::among(key, &names),
                Place::Directory { key: ServerKey::Wal(wal), .. } if wal.log.is_none()
            );
            if !is_beside {
                fresh.add(key, object);
            }
        };
        self.parallel(order, now).list(wanted, sink).await?;
        Ok(())
    }

    /// Goes on from logs that have lost something to the ones beside them, further each time, until
    /// these have not: not every store leaves out directories in which nothing is left.
    async fn follow_losses(
        &self,
        known: &Stock,
        servers: &mut [Skipping],
        fresh: &mut Inventory,
        how: (KeyOrder, DateTime<Utc>),
    ) -> Result<(), Stop> {
        let mut listed_last: Vec<_> = servers.iter().map(|server| server.fresh.clone()).collect();
        let mut step = 1;
        loop {
            let mut more = Wanted { search: Search::Never, ..Wanted::default() };
            for (server, last) in servers.iter_mut().zip(&mut listed_last) {
                let lost = lost_logs(&server.name, last, &known.inventory, fresh);
                let next = neighbours(&server.listed, &lost, step);
                *last = next.difference(&server.fresh).copied().collect();
                more.ranges.extend(ranges(&self.directory_of(&server.name), &server.listed, last));
                more.directories.extend(self.directories_of(&server.name, &*last));
                server.fresh.extend(last.iter().copied());
            }
            if more.ranges.is_empty() {
                return Ok(());
            }
            self.list_logs(more, fresh, how).await?;
            step *= 2;
        }
    }
}

/// Those of some logs of a server, which were listed again, that have lost something.
fn lost_logs(
    server: &str,
    listed: &BTreeSet<LogName>,
    known: &Inventory,
    fresh: &Inventory,
) -> BTreeSet<LogName> {
    let (before, after) = (known.directories.get(server), fresh.directories.get(server));
    let lost = listed.iter().filter(|log| {
        let before = before.and_then(|it| it.wal.logs.get(log));
        let after = after.and_then(|it| it.wal.logs.get(log));
        before.is_some_and(|before| has_lost(before, after.map(AsRef::as_ref)))
    });
    lost.copied().collect()
}

/// The backups of every server that need WAL, by id.
pub(super) fn backups(
    inventory: &Inventory,
    files: &Files,
) -> BTreeMap<String, BTreeMap<String, BackupBegin>> {
    let directories = inventory.directories.iter();
    let of_directory = directories.map(|(name, directory)| {
        let backups = directory.backups.iter().filter_map(|(id, backup)| {
            let info = files.backup_info(backup.info.as_ref()?)?;
            let is_copied =
                matches!(info.status, BackupStatus::Done | BackupStatus::WaitingForWals);
            Some((id.clone(), BackupBegin { log: info.begin_wal?.into(), is_copied }))
        });
        (name.clone(), backups.collect())
    });
    of_directory.collect()
}

/// Notes servers of which backups are gone: their WAL goes after them.
fn note_deletions(known: &mut Stock, fresh: &Inventory, files: &Files, now: DateTime<Utc>) {
    let current = backups(fresh, files);
    let none = BTreeMap::new();
    for (name, before) in &known.backups {
        let after = current.get(name).unwrap_or(&none);
        let mut gone = before.iter().filter(|(id, _)| !after.contains_key(*id));
        let Some((last_gone, last)) = gone.next_back() else { continue };
        // Barman deletes what comes before the next copied backup, or else before the deleted one.
        let next = after.iter().find(|(id, backup)| *id > last_gone && backup.is_copied);
        let up_to = next.map_or(last.log, |(_, next)| next.log);
        let earlier = known.deletions.get(name).map(|(_, up_to)| *up_to);
        known.deletions.insert(name.clone(), (now, earlier.map_or(up_to, |it| it.max(up_to))));
    }
    known.backups = current;
}

/// Adds the logs to be listed again because backups of a server, which were listed already, have changed.
fn add_suspects(
    suspects: &mut Suspects,
    name: &str,
    known: &Stock,
    fresh: &Inventory,
    files: &Files,
) {
    let before = known.inventory.directories.get(name);
    let backups = fresh.directories.get(name).into_iter().flat_map(|it| it.backups.iter());
    // With the end of a backup, its label arrives in the log in which it began.
    let changed = backups.filter_map(|(id, backup)| {
        let info = backup.info.as_ref()?;
        let then = before.and_then(|it| it.backups.get(id)?.info.as_ref());
        let is_same = then.is_some_and(|then| then.is_same_version(info));
        if is_same { None } else { files.backup_info(info)?.begin_wal.map(LogName::from) }
    });
    suspects.logs.extend(changed);
    suspects.up_to = known.deletions.get(name).map(|(_, up_to)| *up_to);
}

/// Takes over what did not change.
fn keep_the_rest(server: &Skipping, known: &mut Inventory, fresh: &mut Inventory) {
    let Some(before) = known.directories.get_mut(&server.name) else { return };
    let kept = std::mem::take(&mut before.wal.logs).into_iter();
    let kept = kept.filter(|(log, _)| server.listed.contains(log) && !server.fresh.contains(log));
    fresh.directories.entry(server.name.clone()).or_default().wal.logs.extend(kept);
}
