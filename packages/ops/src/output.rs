//! What operations give: one type for each form of a result.

use bare_uring::Errno;
use bare_uring::types::{AddressFamily, SockAddr, StatxBuffer};

use crate::buffer::Buffer;
use crate::file::File;
use crate::message::Message;
use crate::options::OptionValue;
use crate::passed::Passed;
use crate::slot::Slot;

/// What an operation gives: nothing but a number, as `Result<u32, Errno>`.
#[derive(Debug)]
pub enum Done {}
/// What an operation gives: the number of bytes that were moved, and in any case its buffer, as
/// `(Result<usize, Errno>, Buffer)`.
#[derive(Debug)]
pub enum Moved {}
/// What an operation gives: a new file, as `Result<File, Errno>`.
#[derive(Debug)]
pub enum Made {}
/// What an operation gives: what there is to know about a file, as `Result<StatxBuffer, Errno>`.
#[derive(Debug)]
pub enum Stated {}
/// What an operation gives: the two ends of a pipe, first the one to read from, as `Result<(File, File), Errno>`.
#[derive(Debug)]
pub enum Piped {}

/// What an operation gives: a connection and the address of its other side, as `Result<(File, SockAddr), Errno>`.
#[derive(Debug)]
pub enum Accepted {}
/// What an operation gives: the address of a socket, as `Result<SockAddr, Errno>`.
#[derive(Debug)]
pub enum Named {}
/// What an operation gives: the value of an option, as `Result<T, Errno>`.
#[derive(Debug)]
pub struct Got<T>(core::marker::PhantomData<T>, core::convert::Infallible);
/// What an operation gives: what came with a message, and in any case its buffer, as
/// `(Result<Message, Errno>, Buffer)`.
#[derive(Debug)]
pub enum Received {}

pub(crate) mod sealed {
    use super::{Buffer, Errno, Slot};

    pub trait Kind {
        type Output;

        /// Takes the result out of the slot of an operation that has completed.
        fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output>;

        /// Makes the result of an operation that found no room.
        fn refuse(errno: Errno, buffer: Option<Buffer>) -> Option<Self::Output>;
    }
}

/// The kinds of operation, by what they give: [`Done`], [`Moved`], [`Made`], [`Stated`], [`Piped`], [`Accepted`], [`Named`],
/// [`Got`], [`Received`].
pub trait Kind: sealed::Kind {}
impl<T: sealed::Kind> Kind for T {}

impl sealed::Kind for Done {
    type Output = Result<u32, Errno>;

    fn take(_: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome)
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Kind for Moved {
    type Output = (Result<usize, Errno>, Buffer);

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some((outcome.map(|count| count as usize), slot.buffer.take()?))
    }

    fn refuse(errno: Errno, buffer: Option<Buffer>) -> Option<Self::Output> {
        Some((Err(errno), buffer?))
    }
}

impl sealed::Kind for Made {
    type Output = Result<File, Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome.and_then(|_| slot.made.take().ok_or(Errno::EBADF)))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Kind for Stated {
    type Output = Result<StatxBuffer, Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        // SAFETY: only `Slab::stat` makes such an operation, with `Argument::stat`, and it has completed, since there
        // is an outcome.
        Some(outcome.map(|_| unsafe { slot.stat() }))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Kind for Piped {
    type Output = Result<(File, File), Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome.and_then(|_| slot.made.take().zip(slot.other.take()).ok_or(Errno::EBADF)))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Kind for Accepted {
    type Output = Result<(File, SockAddr), Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome.and_then(|_| {
            // SAFETY: only `Slab::accept_from` makes such an operation, with `Parts::address`, and it has completed, since
            // there is an outcome.
            let address = unsafe { slot.address() };
            Ok((slot.made.take().ok_or(Errno::EBADF)?, address))
        }))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Kind for Named {
    type Output = Result<SockAddr, Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome.and_then(|_| {
            // SAFETY: only `Slab::own_address` and `Slab::peer_address` make such an operation, with `Parts::address`, and it
            // has completed, since there is an outcome.
            let address = unsafe { slot.address() };
            // `/dev/null` takes every command, and does nothing (6.18).
            if address.storage().family() == AddressFamily(0) { Err(Errno::ENOTSOCK) } else { Ok(address) }
        }))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl<T: OptionValue> sealed::Kind for Got<T> {
    type Output = Result<T, Errno>;

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        Some(outcome.and_then(|len| {
            // SAFETY: only `Slab::option` makes such an operation, with `Argument::option`, and it has completed, since there
            // is an outcome.
            let bytes = unsafe { slot.option() };
            bytes.get(..len as usize).and_then(T::read).ok_or(Errno::EINVAL)
        }))
    }

    fn refuse(errno: Errno, _: Option<Buffer>) -> Option<Self::Output> {
        Some(Err(errno))
    }
}

impl sealed::Kind for Received {
    type Output = (Result<Message, Errno>, Buffer);

    fn take(slot: &Slot, outcome: Result<u32, Errno>) -> Option<Self::Output> {
        let buffer = slot.buffer.take()?;
        let socket = slot.file.take();
        // The places that no file has come to go back with this value, if the operation has failed.
        let files = Passed::new(socket.as_ref()?.table(), &slot.backlog);
        slot.file.set(socket);
        let message = outcome.map(|count| {
            // SAFETY: only `Slab::receive_message` makes such an operation, with `Parts::incoming`, and it has completed, since
            // there is an outcome.
            let (from, flags, control) = unsafe { slot.with_envelope(|envelope| envelope.came()) };
            Message { count: count as usize, from, flags, control, files }
        });
        Some((message, buffer))
    }

    fn refuse(errno: Errno, buffer: Option<Buffer>) -> Option<Self::Output> {
        Some((Err(errno), buffer?))
    }
}
