//! What may be combined, how large a ring becomes, and what is tried: the pure functions of set-up.

use super::{Builder, MAX_CQ_ENTRIES, MAX_ENTRIES, refused_combination, round_up};
use crate::error::SetupError;
use crate::flags::{Features, SetupFlags};
use crate::parameters::Parameters;
use crate::{cqueue, squeue};

type Plainest = Builder<squeue::Entry, cqueue::Entry>;

use SetupFlags as F;

const NONE: SetupFlags = SetupFlags::empty();

/// The flags that a rule is about, and some without a rule.
const FLAGS: &[SetupFlags] = &[
    F::SQPOLL,
    F::SQ_AFF,
    F::IOPOLL,
    F::HYBRID_IOPOLL,
    F::COOP_TASKRUN,
    F::TASKRUN_FLAG,
    F::DEFER_TASKRUN,
    F::SINGLE_ISSUER,
    F::SQ_REWIND,
    F::NO_SQARRAY,
    F::NO_MMAP,
    F::REGISTERED_FD_ONLY,
    F::CQE32,
    F::R_DISABLED,
    F::SUBMIT_ALL,
];

/// The kernel's rules, each in its own words; and those about what the builder itself sets.
fn may_be_made(flags: SetupFlags) -> bool {
    let has = |flag| flags.contains(flag);
    let interrupts = has(F::COOP_TASKRUN) || has(F::TASKRUN_FLAG) || has(F::DEFER_TASKRUN);
    let no_interrupts_with_a_thread = !(has(F::SQPOLL) && interrupts);
    let no_cpu_without_a_thread = has(F::SQPOLL) || !has(F::SQ_AFF);
    let no_hybrid_without_polling = has(F::IOPOLL) || !has(F::HYBRID_IOPOLL);
    let no_flag_without_work_to_show = has(F::COOP_TASKRUN) || has(F::DEFER_TASKRUN) || !has(F::TASKRUN_FLAG);
    let deferred_for_one = has(F::SINGLE_ISSUER) || !has(F::DEFER_TASKRUN);
    let rewound_alone = !has(F::SQ_REWIND) || has(F::NO_SQARRAY) && !has(F::SQPOLL);
    let nothing_by_hand = !(has(F::NO_MMAP) || has(F::REGISTERED_FD_ONLY) || has(F::CQE32));
    no_interrupts_with_a_thread
        && no_cpu_without_a_thread
        && no_hybrid_without_polling
        && no_flag_without_work_to_show
        && deferred_for_one
        && rewound_alone
        && nothing_by_hand
}

#[test]
fn every_subset_is_refused_if_a_rule_says_so_and_for_a_reason_that_is_there() {
    for subset in 0..1_u32 << FLAGS.len() {
        let chosen = FLAGS.iter().enumerate().filter(|(bit, _)| subset >> bit & 1 == 1).map(|(_, flag)| *flag);
        let flags: SetupFlags = chosen.collect();
        let refused = refused_combination(flags, NONE);
        assert_eq!(refused.is_none(), may_be_made(flags), "{flags:?}: {refused:?}");
        let is_there = match refused {
            None => true,
            Some(SetupError::Conflict(a, b)) => flags.contains(a) && flags.contains(b),
            Some(SetupError::Needs(flag, needed)) => flags.contains(flag) && !flags.intersects(needed),
            Some(SetupError::NotByHand(by_hand)) => flags.contains(by_hand) && !by_hand.is_empty(),
            Some(_) => false,
        };
        assert!(is_there, "{flags:?}: {refused:?}");
    }
}

#[test]
fn unknown_flags_are_let_through() {
    let named = F::all().iter_names().fold(NONE, |named, (_, flag)| named | flag);
    assert_eq!(refused_combination(named.complement(), NONE), None);
}

#[test]
fn flags_of_the_entry_types_are_not_by_hand() {
    let both = F::SQE128.union(F::CQE32);
    assert_eq!(refused_combination(both, both), None);
    assert_eq!(refused_combination(both, F::SQE128), Some(SetupError::NotByHand(F::CQE32)));
    assert_eq!(refused_combination(both | F::SQPOLL | F::COOP_TASKRUN, NONE), Some(SetupError::NotByHand(both)));
}

