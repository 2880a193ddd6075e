//! The user of a ring: does in seeded order what users do, and at the end waits for everything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{EnterFlags, Errno, Features, IoUring, Kernel, SetupFlags};
use bare_uring_sim::{Overflow, Profile, Random, SimKernel};

use crate::books::{Books, Seen};
use crate::requests::{Build, World};

/// Mask and value of the user data of requests that a wait makes for itself. No user may see their completions.
const HIDDEN: (u64, u64) = (!0xffff, 0xba5e_0b5e_55ed_0000);

/// The number of rounds at the end in which everything must complete.
const ROUNDS: u32 = 3000;

/// Runs `act`, which may spin until the SQPOLL thread has made room, without calling the kernel. A second thread
/// meanwhile lets the simulation go on, but only if no call was made for a while, so that all else stays as the seed
/// has it.
fn with_thread<T>(kernel: &SimKernel, act: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut calls = kernel.calls();
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_micros(500));
                if std::mem::replace(&mut calls, kernel.calls()) == calls && !over.load(Ordering::Relaxed) {
                    kernel.run(1);
                }
            }
        });
        let outcome = act();
        over.store(true, Ordering::Relaxed);
        outcome
    })
}

/// The user of a ring.
struct User<'a, S: Build, C: Seen, K: Kernel> {
    ring: &'a mut IoUring<S, C, K>,
    id: u32,
    world: World,
    books: Books,
    random: &'a mut Random,
    says: bool,
}

/// Uses a ring, until everything is complete.
pub fn drive<S: Build, C: Seen, K: Kernel>(
    ring: &mut IoUring<S, C, K>,
    kernel: &SimKernel,
    profile: &Profile,
    random: &mut Random,
    says: bool,
) {
    let id = kernel.last_ring().expect("made just now");
    kernel.ignore(id, HIDDEN.0, HIDDEN.1);
    // The filler of a mixed ring has the user data 0.
    kernel.ignore(id, !0, 0);
    let fd = (!ring.params().setup().contains(SetupFlags::REGISTERED_FD_ONLY)).then(|| ring.fd());
    let world = World::new(kernel, profile, fd, random.chance(1, 2));
    let mut user = User { ring, id, world, books: Books::default(), random, says };
    if user.ring.params().setup().contains(SetupFlags::R_DISABLED) {
        user.enable();
    }
    for _ in 0..20 + user.random.below(120) {
        user.act();
        user.check();
    }
    user.see_through();
}

