//! The processor's name and its return-stack mitigation, and the directory that is named by both.

use std::fs;

/// The mitigation of a processor for whose predictor of returns the kernel does nothing at a system call.
pub const NO_MITIGATION: &str = "no return-stack mitigation";

/// Returns the processor's name.
pub fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("unknown processor", |(_, name)| name).trim().to_owned()
}

/// Returns the kernel's release.
pub fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// Returns the load average of the last minute, which shows what else the machine does.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").to_owned()
}

/// Returns what the kernel says about one vulnerability, such as `retbleed`.
pub fn vulnerability(name: &str) -> String {
    let state = fs::read_to_string(format!("/sys/devices/system/cpu/vulnerabilities/{name}"));
    state.as_deref().unwrap_or("unknown").trim().to_owned()
}

/// Returns this machine's return-stack mitigation.
pub fn mitigation() -> &'static str {
    mitigation_of(&vulnerability("retbleed"), &vulnerability("spec_rstack_overflow"))
}

/// Returns the mitigation that makes the first `ret` after a system call slow, from what the kernel says about
/// `retbleed` and `spec_rstack_overflow`. Does not depend on the microcode, which the kernel names there as well.
pub fn mitigation_of(retbleed: &str, spec_rstack_overflow: &str) -> &'static str {
    let of = |state: &str| {
        let state = state.to_ascii_lowercase();
        // Acts when a guest exits, not at a system call.
        if state.contains("vmexit") {
            return None;
        }
        // Does not match `Mitigation: Enhanced IBRS`, which is set once.
        [
            ("safe ret", "Safe RET"),
            ("untrained return thunk", "untrained return thunk"),
            ("stuffing", "return stuffing"),
            ("mitigation: ibpb", "IBPB"),
            ("mitigation: ibrs", "IBRS"),
        ]
        .into_iter()
        .find_map(|(words, name)| state.contains(words).then_some(name))
    };
    // `Microcode, no safe RET` names the mitigation that is not there.
    let overflow = spec_rstack_overflow.replace("no safe RET", "");
    of(&overflow).or_else(|| of(retbleed)).unwrap_or(NO_MITIGATION)
}

/// Returns the name of a processor's directory, from its name and its mitigation: lower case, with dashes. Leaves out
/// trademarks and the clock rate, which some kernels give and others do not.
pub fn directory(processor: &str, mitigation: &str) -> String {
    let name = processor.split('@').next().unwrap_or_default().replace("(R)", " ").replace("(TM)", " ");
    let words = format!("{name} {mitigation}").to_ascii_lowercase();
    let words = words.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}
