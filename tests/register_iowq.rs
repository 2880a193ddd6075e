//! Worker threads on the real kernel: on which CPUs they run, and how many there are.

mod common;

use bare_uring::register::CpuMask;
use bare_uring::types::CancelBuilder;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_IOWQ_AFF;
use bare_uring::{Builder, Errno, IoUring};
use common::raw::{eventually, field};
use common::requests::{Fifo, Recorder, Told, ring, ring_on, take, was_cancelled, workers};
use common::{needs, push, skip};

/// The CPUs of each worker, ordered.
fn cpus() -> Vec<String> {
    let mut cpus: Vec<_> = workers().iter().map(|status| field(status, "Cpus_allowed_list").unwrap()).collect();
    cpus.sort_unstable();
    cpus
}

/// Submits one more request that occupies a worker until it is cancelled.
fn occupy(ring: &mut IoUring, fifo: &Fifo) {
    push(ring, fifo.open());
    assert_eq!(ring.submit(), Ok(1));
}

/// Ends all of them, so that what they use can go.
fn release<const N: usize>(ring: &mut IoUring) {
    assert_eq!(ring.submitter().register_sync_cancel(None, CancelBuilder::any()).map(drop), Ok(()));
    for (_, outcome) in take::<N, _>(ring) {
        assert!(was_cancelled(outcome), "{outcome:?}");
    }
}

#[test]
fn workers_stay_on_the_cpus_of_the_mask() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let everywhere = field(&status, "Cpus_allowed_list").unwrap();
    if !everywhere.starts_with("0-") {
        return skip("workers_stay_on_the_cpus_of_the_mask", "there is one CPU only");
    }
    let (mut ring, fifo) = (ring(), Fifo::new("affinity"));
    let mask = CpuMask::<16>::new().with(1).unwrap();
    assert_eq!(ring.submitter().register_iowq_aff(mask.words()), Ok(()));
    occupy(&mut ring, &fifo);
    eventually("a worker on CPU 1", || (cpus() == ["1"]).then_some(()));

    assert_eq!(ring.submitter().unregister_iowq_aff(), Ok(()));
    occupy(&mut ring, &fifo);
    let mut expected = [everywhere.as_str(), "1"];
    expected.sort_unstable();
    eventually("a worker on all CPUs beside it", || (cpus() == expected).then_some(()));
    release::<2>(&mut ring);
}