#[test]
fn sizes_round_up_to_a_power_of_two_within_the_limit() {
    for entries in 1..=70_000 {
        let power = (0..).map(|bit| 1_u32 << bit).find(|&power| power >= entries).unwrap();
        for limit in [MAX_ENTRIES, MAX_CQ_ENTRIES] {
            let too_many = SetupError::TooManyEntries { entries, limit };
            let expected = if entries <= limit { Ok(power) } else { Err(too_many) };
            assert_eq!(round_up(entries, limit, NONE), expected);
            assert_eq!(round_up(entries, limit, F::CLAMP), Ok(expected.unwrap_or(limit)));
        }
    }
    assert_eq!(round_up(0, MAX_ENTRIES, F::CLAMP), Err(SetupError::NoEntries));
    assert_eq!(round_up(u32::MAX, MAX_ENTRIES, F::CLAMP), Ok(MAX_ENTRIES));
}

#[test]
fn the_completion_queue_is_twice_as_large_unless_its_size_is_given() {
    assert_eq!(Plainest::new().check(5), Ok((8, 16)));
    assert_eq!(Plainest::new().check(MAX_ENTRIES), Ok((MAX_ENTRIES, MAX_CQ_ENTRIES)));
    assert_eq!(Plainest::new().setup_cqsize(8).check(5), Ok((8, 8)));
    assert_eq!(Plainest::new().setup_cqsize(4).check(5), Err(SetupError::CqSmallerThanSq { sq: 8, cq: 4 }));
    // The flag by hand is a size of 0.
    assert_eq!(Plainest::new().setup_flags(F::CQSIZE).check(5), Err(SetupError::NoEntries));
}

#[test]
fn a_mixed_queue_has_room_for_its_largest_entry() {
    let completions = |cq| Builder::<squeue::Entry, cqueue::EntryMixed>::new().setup_cqsize(cq).check(1);
    assert_eq!((completions(1), completions(2)), (Err(SetupError::TooFewForMixed), Ok((1, 2))));
    // A large submission is two slots, and a third where the queue ends between them.
    let submissions = |sq| Builder::<squeue::EntryMixed, cqueue::Entry>::new().check(sq);
    assert_eq!(submissions(1), Err(SetupError::TooFewForMixed));
    assert_eq!(submissions(2), Err(SetupError::TooFewForMixed));
    assert_eq!((submissions(3), submissions(4)), (Ok((4, 8)), Ok((4, 8))));
}

fn attempts(builder: &Plainest) -> (SetupFlags, Option<SetupFlags>) {
    (builder.best(), builder.after(builder.best()))
}

#[test]
fn the_fastest_ring_gives_way_step_by_step_and_nothing_else_does() {
    let mut builder = Plainest::new();
    builder.setup_fastest().setup_submit_all();
    let defer = F::SUBMIT_ALL | F::SINGLE_ISSUER | F::DEFER_TASKRUN | F::TASKRUN_FLAG;
    let coop = F::SUBMIT_ALL | F::COOP_TASKRUN | F::TASKRUN_FLAG;
    let mut next = Some(builder.best());
    for expected in [defer | F::NO_SQARRAY, defer, coop, F::SUBMIT_ALL] {
        assert_eq!(next, Some(expected));
        assert_eq!(refused_combination(expected, NONE), None, "{expected:?}");
        next = builder.after(expected);
    }
    assert_eq!(next, None);
    let mut by_hand = Plainest::new();
    by_hand.setup_single_issuer().setup_defer_taskrun();
    assert_eq!(by_hand.after(by_hand.best().difference(F::NO_SQARRAY)), None);
    assert_eq!(builder.setup_sqpoll(0).check(8).err(), Some(SetupError::Conflict(F::SQPOLL, F::DEFER_TASKRUN)));
}

