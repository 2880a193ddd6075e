//! Chooses the processor that the work runs on, and describes the machine.

use std::fs;

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

/// Returns the processor's name.
pub fn name() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("unknown processor", |(_, name)| name).to_owned()
}

/// Returns the kernel's release.
pub fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// Returns the kernel's mitigations for processors that predict the target of `ret`. If they make the first `ret` after
/// a system call slow, inlining the call saves that time.
pub fn return_mitigations() -> String {
    let state = |name: &str| {
        let state = fs::read_to_string(format!("/sys/devices/system/cpu/vulnerabilities/{name}"));
        format!("{name}: {}", state.as_deref().unwrap_or("unknown").trim())
    };
    ["retbleed", "spec_rstack_overflow"].map(state).join("; ")
}

/// Returns the load average of the last minute, which shows what else the machine does.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}

/// Returns today's date, such as 2026-11-22.
pub fn today() -> String {
    // SAFETY: the call has a null argument, and the structure consists of values for which zeroes are valid.
    let (now, mut parts) = unsafe { (libc::time(std::ptr::null_mut()), std::mem::zeroed::<libc::tm>()) };
    // SAFETY: both pointers are to local variables.
    unsafe { libc::gmtime_r(&raw const now, &raw mut parts) };
    format!("{}-{:02}-{:02}", 1900 + parts.tm_year, parts.tm_mon + 1, parts.tm_mday)
}
