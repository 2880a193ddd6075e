//! Busy polling (NAPI): a wait on the ring first polls the network card's receive queues itself.

use core::mem::{offset_of, size_of};
use core::ptr::from_mut;

use crate::error::Errno;
use crate::kernel::Kernel;
use crate::submitter::Submitter;
use crate::uapi::io_uring_napi;
use crate::uapi::io_uring_napi_op::{
    IO_URING_NAPI_REGISTER_OP, IO_URING_NAPI_STATIC_ADD_ID, IO_URING_NAPI_STATIC_DEL_ID,
};
use crate::uapi::io_uring_napi_tracking_strategy::{
    IO_URING_NAPI_TRACKING_DYNAMIC, IO_URING_NAPI_TRACKING_INACTIVE, IO_URING_NAPI_TRACKING_STATIC,
};
use crate::uapi::io_uring_register_op::{IORING_REGISTER_NAPI, IORING_UNREGISTER_NAPI};

/// The source of the list of receive queues that a wait polls (`enum io_uring_napi_tracking_strategy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "io_uring_napi_tracking_strategy")]
#[repr(transparent)]
pub struct NapiTracking(pub u32);

impl NapiTracking {
    /// Tracks the sockets that the ring's requests use. The kernel drops a queue that was not used for a minute. Since
    /// 6.9.
    #[doc(alias = "IO_URING_NAPI_TRACKING_DYNAMIC")]
    pub const DYNAMIC: Self = Self(IO_URING_NAPI_TRACKING_DYNAMIC as u32);
    /// Polls only the queues of [`register_napi_id`](crate::Submitter::register_napi_id). Since 6.13.
    #[doc(alias = "IO_URING_NAPI_TRACKING_STATIC")]
    pub const STATIC: Self = Self(IO_URING_NAPI_TRACKING_STATIC as u32);
    /// Means that there is no busy polling. The kernel reports this value, and refuses it as an argument (`EINVAL`).
    /// Since 6.13.
    #[doc(alias = "IO_URING_NAPI_TRACKING_INACTIVE")]
    pub const INACTIVE: Self = Self(IO_URING_NAPI_TRACKING_INACTIVE as u32);
}

/// How a ring polls (`struct io_uring_napi`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "io_uring_napi")]
pub struct Napi {
    /// How long a wait polls before it sleeps, in microseconds. The kernel cuts it to 10,000.
    // kernel: io_uring/napi.c io_napi_register_napi (7.3): the time is cut to 10,000 microseconds, and the list of
    // queues is emptied.
    pub busy_poll_usec: u32,
    /// Whether the card's interrupts stay off meanwhile, where the card can do that (`SO_PREFER_BUSY_POLL`).
    pub prefer_busy_poll: bool,
    /// Which receive queues a wait polls.
    pub tracking: NapiTracking,
}

impl Napi {
    const fn from_raw(raw: &io_uring_napi) -> Self {
        Self {
            busy_poll_usec: raw.busy_poll_to,
            prefer_busy_poll: raw.prefer_busy_poll != 0,
            tracking: NapiTracking(raw.op_param),
        }
    }
}

/// Makes the kernel's structure, in which the opcode decides the meaning of the parameter.
const fn raw(opcode: u8, parameter: u32) -> io_uring_napi {
    io_uring_napi { busy_poll_to: 0, prefer_busy_poll: 0, opcode, pad: [0; 2], op_param: parameter, resv: 0 }
}

