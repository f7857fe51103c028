//! How much memory the processes of freshd hold while they have little to do.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::{ptr, slice};

/// Gives back to the kernel what work has left behind: freed memory, which the allocator keeps where something in use lies
/// above it, and the pages of freshd's own file, code and tables, most of which only that work or the loader needed. What is
/// used is taken again from the kernel's cache of the file.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes the allocator's own locks and touches only what is free.
    unsafe {
        libc::malloc_trim(0)
    };
    give_back_program();
}

/// The same for the pages of freshd's own file alone, which takes next to no time. What is used then is mapped again, some
/// pages around each at a time: that takes about a fifth of a millisecond for all that a turn of the main loop uses.
pub(in crate::runner) fn give_back_program() {
    for part in parts_never_written() {
        // SAFETY: nothing can ever have been written there: every page is as it lies in the file.
        unsafe { libc::madvise(ptr::without_provenance_mut(part.start), part.len(), libc::MADV_DONTNEED) };
    }
}

/// Has the allocator give back each large block as it is freed, and keep one heap. Left to itself it takes the size of
/// the largest block that was ever freed for usual, and keeps that much in the heap of each thread; and only its first heap
/// grows by more than a page at a time.
pub fn keep_memory_small() {
    /// Bytes from which on a block is mapped on its own.
    #[cfg(target_env = "gnu")]
    const LARGE_BYTES: libc::c_int = 128 << 10;
    #[cfg(target_env = "gnu")]
    const HEAPS_MAX: libc::c_int = 1;
    /// Bytes by which the heap grows at least: nothing is resident of them before it is used.
    #[cfg(target_env = "gnu")]
    const GROW_BYTES: libc::c_int = 1 << 20;
    #[cfg(target_env = "gnu")]
    // SAFETY: parameters of the allocator, which takes its own locks.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE_BYTES);
        libc::mallopt(libc::M_ARENA_MAX, HEAPS_MAX);
        libc::mallopt(libc::M_TOP_PAD, GROW_BYTES);
    }
}

/// The parts of this program that are mapped from its file and were never writable, from address to address.
fn parts_never_written() -> Vec<Range<usize>> {
    unsafe extern "C" fn of_program(info: *mut libc::dl_phdr_info, _size: usize, parts: *mut c_void) -> c_int {
        // SAFETY: both pointers are those of the call below, valid during it, and so are the headers that `info` names.
        let (info, parts) = unsafe { (&*info, &mut *parts.cast::<Vec<Range<usize>>>()) };
        let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        // What the loader relocates and then makes read-only is marked as writable.
        let mapped = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0);
        let address = |at| usize::try_from(at).unwrap_or_default();
        parts.extend(mapped.map(|header| {
            let from = address(info.dlpi_addr + header.p_vaddr);
            from - from % rustix::param::page_size()..from + address(header.p_memsz)
        }));
        // The program comes first, then its libraries.
        1
    }
    let mut parts = Vec::new();
    // SAFETY: the function is called before this returns, with the vector of its own kind.
    unsafe { libc::dl_iterate_phdr(Some(of_program), (&raw mut parts).cast()) };
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of these parts is resident, in KiB.
    fn resident_kib(parts: &[Range<usize>]) -> u64 {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let (mut is_asked, mut kib) = (false, 0);
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let first = words.next().unwrap();
            if let Some((from, _)) = first.split_once('-') {
                let from = usize::from_str_radix(from, 16).unwrap();
                is_asked = parts.iter().any(|part| part.contains(&from));
            } else if is_asked && first == "Rss:" {
                kib += words.next().unwrap().parse::<u64>().unwrap();
            }
        }
        kib
    }

    #[test]
    fn pages_of_the_program_that_nothing_uses_are_given_back() {
        let parts = parts_never_written();
        assert!(parts.len() > 1, "code and tables: {parts:x?}");
        for part in &parts {
            for at in part.clone().step_by(4_096) {
                // SAFETY: mapped and readable.
                unsafe { ptr::without_provenance::<u8>(at).read_volatile() };
            }
        }
        let before = resident_kib(&parts);
        give_back_memory();
        // Other tests go on meanwhile, and need some of it.
        let after = resident_kib(&parts);
        assert!(after < before / 2, "{after} of {before} KiB are left");
    }
}
