//! Safe io_uring operations without an allocator.
#![no_std]

#[cfg(any(test, feature = "std"))]
extern crate std;

mod buffer;
mod driver;
mod file;
mod group;
mod list;
mod op;
mod requests;
mod slab;
mod storage;
mod stream;
mod token;

pub use buffer::Buffer;
pub use driver::{Driver, Wait};
pub use file::File;
pub use group::Group;
pub use op::{Done, Kind, Made, Moved, Op, Stated};
pub use requests::CURRENT;
pub use slab::Slab;
pub use storage::Storage;
pub use stream::{Item, Next, Stream};
