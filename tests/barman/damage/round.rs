//! Round: an archive, sound at first, and then with one damage after the other.

use std::collections::BTreeMap;
use std::thread::scope;
use std::time::Instant;

use fastrand::Rng;

use crate::damage::compare::{Case, Tally};
use crate::damage::harm::Damage;
use crate::damage::restore::Restored;
use crate::damage::verdict::Verdict;
use crate::damage::world::World;

/// Runs one round as a seed decides, and prints every case.
pub(crate) fn round(seed: u64, damages: u64) -> Tally {
    println!("seed {seed}");
    let begun = Instant::now();
    let mut rng = Rng::with_seed(seed);
    let world = World::make(&mut rng);
    println!("  made in {:.0?}", begun.elapsed());
    let mut tally = Tally::default();
    let sound = sound_restores(&world, seed, &mut tally);
    for _ in 0..damages {
        let backup = rng.choice(&world.backups).expect("there are backups");
        one_damage(&world, seed, rng.u64(..), backup, &sound, &mut tally);
    }
    println!("  {damages} damages in {:.0?}", begun.elapsed());
    tally
}

/// Restores each backup of the sound archive, and sees that nothing is said against it.
fn sound_restores(world: &World, seed: u64, tally: &mut Tally) -> BTreeMap<String, Restored> {
    let mut outcomes = BTreeMap::new();
    for backup in &world.backups {
        let (verdict, restored) = judge(world, backup);
        println!(
            "  {backup}: {} {:?}; {}",
            verdict.code,
            verdict.pages,
            restored.words()
        );
        let is_good = matches!(&restored, Restored::Up(state) if state.is_good());
        assert!(is_good, "a sound archive restores: {}", restored.words());
        if !verdict.is_sound() {
            let words = verdict.words.join("; ");
            tally.differences.push(format!(
                "seed {seed}: {backup} is sound, and called: {words}"
            ));
        }
        outcomes.insert(backup.clone(), restored);
    }
    outcomes
}

/// Inflicts one damage, and holds verdict and restore against each other.
fn one_damage(
    world: &World,
    seed: u64,
    number: u64,
    backup: &str,
    sound: &BTreeMap<String, Restored>,
    tally: &mut Tally,
) {
    let damage = Damage::draw(world, number);
    let backup = damage.backup.as_deref().unwrap_or(backup);
    damage.inflict(world);
    let (verdict, restored) = judge(world, backup);
    damage.undo(world);
    let case = Case {
        damage: &damage,
        has_checksums: world.plan.has_checksums,
        verdict: &verdict,
        sound: sound.get(backup).expect("every backup was restored"),
        restored: &restored,
    };
    let harm = if case.is_harmful() {
        "harmful"
    } else {
        "harmless"
    };
    let what = format!(
        "{}: {}{} ({harm}, {} [{}], ends at {:?}; {})",
        damage.key,
        damage.kind,
        damage.members(),
        verdict.code,
        verdict.words.join("; "),
        verdict.ends_at,
        restored.words()
    );
    println!("  {what}");
    if let Some(rule) = case.difference() {
        let lines = case.sound.first_difference(case.restored);
        println!("- {rule}; first difference: {lines:?}");
        tally
            .differences
            .push(format!("seed {seed}: {what}: {rule}"));
    }
    tally.note(&case);
}

/// Reads and restores at the same time.
fn judge(world: &World, backup: &str) -> (Verdict, Restored) {
    scope(|scope| {
        let verdict = scope.spawn(|| Verdict::on(world, backup));
        let restored = Restored::of(&world.stack, backup, world.plan.has_checksums);
        let verdict = verdict.join();
        (verdict.expect("the program judges"), restored)
    })
}
