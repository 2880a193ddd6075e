//! Buffers of a multishot `recvmsg`: any bytes, and any room for name and control data.
#![no_main]

use bare_uring::types::{MsgHdr, RecvMsgOut, SockAddr};
use bare_uring_fuzz::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::new(data);
    let (name, control) = (bytes.u32(), bytes.u64() as usize);
    let message = MsgHdr::default().from(core::ptr::null_mut(), name).control(core::ptr::null_mut(), control);
    let buffer = bytes.rest();
    let Some(out) = RecvMsgOut::parse(buffer, &message) else {
        let room = u128::from(name) + control as u128 + 16;
        assert!(name > i32::MAX as u32 || room > buffer.len() as u128, "refused though there is room");
        return;
    };
    let (name_room, all) = (name as usize, 16 + name as usize + control);
    assert_eq!(out.name_data(), &buffer[16..16 + out.name_data().len()]);
    assert_eq!(out.control_data(), &buffer[16 + name_room..][..out.control_data().len()]);
    assert_eq!(out.payload_data(), &buffer[all..][..out.payload_data().len()]);
    assert_eq!(out.name_data().len(), name_room.min(out.incoming_name_len() as usize));
    assert_eq!(out.control_data().len(), control.min(out.incoming_control_len() as usize));
    assert_eq!(out.payload_data().len(), (buffer.len() - all).min(out.incoming_payload_len() as usize));
    assert_eq!(out.is_name_data_truncated(), out.incoming_name_len() > name);
    let _ = (out.is_control_data_truncated(), out.is_payload_truncated(), out.flags());
    if let Some(address) = SockAddr::from_bytes(out.name_data()) {
        let _ = (address.to_ip(), address.to_unix());
    }
});
