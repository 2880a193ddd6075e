//! The events of epoll.

use core::mem::{offset_of, size_of};

use linux_raw_sys::general::epoll_event;

use crate::flags::PollEvents;

/// The events of one file of an epoll set, and the value that comes with them (`struct epoll_event`).
///
/// The structure has 12 bytes without padding on x86_64, as the kernel has it there, and 16 bytes elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[doc(alias = "epoll_event")]
#[cfg_attr(target_arch = "x86_64", repr(C, packed))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C))]
pub struct EpollEvent {
    events: u32,
    data: u64,
}

impl EpollEvent {
    /// Makes an event from `EPOLL*` bits and a value of the caller's.
    #[must_use]
    pub const fn new(events: PollEvents, data: u64) -> Self {
        Self { events: events.0, data }
    }

    /// Returns the events, including unknown ones.
    #[must_use]
    pub const fn events(&self) -> PollEvents {
        PollEvents(self.events)
    }

    /// Returns the value that was given when the file was added.
    #[must_use]
    pub const fn data(&self) -> u64 {
        self.data
    }
}

const _: () = {
    assert!(size_of::<EpollEvent>() == size_of::<epoll_event>());
    assert!(align_of::<EpollEvent>() == align_of::<epoll_event>());
    assert!(offset_of!(EpollEvent, events) == offset_of!(epoll_event, events));
    assert!(offset_of!(EpollEvent, data) == offset_of!(epoll_event, data));
    // 32-bit x86 aligns 64-bit integers to 4 bytes.
    assert!(size_of::<EpollEvent>() == if cfg!(any(target_arch = "x86_64", target_arch = "x86")) { 12 } else { 16 });
};
