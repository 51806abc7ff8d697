//! The program's heap.
//!
//! A transaction's heap is 32 KiB, fresh and zeroed for every instruction, and nothing in it outlives
//! the instruction: memory is handed out from the bottom and never taken back. Unlike Anchor's default
//! the allocation is one function, not a copy of it at every place that allocates, which takes a third
//! off the program; and what was allocated last grows in place.

use core::alloc::{GlobalAlloc, Layout};

/// Where Solana's virtual machine maps the heap.
const START: usize = 0x3_0000_0000;
/// What a transaction gets that asks for nothing else.
const END: usize = START + 32 * 1024;
/// The first word of the heap holds the address of the first free byte; 0 at the start.
const CURSOR: *mut usize = START as *mut usize;

struct Bump;

#[global_allocator]
static HEAP: Bump = Bump;

// SAFETY: there is one thread. Blocks never overlap, because the cursor only rises; they lie within the
// heap and are aligned, because that is checked before the cursor moves.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size(), layout.align())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size(), layout.align())
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(block, layout.size(), layout.align(), size)
    }
}

fn free() -> usize {
    // SAFETY: the word is mapped, aligned, and used by nothing else.
    match unsafe { *CURSOR } {
        0 => START.wrapping_add(size_of::<usize>()),
        at => at,
    }
}

fn set_free(at: usize) {
    // SAFETY: as above.
    unsafe { *CURSOR = at }
}

#[inline(never)]
fn take(size: usize, align: usize) -> *mut u8 {
    let mask = align.wrapping_sub(1);
    let start = free().wrapping_add(mask) & !mask;
    let end = start.saturating_add(size);
    if end > END {
        return core::ptr::null_mut();
    }
    set_free(end);
    start as *mut u8
}

#[inline(never)]
fn grow(block: *mut u8, old: usize, align: usize, size: usize) -> *mut u8 {
    // What lies past the cursor was never written: `alloc_zeroed` relies on it.
    if size <= old {
        return block;
    }
    let start = block as usize;
    let end = start.saturating_add(size);
    if start.wrapping_add(old) == free() && end <= END {
        set_free(end);
        return block;
    }
    let moved = take(size, align);
    if !moved.is_null() {
        // SAFETY: both blocks are ours, do not overlap, and are at least this long.
        unsafe { core::ptr::copy_nonoverlapping(block, moved, old.min(size)) }
    }
    moved
}
