//! Topics: the settings of a ring (eventfd, probe, personality, clock, workers, busy polling).

use bare_uring::register::{Clock, CpuMask, Napi, NapiTracking, Probe};
use bare_uring::types::{Fd, RawFd};
use bare_uring::uapi::io_uring_register_op::{
    IORING_REGISTER_CLOCK, IORING_REGISTER_EVENTFD_ASYNC, IORING_REGISTER_IOWQ_AFF, IORING_REGISTER_IOWQ_MAX_WORKERS,
    IORING_REGISTER_NAPI, IORING_REGISTER_PERSONALITY, IORING_REGISTER_PROBE,
};
use bare_uring::{Errno, Kernel, opcode};
use freestanding::sys;

use crate::outside::{Has, ODD, Outcome, Ring, any, check, filled, part, run};

/// Counts completions through an eventfd: all of them, or only those of workers.
pub fn eventfd<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    let fd = sys::event_fd()?;
    ring.submitter().register_eventfd(any(fd))?;
    check(ring.submitter().register_eventfd(fd) == Err(Errno::EBUSY))?;
    nop(ring)?;
    ring.submitter().unregister_eventfd()?;
    check(count(ring, fd)? == 1)?;
    check(ring.submitter().unregister_eventfd() == Err(Errno::ENXIO))?;
    let registered = ring.submitter().register_eventfd_async(any(fd));
    if has.or_lacks(IORING_REGISTER_EVENTFD_ASYNC as u32, registered)?.is_some() {
        nop(ring)?;
        ring.submitter().unregister_eventfd()?;
    }
    for odd in ODD {
        let odd = any((odd | 1 << 31).cast_signed());
        check(ring.submitter().register_eventfd(odd) == Err(Errno::EBADF))?;
        let _ = ring.submitter().register_eventfd_async(odd);
    }
    Ok(())
}

fn nop<K: Kernel>(ring: &mut Ring<K>) -> Outcome<()> {
    // SAFETY: the request points to nothing.
    check(unsafe { run(ring, opcode::Nop::new().build()) }?.outcome() == Ok(0))
}

fn count<K: Kernel>(ring: &mut Ring<K>, fd: RawFd) -> Outcome<u64> {
    let counter = filled(1, 0_u64)?;
    let read = opcode::Read::new(Fd(fd), counter.as_mut_ptr().cast(), 8).build();
    // SAFETY: the memory is static.
    check(unsafe { run(ring, read) }?.outcome() == Ok(8))?;
    Ok(counter.iter().sum())
}

/// Registers a probe, a personality and a clock.
pub fn settings<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    let mut probe = Probe::default();
    let probed = ring.submitter().register_probe(&mut probe);
    if has.or_lacks(IORING_REGISTER_PROBE as u32, probed)?.is_some() {
        check(probe.is_supported(any(opcode::Read::CODE)) && !probe.is_supported(any(255)))?;
        check((0..=u8::MAX).all(|code| code <= probe.last_op() || !probe.is_supported(any(code))))?;
        #[cfg(feature = "panic-on-purpose")]
        crate::panic_on_purpose(&probe);
    }
    check(!Probe::new().is_supported(any(0)))?;

    let id = ring.submitter().register_personality();
    if let Some(id) = has.or_lacks(IORING_REGISTER_PERSONALITY as u32, id)? {
        // SAFETY: the request points to nothing.
        check(unsafe { run(ring, opcode::Nop::new().build().personality(id)) }?.outcome() == Ok(0))?;
        ring.submitter().unregister_personality(any(id))?;
        // SAFETY: the request points to nothing.
        let refused = unsafe { run(ring, opcode::Nop::new().build().personality(id)) }?;
        check(refused.outcome() == Err(Errno::EINVAL))?;
    }
    for odd in ODD {
        check(ring.submitter().unregister_personality(any(odd as u16)) == Err(Errno::EINVAL))?;
    }

    for clock in [Clock::BOOTTIME, Clock::MONOTONIC] {
        has.or_lacks(IORING_REGISTER_CLOCK as u32, ring.submitter().register_clock(any(clock)))?;
    }
    check(ring.submitter().register_clock(Clock(any(99))) == Err(Errno::EINVAL))
}

/// Sets the CPUs and the number of worker threads.
pub fn workers<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    type Mask = CpuMask<16>;
    check(Mask::new().with(any(Mask::CPUS)).is_none() && Mask::default().with(any(usize::MAX)).is_none())?;
    check(Mask::new() == Mask::default() && CpuMask::<0>::new().with(any(0)).is_none())?;
    let submitter = ring.submitter();
    // Only the kernel knows which CPUs the machine has.
    let one = (0..Mask::CPUS)
        .filter_map(|cpu| Mask::new().with(any(cpu)))
        .find(|mask| submitter.register_iowq_aff(mask.words()) != Err(Errno::EINVAL));
    let limited = one.map_or(Err(Errno::EINVAL), |mask| submitter.register_iowq_aff(mask.words()));
    if has.or_lacks(IORING_REGISTER_IOWQ_AFF as u32, limited)?.is_some() {
        submitter.unregister_iowq_aff()?;
    }
    let words = [usize::MAX; 16];
    for odd in ODD {
        let _ = submitter.register_iowq_aff(part(&words, odd as usize));
    }
    let _ = submitter.unregister_iowq_aff();

    let mut limits = any([3, 5]);
    let limited = submitter.register_iowq_max_workers(&mut limits);
    if has.or_lacks(IORING_REGISTER_IOWQ_MAX_WORKERS as u32, limited)?.is_some() {
        let earlier = limits;
        submitter.register_iowq_max_workers(&mut limits)?;
        check(limits == [3, 5])?;
        limits = any([0; 2]);
        submitter.register_iowq_max_workers(&mut limits)?;
        check(limits == earlier)?;
    }
    check(submitter.register_iowq_max_workers(&mut any([u32::MAX; 2])) == Err(Errno::EINVAL))
}

/// Sets busy polling; each call returns the settings that were in force before.
pub fn napi<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    let submitter = ring.submitter();
    let first = any(Napi { busy_poll_usec: 50, prefer_busy_poll: true, tracking: NapiTracking::DYNAMIC });
    let mut napi = first;
    if has.or_lacks(IORING_REGISTER_NAPI as u32, submitter.register_napi(&mut napi))?.is_some() {
        napi = any(Napi { tracking: NapiTracking::STATIC, ..napi });
        match submitter.register_napi(&mut napi) {
            Err(Errno::EINVAL) => has.lacks(), // static tracking is newer than busy polling
            outcome => {
                outcome?;
                check(napi == first)?;
                submitter.register_napi_id(any(9_000))?;
                check(submitter.register_napi_id(any(9_000)) == Err(Errno::EEXIST))?;
                submitter.unregister_napi_id(any(9_000))?;
                check(submitter.unregister_napi_id(any(9_000)) == Err(Errno::ENOENT))?;
            }
        }
        submitter.unregister_napi()?;
    }
    for odd in ODD {
        let tracking = NapiTracking(any(odd));
        let _ = submitter.register_napi(&mut Napi { busy_poll_usec: any(odd), prefer_busy_poll: any(false), tracking });
        let _ = submitter.register_napi_id(any(odd));
        let _ = submitter.unregister_napi_id(any(odd));
        let _ = submitter.unregister_napi();
    }
    check(NapiTracking::INACTIVE != NapiTracking::STATIC)
}
