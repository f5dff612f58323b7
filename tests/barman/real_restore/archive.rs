//! Archive with everything that determines the reach of a restore.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use test_support::{Keep, PointInTime, Stack, StackSettings};

/// Archive that no longer changes, unless an object is removed from it.
///
/// Its backups, each followed by WAL, in the order of their starts:
///
/// | name | timeline | |
/// |---|---|---|
/// | `kept` | 1 | kept by Barman, standalone |
/// | `before-the-gap` | 1 | a segment is missing between it and the next |
/// | `without-its-own-wal` | 1 | its first segment is missing |
/// | `before-the-failover` | 1 | then a failover begins timeline 2 |
/// | `after-the-failover` | 2 | then a restore point |
/// | `dead-branch` | 2 | started after the restore point, to which `after-the-failover` is recovered: timeline 3 |
/// | `killed` | 3 | killed when part of it was stored |
/// | `third` | 3 | |
/// | `newest` | 3 | |
pub(crate) struct Archive {
    pub(crate) stack: Stack,
    /// Barman's words on each backup that has a name, by it. The killed one has none.
    backups: BTreeMap<String, Value>,
    killed: String,
    /// Last segment before the gap after `before-the-gap`.
    before_gap: String,
    /// Content of the history file of timeline 3.
    history: String,
}

/// Names of complete segments.
#[derive(Debug)]
pub(crate) struct Segments(pub(crate) BTreeSet<String>);

impl Segments {
    /// First segment of a timeline.
    pub(crate) fn first_of(&self, timeline: u32) -> &str {
        self.of(timeline).next().expect("each timeline has some")
    }

    /// Last segment of a timeline.
    pub(crate) fn last_of(&self, timeline: u32) -> &str {
        self.of(timeline)
            .next_back()
            .expect("each timeline has some")
    }

    /// Those that follow one on its timeline.
    fn after(&self, name: &str) -> Vec<&String> {
        let later = self.0.range(name.to_owned()..).skip(1);
        later.take_while(|other| other[..8] == name[..8]).collect()
    }

    /// Segments of a timeline, in order.
    pub(crate) fn of(&self, timeline: u32) -> impl DoubleEndedIterator<Item = &str> {
        let beginning = format!("{timeline:08X}");
        self.0
            .iter()
            .map(String::as_str)
            .filter(move |name| name.starts_with(&beginning))
    }
}

impl Archive {
    /// Makes it, which takes a minute.
    pub(crate) fn make() -> Self {
        let stack = Stack::start(StackSettings {
            segment_size_mb: 1,
            ..StackSettings::default()
        });
        stack.make_tablespace("fast");
        let mut archive = Self {
            stack,
            backups: BTreeMap::new(),
            killed: String::new(),
            before_gap: String::new(),
            history: String::new(),
        };
        archive.make_first_timeline();
        archive.make_second_timeline();
        archive.make_third_timeline();
        archive.stack.stop_database();
        archive.history = archive.stack.history(3);
        archive.damage_first_timeline();
        archive
    }

    /// Id of a backup.
    pub(crate) fn id(&self, name: &str) -> &str {
        if name == "killed" {
            &self.killed
        } else {
            self.text(name, "backup_id")
        }
    }

    /// Name of the segment in a field of a backup's `backup.info`.
    pub(crate) fn text(&self, backup: &str, field: &str) -> &str {
        let text = self
            .backups
            .get(backup)
            .and_then(|backup| backup.get(field)?.as_str());
        text.unwrap_or_else(|| panic!("no `{field}` of {backup} in {:#?}", self.backups))
    }

    /// Last segment before the gap after `before-the-gap`.
    pub(crate) fn before_gap(&self) -> &str {
        &self.before_gap
    }

    /// Content of the history file of timeline 3.
    pub(crate) fn history(&self) -> &str {
        &self.history
    }

    /// Complete segments that are present now.
    pub(crate) fn segments(&self) -> Segments {
        let keys = self.stack.listing().into_iter().map(|object| object.key);
        let files = keys.filter_map(|key| Some(key.rsplit_once('/')?.1.to_owned()));
        let names = files.filter_map(|file| Some(file.strip_suffix(".gz")?.to_owned()));
        Segments(names.filter(|name| name.len() == 24).collect())
    }

