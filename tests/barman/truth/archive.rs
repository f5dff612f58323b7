//! Archive in Barman's layout, in a directory, and the scripts with which PostgreSQL writes and
//! reads it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::truth::case::StoredObject;
use crate::truth::clock::Clock;
use crate::truth::scratch::Scratch;
use crate::truth::wal::Segment;

const ARCHIVE_SCRIPT: &str = include_str!("archive.sh");
const RESTORE_SCRIPT: &str = include_str!("restore.sh");
const COPY_SCRIPT: &str = include_str!("copy.sh");

/// Offset of the system identifier in a segment's first page (`XLogLongPageHeaderData`).
const SYSTEM_OFFSET: usize = 24;

/// Ending of compressed objects.
pub(crate) const COMPRESSED: &str = ".gz";

/// Directory of one server in an archive.
pub(crate) struct Archive {
    directory: PathBuf,
    scripts: PathBuf,
}

impl Archive {
    /// Makes an empty archive.
    pub(crate) fn make(scratch: &Scratch) -> Self {
        let directory = scratch.make_directory("archive");
        let scripts = scratch.make_directory("scripts");
        for part in ["archive/wals", "archive/base", "arriving"] {
            scratch.make_directory(part);
        }
        let archive = Self { directory, scripts };
        let scripts = [
            ("archive", ARCHIVE_SCRIPT),
            ("restore", RESTORE_SCRIPT),
            ("copy", COPY_SCRIPT),
        ];
        for (name, text) in scripts {
            let text = text
                .replace("ARCHIVE", &archive.directory.display().to_string())
                .replace("SCRIPTS", &archive.scripts.display().to_string())
                .replace("TEMPORARY", &scratch.path("arriving").display().to_string());
            fs::write(archive.script(name), text).expect("a fresh directory can be written");
        }
        archive
    }

    /// Settings of `postgresql.conf` that make a server write and read the archive.
    pub(crate) fn settings(&self) -> String {
        let archive = self.script("archive");
        format!(
            "archive_mode = on\n\
             archive_command = 'sh {} \"%p\" \"%f\"'\n\
             restore_command = '{}'\n",
            archive.display(),
            self.restore_command(Path::new("/dev/null")),
        )
    }

    /// `restore_command` that records its requests in a file.
    pub(crate) fn restore_command(&self, requests: &Path) -> String {
        let script = self.script("restore");
        format!(
            "sh {} \"%f\" \"%p\" {}",
            script.display(),
            requests.display()
        )
    }

    /// Turns the compression of WAL on or off, from now on.
    pub(crate) fn compress(&self, compresses: bool) {
        let file = self.scripts.join("compress");
        let done = if compresses {
            fs::write(file, "")
        } else {
            fs::remove_file(file)
        };
        // The file does not exist at first.
        done.or_else(|error| if compresses { Err(error) } else { Ok(()) })
            .expect("an own directory can be written");
    }

    /// Script that copies a data directory.
    pub(crate) fn copy_script(&self) -> PathBuf {
        self.script("copy")
    }

    /// Stores an object of a backup.
    pub(crate) fn put_base(&self, id: &str, name: &str, content: &[u8]) {
        let directory = self.directory.join("base").join(id);
        fs::create_dir_all(&directory)
            .and_then(|()| fs::write(directory.join(name), content))
            .expect("the archive can be written");
    }

    /// File of an object, by its key below the server.
    pub(crate) fn file(&self, key: &str) -> PathBuf {
        self.directory.join(key)
    }

    /// Keys of all WAL files except backup labels, in order.
    pub(crate) fn wal_keys(&self) -> Vec<String> {
        let keys = self.keys().into_iter();
        keys.filter(|key| key.starts_with("wals/") && !file_name(key).ends_with(".backup"))
            .collect()
    }

    /// Complete segments that are there now.
    pub(crate) fn segments(&self) -> Vec<Segment> {
        let keys = self.wal_keys();
        keys.iter()
            .filter_map(|key| Segment::parse(file_name(key)))
            .collect()
    }

    /// All objects in their present state, with their times in a story.
    pub(crate) fn objects(&self, clock: Clock) -> Vec<StoredObject> {
        self.keys()
            .into_iter()
            .map(|key| self.object(key, clock))
            .collect()
    }

    fn object(&self, key: String, clock: Clock) -> StoredObject {
        let file = self.file(&key);
        let metadata = fs::metadata(&file).expect("nobody writes the archive meanwhile");
        let modified = metadata
            .modified()
            .expect("Linux knows when a file was written");
        let name = file_name(&key);
        let is_read = name == "backup.info" || name.ends_with(".history");
        let content = is_read.then(|| {
            let bytes = fs::read(&file).expect("the archive is ours");
            bytes.into_iter().map(char::from).collect()
        });
        let segment = Segment::parse(name).or_else(|| Segment::parse_partial(name));
        let system = segment.and_then(|_| system_of(&file));
        StoredObject {
            size: metadata.len(),
            modified: clock.story(modified),
            content,
            system,
            key,
        }
    }

    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        let mut folders = vec![self.directory.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the archive is ours").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let key = path
                        .strip_prefix(&self.directory)
                        .expect("it was found below");
                    keys.push(
                        key.to_str()
                            .expect("names in an archive are text")
                            .to_owned(),
                    );
                }
            }
        }
        keys.sort();
        keys
    }

    fn script(&self, name: &str) -> PathBuf {
        self.scripts.join(name).with_extension("sh")
    }
}

/// Last part of a key, without the ending of compressed objects.
pub(crate) fn file_name(key: &str) -> &str {
    let name = key.rsplit('/').next().unwrap_or(key);
    name.strip_suffix(COMPRESSED).unwrap_or(name)
}

/// System identifier in a segment; `None` if it is too short or cannot be decompressed.
fn system_of(file: &Path) -> Option<u64> {
    let open = File::open(file).ok()?;
    let mut head = [0; SYSTEM_OFFSET + 8];
    if is_compressed(file) {
        GzDecoder::new(open).read_exact(&mut head).ok()?;
    } else {
        (&open).read_exact(&mut head).ok()?;
    }
    let (_, system) = head.split_last_chunk()?;
    Some(u64::from_le_bytes(*system))
}

fn is_compressed(file: &Path) -> bool {
    file.to_str().is_some_and(|name| name.ends_with(COMPRESSED))
}
