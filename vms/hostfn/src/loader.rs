//! What the dynamic loader knows of an address.

use std::ffi::{c_int, c_void};

/// Symbol types of ELF that are no code: object, common, thread-local.
const DATA_TYPES: [u8; 3] = [1, 5, 6];

/// Whether `address`, which the loader gave for a symbol, is that of code: in an executable segment
/// and not that of a symbol said to be data (older linkers put constants beside the code).
pub(crate) fn is_code(address: *mut c_void) -> bool {
    !is_named_data(address) && in_executable_segment(address)
}

fn is_named_data(address: *mut c_void) -> bool {
    let mut information = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    let mut entry: *mut c_void = std::ptr::null_mut();
    // SAFETY: both out-pointers lead to variables of the types that RTLD_DL_SYMENT (1) asks for;
    // any address may be asked about.
    let found = unsafe { libc::dladdr1(address, &mut information, &mut entry, 1) };
    if found == 0 || entry.is_null() {
        return false;
    }
    // SAFETY: the loader points to a symbol table entry of a library that is loaded and stays so:
    // the caller holds the one the address came from.
    let kind = unsafe { (*entry.cast::<libc::Elf64_Sym>()).st_info } & 0xf;
    DATA_TYPES.contains(&kind)
}

fn in_executable_segment(address: *mut c_void) -> bool {
    let mut search = Search {
        address: address as u64,
        found: false,
    };
    // SAFETY: the callback gets the pointer to `search` that is given here, which outlives the walk.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

struct Search {
    address: u64,
    found: bool,
}

/// Looks through the segments of one loaded object; 1 ends the walk.
unsafe extern "C" fn look(
    information: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut c_void,
) -> c_int {
    // SAFETY: dl_iterate_phdr gives a valid description of an object, whose headers are an array of
    // the length it says, and the pointer that it was given itself, used by nobody else meanwhile.
    let (object, search, headers) = unsafe {
        let object = &*information;
        let count = usize::from(object.dlpi_phnum);
        let headers = if object.dlpi_phdr.is_null() {
            &[]
        } else {
            std::slice::from_raw_parts(object.dlpi_phdr, count)
        };
        (object, &mut *search.cast::<Search>(), headers)
    };
    search.found = headers.iter().any(|header| {
        let start = object.dlpi_addr.wrapping_add(header.p_vaddr);
        header.p_type == libc::PT_LOAD
            && header.p_flags & libc::PF_X != 0
            && search.address.wrapping_sub(start) < header.p_memsz
    });
    c_int::from(search.found)
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" {
        static stdout: *mut c_void;
    }

    #[test]
    fn functions_are_code_and_variables_are_not() {
        static DATA: u32 = 7;
        let local = 7;
        assert!(is_code(libc::getpid as *mut c_void));
        assert!(is_code(libc::memcpy as *mut c_void), "chosen at load time");
        assert!(
            is_code(libc::time as *mut c_void),
            "perhaps the kernel's own page"
        );
        assert!(!is_code((&raw const stdout).cast_mut().cast()));
        assert!(!is_code((&raw const DATA).cast_mut().cast()));
        assert!(!is_code((&raw const local).cast_mut().cast()));
        assert!(!is_code(std::ptr::dangling_mut()));
    }
}
