//! Calls in any order, on every profile of the simulated kernel. The kernel must consume each entry once and in order.
//! Each completion must be seen once, or be counted as dropped. The kernel must find no fault in the library's use of
//! the ring.
#![no_main]

use bare_uring::{Builder, Errno, IoUring, SetupFlags, cqueue, opcode, squeue, types};
use bare_uring_fuzz::Bytes;
use bare_uring_sim::{Chaos, Leaks, Profile, Random, SimKernel, Unready};
use libfuzzer_sys::fuzz_target;

/// Rounds at the end, after which everything that can complete has completed.
const ROUNDS: u32 = 3000;

struct User {
    kernel: SimKernel,
    ring: IoUring<squeue::Entry, cqueue::Entry, SimKernel>,
    id: u32,
    pipe: (i32, i32),
    /// Memory that reads write to. Only the kernel uses it.
    buffer: *mut u8,
    /// For each pushed entry: whether it is a NOP, which always completes, and whether its completion was seen.
    pushed: Vec<(bool, bool)>,
    submitted: usize,
    /// Whether a submit waits for a file that is not ready.
    blocks: bool,
}

impl User {
    fn act(&mut self, bytes: &mut Bytes<'_>) {
        let choice = bytes.u8();
        let few = u32::from(choice >> 4);
        match choice & 15 {
            0..=3 => (0..=few).for_each(|_| self.push(choice & 1 == 0, choice & 2 != 0)),
            4..=5 => self.count(|ring| ring.submit()),
            6 => self.count(|ring| ring.submit_and_wait(0)),
            7 if self.certain() => self.count(|ring| ring.submit_and_wait(1)),
            8 => self.count(|ring| ring.submitter().get_events().map(|()| 0)),
            9 => _ = self.kernel.write(self.pipe.1, &[1; 16]),
            10 => self.kernel.run(few),
            11 => self.take(few as usize, true),
            12 => self.take(few as usize, false),
            13 => self.by_halves(),
            14 if !self.ring.submission().is_full() => assert_eq!(self.ring.submitter().squeue_wait(), Ok(0)),
            _ => self.take(usize::MAX, true),
        }
        assert_eq!(self.kernel.faults(), []);
    }

    fn push(&mut self, nop: bool, linked: bool) {
        let number = self.pushed.len() as u64;
        let entry = if nop {
            let flags = if linked { squeue::Flags::IO_LINK } else { squeue::Flags::empty() };
            opcode::Nop::new().build().flags(flags)
        } else {
            // Where a submit waits for its files, nobody would write during the call.
            if self.blocks {
                let _ = self.kernel.write(self.pipe.1, &[1; 16]);
            }
            opcode::Read::new(types::Fd(self.pipe.0), self.buffer, 16).build()
        };
        // SAFETY: the buffer lives longer than the ring, and only the kernel uses it.
        if unsafe { self.ring.submission().push(entry.user_data(number)) }.is_ok() {
            self.kernel.expect(self.id, number);
            self.pushed.push((nop, false));
        }
    }

    /// Returns whether a wait for one completion must end: a NOP is under way or queued.
    fn certain(&mut self) -> bool {
        self.ring.completion().overflow() == 0 && self.pushed.iter().any(|&(nop, seen)| nop && !seen)
    }

    fn count(&mut self, call: impl FnOnce(&IoUring<squeue::Entry, cqueue::Entry, SimKernel>) -> Result<usize, Errno>) {
        match call(&self.ring) {
            Ok(count) => self.submitted += count,
            Err(errno) => self.may_fail(errno),
        }
    }

    fn may_fail(&self, errno: Errno) {
        // EPERM is for calls that submit nothing, on gVisor.
        let known = [Errno::EAGAIN, Errno::EBUSY, Errno::EINTR, Errno::EBADR, Errno::EPERM];
        assert!(known.contains(&errno), "{errno}");
    }

    fn take(&mut self, most: usize, dropped: bool) {
        let mut queue = self.ring.completion();
        for cqe in queue.by_ref().take(most) {
            let (_, seen) = &mut self.pushed[cqe.user_data() as usize];
            assert!(!std::mem::replace(seen, true), "seen twice");
        }
        if !dropped {
            std::mem::forget(queue);
        }
    }

    fn by_halves(&mut self) {
        let Ok((mut submissions, mut completions)) = self.ring.halves() else { return };
        let (submitted, waited) = (submissions.submit(), completions.wait(0));
        match submitted {
            Ok(count) => self.submitted += count,
            Err(errno) => self.may_fail(errno),
        }
        if let Err(errno) = waited {
            self.may_fail(errno);
        }
    }

    /// Closes the pipe, waits until everything is complete, and checks the totals.
    fn see_through(mut self) {
        assert!(self.kernel.close_file(self.pipe.1) && self.kernel.close_file(self.pipe.0));
        let mut left = 0;
        for _ in 0..ROUNDS {
            self.count(|ring| ring.submit());
            self.kernel.run(1);
            self.take(usize::MAX, true);
            left = self.pushed.iter().filter(|(_, seen)| !seen).count();
            if left == self.ring.completion().overflow() as usize && self.submitted >= self.pushed.len() {
                break;
            }
        }
        assert_eq!(left, self.ring.completion().overflow() as usize, "not seen, and counted as dropped");
        assert_eq!(self.submitted, self.pushed.len(), "submitted, and pushed");
        assert_eq!(self.kernel.unconsumed(self.id), []);
        drop(self.ring);
        assert_eq!(self.kernel.faults(), []);
        assert_eq!(self.kernel.leaks(), Leaks::default());
    }
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::new(data);
    let all = Profile::all();
    let profile = all[usize::from(bytes.u8()) % all.len()].clone();
    let modes = [
        SetupFlags::empty(),
        SetupFlags::SQPOLL,
        SetupFlags::COOP_TASKRUN | SetupFlags::TASKRUN_FLAG,
        SetupFlags::DEFER_TASKRUN | SetupFlags::SINGLE_ISSUER | SetupFlags::TASKRUN_FLAG,
    ];
    let mut flags = modes[usize::from(bytes.u8()) % 4];
    if !profile.setup.contains(flags) {
        flags = SetupFlags::empty();
    }
    let entries = [2, 3, 4, 8][usize::from(bytes.u8()) % 4];
    let blocks = profile.unready == Unready::Blocks;
    let kernel = SimKernel::new(profile.clone(), bytes.u64());
    if bytes.u8() & 1 == 0 {
        kernel.set_chaos(Chaos::seeded(&mut Random::new(bytes.u64())));
    }
    let mut builder = Builder::<squeue::Entry, cqueue::Entry>::new();
    builder.setup_flags(flags);
    let ring = builder.build_with(kernel.clone(), entries).expect("flags that this kernel has");
    let id = kernel.last_ring().expect("made just now");
    let pipe = kernel.pipe();
    let mut buffer = [0_u8; 16];
    let mut user =
        User { kernel, ring, id, pipe, buffer: buffer.as_mut_ptr(), pushed: Vec::new(), submitted: 0, blocks };
    while !bytes.is_empty() {
        user.act(&mut bytes);
    }
    user.see_through();
});
