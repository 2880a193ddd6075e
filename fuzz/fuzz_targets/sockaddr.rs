//! Socket addresses: from bytes, and as a kernel writes them, with any length.
#![no_main]

use bare_uring::types::{SockAddr, SockAddrStorage};
use bare_uring_fuzz::Bytes;
use libfuzzer_sys::fuzz_target;

fn look(address: &SockAddr, known: usize) {
    if let Some(ip) = address.to_ip() {
        let again = SockAddr::from(ip);
        assert_eq!(again.to_ip(), Some(ip));
    }
    if let Some(name) = address.to_unix() {
        assert!(name.len() <= 108 && name.len() + 2 <= known);
        let ours = match name.split_first() {
            None => return,
            Some((0, rest)) => SockAddr::unix_abstract(rest),
            Some(_) => SockAddr::unix(name),
        };
        // A path of 108 bytes has no room for the zero at its end, so the library does not make such an address.
        assert_eq!(ours.as_ref().and_then(SockAddr::to_unix).is_some(), name.len() < 108 || name[0] == 0);
        if let Some(ours) = ours {
            assert_eq!(ours.to_unix(), Some(name));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    match SockAddr::from_bytes(data) {
        Some(address) => {
            assert_eq!(address.len() as usize, data.len());
            look(&address, data.len());
        }
        None => assert!(data.len() < 2 || data.len() > 128),
    }
    let mut bytes = Bytes::new(data);
    let len = bytes.u32();
    let mut address = SockAddr::EMPTY;
    let (storage, length) = address.out();
    // SAFETY: writes as the kernel does: 128 bytes, of which any are a valid address.
    unsafe { storage.write(core::mem::transmute::<[u8; 128], SockAddrStorage>(bytes.array())) };
    // SAFETY: writes as the kernel does: a length.
    unsafe { length.write(len) };
    look(&address, len as usize);
});
