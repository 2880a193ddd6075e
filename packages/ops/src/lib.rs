//! Safe io_uring operations without an allocator: a fixed slab of operations in static memory. Each owns its buffer and
//! files until it completes.
//!
//! ```
//! use bare_uring::types::OpenHow;
//! use bare_uring::{Builder, Linux};
//! use bare_uring_ops::{Driver, Storage};
//!
//! /// 16 operations and 16 files at a time, 4 buffers of 4096 bytes.
//! static STORAGE: Storage<16, 16, 4, 4096> = Storage::new();
//!
//! # fn first() -> Result<(), Box<dyn core::error::Error>> {
//! let slab = STORAGE.start().expect("the first to start it");
//! let mut driver = Driver::new(slab, Linux, &Builder::new(), 8)?;
//! let text = driver.block_on(async {
//!     let file = slab.open(None, c"Cargo.toml", OpenHow::new()).await?;
//!     let (read, buffer) = slab.read(&file, slab.buffer().expect("one of four"), 0).await;
//!     read.map(|_| buffer)
//! })??;
//! assert!(text.starts_with(b"[package]"));
//! # Ok(())
//! # }
//! # match first() {
//! #     Err(error) if error.is::<bare_uring::SetupError>() => println!("skipped: {error}"),
//! #     outcome => outcome.unwrap(),
//! # }
//! ```
//!
//! - A [`Storage`] is the memory; [`Storage::start`] makes it a [`Slab`], from which everything else comes.
//! - An [`Op`] is a future of one result; a [`Stream`] brings many. The functions of [`Slab`] make both. Two operations
//!   can be [linked](Op::then). They start when they are polled, and the [`Driver`] brings all of them to the kernel in its
//!   next [turn](Driver::turn).
//! - A [`Buffer`] is a piece of the memory; a [`File`] is an open file. Both go back when they are dropped.
//! - Where everything is taken, an operation is refused with `EBUSY`; [`Slab::ready`] and its sisters wait for room.
//!   [`Slab::figures`] tells what is in use.
//! - [`Driver::block_on`] is enough of an executor for one future. Any other executor will do: the waker of the last poll
//!   is called once, when there is something to take. Dropping a handle drops its waker, and does not call it.
//!
//! # Why it is sound
//!
//! The kernel writes to a buffer when it wants to, and looks at no lifetime. A safe interface has to ensure four
//! things.
//!
//! **The memory is there as long as the kernel may write to it.** By [`core::mem::forget`] or in a cycle, a value can
//! go without being dropped, and then the memory that it borrowed is free for others. So no borrow with an end and no
//! destructor can keep memory for the kernel, and this crate relies on neither. What an operation points to lies in a
//! [`Storage`], which lends itself for `'static` and once. This memory is never moved, never freed, and handed out
//! again by the slab alone. (A pinned storage would not do. Pinning keeps memory in place until it is dropped, but lets
//! its owner drop it; that drop would then have to wait for the kernel, perhaps for ever.) A slab is never dropped, for
//! the same reason: there is nothing that its end could safely give back.
//!
//! **Nobody else uses the memory meanwhile.** A buffer moves into its operation and lies in the slot, where no
//! reference to its bytes is made, until the completion takes it out. Everything smaller (times, addresses, a `statx`)
//! lies in the slot as well, and never leaves it. What the user holds is the slot's index.
//!
//! Of a message, the header, its one piece, the address and the control data lie in the slot (an envelope). The header
//! points to the others and to the buffer, and the user sees none of them: what came is copied out after the
//! completion. A buffer that is sent without a copy waits for the notification, which is the last completion of its
//! operation; what was sent is counted at the first one, and the operation is not ready before the last. The flags of a
//! send or receive are taken from a list, because some would let the kernel read the buffer after the end, or write
//! control data in another form. Options and control data are values of types that hold no address, because the kernel
//! would read or write there.
//!
//! The timeouts that count time for limits belong to no slot. They point to constants, and to times in the slab that the
//! kernel reads while it takes up the request.
//!
//! **A slot is not used again before its operation's last completion.** Three facts about a slot are kept apart: its
//! handle lives, it waits for the driver, the kernel knows its operation. The slot is free when all three are false.
//! Dropping the handle makes one of them false, and asks the kernel to cancel. The slot, its buffer and its files stay
//! reserved until the last completion (without [`MORE`](bare_uring::cqueue::Flags::MORE)). Forgetting the handle leaves
//! that fact true for ever: the slot leaks, and nothing else happens. Completions find their slot by an index and a
//! generation, which changes with each use, and with each further request of a stream. So what belongs to an earlier
//! operation or request (a late cancellation or time limit) reaches nobody.
//!
//! Several buffers of one operation lie in lists of its slot, and the handle knows only their windows. Names (paths, and
//! those of attributes) are copied to the slot, or to one of the slab's buffers, which the slot then owns. A transfer of
//! a whole buffer is operations one after the other: the buffer moves from each into the next one.
//!
//! A stream may make one request after the other in its slot: when it was paused and goes on, when it has a
//! [share](Slab::pieces_at_most) of the provided buffers, and when it asks whether more comes after an empty datagram. The
//! next request is pushed after the last completion of the one before. It names the same file, and no memory but the header
//! of messages in the slot.
//!
//! Two operations that are linked have a slot each, and each slot keeps to this rule for itself. The driver takes both
//! slots in one step, and only while both handles live: so no operation that was dropped is started by the one before it.
//!
//! **A file descriptor means the same file until the kernel has taken the request up.** An operation has a handle of
//! its own to each file that it names, also to the second of two directories. The descriptor is closed, by a request on
//! the same ring, when the last handle is gone; the number can't be another file's before. That holds for the files that a
//! message passes, too. [`Slab::close`] takes the last handle and keeps it in the slot. Once the kernel has the request,
//! nothing else is done with the number: no cancellation, after which nobody would know whether the number is free, and no
//! second close. Descriptors that the kernel writes to the slot (the two of a pipe, those that come with a message) become
//! [`File`]s with the completion, whether or not the handle is there to take them. A pipe has its two places in the table
//! of files from its start. If the table has no place for a descriptor that comes with a message, the slot keeps the
//! number, and stays reserved until the driver has closed it.
//!
//! What this rests on:
//!
//! - The ring is made by [`Driver::new`] and never shown, so that every completion is of a request that the slab has
//!   pushed. (Code that guesses the number of the ring's descriptor needs `unsafe` to send the ring a
//!   [message](bare_uring::register::register_sync_msg).)
//! - A driver that is dropped or forgotten with operations in flight leaves their slots reserved for ever, and the slab
//!   takes no other driver.
//! - The [`Kernel`](bare_uring::Kernel) keeps the contract of that trait. What it says beyond that is not believed: a count
//!   larger than the buffer, a completion of a slot that is free or of another generation, a provided buffer that is not
//!   out, all change nothing that matters.
//! - A slab stays on one thread, because references to it are not `Send`. Only its storage is `Sync`, whose functions any
//!   thread may call.
//!
//! `unsafe` is in six places: [`Storage::start`] and the taking of a [`Group`] (a flag lets one caller come), the bytes of
//! a [`Buffer`], the argument in a slot (with the filling in of an envelope, and the taking of what the kernel wrote
//! there), the driver's push, whose contract the above meets (and its taking of the provided buffer that a completion
//! names), and the push of the requests that try out a kernel without a probe, which point to statics. A user of the crate
//! needs `unsafe` for [`Slab::adopt`] only, which takes a bare number for a file, as `std::os::fd::FromRawFd` does.
//!
//! # What it forbids
//!
//! A buffer is not touched while an operation has it:
//!
//! ```compile_fail,E0382
//! # async fn f(slab: &'static bare_uring_ops::Slab, file: &bare_uring_ops::File, mut buffer: bare_uring_ops::Buffer) {
//! let read = slab.read(file, buffer, 0);
//! buffer.extend(b"meanwhile"); // moved
//! # read.await;
//! # }
//! ```
//!
//! Memory of the stack is no buffer, and neither is a storage that ends:
//!
//! ```compile_fail,E0308
//! # async fn f(slab: &'static bare_uring_ops::Slab, file: &bare_uring_ops::File) {
//! let mut bytes = [0; 512];
//! slab.read(file, &mut bytes, 0).await; // not a `Buffer`
//! # }
//! ```
//!
//! ```compile_fail,E0597
//! let storage = bare_uring_ops::Storage::<8, 8, 8, 512>::new();
//! let slab = storage.start(); // does not live long enough
//! ```
//!
//! Neither the slab nor what comes from it goes to another thread:
//!
//! ```compile_fail,E0277
//! # fn f(slab: &'static bare_uring_ops::Slab) {
//! std::thread::spawn(move || slab.buffer()); // `Slab` is not `Sync`
//! # }
//! ```
//!
//! ```compile_fail,E0277
//! # fn f(buffer: bare_uring_ops::Buffer) {
//! std::thread::spawn(move || drop(buffer));
//! # }
//! ```
//!
//! A message is sent out of buffers of the slab, and what came with one belongs to nobody else:
//!
//! ```compile_fail,E0308
//! # async fn f(slab: &'static bare_uring_ops::Slab, socket: &bare_uring_ops::File, to: core::net::SocketAddr) {
//! slab.send_to(socket, b"bytes of the program", to).await; // not a `Buffer`
//! # }
//! ```
//!
//! ```compile_fail,E0382
//! # async fn f(slab: &'static bare_uring_ops::Slab, socket: &bare_uring_ops::File, buffer: bare_uring_ops::Buffer) {
//! let send = slab.send_zero_copy(socket, buffer, bare_uring::types::MsgFlags(0));
//! assert_eq!(buffer.len(), 0); // moved, until the notification
//! # send.await;
//! # }
//! ```
//!
//! ```compile_fail,E0308
//! # fn f() {
//! // The number of a file descriptor is no file here either.
//! let message = bare_uring_ops::Outgoing::new().files(&[&3]);
//! # }
//! ```
//!
//! ```compile_fail,E0599
//! # fn f(message: bare_uring_ops::Message) {
//! let twice = message.files.clone(); // each file once
//! # }
//! ```
//!
//! The number of a file descriptor is no file, unless the caller answers for it with `unsafe`:
//!
//! ```compile_fail,E0133
//! # fn f(slab: &'static bare_uring_ops::Slab) {
//! let file = slab.adopt(3); // unsafe
//! # }
//! ```
//!
//! A driver belongs to the thread of its slab:
//!
//! ```compile_fail,E0277
//! # fn f(driver: bare_uring_ops::Driver<bare_uring::Linux>) {
//! std::thread::spawn(move || drop(driver));
//! # }
//! ```
//!
//! Buffers that the kernel is provided with live for ever, as storage does:
//!
//! ```compile_fail,E0597
//! # fn f(driver: &mut bare_uring_ops::Driver<bare_uring::Linux>) {
//! let group = bare_uring_ops::Group::<8, 512>::new();
//! let provided = driver.provide(&group); // does not live long enough
//! # }
//! ```
//!
//! A buffer's bytes are not borrowed while it is given away, and no two buffers have the same bytes:
//!
//! ```compile_fail,E0505
//! # async fn f(slab: &'static bare_uring_ops::Slab, file: &bare_uring_ops::File, buffer: bare_uring_ops::Buffer) {
//! let bytes: &[u8] = &buffer;
//! let write = slab.write(file, buffer, 0); // borrowed
//! assert_eq!(bytes, b"as before");
//! # }
//! ```
//!
//! ```compile_fail,E0599
//! # fn f(buffer: bare_uring_ops::Buffer) {
//! let twin = buffer.clone(); // the same bytes twice
//! # }
//! ```
//!
//! A buffer is in one place of one operation:
//!
//! ```compile_fail,E0382
//! # async fn f(slab: &'static bare_uring_ops::Slab, file: &bare_uring_ops::File, buffer: bare_uring_ops::Buffer) {
//! slab.read_vectored(file, [buffer, buffer], 0).await; // moved
//! # }
//! ```
//!
//! ```compile_fail,E0382
//! # async fn f(slab: &'static bare_uring_ops::Slab, file: &bare_uring_ops::File, mut buffer: bare_uring_ops::Buffer) {
//! let whole = slab.write_all(file, buffer, 0);
//! buffer.spare().fill(0); // moved
//! # let _ = whole.await;
//! # }
//! ```
//!
//! The value of an attribute is the operation's, too:
//!
//! ```compile_fail,E0382
//! # use bare_uring::types::XattrFlags;
//! # async fn f(slab: &'static bare_uring_ops::Slab, file: &bare_uring_ops::File, value: bare_uring_ops::Buffer) {
//! let set = slab.fsetxattr(file, c"user.name", value, XattrFlags::CREATE);
//! drop(value); // moved
//! # set.await;
//! # }
//! ```
//!
//! A file that is closed, or whose descriptor was given away, is no file any more:
//!
//! ```compile_fail,E0382
//! # async fn f(slab: &'static bare_uring_ops::Slab, file: bare_uring_ops::File, buffer: bare_uring_ops::Buffer) {
//! let closing = slab.close(file);
//! slab.read(&file, buffer, 0).await; // moved
//! # let _ = closing.await;
//! # }
//! ```
//!
//! ```compile_fail,E0382
//! # fn f(slab: &'static bare_uring_ops::Slab, file: bare_uring_ops::File) {
//! let number = file.into_raw_fd();
//! let sync = slab.fdatasync(&file); // moved
//! # }
//! ```
//!
//! A directory is an open file, and not its number:
//!
//! ```compile_fail,E0308
//! # async fn f(slab: &'static bare_uring_ops::Slab, directory: &bare_uring_ops::File) {
//! # use bare_uring::types::RenameFlags;
//! slab.rename(Some(directory), c"old", Some(&3), c"new", RenameFlags(0)).await; // not a `File`
//! # }
//! ```
//!
//! An operation has one result:
//!
//! ```compile_fail,E0382
//! # async fn f(slab: &'static bare_uring_ops::Slab) {
//! let operation = slab.nop();
//! operation.await;
//! operation.await; // moved
//! # }
//! ```
//!
//! # The operations
//!
//! Functions of [`Slab`], each with the request that it makes, what it gives, the Linux that has it, and the file in
//! `src/requests` that it stands in.
//!
//! | function | request | gives | since | file |
//! |--|--|--|--|--|
//! | [`read`](Slab::read) | [`Read`](bare_uring::opcode::Read) | [`Moved`] | 5.6 | read_write |
//! | [`read_with`](Slab::read_with) | [`Read`](bare_uring::opcode::Read) | [`Moved`] | 5.6 | read_write |
//! | [`read_full`](Slab::read_full) | [`Read`](bare_uring::opcode::Read), again and again | [`Progress`] | 5.6 | read_write |
//! | [`read_vectored`](Slab::read_vectored) | [`Readv`](bare_uring::opcode::Readv) | the count and the [`Buffer`]s | 5.1 | read_write |
//! | [`read_pieces`](Slab::read_pieces) | [`ReadMulti`](bare_uring::opcode::ReadMulti) | [`Stream`] of [`Buffer`] | 6.7 | read_write |
//! | [`write`](Slab::write) | [`Write`](bare_uring::opcode::Write) | [`Moved`] | 5.6 | read_write |
//! | [`write_with`](Slab::write_with) | [`Write`](bare_uring::opcode::Write) | [`Moved`] | 5.6 | read_write |
//! | [`append`](Slab::append) | [`Write`](bare_uring::opcode::Write) | [`Moved`] | 5.6 | read_write |
//! | [`write_all`](Slab::write_all) | [`Write`](bare_uring::opcode::Write), again and again | [`Progress`] | 5.6 | read_write |
//! | [`write_vectored`](Slab::write_vectored) | [`Writev`](bare_uring::opcode::Writev) | the count and the [`Buffer`]s | 5.1 | read_write |
//! | [`fsync`](Slab::fsync) | [`Fsync`](bare_uring::opcode::Fsync) | [`Done`] | 5.1 | file |
//! | [`fdatasync`](Slab::fdatasync) | [`Fsync`](bare_uring::opcode::Fsync) | [`Done`] | 5.1 | file |
//! | [`sync_file_range`](Slab::sync_file_range) | [`SyncFileRange`](bare_uring::opcode::SyncFileRange) | [`Done`] | 5.2 | file |
//! | [`fallocate`](Slab::fallocate) | [`Fallocate`](bare_uring::opcode::Fallocate) | [`Done`] | 5.6 | file |
//! | [`fadvise`](Slab::fadvise) | [`Fadvise`](bare_uring::opcode::Fadvise) | [`Done`] | 5.6 | file |
//! | [`ftruncate`](Slab::ftruncate) | [`Ftruncate`](bare_uring::opcode::Ftruncate) | [`Done`] | 6.9 | file |
//! | [`close`](Slab::close) | [`Close`](bare_uring::opcode::Close) | [`Closing`] | 5.6 | file |
//! | [`open`](Slab::open) | [`OpenAt2`](bare_uring::opcode::OpenAt2) | [`Made`] | 5.6 | path |
//! | [`create`](Slab::create) | [`OpenAt2`](bare_uring::opcode::OpenAt2) | [`Made`] | 5.6 | path |
//! | [`stat`](Slab::stat) | [`Statx`](bare_uring::opcode::Statx) | [`Stated`] | 5.6 | path |
//! | [`stat_at`](Slab::stat_at) | [`Statx`](bare_uring::opcode::Statx) | [`Stated`] | 5.6 | path |
//! | [`rename`](Slab::rename) | [`RenameAt`](bare_uring::opcode::RenameAt) | [`Done`] | 5.11 | path |
//! | [`link`](Slab::link) | [`LinkAt`](bare_uring::opcode::LinkAt) | [`Done`] | 5.15 | path |
//! | [`symlink`](Slab::symlink) | [`SymlinkAt`](bare_uring::opcode::SymlinkAt) | [`Done`] | 5.15 | path |
//! | [`unlink`](Slab::unlink) | [`UnlinkAt`](bare_uring::opcode::UnlinkAt) | [`Done`] | 5.11 | path |
//! | [`mkdir`](Slab::mkdir) | [`MkDirAt`](bare_uring::opcode::MkDirAt) | [`Done`] | 5.15 | path |
//! | [`fsetxattr`](Slab::fsetxattr) | [`FSetXattr`](bare_uring::opcode::FSetXattr) | [`Moved`] | 5.19 | xattr |
//! | [`setxattr`](Slab::setxattr) | [`SetXattr`](bare_uring::opcode::SetXattr) | [`Moved`] | 5.19 | xattr |
//! | [`fgetxattr`](Slab::fgetxattr) | [`FGetXattr`](bare_uring::opcode::FGetXattr) | [`Moved`] | 5.19 | xattr |
//! | [`getxattr`](Slab::getxattr) | [`GetXattr`](bare_uring::opcode::GetXattr) | [`Moved`] | 5.19 | xattr |
//! | [`pipe`](Slab::pipe) | [`Pipe`](bare_uring::opcode::Pipe) | [`Piped`] | 6.16 | pipe |
//! | [`socket`](Slab::socket) | [`Socket`](bare_uring::opcode::Socket) | [`Made`] | 5.19 | socket |
//! | [`set_option`](Slab::set_option) | [`SetSockOpt`](bare_uring::opcode::SetSockOpt) | [`Done`] | 6.7 | options |
//! | [`option`](Slab::option) | [`GetSockOpt`](bare_uring::opcode::GetSockOpt) | [`Got`] | 6.7 | options |
//! | [`bind`](Slab::bind) | [`Bind`](bare_uring::opcode::Bind) | [`Done`] | 6.11 | socket |
//! | [`listen`](Slab::listen) | [`Listen`](bare_uring::opcode::Listen) | [`Done`] | 6.11 | socket |
//! | [`connect`](Slab::connect) | [`Connect`](bare_uring::opcode::Connect) | [`Done`] | 5.5 | socket |
//! | [`accept`](Slab::accept) | [`Accept`](bare_uring::opcode::Accept) | [`Made`] | 5.5 | socket |
//! | [`accept_from`](Slab::accept_from) | [`Accept`](bare_uring::opcode::Accept) | [`Accepted`] | 5.5 | socket |
//! | [`own_address`](Slab::own_address) | [`GetSockName`](bare_uring::opcode::GetSockName) | [`Named`] | 6.19 | socket |
//! | [`peer_address`](Slab::peer_address) | [`GetSockName`](bare_uring::opcode::GetSockName) | [`Named`] | 6.19 | socket |
//! | [`incoming`](Slab::incoming) | [`Accept`](bare_uring::opcode::Accept), multishot | [`Stream`] of [`File`] | 5.19 | socket |
//! | [`shutdown`](Slab::shutdown) | [`Shutdown`](bare_uring::opcode::Shutdown) | [`Done`] | 5.11 | socket |
//! | [`receive`](Slab::receive) | [`Recv`](bare_uring::opcode::Recv) | [`Moved`] | 5.6 | send_receive |
//! | [`send`](Slab::send) | [`Send`](bare_uring::opcode::Send) | [`Moved`] | 5.6 | send_receive |
//! | [`receive_with`](Slab::receive_with) | [`Recv`](bare_uring::opcode::Recv) | [`Moved`] | 5.6 | send_receive |
//! | [`send_with`](Slab::send_with) | [`Send`](bare_uring::opcode::Send) | [`Moved`] | 5.6 | send_receive |
//! | [`send_zero_copy`](Slab::send_zero_copy) | [`SendZc`](bare_uring::opcode::SendZc) | [`Moved`] | 6.0 | send_receive |
//! | [`pieces`](Slab::pieces) | [`Recv`](bare_uring::opcode::Recv), multishot | [`Stream`] of [`Buffer`] | 6.0 | send_receive |
//! | [`pieces_at_most`](Slab::pieces_at_most) | [`Recv`](bare_uring::opcode::Recv), one after the other | [`Stream`] of [`Buffer`] | 5.19 | share |
//! | [`send_to`](Slab::send_to) | [`SendMsg`](bare_uring::opcode::SendMsg) | [`Moved`] | 5.3 | message |
//! | [`send_message`](Slab::send_message) | [`SendMsg`](bare_uring::opcode::SendMsg) | [`Moved`] | 5.3 | message |
//! | [`receive_from`](Slab::receive_from) | [`RecvMsg`](bare_uring::opcode::RecvMsg) | [`Received`] | 5.3 | message |
//! | [`receive_message`](Slab::receive_message) | [`RecvMsg`](bare_uring::opcode::RecvMsg) | [`Received`] | 5.3 | message |
//! | [`datagrams`](Slab::datagrams) | [`RecvMsg`](bare_uring::opcode::RecvMsg), multishot | [`Stream`] of [`Datagram`] | 6.0 | message |
//! | [`timeout`](Slab::timeout) | [`Timeout`](bare_uring::opcode::Timeout) | [`Done`] | 5.4 | timeout |
//! | [`timeout_at`](Slab::timeout_at) | [`Timeout`](bare_uring::opcode::Timeout) | [`Done`] | 5.4 | timeout |
//! | [`nop`](Slab::nop) | [`Nop`](bare_uring::opcode::Nop) | [`Done`] | 5.1 | nop |
//!
//! # Kernels that lack some of them
//!
//! [`Slab::missing`] names the first [`Request`] that the running kernel lacks, with the Linux that brought it. An
//! operation whose request the kernel lacks completes with `EINVAL` (`EOPNOTSUPP` on some kernels), as the kernel refuses
//! it. Four things are done in another way before they are refused: [`open`](Slab::open) takes `OPENAT`,
//! [`send_zero_copy`](Slab::send_zero_copy) copies, [`within`](Op::within) takes a linked timeout where it can't count time
//! itself, and an operation that can't be cancelled is left to end by itself. Without links, a [chain](Op::then) is refused,
//! and nothing of it is done.
//!
//! # The layers
//!
//! A reader may take them from the bottom up; each knows only those before it.
//!
//! | module | its one job |
//! |--|--|
//! | `list` | lists of items by index, which need no memory of their own |
//! | `token` | user data: to which use of which slot a completion belongs |
//! | `timers` | time limits that are spans, measured by ticks of the kernel |
//! | `deadlines` | [`Clock`]; time limits that are points of time |
//! | `waiters` | the waiters for a slot, a buffer or a file, in order |
//! | `known` | [`Request`], [`Missing`]: which requests the kernel has |
//! | `group` | [`Group`]: the memory of provided buffers, and where a filled one waits |
//! | `buffer` | [`Buffer`]: bytes of the static memory with one owner, and the pool that they come from |
//! | `file` | [`File`]: counted handles, and the table of file descriptors |
//! | `control` | [`Control`]: what goes with a message beside bytes, address and files |
//! | `options` | [`SocketOption`]: options by name, with the type of the value |
//! | `passed` | [`Passed`]: files that came with a message |
//! | `message` | [`Outgoing`], [`Message`], [`Datagram`]; and what the kernel reads and writes of a message |
//! | `slot` | the place of one operation: what it owns while the kernel knows it |
//! | `slab` | [`Slab`]: when a slot is taken, started, cancelled, completed and free again |
//! | `figures` | [`Figures`]: what a slab has done and has left |
//! | `ready` | [`Ready`]: waiting for room instead of failing |
//! | `storage` | [`Storage`]: the static memory that becomes a slab |
//! | `ask` | the questions to a kernel: which requests it has |
//! | `driver` | [`Driver`]: the ring, and the one place where the kernel is entered |
//! | `output` | what operations give: [`Done`], [`Moved`], [`Made`], [`Stated`], [`Piped`], [`Accepted`], [`Named`], [`Got`], [`Received`] |
//! | `cancel` | [`Canceller`]: cancelling from elsewhere than the handle |
//! | `op` | [`Op`]: the future of one result |
//! | `linked` | [`Linked`]: the future of two operations, one behind the other |
//! | `closing` | [`Closing`]: the future of how a file was closed |
//! | `vectored` | [`Vectored`]: the future of a read or a write over several buffers |
//! | `whole` | [`Whole`]: the future of a read or a write of a whole buffer, request by request |
//! | `stream` | [`Stream`]: many results of one request |
//! | `requests` | the operations, functions of [`Slab`]: one file for each family |
//! | `ticks` | [`Ticks`]: points of time at one distance from each other |
//!
//! # Features
//!
//! `std`: `Slab::adopt_owned` takes over file descriptors of the standard library, without `unsafe`. Without this feature
//! the crate uses neither `std` nor `alloc`.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(any(test, feature = "std"))]
extern crate std;

