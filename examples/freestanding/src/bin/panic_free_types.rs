//! `panic_free_types`: calls what `panic_free` does not, the small types of requests and completions, so that the link
//! proves them free of panics (see [`freestanding::panic`]). The compiler knows none of the values.
//!
//! The exit status is 0 if a real ring's completions could be read without an error.
#![no_std]
#![no_main]

use core::hint::black_box as any;
use core::mem::MaybeUninit;
use core::net::SocketAddr;
use core::ptr::{null, null_mut};
use core::time::Duration;

use bare_uring::types::{
    AddressFamily, AtFlags, AttrPi, DestinationSlot, EpollEvent, EpollOp, FallocateFlags, FileAdvice, FutexFlags,
    FutexWaitV, IntegrityFlags, MemoryAdvice, MsgFlags, MsgHdr, OpenFlags, OpenHow, PollEvents, RecvMsgOut,
    RenameFlags, ResolveFlags, RwFlags, ShutdownHow, SigInfo, Sigset, SockAddr, SocketFlags, SocketType, SpliceFlags,
    StatxMask, SubmitArgs, SyncFileRangeFlags, Timespec, WaitOptions, XattrFlags,
};
use bare_uring::uapi::io_uring_params;
use bare_uring::{
    Adapted, Builder, Errno, IoUring, Kernel, Linux, Parameters, Quirks, RingMemory, SetupFlags, cqueue, opcode, squeue,
};
use freestanding::Args;

freestanding::entry!(main);

/// Numbers at which arithmetic may go wrong.
const ODD: [u32; 6] = [0, 1, 15, 0x7fff_ffff, 0x8000_0000, u32::MAX];

fn main(_args: Args) -> u8 {
    let mut sum = 0_u64;
    for odd in any(ODD) {
        sum = sum
            .wrapping_add(types(odd))
            .wrapping_add(numbers(odd))
            .wrapping_add(entries(odd))
            .wrapping_add(addresses(odd))
            .wrapping_add(message(odd))
            .wrapping_add(sets(odd))
            .wrapping_add(set_up(odd));
    }
    any(sum);
    u8::from(completions().is_err())
}

/// Calls the types that only carry values.
fn types(odd: u32) -> u64 {
    let time = Timespec::new(i64::from(odd), odd);
    let args = SubmitArgs::new().timespec(&time).absolute();
    any(&args);
    let attribute = AttrPi::new(null_mut(), any(odd)).app_tag(odd as u16).seed(u64::from(odd));
    let attribute = attribute.flags(IntegrityFlags::CHK_GUARD);
    any(&attribute);
    let how = OpenHow::new().flags(OpenFlags(odd)).mode(odd).resolve(ResolveFlags(odd));
    any(&how);
    let event = EpollEvent::new(PollEvents(odd), u64::from(odd));
    let info = SigInfo::new();
    let numbers = [info.signal(), info.code(), info.pid(), info.uid().cast_signed(), info.status()];
    let errno = Errno::from_raw(odd as u16).or(Errno::from_result(odd.cast_signed()));
    let name = errno.map_or(0, |errno| errno.name().map_or(0, str::len));
    let (small, large) = (any(opcode::Nop::new().build()), any(opcode::Nop128::new().build()));
    let large = large.user_data(u64::from(odd)).flags(any(squeue::Flags::ASYNC)).personality(odd as u16);
    // SAFETY: the entry is never given to a kernel.
    let other = unsafe { squeue::LargeEntry::new_unchecked(any(squeue::Entry128::from(small))) };
    let known = squeue::LargeEntry::new(any(squeue::Entry128::from(other))).is_some();
    let bytes = small.to_bytes().iter().chain(&large.to_bytes()).map(|&byte| u64::from(byte)).sum::<u64>();
    numbers.iter().map(|&number| u64::from(number.cast_unsigned())).sum::<u64>()
        ^ event.data()
        ^ u64::from(event.events().0)
        ^ name as u64
        ^ bytes
        ^ u64::from(known)
        ^ small.get_user_data()
        ^ large.get_user_data()
        ^ u64::from(large.opcode())
        ^ (time.seconds() ^ time.nanoseconds()).cast_unsigned()
}