impl<S: Build, C: Seen, K: Kernel> User<'_, S, C, K> {
    /// Prints what happens, if only one seed runs.
    fn say(&self, what: impl FnOnce() -> String) {
        if self.says {
            println!("{}", what());
        }
    }

    /// Takes over the kernel's events, and checks that it has found no fault.
    fn check(&mut self) {
        self.books.update(&self.world.kernel, self.id);
        assert_eq!(self.world.kernel.faults(), []);
    }

    /// Pushes to a disabled ring, and enables it. The entries wait until then, also on an SQPOLL ring.
    fn enable(&mut self) {
        self.push();
        let submitted = self.ring.submit();
        let sqpoll = self.ring.params().setup().contains(SetupFlags::SQPOLL);
        match submitted {
            Ok(count) if sqpoll || count == 0 => self.books.told += count as u64,
            other => assert_eq!(other, Err(Errno::EBADFD)),
        }
        self.ring.submitter().register_enable_rings().expect("disabled until now");
    }

    /// Does one of the things that users do.
    fn act(&mut self) {
        match self.random.below(17) {
            0..=4 => self.push(),
            5..=6 => self.submit(),
            7 => self.submit_and_wait(),
            8 => self.wait_with_time(),
            9 => self.wait(),
            10..=12 => self.take(),
            13 => self.world.kernel.run(1 + self.random.below(4)),
            14 => self.other_side(),
            15 => self.wait_for_room(),
            _ => self.by_halves(),
        }
    }

    /// Pushes a chain of entries.
    fn push(&mut self) {
        let entries = self.world.chain::<S>(&mut self.books, self.random, 5);
        self.say(|| format!("push {entries:?}"));
        let mut queue = self.ring.submission();
        let before = queue.len();
        let mut pushed = Vec::new();
        let way = self.random.below(4);
        if way == 0 {
            let mut made = entries.iter().map(|entry| entry.0.clone());
            // SAFETY: the world's memory outlives the ring, and what it reads there does not matter.
            let count = unsafe { queue.push_with(entries.len(), || made.next().expect("as many as there are")) };
            assert_eq!(made.len(), entries.len() - count, "an entry was made that found no room");
            pushed = entries;
            pushed.truncate(count);
        } else if way == 1 {
            let list: Vec<S> = entries.iter().map(|entry| entry.0.clone()).collect();
            // SAFETY: the world's memory outlives the ring, and what it reads there does not matter.
            if unsafe { queue.push_multiple(&list) }.is_ok() {
                pushed = entries;
            }
        } else {
            for entry in entries {
                // SAFETY: the world's memory outlives the ring, as for the list above.
                if unsafe { queue.push(entry.0.clone()) }.is_err() {
                    break;
                }
                pushed.push(entry);
            }
        }
        self.books.slots += (queue.len() - before) as u64;
        for (_, user_data, certain) in pushed {
            self.world.kernel.expect(self.id, user_data);
            self.books.push(user_data, certain);
        }
    }

    /// Notes the count of a submit. An error must be an allowed one.
    fn told(&mut self, outcome: Result<usize, Errno>, allowed: &[Errno]) {
        self.say(|| format!("  {outcome:?}"));
        match outcome {
            Ok(count) => self.books.told += count as u64,
            Err(Errno::EAGAIN) => {}
            Err(Errno::EBUSY) if self.world.profile.overflow == Overflow::ListBusy => {}
            Err(errno) if self.world.profile.empty_enter == Some(errno) => {}
            Err(errno) => assert!(allowed.contains(&errno), "{errno}"),
        }
    }

    /// Submits.
    fn submit(&mut self) {
        self.say(|| "submit".into());
        let stranded = self.ring.submission().flags();
        let outcome = if self.random.chance(1, 2) { self.ring.submit() } else { self.ring.submit_sqpoll() };
        self.told(outcome, &[]);
        self.say(|| format!("  the flags were {stranded:?}"));
    }

    /// Returns how many completions are sure to come if all entries are submitted.
    fn certain(&self) -> usize {
        // Where an entry can end the batch and the call waits all the same, it would wait for what is not submitted.
        let profile = &self.world.profile;
        self.books.certain(!(profile.short_submit_waits && profile.bad_entry_ends_batch))
    }

    /// Submits, and waits for completions that are sure to come.
    fn submit_and_wait(&mut self) {
        let certain = self.certain();
        let want = self.random.below(certain as u32 + 1) as usize;
        self.say(|| format!("submit and wait for {want}"));
        let outcome = self.ring.submit_and_wait(want);
        self.told(outcome, &[Errno::EINTR, Errno::EBADR]);
    }

    /// Waits for completions that are sure to come.
    fn wait(&mut self) {
        let certain = self.books.certain(false);
        let want = self.random.below(certain as u32 + 1) as usize;
        self.say(|| format!("wait for {want}"));
        let outcome = self.ring.submitter().wait(want).map(|()| 0);
        self.told(outcome, &[Errno::EINTR, Errno::EBADR]);
    }

    /// Waits with a time limit.
    fn wait_with_time(&mut self) {
        // Without timed waits the time limit is a request. It would wait behind a drain, which waits for requests that
        // may never complete.
        let timed = self.ring.params().features().contains(Features::MIN_TIMEOUT);
        if !timed && self.world.drains && self.books.certain(true) == 0 {
            return;
        }
        let time = Timespec::new(0, self.random.below(30_000));
        let mut args = SubmitArgs::new().timespec(&time);
        if self.ring.params().features().contains(Features::MIN_TIMEOUT) && self.random.chance(1, 4) {
            args = args.min_wait_usec(self.random.below(20));
        }
        let want = self.random.below(6) as usize;
        let submits = self.random.chance(1, 2);
        self.say(|| format!("wait for {want} with {args:?}, submitting: {submits}"));
        let submitter = self.ring.submitter();
        let wait = || {
            if submits {
                submitter.submit_with_args(want, &args)
            } else {
                submitter.wait_with_args(want, &args).map(|()| 0)
            }
        };
        let params = self.ring.params();
        let spins = params.setup().contains(SetupFlags::SQPOLL) && !params.features().contains(Features::MIN_TIMEOUT);
        let outcome = if spins { with_thread(&self.world.kernel, wait) } else { wait() };
        // On a kernel without EXT_ARG the wait needs requests, and the kernel may lack what these need.
        let mut allowed = vec![Errno::EINTR, Errno::EBADR, Errno::ETIME];
        if !self.ring.params().features().contains(Features::EXT_ARG) {
            allowed.extend([Errno::EBUSY, Errno::EINVAL, Errno::EOPNOTSUPP, Errno::ECANCELED]);
        }
        self.told(outcome, &allowed);
    }

    /// Waits for room in the submission queue. Does nothing on a kernel whose SQPOLL thread stops while the overflow
    /// list is not empty, because only this user could empty it.
    fn wait_for_room(&mut self) {
        let profile = &self.world.profile;
        if profile.overflow == Overflow::ListBusy {
            return;
        }
        let knows = profile.enter.contains(EnterFlags::SQ_WAIT);
        self.say(|| "wait for room".into());
        let outcome = self.ring.submitter().squeue_wait();
        let sqpoll = self.ring.params().setup().contains(SetupFlags::SQPOLL);
        assert!(outcome.is_err() || !sqpoll || !self.ring.submission().is_full(), "no room");
        self.told(outcome.map(|_| 0), if knows { &[] } else { &[Errno::EINVAL] });
    }

    /// Takes all completions.
    fn take_all(&mut self) {
        self.books.update(&self.world.kernel, self.id);
        for completion in self.ring.completion() {
            self.books.saw(&completion);
        }
    }

    /// Takes some of the completions, in one of several ways.
    fn take(&mut self) {
        self.books.update(&self.world.kernel, self.id);
        let most = if self.random.chance(1, 2) { usize::MAX } else { self.random.below(5) as usize };
        self.say(|| format!("take {most} of {}", self.books.unseen()));
        let mut queue = self.ring.completion();
        let there = queue.len();
        assert_eq!(queue.is_empty(), there == 0);
        match self.random.below(5) {
            // All of them, perhaps after some that are taken one by one.
            3..=4 => {
                if self.random.chance(1, 2) {
                    for completion in queue.by_ref().take(most) {
                        self.books.saw(&completion);
                    }
                }
                queue.for_each(|completion| self.books.saw(&completion));
            }
            0 => {
                let mut room = [const { std::mem::MaybeUninit::<C>::uninit() }; 4];
                for completion in queue.fill(&mut room) {
                    self.books.saw(completion);
                }
            }
            1 => {
                for completion in queue.by_ref().take(most) {
                    self.books.saw(&completion);
                }
                // The ring has the state, so a forgotten queue loses nothing.
                std::mem::forget(queue);
                // But until the next handle, its slots are filled for the kernel, and a kernel that drops would drop for that.
                if !self.ring.params().features().contains(Features::NODROP) {
                    drop(self.ring.completion());
                }
            }
            _ => {
                for completion in queue.by_ref().take(most) {
                    self.books.saw(&completion);
                    if self.random.chance(1, 4) {
                        break;
                    }
                }
                queue.sync();
            }
        }
    }

    /// Writes to the far end of the pipe, or reads from it.
    fn other_side(&mut self) {
        let World { kernel, reader, writer, .. } = &self.world;
        if self.random.chance(1, 2) {
            kernel.write(*writer, &[1; 16]).expect("open");
        } else {
            kernel.read(*reader, 64).expect("open");
        }
    }

    /// Submits and waits with the two halves of the ring.
    fn by_halves(&mut self) {
        let Ok((mut submissions, mut completions)) = self.ring.halves() else { return };
        let submitted = submissions.submit();
        let certain = self.books.certain(false);
        let waited = completions.wait(self.random.below(certain as u32 + 1) as usize);
        self.books.update(&self.world.kernel, self.id);
        for completion in completions.queue() {
            self.books.saw(&completion);
        }
        self.say(|| "submit and wait by halves".into());
        self.told(submitted, &[]);
        self.told(waited.map(|()| 0), &[Errno::EINTR, Errno::EBADR]);
    }

    /// Closes the pipe, and waits until everything is complete. No more entries are pushed.
    fn see_through(&mut self) {
        let World { kernel, reader, writer, .. } = &self.world;
        assert!(kernel.close_file(*writer) && kernel.close_file(*reader), "open until now");
        let polls = self.random.chance(1, 2);
        self.say(|| format!("see through, polling: {polls}"));
        for _ in 0..ROUNDS {
            self.check();
            if self.books.outstanding() == 0 && self.books.unseen() == 0 && self.books.told >= self.books.slots {
                break;
            }
            // Only completions that are sure to come may be waited for.
            if polls || self.certain() == 0 {
                self.submit();
                self.world.kernel.run(1);
            } else {
                self.say(|| "submit and wait for one".into());
                let outcome = self.ring.submit_and_wait(1);
                self.told(outcome, &[Errno::EINTR, Errno::EBADR]);
            }
            self.take_all();
        }
        self.check();
        self.take_all();
        assert_eq!(self.world.kernel.unconsumed(self.id), [], "pushed and never consumed");
        assert_eq!(self.world.kernel.in_flight(self.id), [], "never completed");
        assert_eq!((self.books.outstanding(), self.books.unseen()), (0, 0), "not complete, not seen");
        let settled = self.ring.submit();
        self.told(settled, &[]);
        assert_eq!(self.books.told, self.books.slots, "told by submits, and pushed");
        let counted = self.ring.completion().overflow();
        let (params, mixed) = (self.ring.params(), SetupFlags::SQE_MIXED);
        // The books lack the requests that the crate makes for itself, but the kernel counts them if they are dropped.
        if params.features().contains(Features::MIN_TIMEOUT) && !params.setup().contains(mixed) {
            assert_eq!(counted, self.books.dropped, "counted as dropped, and dropped");
        }
        assert!(counted >= self.books.dropped, "{counted} of {} are counted as dropped", self.books.dropped);
        assert_eq!(self.ring.submission().dropped(), 0);
    }
}
