//! The kernels that the seeds run on, and their names.

use bare_uring_sim::Profile;

/// Returns all profiles, each with a name of its own.
pub fn all() -> Vec<(String, Profile)> {
    let releases = (5..=7_u8).flat_map(|major| (0..=20_u8).map(move |minor| (major, minor)));
    let linux: Vec<_> = releases.map(|release| (release, Profile::linux(release.0, release.1))).collect();
    let name = |profile: &Profile| {
        if profile.name != "Linux" {
            return profile.name.to_string();
        }
        // The profiles of releases that changed nothing are those of the release before, and `all()` has one of each.
        let same = linux.iter().filter(|known| known.0 >= (5, 1) && known.1 == *profile);
        let first = same.map(|known| known.0).next().expect("a release");
        format!("Linux {}.{}", first.0, first.1)
    };
    Profile::all().into_iter().map(|profile| (name(&profile), profile)).collect()
}