/// Converts the kernel's numbers to types and back, and combines flags.
fn numbers(odd: u32) -> u64 {
    macro_rules! from_both {
        ($($type:ident),*) => { 0 $(^ $type::from(odd).0 ^ any($type::from(odd.cast_signed())).0)* };
    }
    let same = from_both!(
        AddressFamily,
        AtFlags,
        EpollOp,
        FallocateFlags,
        FileAdvice,
        FutexFlags,
        MemoryAdvice,
        MsgFlags,
        OpenFlags,
        PollEvents,
        RenameFlags,
        RwFlags,
        ShutdownHow,
        SocketFlags,
        SocketType,
        SpliceFlags,
        StatxMask,
        SyncFileRangeFlags,
        WaitOptions,
        XattrFlags
    );
    let resolve = ResolveFlags::from(odd).0 ^ ResolveFlags::from(odd.cast_signed()).0;
    let futex = FutexFlags(odd).with(any(FutexFlags::PRIVATE));
    let joined = [
        futex.0,
        MsgFlags(odd).with(any(MsgFlags::DONTWAIT)).0,
        SocketFlags(odd).with(any(SocketFlags::CLOEXEC)).0,
        WaitOptions(odd).with(any(WaitOptions::EXITED)).0,
        AtFlags(odd).with(any(AtFlags::EMPTY_PATH)).0,
        FallocateFlags(odd).with(any(FallocateFlags::KEEP_SIZE)).0,
        OpenFlags(odd).with(any(OpenFlags::CREAT)).0,
        RenameFlags(odd).with(any(RenameFlags::EXCHANGE)).0,
        ResolveFlags(odd).with(any(ResolveFlags::BENEATH)).0,
        RwFlags(odd).with(any(RwFlags::APPEND)).0,
        StatxMask(odd).with(any(StatxMask::SIZE)).0,
        SyncFileRangeFlags(odd).with(any(SyncFileRangeFlags::WRITE)).0,
        XattrFlags(odd).with(any(XattrFlags::CREATE)).0,
    ];
    any((Sigset::EMPTY.with(odd), FutexWaitV::new(null(), u64::from(odd), futex), DestinationSlot::at(odd)));
    let time = Timespec::from(any(Duration::from_millis(u64::MAX - u64::from(odd))));
    let address = SockAddr::from(any(SocketAddr::from(([127, 0, 0, 1], odd as u16))));
    any(address.as_ptr());
    u64::from(joined.iter().fold(same ^ resolve, |sum, &flags| sum ^ flags)) ^ time.seconds().cast_unsigned()
}

/// Makes entries of both sizes, and sets what every request has.
fn entries(odd: u32) -> u64 {
    let small = any(opcode::Nop::new().build());
    let large = squeue::Entry128::from_bytes(any([odd as u8; 128]));
    let large = large.flags(any(squeue::Flags::ASYNC)).personality(odd as u16).user_data(u64::from(odd));
    u64::from(small.opcode() ^ large.opcode()) ^ large.get_user_data()
}

/// Reads addresses of any length, as a peer or the kernel may have written them.
fn addresses(odd: u32) -> u64 {
    let bytes = any([odd as u8; 130]);
    let part = bytes.get(..any(odd as usize & 0xff)).unwrap_or(&bytes);
    let mut sum = 0;
    for address in
        [SockAddr::from_bytes(part), SockAddr::unix(part), SockAddr::unix_abstract(part)].into_iter().flatten()
    {
        let mut address = any(address);
        let ip = address.to_ip().map_or(0, |ip: SocketAddr| u64::from(ip.port()));
        let unix = address.to_unix().map_or(0, |path| path.len() as u64);
        sum ^= ip ^ unix ^ u64::from(address.storage().data().iter().fold(0_u8, |sum, &byte| sum ^ byte));
        sum ^= u64::from(address.storage().family() == bare_uring::types::AddressFamily::UNIX);
        let (_, len) = address.out();
        // SAFETY: the pointer is to `address`, which only this function uses.
        unsafe { len.write(any(odd)) };
        sum ^= u64::from(address.len()) ^ address.to_unix().map_or(0, |path| path.len() as u64);
    }
    sum
}

/// Parses a message whose header may claim any lengths.
fn message(odd: u32) -> u64 {
    let room = MsgHdr::new(null(), any(odd as usize))
        .to(null(), odd)
        .from(null_mut(), any(odd))
        .control(null_mut(), any(odd as usize));
    let sizes = room.flags().0 as usize ^ room.name_len() as usize ^ room.control_len();
    let bytes = any([odd as u8; 200]);
    let part = bytes.get(..any(odd as usize & 0xff)).unwrap_or(&bytes);
    RecvMsgOut::parse(part, &room).map_or(sizes as u64, |out| {
        let lengths = [out.name_data().len(), out.control_data().len(), out.payload_data().len()];
        let told = [out.incoming_name_len(), out.incoming_control_len(), out.incoming_payload_len()];
        let cut = [out.is_name_data_truncated(), out.is_control_data_truncated(), out.is_payload_truncated()];
        lengths.iter().sum::<usize>() as u64
            ^ told.iter().map(|&len| u64::from(len)).sum::<u64>()
            ^ cut.iter().filter(|&&cut| cut).count() as u64
            ^ u64::from(out.flags().0)
    })
}

