//! Where the runtime enters the program.
//!
//! Half of all entries are the program's own events, which it calls itself with so that they are recorded:
//! nothing is done in them but to see that the program itself called. They are answered here, on the
//! bytes the runtime lays out, before accounts are looked at one by one. Everything else goes Anchor's
//! way.

use anchor_lang::{
    error::{ComparedValues, Error, ErrorOrigin},
    event::EVENT_IX_TAG_LE,
    solana_program::{
        account_info::{AccountInfo, MAX_PERMITTED_DATA_INCREASE},
        entrypoint::{NON_DUP_MARKER, SUCCESS},
        log::sol_log,
        program_error::ProgramError,
    },
};
use core::{
    cell::RefCell,
    mem::ManuallyDrop,
    slice::{from_raw_parts, from_raw_parts_mut},
};
use std::rc::Rc;

/// Where the runtime puts things when there is one account, without data, in bytes from the start.
mod place {
    use super::MAX_PERMITTED_DATA_INCREASE;

    /// How many accounts there are, u64.
    pub const COUNT: usize = 0;
    /// Whether the first account has signed, u8; before it a marker, u8.
    pub const SIGNED: usize = 9;
    /// The first account's address.
    pub const KEY: usize = 16;
    /// The length of its data, u64; before it its owner and lamports.
    pub const DATA_LENGTH: usize = KEY + 32 + 32 + 8;
    /// The length of the instruction's data, u64; before it the room for the account's data to grow,
    /// and its rent epoch.
    pub const INSTRUCTION_LENGTH: usize = DATA_LENGTH + 8 + MAX_PERMITTED_DATA_INCREASE + 8;
    /// The instruction's data.
    pub const INSTRUCTION: usize = INSTRUCTION_LENGTH + 8;
}

/// Whether these are the bytes of an event: one account, the event authority, which has signed, as only
/// this program can make it.
///
/// # Safety
/// `input` is what the runtime calls the entrypoint with.
unsafe fn is_event(input: *const u8) -> bool {
    // SAFETY: every input holds at least the count and, when that is not 0, one account, which without
    // data has the instruction's length at the place above; the tag is read when the length covers it.
    // Numbers are aligned by the runtime; they are read as if they were not.
    let number = |at: usize| unsafe { input.add(at).cast::<u64>().read_unaligned() };
    number(place::COUNT) == 1
        && number(place::DATA_LENGTH) == 0
        && number(place::INSTRUCTION_LENGTH) >= EVENT_IX_TAG_LE.len() as u64
        && number(place::INSTRUCTION).to_le_bytes() == *EVENT_IX_TAG_LE
        // SAFETY: as above
        && unsafe { *input.add(place::SIGNED) } == 1
        && unsafe { *input.add(place::KEY).cast::<[u8; 32]>() }
            == crate::EVENT_AUTHORITY_AND_BUMP.0.to_bytes()
}

/// Reads the accounts the runtime lays out from `at` on. Returns them and where they end.
///
/// As `solana_program_entrypoint::deserialize`, but each is written once, to where it stays: there it is
/// put together on the stack and copied, which costs more than reading it.
///
/// # Safety
/// `at` is where the accounts begin in what the runtime calls the entrypoint with; `count` is their
/// number.
unsafe fn accounts<'a>(mut at: *mut u8, count: usize) -> (Vec<AccountInfo<'a>>, *mut u8) {
    let mut accounts: Vec<AccountInfo<'a>> = Vec::with_capacity(count);
    for number in 0..count {
        // SAFETY: the marker of each account lies within the input; one that is not `NON_DUP_MARKER` is
        // the number of an earlier account, which is written already, and 7 bytes of padding follow it.
        // The place written to is within the capacity.
        unsafe {
            let place = accounts.as_mut_ptr().add(number);
            let marker = *at;
            if marker == NON_DUP_MARKER {
                at = account(at, place);
            } else {
                let same: &AccountInfo = &*accounts.as_ptr().add(usize::from(marker));
                place.write(same.clone());
                at = at.add(8);
            }
        }
    }
    // SAFETY: all are written
    unsafe { accounts.set_len(count) };
    (accounts, at)
}

