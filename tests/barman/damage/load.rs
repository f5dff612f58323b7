//! Load on the database: rows that come and go, files that come and go, and every kind of index.

use std::path::Path;

use test_support::{Part, Postgres, Stack};

/// Tables that the load changes, with pages of each kind of index, and an unlogged one.
const TABLES: &str = "
create table ledger (
  id bigserial primary key, at timestamptz default clock_timestamp(), filling text, place point, tags int[]
);
create index on ledger using gist (place);
create index on ledger using spgist (place);
create index on ledger using gin (tags);
create index on ledger using brin (at);
create index on ledger using hash (id);
create unlogged table passing as select number, repeat('x', 100) as filling
  from generate_series(1, 3000) as numbers (number);
create index on passing (number);
create extension amcheck;
";

/// Rows of the ledger. Some are too large for a page, so that they have a table of their own.
const CHANGES: &str = r"
\set id random(1, 3000)
\set size random(1, 400)
insert into ledger (filling, place, tags)
  select string_agg(md5(random()::text), ''), point(random(), random()), array[:id, :size]
  from generate_series(1, :size);
update ledger set filling = 'changed', tags = tags || :id where id = :id;
delete from ledger where id = :id + 17;
";

/// Files that appear and vanish: relations, their truncation, and databases of copied files.
const FILES: &str = r"
\set number random(1, 1000000000)
create table brief:number as select generate_series(1, 900) as number;
create index on brief:number (number);
truncate brief:number;
insert into brief:number values (1);
drop table brief:number;
vacuum ledger;
";

/// Rare events that copy or rewrite whole relations.
const REWRITES: &str = r"
\set number random(1, 1000000000)
create database copied:number strategy file_copy;
drop database copied:number;
reindex table ledger;
cluster pgbench_branches using pgbench_branches_pkey;
";

/// Makes the tables.
pub(crate) fn prepare(stack: &mut Stack) {
    let mut command = stack.postgres().client("pgbench");
    command.args(["--initialize", "--quiet", "--scale=1", "postgres"]);
    test_support::run(command, std::time::Duration::from_mins(1));
    stack.postgres().script(TABLES);
}

/// Clients that change the database until they are dropped.
pub(crate) struct Load(#[expect(dead_code, reason = "ends when it is dropped")] Part);

impl Load {
    /// Starts the clients, with this many transactions in a second.
    pub(crate) fn start(postgres: &Postgres, scratch: &Path, rate: u32) -> Self {
        let mut command = postgres.client("pgbench");
        command.args(["--no-vacuum", "--client=3", "--time=3600"]);
        command.arg(format!("--rate={rate}"));
        command.arg("--builtin=tpcb-like@40");
        for (name, text, weight) in [
            ("changes", CHANGES, 40),
            ("files", FILES, 2),
            ("rewrites", REWRITES, 1),
        ] {
            let file = scratch.join(name);
            std::fs::write(&file, text).expect("a fresh directory can be written");
            command.arg(format!("--file={}@{weight}", file.display()));
        }
        command.arg("postgres");
        Self(Part::start(
            "pgbench",
            command,
            &scratch.join("pgbench.log"),
        ))
    }
}