#[test]
fn the_index_array_is_done_without_first_unless_that_was_asked_for() {
    assert_eq!(attempts(&Plainest::new()), (F::NO_SQARRAY, Some(NONE)));
    assert_eq!(attempts(Plainest::new().setup_no_sqarray()), (F::NO_SQARRAY, None));
    let rewound = F::SQ_REWIND | F::NO_SQARRAY;
    assert_eq!(attempts(Plainest::new().setup_sq_rewind()), (rewound, None));
    // By its flag alone too.
    assert_eq!(attempts(Plainest::new().setup_flags(F::SQ_REWIND)), (rewound, None));
    assert_eq!(Plainest::new().setup_flags(F::SQ_REWIND).check(8), Ok((8, 16)));
}

#[test]
fn taskrun_shows_in_every_attempt_where_it_can() {
    let coop = F::COOP_TASKRUN | F::TASKRUN_FLAG;
    assert_eq!(attempts(Plainest::new().setup_coop_taskrun()), (coop | F::NO_SQARRAY, Some(coop)));
    let defer = F::DEFER_TASKRUN | F::TASKRUN_FLAG | F::SINGLE_ISSUER;
    let mut builder = Plainest::new();
    builder.setup_single_issuer().setup_defer_taskrun();
    assert_eq!(attempts(&builder), (defer | F::NO_SQARRAY, Some(defer)));
    let single = F::SINGLE_ISSUER;
    assert_eq!(attempts(Plainest::new().setup_single_issuer()), (single | F::NO_SQARRAY, Some(single)));
}

/// What is added to a set that may be made makes none that may not.
#[test]
fn no_attempt_is_a_combination_that_is_refused() {
    for subset in 0..1_u32 << FLAGS.len() {
        let chosen = FLAGS.iter().enumerate().filter(|(bit, _)| subset >> bit & 1 == 1).map(|(_, flag)| *flag);
        let flags: SetupFlags = chosen.collect();
        if refused_combination(flags, NONE).is_some() {
            continue;
        }
        let (best, fallback) = attempts(Plainest::new().setup_flags(flags));
        assert_eq!(refused_combination(best, NONE), None, "{best:?}");
        assert_eq!(fallback.and_then(|fallback| refused_combination(fallback, NONE)), None, "{fallback:?}");
    }
}

#[test]
fn the_kernels_structure_carries_what_was_set_and_nothing_else() {
    let mut builder = Plainest::new();
    builder.setup_cqsize(100).setup_sqpoll(7).setup_sqpoll_cpu(3).setup_attach_wq(11);
    assert_eq!(builder.flags, F::CQSIZE | F::SQPOLL | F::SQ_AFF | F::ATTACH_WQ);
    let Parameters(params) = builder.parameters();
    assert_eq!((params.cq_entries, params.sq_thread_idle, params.sq_thread_cpu, params.wq_fd), (128, 7, 3, 11));
    assert_eq!((params.flags, params.sq_entries, params.features, params.resv), (0, 0, 0, [0; 3]));
    let sq = params.sq_off;
    let sq_words = [sq.head, sq.tail, sq.ring_mask, sq.ring_entries, sq.flags, sq.dropped, sq.array, sq.resv1];
    let cq = params.cq_off;
    let cq_words = [cq.head, cq.tail, cq.ring_mask, cq.ring_entries, cq.overflow, cq.cqes, cq.flags, cq.resv1];
    assert_eq!((sq_words, sq.user_addr, cq_words, cq.user_addr), ([0; 8], 0, [0; 8], 0));
}

#[test]
fn parameters_tell_what_the_structure_says_with_unknown_bits() {
    let Parameters(mut raw) = Parameters::NOTHING;
    (raw.flags, raw.sq_entries, raw.cq_entries, raw.sq_thread_idle, raw.features) =
        (u32::MAX, 8, 16, 1000, 0x8000_0001);
    let params = Parameters::from_raw(raw);
    assert_eq!((params.sq_entries(), params.cq_entries(), params.sq_thread_idle()), (8, 16, 1000));
    assert_eq!(params.setup().bits(), u32::MAX);
    assert_eq!(params.features(), Features::SINGLE_MMAP | Features::from_bits_retain(0x8000_0000));
    assert_eq!(params.as_raw().features, 0x8000_0001);
}
