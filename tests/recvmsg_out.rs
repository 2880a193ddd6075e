//! What a multishot `recvmsg` leaves in a buffer is taken apart within its bytes, whatever they are.

use bare_uring::types::{MsgFlags, MsgHdr, RecvMsgOut, SockAddrStorage};

/// A header with this room for address and control data.
fn room(name: u32, control: usize) -> MsgHdr {
    let nowhere = core::ptr::null_mut::<SockAddrStorage>();
    MsgHdr::default().from(nowhere, name).control(core::ptr::null_mut(), control)
}

fn buffer(header: [u32; 4], rest: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = header.iter().flat_map(|number| number.to_ne_bytes()).collect();
    bytes.extend(rest);
    bytes
}

#[test]
fn each_part_is_where_its_room_is() {
    let bytes = buffer([2, 3, 4, 0x80], b"AB..CDE.data");
    let out = RecvMsgOut::parse(&bytes, &room(4, 4)).unwrap();
    assert_eq!((out.name_data(), out.control_data(), out.payload_data()), (&b"AB"[..], &b"CDE"[..], &b"data"[..]));
    assert_eq!((out.incoming_name_len(), out.incoming_control_len(), out.incoming_payload_len()), (2, 3, 4));
    assert_eq!(out.flags(), MsgFlags::EOR);
    let truncated = [out.is_name_data_truncated(), out.is_control_data_truncated(), out.is_payload_truncated()];
    assert_eq!(truncated, [false; 3]);
}

#[test]
fn what_had_no_room_is_said_to_be_cut() {
    let bytes = buffer([9, 4, 100, 0x8 | 0x20], b"ABCDEFGHdata");
    let out = RecvMsgOut::parse(&bytes, &room(4, 4)).unwrap();
    assert_eq!((out.name_data(), out.control_data(), out.payload_data()), (&b"ABCD"[..], &b"EFGH"[..], &b"data"[..]));
    assert_eq!((out.incoming_name_len(), out.incoming_payload_len()), (9, 100));
    let truncated = [out.is_name_data_truncated(), out.is_control_data_truncated(), out.is_payload_truncated()];
    assert_eq!(truncated, [true; 3]);
}

#[test]
fn a_buffer_too_short_for_its_room_is_none() {
    let bytes = buffer([0; 4], &[0; 8]);
    assert!(RecvMsgOut::parse(&bytes, &room(4, 4)).is_some());
    assert!(RecvMsgOut::parse(&bytes, &room(4, 5)).is_none());
    assert!(RecvMsgOut::parse(&bytes, &room(9, 0)).is_none());
    assert!(RecvMsgOut::parse(&bytes, &room(4, usize::MAX)).is_none());
    assert!(RecvMsgOut::parse(&bytes, &room(u32::MAX, 0)).is_none());
    assert!(RecvMsgOut::parse(&bytes[..15], &room(0, 0)).is_none());
    assert!(RecvMsgOut::parse(&[], &room(0, 0)).is_none());
    assert!(RecvMsgOut::parse(&bytes[..16], &room(0, 0)).is_some());
}

/// Name, control data and payload, byte by byte in wide numbers.
fn oracle(bytes: &[u8], name_room: u32, control_room: usize) -> Option<[Vec<u8>; 3]> {
    let (name_room, control_room, len) = (u128::from(name_room), control_room as u128, bytes.len() as u128);
    if name_room > 0x7fff_ffff || len < 16 + name_room + control_room {
        return None;
    }
    let number = |at: usize| u128::from(u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]));
    let (mut name, mut control, mut payload) = (Vec::new(), Vec::new(), Vec::new());
    for (at, &byte) in bytes.iter().enumerate() {
        let at = at as u128;
        if at < 16 {
            continue;
        } else if at < 16 + name_room {
            if at - 16 < number(0) {
                name.push(byte);
            }
        } else if at < 16 + name_room + control_room {
            if at - 16 - name_room < number(4) {
                control.push(byte);
            }
        } else if at - 16 - name_room - control_room < number(8) {
            payload.push(byte);
        }
    }
    Some([name, control, payload])
}

#[test]
fn random_bytes_are_taken_apart_as_a_naive_reading_does() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut parsed = 0;
    for round in 0..200_000 {
        let mut bytes: Vec<u8> = (0..random() % 64).map(|_| random().to_le_bytes()[3]).collect();
        // Half of them with lengths that are near the truth.
        if round % 2 == 0 && bytes.len() >= 16 {
            for at in [0, 4, 8] {
                let near = (random() % 40) as u32;
                bytes[at..at + 4].copy_from_slice(&near.to_ne_bytes());
            }
        }
        let (name, control) = match random() % 8 {
            0 => (random() as u32, random() as usize),
            1 => (0, 0),
            _ => ((random() % 24) as u32, (random() % 24) as usize),
        };
        // An allocation exactly as long, so that a tool that watches memory sees the byte beyond.
        let exact = bytes.clone().into_boxed_slice();
        let out = RecvMsgOut::parse(&exact, &room(name, control));
        let ours = out.map(|out| [out.name_data(), out.control_data(), out.payload_data()].map(<[u8]>::to_vec));
        assert_eq!(ours, oracle(&bytes, name, control), "{bytes:?}, {name}, {control}");
        parsed += u32::from(ours.is_some());
    }
    assert!(parsed > 50_000, "{parsed}");
}

/// A name is cut only if it is longer than its room.
#[test]
fn a_name_that_just_fits_is_not_cut() {
    for (length, cut) in [(3, false), (4, false), (5, true)] {
        let bytes = buffer([length, 0, 0, 0], b"name");
        let message = room(4, 0);
        let out = RecvMsgOut::parse(&bytes, &message).unwrap();
        assert_eq!((out.is_name_data_truncated(), out.incoming_name_len()), (cut, length));
        assert_eq!(out.name_data(), &b"name"[..4.min(length as usize)]);
    }
}