mod ask;
mod buffer;
mod cancel;
mod closing;
mod control;
mod deadlines;
mod driver;
mod figures;
mod file;
mod group;
mod known;
mod linked;
mod list;
mod message;
mod op;
mod options;
mod output;
mod passed;
mod ready;
mod requests;
mod slab;
mod slot;
mod storage;
mod stream;
mod ticks;
mod timers;
mod token;
mod vectored;
mod waiters;
mod whole;

pub use buffer::Buffer;
pub use cancel::Canceller;
pub use closing::Closing;
pub use control::{Control, ControlItem, Credentials};
pub use deadlines::Clock;
pub use driver::{Driver, Wait};
pub use figures::{Figures, Usage};
pub use file::{CURRENT, File};
pub use group::Group;
pub use known::{Missing, Request};
pub use linked::Linked;
pub use message::{Datagram, Message, Outgoing};
pub use op::Op;
pub use options::{Both, Get, Linger, Membership, Membership6, Name, OptionValue, Set, SocketOption};
pub use output::{Accepted, Done, Got, Kind, Made, Moved, Named, Piped, Received, Stated};
pub use passed::Passed;
pub use ready::Ready;
pub use slab::Slab;
pub use storage::Storage;
pub use stream::{Item, Next, Stream};
pub use ticks::{NextTick, Ticks};
pub use vectored::Vectored;
pub use whole::{Progress, Whole};