#[test]
fn a_mask_may_be_of_any_length_but_0() {
    let ring = ring();
    assert_eq!(ring.submitter().register_iowq_aff(&[]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_iowq_aff(&[1]), Ok(()));
    let mut long = vec![0; 4096];
    long[0] = 1;
    assert_eq!(ring.submitter().register_iowq_aff(&long), Ok(()));
    assert_eq!(ring.submitter().unregister_iowq_aff(), Ok(()));
    assert_eq!(ring.submitter().unregister_iowq_aff(), Ok(()), "to be on all CPUs twice is no error");
}

/// A set of CPUs that a thread is confined to, by the first version of control groups.
struct Cpuset(std::path::PathBuf);

impl Cpuset {
    fn enter(cpus: &str) -> std::io::Result<Self> {
        let this = Self(format!("/sys/fs/cgroup/cpuset/bare-uring-{}", std::process::id()).into());
        std::fs::create_dir(&this.0)?;
        std::fs::write(this.0.join("cpuset.mems"), "0")?;
        std::fs::write(this.0.join("cpuset.cpus"), cpus)?;
        std::fs::write(this.0.join("tasks"), rustix::thread::gettid().to_string())?;
        Ok(this)
    }
}

impl Drop for Cpuset {
    fn drop(&mut self) {
        let _ = std::fs::write("/sys/fs/cgroup/cpuset/tasks", rustix::thread::gettid().to_string());
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_cpu_outside_the_tasks_cpuset_is_refused() {
    let ring = ring();
    let cpuset = match Cpuset::enter("0") {
        Ok(cpuset) => cpuset,
        Err(_) => return skip("a_cpu_outside_the_tasks_cpuset_is_refused", "a cpuset of its own"),
    };
    assert_eq!(ring.submitter().register_iowq_aff(&[1]), Ok(()));
    assert_eq!(ring.submitter().register_iowq_aff(&[2]), Err(Errno::EINVAL));
    assert_eq!(ring.submitter().register_iowq_aff(&[3]), Err(Errno::EINVAL));
    drop((ring, cpuset));
}

#[test]
fn a_cpu_is_a_bit_of_its_word_and_has_a_place_or_none() {
    let bits = usize::BITS as usize;
    let mask = CpuMask::<2>::new().with(0).and_then(|mask| mask.with(bits + 3)).unwrap();
    assert_eq!(mask.words(), [1, 8]);
    assert_eq!(CpuMask::<2>::CPUS, 2 * bits);
    assert_eq!(CpuMask::<2>::new().with(2 * bits - 1).unwrap().words(), [0, 1 << (bits - 1)]);
    assert_eq!(CpuMask::<2>::new().with(2 * bits), None);
    assert_eq!(CpuMask::<0>::new().with(0), None);
}

#[test]
fn the_mask_goes_out_with_its_length_in_bytes() {
    // SAFETY: the only registration here has two words.
    let kernel = unsafe { Recorder::answering(2 * size_of::<usize>(), Ok(0)) };
    let ring = ring_on(&kernel);
    let mask = [5, usize::MAX];
    assert_eq!(ring.submitter().register_iowq_aff(&mask), Ok(()));
    let bytes = mask.map(usize::to_ne_bytes).concat();
    let (operation, count) = (IORING_REGISTER_IOWQ_AFF as u32, 2 * size_of::<usize>() as u32);
    assert_eq!(kernel.told(), [Told { fd: ring.fd(), operation, count, bytes }]);
}

#[test]
fn limits_are_set_and_the_former_ones_come_back() {
    let ring = ring();
    let change = |mut max: [u32; 2]| ring.submitter().register_iowq_max_workers(&mut max).map(|()| max);
    let first = change([3, 5]).unwrap();
    assert!(first.iter().all(|&limit| limit > 0));
    assert_eq!(change([0, 0]), Ok([3, 5]));
    assert_eq!(change([0, 7]), Ok([3, 5]));
    assert_eq!(change([0, 0]), Ok([3, 7]));
}

#[test]
fn a_limit_is_no_larger_than_an_int() {
    let ring = ring();
    for wrong in [[1 << 31, 1], [1, u32::MAX]] {
        let mut max = wrong;
        assert_eq!(ring.submitter().register_iowq_max_workers(&mut max), Err(Errno::EINVAL));
        assert_eq!(max, wrong);
    }
}

#[test]
fn there_are_no_more_workers_than_the_limit() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    let (mut ring, fifo) = (ring(), Fifo::new("limit"));
    assert_eq!(ring.submitter().register_iowq_max_workers(&mut [2, 0]), Ok(()));
    for _ in 0..6 {
        occupy(&mut ring, &fifo);
    }
    eventually("two workers", || (workers().len() == 2).then_some(()));
    for _ in 0..20 {
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert_eq!(workers().len(), 2);
    }
    release::<6>(&mut ring);
}

#[test]
fn an_sqpoll_ring_has_workers_of_its_threads() {
    let ring: IoUring = Builder::new().setup_sqpoll(10).build(8).unwrap();
    let change = |mut max: [u32; 2]| ring.submitter().register_iowq_max_workers(&mut max).map(|()| max);
    assert!(change([3, 5]).is_ok());
    assert_eq!(change([0, 0]), Ok([3, 5]));
    assert_eq!(ring.submitter().register_iowq_aff(&[1]), Ok(()));
    assert_eq!(ring.submitter().unregister_iowq_aff(), Ok(()));
}
