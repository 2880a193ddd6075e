//! Which processors the work runs on, and what they are.

use std::fs;

/// Keeps this thread, and those that it starts from now on, on one processor; or lets it go again.
pub fn pin(only: Option<usize>) {
    // SAFETY: the set is plain memory.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    match only {
        // SAFETY: the number is below the set's size.
        Some(cpu) => unsafe { libc::CPU_SET(cpu, &mut set) },
        // SAFETY: as above.
        None => (0..libc::CPU_SETSIZE as usize).for_each(|cpu| unsafe { libc::CPU_SET(cpu, &mut set) }),
    }
    // SAFETY: the set is that long.
    let done = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    assert_eq!(done, 0, "pinning failed");
}

/// The processor's name.
pub fn name() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("unknown processor", |(_, name)| name).to_owned()
}

/// The kernel's release.
pub fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// What the kernel does about processors that guess where a `ret` goes: where it makes the first one after a system
/// call slow, a call that is inlined saves that.
pub fn return_mitigations() -> String {
    let state = |name: &str| {
        let state = fs::read_to_string(format!("/sys/devices/system/cpu/vulnerabilities/{name}"));
        format!("{name}: {}", state.as_deref().unwrap_or("unknown").trim())
    };
    ["retbleed", "spec_rstack_overflow"].map(state).join("; ")
}

/// The average number of programs that wanted to run in the last minute: what else the machine does.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}

/// Today, as 2026-11-22.
pub fn today() -> String {
    // SAFETY: plain numbers; the structure may be zeroes.
    let (now, mut parts) = unsafe { (libc::time(std::ptr::null_mut()), std::mem::zeroed::<libc::tm>()) };
    // SAFETY: both are alive.
    unsafe { libc::gmtime_r(&raw const now, &raw mut parts) };
    format!("{}-{:02}-{:02}", 1900 + parts.tm_year, parts.tm_mon + 1, parts.tm_mday)
}
