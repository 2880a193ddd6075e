//! Chooses the processor that the work runs on, and tells the date.

/// Restricts this thread, and the threads that it starts from now on, to one processor; `None` lifts the restriction.
pub fn pin(only: Option<usize>) {
    // SAFETY: the set consists of integers.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    match only {
        // SAFETY: the number is less than the set's size.
        Some(cpu) => unsafe { libc::CPU_SET(cpu, &mut set) },
        // SAFETY: the number is less than the set's size.
        None => (0..libc::CPU_SETSIZE as usize).for_each(|cpu| unsafe { libc::CPU_SET(cpu, &mut set) }),
    }
    // SAFETY: the size is that of the set.
    let done = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    assert_eq!(done, 0, "pinning failed");
}

/// Returns today's date, such as 2026-11-22.
pub fn today() -> String {
    // SAFETY: the call has a null argument, and the structure consists of values for which zeroes are valid.
    let (now, mut parts) = unsafe { (libc::time(std::ptr::null_mut()), std::mem::zeroed::<libc::tm>()) };
    // SAFETY: both pointers are to local variables.
    unsafe { libc::gmtime_r(&raw const now, &raw mut parts) };
    format!("{}-{:02}-{:02}", 1900 + parts.tm_year, parts.tm_mon + 1, parts.tm_mday)
}
