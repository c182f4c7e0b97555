//! Memory that is free, and kept all the same.

/// Gives what is free back to the kernel.
///
/// glibc keeps what was freed below something that still lives, so a netd that
/// has read thousands of VNICs would keep half as much again as it needs.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "no crate asks glibc for it")]
    // SAFETY: it takes the allocator's own locks, and lets go of whole pages in
    // which nothing is allocated (malloc_trim(3), MT-Safe).
    unsafe {
        nix::libc::malloc_trim(0);
    }
}
