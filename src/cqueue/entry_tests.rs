//! Tests what is read from a completion's result and flags.

use super::{Entry, Entry32, EntryMixed, Errno, Timestamp};
use crate::flags::PollEvents;
use crate::types::Timespec;
use crate::uapi;

const fn with_result(res: i32) -> Entry {
    Entry { user_data: 0, res, flags: 0 }
}

const fn with_flags(flags: u32) -> Entry {
    Entry { user_data: 0, res: 0, flags }
}

#[test]
fn every_result_converts() {
    assert_eq!(with_result(0).outcome(), Ok(0));
    assert_eq!(with_result(i32::MAX).outcome(), Ok(0x7fff_ffff));
    assert_eq!(with_result(-1).outcome(), Err(Errno::EPERM));
    assert_eq!(with_result(-4095).outcome().map_err(Errno::raw), Err(4095));
    assert_eq!(with_result(-4096).outcome(), Ok(0xffff_f000));
    assert_eq!(with_result(i32::MIN).outcome(), Ok(0x8000_0000));
}

#[test]
fn the_result_of_a_poll_is_its_events() {
    assert_eq!(with_result(0x2005).poll_events(), Ok(PollEvents(0x2005)));
    assert_eq!(with_result(-125).poll_events(), Err(Errno::ECANCELED));
}

#[test]
fn an_entry_is_its_three_fields() {
    let entry = Entry { user_data: 7, res: -5, flags: 0x8000_0002 };
    assert_eq!((entry.user_data(), entry.result(), entry.flags().bits()), (7, -5, 0x8000_0002));
    let large = Entry32 { entry, big: [8, 9] };
    assert_eq!((*large, large.big()), (entry, [8, 9]));
    assert_eq!((*EntryMixed::Large(large), EntryMixed::Large(large).big()), (entry, Some([8, 9])));
    assert_eq!((*EntryMixed::Small(entry), EntryMixed::Small(entry).big()), (entry, None));
}

#[test]
fn each_flag_is_told_by_one_bit() {
    for bit in 0..u32::BITS {
        let entry = with_flags(1 << bit);
        let told = [entry.buffer_id().is_some(), entry.more(), entry.sock_nonempty(), entry.notif()];
        assert_eq!(told, [bit == 0, bit == 1, bit == 2, bit == 3], "bit {bit}");
    }
    assert_eq!(with_flags(0xfedc_0003).buffer_id(), Some(0xfedc));
}

#[test]
fn only_a_notification_tells_that_data_was_copied() {
    for (flags, result, copied) in [
        (uapi::IORING_CQE_F_NOTIF, i32::MIN, true),
        (uapi::IORING_CQE_F_NOTIF, 0, false),
        (uapi::IORING_CQE_F_NOTIF, i32::MAX, false),
        (0, i32::MIN, false),
        (0, 0, false),
    ] {
        assert_eq!(Entry { user_data: 0, res: result, flags }.zc_copied(), copied, "{flags} {result}");
    }
}

#[test]
fn a_timestamp_is_read_from_flags_and_the_second_half() {
    let large = |flags| Entry32 { entry: Entry { user_data: 0, res: 11, flags }, big: [12, 13] };
    for (kind, hardware) in [(0, false), (0, true), (3, false), (2, true)] {
        let mut flags = uapi::IORING_CQE_F_MORE | kind << uapi::IORING_TIMESTAMP_TYPE_SHIFT;
        if hardware {
            flags |= uapi::IORING_CQE_F_TSTAMP_HW;
        }
        let told = Some(Timestamp { key: 11, kind, hardware, time: Timespec::new(12, 13) });
        assert_eq!(large(flags).tx_timestamp(), told);
        assert_eq!(EntryMixed::Large(large(flags)).tx_timestamp(), told);
        assert_eq!(EntryMixed::Small(with_flags(flags)).tx_timestamp(), None);
    }
    assert_eq!(large(uapi::IORING_CQE_F_TSTAMP_HW).tx_timestamp(), None);
}