    /// Removes a file from `wals/`: a segment or a history file.
    pub(crate) fn lose_wal(&self, name: &str) {
        self.stack.delete_object(&self.wal_key(name));
    }

    /// Empties a segment while something runs.
    pub(crate) fn with_empty_segment(&self, name: &str, run: impl FnOnce()) {
        let (key, hidden) = (self.wal_key(name), format!("hidden/{name}"));
        self.stack.copy_object(&key, &hidden);
        self.stack.empty_object(&key);
        run();
        self.stack.copy_object(&hidden, &key);
        self.stack.delete_object(&hidden);
    }

    /// Copies a file of `wals/` to another name there.
    pub(crate) fn copy_wal(&self, name: &str, other: &str) {
        self.stack
            .copy_object(&self.wal_key(name), &self.wal_key(other));
    }

    /// Removes a backup's `backup.info` from the archive, and keeps it elsewhere.
    pub(crate) fn hide(&self, name: &str) {
        let key = self.info_key(name);
        self.stack.copy_object(&key, &format!("hidden/{name}"));
        self.stack.delete_object(&key);
    }

    /// Restores a removed object.
    pub(crate) fn show(&self, name: &str) {
        let hidden = format!("hidden/{name}");
        self.stack.copy_object(&hidden, &self.info_key(name));
        self.stack.delete_object(&hidden);
    }

    /// Prefix of every key of the server.
    pub(crate) fn directory(&self) -> String {
        let settings = self.stack.settings();
        format!("{}/{}", settings.prefix, settings.server)
    }

    fn info_key(&self, name: &str) -> String {
        format!("{}/base/{}/backup.info", self.directory(), self.id(name))
    }

    fn wal_key(&self, name: &str) -> String {
        let directory = format!("{}/wals", self.directory());
        match name.get(..16) {
            Some(wal_dir) if !name.contains('.') => format!("{directory}/{wal_dir}/{name}.gz"),
            _ => format!("{directory}/{name}.gz"),
        }
    }

    fn make_first_timeline(&mut self) {
        self.back_up("kept", 1);
        self.stack.keep_backup(self.id("kept"), Keep::Standalone);
        self.back_up("before-the-gap", 3);
        self.back_up("without-its-own-wal", 1);
        self.back_up("before-the-failover", 2);
        self.stack.promote();
    }

    fn make_second_timeline(&mut self) {
        self.back_up("after-the-failover", 1);
        self.stack
            .sql("select pg_create_restore_point('before-the-mistake')");
        self.stack.make_wal(1);
        self.back_up("dead-branch", 2);
        let point = PointInTime::RestorePoint("before-the-mistake".to_owned());
        let second = self.id("after-the-failover").to_owned();
        self.stack.pitr(&second, &point);
    }

    fn make_third_timeline(&mut self) {
        self.stack.kill_backup();
        self.back_up("third", 1);
        self.back_up("newest", 2);
    }

    fn damage_first_timeline(&mut self) {
        let segments = self.segments();
        let after = segments.after(self.text("before-the-gap", "end_wal"));
        self.before_gap = after[0].clone();
        self.lose_wal(after[1]);
        self.lose_wal(self.text("without-its-own-wal", "begin_wal"));
    }

    /// Makes a backup and this many segments after it.
    fn back_up(&mut self, name: &str, segments: u32) {
        self.stack.backup(&["--gzip", &format!("--name={name}")]);
        self.stack.make_wal(segments);
        self.learn_backups();
    }

    fn learn_backups(&mut self) {
        let list = self.stack.backup_list();
        for backup in list["backups_list"]
            .as_array()
            .expect("Barman prints a list")
        {
            let id = backup["backup_id"].as_str().expect("each backup has an id");
            // Barman writes a name down when a backup is complete.
            match backup["backup_name"].as_str() {
                Some(name) => drop(self.backups.insert(name.to_owned(), backup.clone())),
                None => id.clone_into(&mut self.killed),
            }
        }
    }
}