impl<K: Kernel> Submitter<'_, K> {
    /// Makes waits poll with the settings in `napi`, and then stores the previous settings there. Since 6.9.
    ///
    /// Each call empties the list of receive queues.
    ///
    /// # Errors
    ///
    /// After an error `napi` is as it was. `EINVAL`: the ring is IOPOLL, the tracking is neither dynamic nor static, or
    /// the kernel is older (than 6.13 for static). `EOPNOTSUPP`: the kernel was built without busy polling.
    #[doc(alias = "IORING_REGISTER_NAPI")]
    #[doc(alias = "IO_URING_NAPI_REGISTER_OP")]
    #[doc(alias = "io_uring_register_napi")]
    pub fn register_napi(&self, napi: &mut Napi) -> Result<(), Errno> {
        let mut argument = io_uring_napi {
            busy_poll_to: napi.busy_poll_usec,
            prefer_busy_poll: u8::from(napi.prefer_busy_poll),
            ..raw(IO_URING_NAPI_REGISTER_OP as u8, napi.tracking.0)
        };
        // After an error the caller's value stays as it was, though the argument was written to.
        // kernel: io_uring/napi.c io_register_napi (7.3): the previous settings are written back before the new ones
        // are checked, also where these are then refused.
        self.napi(IORING_REGISTER_NAPI as u32, &mut argument)?;
        *napi = Napi::from_raw(&argument);
        Ok(())
    }

    /// Ends busy polling, and returns the previous settings. Succeeds also if the ring does no busy polling. Since 6.9.
    ///
    /// The kernel does not report the tracking here: the field is always [`NapiTracking::DYNAMIC`].
    ///
    /// # Errors
    ///
    /// `EINVAL`: the kernel is older. `EOPNOTSUPP`: the kernel was built without busy polling.
    #[doc(alias = "IORING_UNREGISTER_NAPI")]
    #[doc(alias = "io_uring_unregister_napi")]
    pub fn unregister_napi(&self) -> Result<Napi, Errno> {
        // kernel: io_uring/napi.c io_unregister_napi (7.3): leaves the tracking out of the settings that it writes
        // back.
        // kernel: io_uring/register.c __io_uring_register (7.3): any count but 1 is EINVAL for this operation.
        let mut argument = raw(IO_URING_NAPI_REGISTER_OP as u8, 0);
        self.napi(IORING_UNREGISTER_NAPI as u32, &mut argument)?;
        Ok(Napi::from_raw(&argument))
    }

    /// Adds a receive queue by its NAPI id (`SO_INCOMING_NAPI_ID` of a socket), under static tracking. Since 6.13.
    ///
    /// The kernel does not check whether such a queue exists.
    ///
    /// # Errors
    ///
    /// `EINVAL`: the tracking is not static, the number is too small for a NAPI id, or the kernel is older. `EEXIST`:
    /// the queue is on the list already. `ENOMEM`: no memory. `EOPNOTSUPP`: the kernel was built without busy polling.
    #[doc(alias = "IO_URING_NAPI_STATIC_ADD_ID")]
    pub fn register_napi_id(&self, id: u32) -> Result<(), Errno> {
        self.napi(IORING_REGISTER_NAPI as u32, &mut raw(IO_URING_NAPI_STATIC_ADD_ID as u8, id))
    }

    /// Removes a receive queue from the list. Since 6.13.
    ///
    /// # Errors
    ///
    /// `EINVAL`: the tracking is not static, the number is too small for a NAPI id, or the kernel is older. `ENOENT`:
    /// the queue is not on the list. `EOPNOTSUPP`: the kernel was built without busy polling.
    #[doc(alias = "IO_URING_NAPI_STATIC_DEL_ID")]
    pub fn unregister_napi_id(&self, id: u32) -> Result<(), Errno> {
        self.napi(IORING_REGISTER_NAPI as u32, &mut raw(IO_URING_NAPI_STATIC_DEL_ID as u8, id))
    }

    fn napi(&self, operation: u32, argument: &mut io_uring_napi) -> Result<(), Errno> {
        // SAFETY: the argument is the operation's own structure, which the kernel reads and writes during the call
        // only.
        unsafe { self.register(operation, from_mut(argument).cast(), 1) }.map(drop)
    }
}

const _: () = {
    assert!(size_of::<io_uring_napi>() == 16);
    assert!(offset_of!(io_uring_napi, prefer_busy_poll) == 4);
    assert!(offset_of!(io_uring_napi, opcode) == 5);
    assert!(offset_of!(io_uring_napi, op_param) == 8);
};
