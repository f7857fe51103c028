//! Memory that a child and its parent both know.

use std::ffi::c_void;
use std::io;
use std::mem::size_of;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a child stands on until it has a program of its own: a few calls of the C library, none of which needs much.
const STACK_BYTES: usize = 64 << 10;

/// Memory of its own, in whole pages.
struct Mapping {
    start: NonNull<c_void>,
    bytes: usize,
}

// SAFETY: it belongs to nobody else, and is used through its owner only.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Private to this process and those that share all of its memory, or `shared` with those that have a copy as well.
    fn new(bytes: usize, shared: bool) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_ANONYMOUS | if shared { libc::MAP_SHARED } else { libc::MAP_PRIVATE };
        // SAFETY: a new mapping, at no given place.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, access, kind, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Self { start, bytes })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and nothing borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr(), self.bytes) };
    }
}

/// The stack of a child that shares our memory. Below it lies a page that nobody may touch, as below any other stack.
pub(super) struct Stack(Mapping);

impl Stack {
    pub(super) fn new() -> io::Result<Self> {
        let guard_bytes = rustix::param::page_size();
        let mapping = Mapping::new(guard_bytes + STACK_BYTES, false)?;
        // SAFETY: the first page of a mapping that nobody uses yet.
        match unsafe { libc::mprotect(mapping.start.as_ptr(), guard_bytes, libc::PROT_NONE) } {
            0 => Ok(Self(mapping)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Where it begins: it grows down.
    pub(super) fn top(&mut self) -> *mut c_void {
        self.0.start.as_ptr().wrapping_byte_add(self.0.bytes)
    }
}

/// A word that a child can write and its parent read, whether they share memory or not.
pub(super) struct Told(Mapping);

impl Told {
    pub(super) fn new() -> io::Result<Self> {
        Mapping::new(size_of::<AtomicU64>(), true).map(Self)
    }

    pub(super) fn word(&self) -> &AtomicU64 {
        // SAFETY: a page of its own for as long as this lives, zero at first, which is an AtomicU64.
        unsafe { self.0.start.cast().as_ref() }
    }

    pub(super) fn reset(&self) {
        self.word().store(0, Ordering::Relaxed);
    }
}
