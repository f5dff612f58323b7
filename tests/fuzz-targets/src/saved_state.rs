//! State of a verification that was saved.

use std::sync::Arc;

use archive_contents::wal::SegmentContext;
use barman_archive::postgres::{SegmentName, SegmentSize};
use barman_cloud_exporter::evidence::{ServerEvidence, WalkedRuns};
use barman_cloud_exporter::verification::{Budget, IgnoredState, SavedState};
use chrono::{DateTime, TimeDelta, Utc};

use crate::wal::assert_laws_of_segment;

/// Endpoint and destination of the archive.
const PLACE: &str = "here";

/// State of a verification, as JSON.
pub fn saved_state(bytes: &[u8]) {
    let state = match SavedState::parse(bytes, PLACE) {
        Ok(state) => state,
        Err(IgnoredState::OtherPlace(budget)) => return use_budget(budget),
        Err(IgnoredState::Damaged | IgnoredState::OtherVersion) => return,
    };
    let mut saved = Vec::new();
    SavedState::write(&mut saved, PLACE, state.budget, &state.evidence).unwrap();
    let again = SavedState::parse(&saved, PLACE).unwrap();
    assert_eq!(again, state);
    use_budget(state.budget);
    for server in state.evidence.servers.into_values() {
        use_evidence(Arc::unwrap_or_clone(server));
    }
}

/// Goes on with a budget, as of several moments.
fn use_budget(saved: Budget) {
    let epoch = DateTime::<Utc>::UNIX_EPOCH;
    for now in [
        epoch,
        epoch + TimeDelta::days(20_000),
        epoch + TimeDelta::days(2_000_000),
    ] {
        for budget in [
            Budget::daily(1 << 40, epoch),
            Budget::unlimited(epoch),
            saved,
        ] {
            let mut resumed = budget.resumed(saved, now);
            let _ = (resumed.available(now), resumed.wait_for(1 << 41, now));
            let _ = (resumed.take(1 << 20, now), resumed.can_afford(u64::MAX));
            resumed.give_back(u64::MAX);
            let available = resumed.available(now);
            let capacity = resumed.capacity();
            assert_eq!(available.is_none(), capacity.is_none());
        }
    }
}

/// Looks at evidence, forgets it piece by piece, and walks on from where it ends.
fn use_evidence(mut server: ServerEvidence) {
    let places: Vec<_> = server
        .wal
        .runs
        .iter()
        .flat_map(|run| [run.first, run.end()])
        .collect();
    for place in places {
        let runs = &server.wal.runs;
        let _ = (runs.containing(place), runs.beginning_with(place));
        if let Some(chain) = runs.chain_at(place) {
            let size = SegmentSize::new(1 << 20).unwrap();
            let number = size.segment_of(chain.next());
            let context = SegmentContext {
                name: SegmentName::from_number(place.timeline, number, size),
                size,
                system_identifier: None,
                history: None,
                is_partial: false,
            };
            assert_laws_of_segment(&context, Some(chain), &[0; 9000], 1);
        }
        server.wal.runs.remove(place.next());
        server.wal.runs.remove(place);
        assert!(server.wal.runs.containing(place).is_none());
        assert_does_not_overlap(&server.wal.runs);
    }
    let files: Vec<_> = server
        .wal
        .dirs()
        .flat_map(|(name, dir)| dir.files().iter().map(move |file| (name, file.file)))
        .collect();
    for (name, file) in files {
        let _ = server.wal.fault(name, file);
        if let Some(evidence) = server.wal.of(name, file).copied() {
            assert_eq!(evidence.file, file);
            server.wal.insert(name, evidence, None);
        }
    }
}

fn assert_does_not_overlap(runs: &WalkedRuns) {
    let mut end = None;
    for run in runs.iter() {
        assert!(end.is_none_or(|end| end < run.first));
        end = Some(run.end());
    }
}
