//! How much memory the processes of freshd hold while they have little to do.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;
use std::{ptr, slice};

/// Gives back to the kernel what work has left behind: freed memory, which the allocator keeps where something in use lies
/// above it, and the pages of the program and its libraries, code and tables, most of which only that work or the loader
/// needed. What is used is taken again from the kernel's cache of these files.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes the allocator's own locks and touches only what is free.
    unsafe {
        libc::malloc_trim(0)
    };
    give_back(objects_never_written().iter().flatten());
}

/// The same for the pages of the program alone, for whoever has little to do and will need some of them again soon: a few
/// around each that is used are mapped with it.
pub fn give_back_program() {
    static PROGRAM: OnceLock<Vec<Range<usize>>> = OnceLock::new();
    give_back(PROGRAM.get_or_init(|| objects_never_written().into_iter().next().unwrap_or_default()));
}

fn give_back<'a>(parts: impl IntoIterator<Item = &'a Range<usize>>) {
    for part in parts {
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

/// Of this program, and then of each of its libraries, the parts that are mapped from its file and were never written, from
/// address to address.
fn objects_never_written() -> Vec<Vec<Range<usize>>> {
    unsafe extern "C" fn of_object(info: *mut libc::dl_phdr_info, _size: usize, objects: *mut c_void) -> c_int {
        // SAFETY: both pointers are those of the call below, valid during it, and so are the headers that `info` names.
        let (info, objects) = unsafe { (&*info, &mut *objects.cast::<Vec<Vec<Range<usize>>>>()) };
        let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        let at = |header: &Header| address(info.dlpi_addr + header.p_vaddr);
        // SAFETY: the loader has mapped the table where the header says.
        let is_relocated = |header: &Header| unsafe { tells_of_relocated_code(at(header), header) };
        if headers.iter().any(is_relocated) {
            objects.push(Vec::new());
            return 0;
        }
        // What the loader relocates otherwise and then makes read-only is marked as writable.
        let mapped = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0);
        let parts = mapped.map(|header| {
            let from = at(header);
            from - from % rustix::param::page_size()..from + address(header.p_memsz)
        });
        objects.push(parts.collect());
        0
    }
    let mut objects = Vec::new();
    // SAFETY: the function is called before this returns, with the vector of its own kind.
    unsafe { libc::dl_iterate_phdr(Some(of_object), (&raw mut objects).cast()) };
    objects
}

#[cfg(target_pointer_width = "64")]
type Header = libc::Elf64_Phdr;
#[cfg(target_pointer_width = "32")]
type Header = libc::Elf32_Phdr;

fn address(at: impl TryInto<usize>) -> usize {
    at.try_into().unwrap_or_default()
}

/// Whether this is the header of the loader's table, and that says that code was changed where it lies: a library that was
/// not made to be shared.
///
/// # Safety
///
/// The table of that header is mapped from `at` on.
unsafe fn tells_of_relocated_code(at: usize, header: &Header) -> bool {
    const RELOCATES_CODE: usize = 22;
    const FLAGS: usize = 30;
    const FLAG_RELOCATES_CODE: usize = 4;
    if header.p_type != libc::PT_DYNAMIC {
        return false;
    }
    let length = address(header.p_memsz) / size_of::<[usize; 2]>();
    // SAFETY: as promised; its entries are pairs of words.
    let entries = unsafe { slice::from_raw_parts(ptr::with_exposed_provenance::<[usize; 2]>(at), length) };
    let tells =
        |[tag, value]: &[usize; 2]| *tag == RELOCATES_CODE || (*tag == FLAGS && value & FLAG_RELOCATES_CODE != 0);
    entries.iter().any(tells)
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
    fn pages_of_the_program_and_its_libraries_that_nothing_uses_are_given_back() {
        let objects = objects_never_written();
        let holds = |at: *const c_void| {
            objects
                .iter()
                .position(|parts| parts.iter().any(|part| part.contains(&at.addr())))
        };
        assert_eq!(holds(objects_never_written as *const c_void), Some(0), "{objects:x?}");
        assert!(holds(libc::qsort as *const c_void).is_some(), "{objects:x?}");
        let parts: Vec<Range<usize>> = objects.into_iter().flatten().collect();
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