/// Reads one account, and returns where it ends.
///
/// # Safety
/// At `at` there is an account as the runtime lays it out, and it is given to nobody else; `place` can be
/// written to.
#[inline(always)]
unsafe fn account<'a>(at: *mut u8, place: *mut AccountInfo<'a>) -> *mut u8 {
    // SAFETY: this is the runtime's layout: marker, signer, writable, executable, u8 each; room for the
    // data's original length, u32, which `AccountInfo` looks for there; address; owner; lamports; the
    // data's length; the data; room for it to grow; padding; rent epoch. All of it outlives the
    // instruction. Everything is aligned to 8 bytes because the start is and the padding keeps it so.
    unsafe {
        let length = *at.add(80).cast::<u64>();
        *at.add(4).cast::<u32>() = length as u32;
        let length = length as usize;
        let data = at.add(88);
        #[allow(deprecated)]
        place.write(AccountInfo {
            key: &*at.add(8).cast(),
            lamports: Rc::new(RefCell::new(&mut *at.add(72).cast())),
            data: Rc::new(RefCell::new(from_raw_parts_mut(data, length))),
            owner: &*at.add(40).cast(),
            _unused: 0,
            is_signer: *at.add(1) != 0,
            is_writable: *at.add(2) != 0,
            executable: *at.add(3) != 0,
        });
        let end = length.wrapping_add(7) & !7;
        data.add(end).add(MAX_PERMITTED_DATA_INCREASE + 8)
    }
}

/// Logs an error in Anchor's words, which clients look for.
///
/// Put together from its parts: formatting them would bring a tenth of a hundred kilobytes into the
/// program. An error of the runtime's own goes by its number alone; its name is in the answer of the node.
#[cold]
#[inline(never)]
fn report(error: &Error) {
    let (kind, origin, compared, code) = match error {
        Error::AnchorError(error) => (
            "AnchorError",
            &error.error_origin,
            &error.compared_values,
            Some((&error.error_name, &error.error_msg)),
        ),
        Error::ProgramError(error) => (
            "ProgramError",
            &error.error_origin,
            &error.compared_values,
            None,
        ),
    };
    let number = match error {
        Error::AnchorError(error) => u64::from(error.error_code_number),
        Error::ProgramError(error) => error.program_error.clone().into(),
    };
    let mut digits = [0; 20];
    let number = decimal(number, &mut digits);
    let mut line = String::with_capacity(256);
    line.push_str(kind);
    match origin {
        Some(ErrorOrigin::AccountName(name)) => {
            line.push_str(" caused by account: ");
            line.push_str(name);
        }
        _ => line.push_str(" occurred"),
    }
    if let Some((name, _)) = code {
        line.push_str(". Error Code: ");
        line.push_str(name);
    }
    line.push_str(". Error Number: ");
    line.push_str(number);
    if let Some((_, message)) = code {
        line.push_str(". Error Message: ");
        line.push_str(message);
    }
    line.push('.');
    sol_log(&line);
    if let Some(ComparedValues::Pubkeys((left, right))) = compared {
        sol_log("Left:");
        left.log();
        sol_log("Right:");
        right.log();
    }
}

/// A number in decimal.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &str {
    let mut from = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        // a remainder of ten is a digit
        *digit = b'0'.wrapping_add((number % 10) as u8);
        number /= 10;
        from = place;
        if number == 0 {
            break;
        }
    }
    digits
        .get(from..)
        .and_then(|digits| core::str::from_utf8(digits).ok())
        .unwrap_or_default()
}

/// Enters the program.
///
/// # Safety
/// Only for the runtime, which calls it with the instruction laid out as it lays them out.
#[no_mangle]
pub unsafe extern "C" fn entrypoint(input: *mut u8) -> u64 {
    // SAFETY: what the runtime promises: the number of accounts, the accounts, the length of the
    // instruction's data, the data, the program's address.
    let (accounts, data, program) = unsafe {
        if is_event(input) {
            return SUCCESS;
        }
        let (accounts, end) = accounts(input.add(8), *input.cast::<u64>() as usize);
        let length = *end.cast::<u64>() as usize;
        let data = end.add(8);
        (
            accounts,
            from_raw_parts(data, length),
            &*data.add(length).cast(),
        )
    };
    // Nothing outlives the instruction: there is no need to count references down.
    let accounts = ManuallyDrop::new(accounts);
    match crate::try_entry(program, &accounts, data) {
        Ok(()) => SUCCESS,
        Err(error) => {
            report(&error);
            ProgramError::from(error).into()
        }
    }
}

anchor_lang::solana_program::entrypoint::custom_panic_default!();