/// Calls the functions of a set of flags. One macro makes all such sets.
fn sets(odd: u32) -> u64 {
    let (one, other) = (SetupFlags::from_bits_truncate(odd), any(SetupFlags::all()).difference(SetupFlags::IOPOLL));
    let mut set = SetupFlags::from_bits(odd).unwrap_or(SetupFlags::empty());
    set.insert(one.intersection(other));
    set.remove(one.symmetric_difference(other));
    set.toggle(any(one.union(other).complement()));
    set.set(any(SetupFlags::CLAMP), one.intersects(other) || set.is_all());
    let named = SetupFlags::from_name(any("IOPOLL")).map_or(0, |flag| flag.bits());
    let names = set.iter_names().map(|(name, flag)| name.len() as u64 ^ u64::from(flag.bits())).sum::<u64>();
    u64::from(set.iter().fold(named, |sum, flag| sum ^ flag.bits())) ^ names
}

/// Builds rings with set-ups that the kernel refuses, or that contradict themselves.
fn set_up(odd: u32) -> u64 {
    let mut builder: Builder = Builder::new();
    builder.setup_flags(SetupFlags::from_bits_retain(any(odd))).setup_attach_wq(any(-1)).setup_sqpoll_cpu(odd);
    builder.setup_iopoll().setup_hybrid_iopoll().setup_coop_taskrun().setup_taskrun_flag().setup_submit_all();
    builder.setup_no_sqarray().setup_sq_rewind().setup_fastest();
    let refused = builder
        .build_with(Linux, any(odd))
        .map_or_else(|error| error.errno().raw() ^ u16::from(error.is_unavailable()), |_| 1);
    let nothing = || any(RingMemory { rings: &mut [], sqes: &mut [] });
    let short = builder.build_provided_with(Linux, any(8), nothing()).is_ok();
    let shorter = builder.build_registered_with(Linux, any(8), nothing()).is_ok();
    // SAFETY: all fields of the structure are numbers.
    let params: io_uring_params = unsafe { core::mem::zeroed() };
    let params = Parameters::from_raw(any(*Parameters::from_raw(any(params)).as_raw()));
    // SAFETY: no file descriptor has this number, so no ring is taken over.
    let taken = unsafe { IoUring::<squeue::Entry, cqueue::Entry>::from_fd_with(Linux, any(-1), params) };
    let size = builder.memory_size(odd).map_or(0, |size| size.rings as u64);
    let word = Quirks { empty_enter_fails: true, timed_waits_unsaid: true, long_masks: true };
    for kernel in any([Adapted::new(Linux), Adapted::with(Linux, word)]) {
        let ring = IoUring::<squeue::Entry, cqueue::Entry, _>::with_kernel(kernel, any(2));
        any(ring.map_or(word, |ring| {
            let mask = any(Sigset::EMPTY);
            let _ = ring.submitter().wait_with_args(any(0), &SubmitArgs::new().sigmask(&mask));
            // SAFETY: no operation has this number, so that the argument is not looked at.
            let _ = unsafe { ring.kernel().register(any(-1), any(77), core::ptr::null_mut(), 0) };
            ring.kernel().quirks()
        }));
    }
    size ^ u64::from(refused) ^ u64::from(params.sq_thread_idle()) ^ u64::from(taken.is_ok() | short | shorter)
}

/// Calls every function of a real ring's completions.
fn completions() -> Result<(), Errno> {
    let ring: Result<IoUring<squeue::Entry, cqueue::Entry32>, _> =
        IoUring::<squeue::Entry, cqueue::Entry32>::builder().build(4);
    let mut ring = ring.map_err(|error| error.errno())?;
    any((ring.kernel(), ring.submitter().params(), IoUring::new(any(1)).is_ok()));
    for user_data in any(0..3_u64) {
        // SAFETY: the request points to nothing.
        let _ = unsafe { ring.submission().push(opcode::Nop::new().build().user_data(user_data)) };
    }
    ring.submit_and_wait(3)?;
    let mut queue = ring.completion();
    let _ = queue.disable_eventfd();
    queue.enable_eventfd();
    let mut places = [const { MaybeUninit::uninit() }; 4];
    for cqe in queue.fill(&mut places) {
        let told = [cqe.more(), cqe.notif(), cqe.sock_nonempty(), cqe.zc_copied(), cqe.buffer_id().is_some()];
        any((told, cqe.poll_events().is_ok(), cqe.tx_timestamp()));
        cqe.outcome()?;
    }
    Ok(())
}
