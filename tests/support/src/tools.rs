//! Location of the programs that `tests/install.sh` has installed, and the user who may run them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::run;

/// User that the database runs as if the test runs as root: PostgreSQL refuses root.
const DATABASE_USER: &str = "postgres";

/// Time limit for a program that does very little.
pub(crate) const QUICK: Duration = Duration::from_secs(30);

/// Programs that are installed for the tests.
#[derive(Clone)]
pub struct Tools {
    venv_bin: PathBuf,
    postgres_bin: PathBuf,
}

impl Tools {
    /// Finds the programs.
    ///
    /// # Panics
    /// Panics if one is missing, saying how to install it.
    pub fn find() -> Self {
        let venv_bin =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-tools/venv/bin");
        let postgres_bin = newest_postgres().filter(|_| venv_bin.join("weed").exists());
        let hint = "the tests' tools are missing: run `tests/install.sh`";
        Self {
            venv_bin: venv_bin.canonicalize().unwrap_or_else(|_| panic!("{hint}")),
            postgres_bin: postgres_bin.unwrap_or_else(|| panic!("{hint}")),
        }
    }

    /// Program of the Python environment.
    #[must_use]
    pub fn python_program(&self, name: &str) -> PathBuf {
        self.venv_bin.join(name)
    }

    /// Program of PostgreSQL.
    #[must_use]
    pub fn postgres_program(&self, name: &str) -> PathBuf {
        self.postgres_bin.join(name)
    }
}

/// Command that runs as the user of the database.
///
/// The checkout and the Python interpreter may lie below directories that only root can enter
/// (`/root/.pyenv`). Instead of opening those, the command keeps root's right to look everywhere,
/// as long as it runs.
pub fn as_database_user(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        DATABASE_USER,
        "--regid",
        DATABASE_USER,
        "--clear-groups",
    ]);
    if let Some(right) = right_to_look_everywhere() {
        command.args(["--inh-caps", right, "--ambient-caps", right]);
    }
    command.arg("--").arg(program);
    command
}

/// Makes a directory that belongs to the user of the database and is closed to others.
///
/// # Panics
/// Panics if it is there already, or cannot be made.
pub fn make_database_directory(path: &Path) {
    fs::create_dir(path).expect("a fresh directory has room for another");
    fs::set_permissions(path, PermissionsExt::from_mode(0o700)).expect("our directory obeys");
    give_to_database_user(path);
}

/// Makes a file or directory, and everything below it, belong to the user of the database.
///
/// # Panics
/// Panics if root may not give it away.
pub fn give_to_database_user(path: &Path) {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("chown");
        command
            .arg("--recursive")
            .arg(format!("{DATABASE_USER}:"))
            .arg(path);
        run(command, QUICK);
    }
}

/// Capability that opens every directory, as `setpriv` names it.
///
/// Containers often keep only the second. `None` where neither can be had.
fn right_to_look_everywhere() -> Option<&'static str> {
    const DAC_OVERRIDE: u64 = 1 << 1;
    const DAC_READ_SEARCH: u64 = 1 << 2;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let bounding = status
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))?;
    let bounding = u64::from_str_radix(bounding.trim(), 16).ok()?;
    if bounding & DAC_READ_SEARCH != 0 {
        Some("+dac_read_search")
    } else if bounding & DAC_OVERRIDE != 0 {
        Some("+dac_override")
    } else {
        None
    }
}

/// Newest of Debian's PostgreSQL servers, or the one in the search path.
fn newest_postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let debian = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let debian = debian.filter(|(_, directory)| directory.join("initdb").exists());
    debian.max().map(|(_, directory)| directory).or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|directory| directory.join("initdb").exists())
    })
}
