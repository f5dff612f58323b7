//! The shortcut for whole WAL directories against the rule for single segments.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::writer::Writer;
use super::*;

fn moment(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(number * 30)
}

fn moments() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..24).prop_map(moment)
}

fn first_ends() -> impl Strategy<Value = FirstEnd> {
    let segments = (1_u32..3, 0_u64..6).prop_map(|(timeline, number)| NumberedSegment {
        timeline: TimelineId(timeline),
        number,
    });
    (moments(), segments).prop_map(|(began_at, segment)| FirstEnd { began_at, segment })
}

prop_compose! {
    fn beginnings()(
        at in moments(),
        first_backup_at in moments(),
        first_end in proptest::option::of(first_ends()),
    ) -> Beginning {
        Beginning { at, first_backup_at, first_end, segment_size: None }
    }
}

prop_compose! {
    fn some_clusters()(
        created_at in proptest::option::of(moments()),
        first_backup_at in proptest::option::of(moments()),
        after in proptest::option::of(moments()),
        later in proptest::collection::vec(beginnings(), 0..3),
        has_earlier in any::<bool>(),
        first_end in proptest::option::of(first_ends()),
    ) -> Cluster {
        // Only an earlier cluster sets a limit where the creation time is unknown.
        let after = after.filter(|_| created_at.is_some() || has_earlier);
        Cluster {
            created_at, first_backup_at, after, later, has_earlier, first_end,
            ..Cluster::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_writer_between_two_moments_wrote_each_segment_of_them(
        cluster in some_clusters(),
        begin in 0_i64..24,
        length in 0_i64..8,
    ) {
        if cluster.is_writer_between(moment(begin), moment(begin + length)) {
            for (at, timeline, number) in (begin..=begin + length)
                .flat_map(|at| (1..4).map(move |timeline| (at, timeline)))
                .flat_map(|(at, timeline)| (0..7).map(move |number| (at, timeline, number)))
            {
                let writer = cluster.writer_of(TimelineId(timeline), number, moment(at));
                prop_assert_eq!(writer, Writer::This, "{} {} {}", at, timeline, number);
            }
        }
    }
}
