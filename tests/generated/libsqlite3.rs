//! The functions of libsqlite3.so.0, called in a VM. Made by `cosmos gen rust libsqlite3.so.0`: not to be
//! changed.
//!
//! With `mod libsqlite3;`, `libsqlite3::Libsqlite3::open()` opens the library.

#![allow(
    clippy::all,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    rustdoc::all,
    unused_imports,
    unused_unsafe
)]
#![cfg_attr(rustfmt, rustfmt_skip)]

use cosmos::{Carried, Error, Library, Options, Signature, Symbol};
use std::ffi::{c_char, c_double, c_float, c_int, c_long, c_longlong, c_schar, c_short, c_uchar};
use std::ffi::{c_uint, c_ulong, c_ulonglong, c_ushort, c_void};
use std::sync::OnceLock;

/// The library, open in a VM.
#[derive(Debug)]
pub struct Libsqlite3 {
    library: Library,
    sqlite3_libversion: OnceLock<Symbol<extern "C" fn() -> *const c_char>>,
    sqlite3_sourceid: OnceLock<Symbol<extern "C" fn() -> *const c_char>>,
    sqlite3_libversion_number: OnceLock<Symbol<extern "C" fn() -> c_int>>,
    sqlite3_compileoption_used: OnceLock<Symbol<unsafe extern "C" fn(*const c_char) -> c_int>>,
    sqlite3_compileoption_get: OnceLock<Symbol<extern "C" fn(c_int) -> *const c_char>>,
    sqlite3_threadsafe: OnceLock<Symbol<extern "C" fn() -> c_int>>,
    sqlite3_initialize: OnceLock<Symbol<extern "C" fn() -> c_int>>,
    sqlite3_shutdown: OnceLock<Symbol<extern "C" fn() -> c_int>>,
    sqlite3_os_init: OnceLock<Symbol<extern "C" fn() -> c_int>>,
    sqlite3_os_end: OnceLock<Symbol<extern "C" fn() -> c_int>>,
    sqlite3_errstr: OnceLock<Symbol<extern "C" fn(c_int) -> *const c_char>>,
    sqlite3_complete: OnceLock<Symbol<unsafe extern "C" fn(*const c_char) -> c_int>>,
    sqlite3_sleep: OnceLock<Symbol<extern "C" fn(c_int) -> c_int>>,
    sqlite3_enable_shared_cache: OnceLock<Symbol<extern "C" fn(c_int) -> c_int>>,
    sqlite3_release_memory: OnceLock<Symbol<extern "C" fn(c_int) -> c_int>>,
    sqlite3_soft_heap_limit64: OnceLock<Symbol<extern "C" fn(c_longlong) -> c_longlong>>,
    sqlite3_hard_heap_limit64: OnceLock<Symbol<extern "C" fn(c_longlong) -> c_longlong>>,
    sqlite3_soft_heap_limit: OnceLock<Symbol<extern "C" fn(c_int)>>,
    sqlite3_memory_used: OnceLock<Symbol<extern "C" fn() -> c_longlong>>,
    sqlite3_memory_highwater: OnceLock<Symbol<extern "C" fn(c_int) -> c_longlong>>,
    sqlite3_randomness: OnceLock<Symbol<unsafe extern "C" fn(c_int, *mut c_void)>>,
    sqlite3_keyword_count: OnceLock<Symbol<extern "C" fn() -> c_int>>,
    sqlite3_keyword_name: OnceLock<Symbol<unsafe extern "C" fn(c_int, *mut *const c_char, *mut c_int) -> c_int>>,
    sqlite3_keyword_check: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, c_int) -> c_int>>,
    sqlite3_status: OnceLock<Symbol<unsafe extern "C" fn(c_int, *mut c_int, *mut c_int, c_int) -> c_int>>,
    sqlite3_status64: OnceLock<Symbol<unsafe extern "C" fn(c_int, *mut c_longlong, *mut c_longlong, c_int) -> c_int>>,
    sqlite3_stricmp: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *const c_char) -> c_int>>,
    sqlite3_strnicmp: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *const c_char, c_int) -> c_int>>,
    sqlite3_strglob: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *const c_char) -> c_int>>,
    sqlite3_strlike: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *const c_char, c_uint) -> c_int>>,
    sqlite3_reset_auto_extension: OnceLock<Symbol<extern "C" fn()>>,
    sqlite3_thread_cleanup: OnceLock<Symbol<extern "C" fn()>>,
    sqlite3_global_recover: OnceLock<Symbol<extern "C" fn() -> c_int>>,
    sqlite3_open: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *mut *mut sqlite3) -> c_int>>,
    sqlite3_open_v2: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *mut *mut sqlite3, c_int, *const c_char) -> c_int>>,
    sqlite3_close: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_close_v2: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_exec: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, Option<unsafe extern "C" fn(*mut c_void, c_int, *mut *mut c_char, *mut *mut c_char) -> c_int>, *mut c_void, *mut *mut c_char) -> c_int>>,
    sqlite3_errcode: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_extended_errcode: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_error_offset: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_system_errno: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_errmsg: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> *const c_char>>,
    sqlite3_extended_result_codes: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_int) -> c_int>>,
    sqlite3_last_insert_rowid: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_longlong>>,
    sqlite3_set_last_insert_rowid: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_longlong)>>,
    sqlite3_changes: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_changes64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_longlong>>,
    sqlite3_total_changes: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_total_changes64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_longlong>>,
    sqlite3_interrupt: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3)>>,
    sqlite3_busy_timeout: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_int) -> c_int>>,
    sqlite3_busy_handler: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, Option<unsafe extern "C" fn(*mut c_void, c_int) -> c_int>, *mut c_void) -> c_int>>,
    sqlite3_progress_handler: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_int, Option<unsafe extern "C" fn(*mut c_void) -> c_int>, *mut c_void)>>,
    sqlite3_set_authorizer: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char, *const c_char, *const c_char) -> c_int>, *mut c_void) -> c_int>>,
    sqlite3_commit_hook: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, Option<unsafe extern "C" fn(*mut c_void) -> c_int>, *mut c_void) -> *mut c_void>>,
    sqlite3_rollback_hook: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void) -> *mut c_void>>,
    sqlite3_update_hook: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char, c_longlong)>, *mut c_void) -> *mut c_void>>,
    sqlite3_wal_hook: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, Option<unsafe extern "C" fn(*mut c_void, *mut sqlite3, *const c_char, c_int) -> c_int>, *mut c_void) -> *mut c_void>>,
    sqlite3_trace: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, Option<unsafe extern "C" fn(*mut c_void, *const c_char)>, *mut c_void) -> *mut c_void>>,
    sqlite3_profile: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, Option<unsafe extern "C" fn(*mut c_void, *const c_char, c_ulonglong)>, *mut c_void) -> *mut c_void>>,
    sqlite3_trace_v2: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_uint, Option<unsafe extern "C" fn(c_uint, *mut c_void, *mut c_void, *mut c_void) -> c_int>, *mut c_void) -> c_int>>,
    sqlite3_limit: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_int, c_int) -> c_int>>,
    sqlite3_get_autocommit: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_db_name: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_int) -> *const c_char>>,
    sqlite3_db_filename: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char) -> *const c_char>>,
    sqlite3_db_readonly: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char) -> c_int>>,
    sqlite3_txn_state: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char) -> c_int>>,
    sqlite3_db_release_memory: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_db_cacheflush: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_db_status: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_int, *mut c_int, *mut c_int, c_int) -> c_int>>,
    sqlite3_table_column_metadata: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, *const c_char, *const c_char, *mut *const c_char, *mut *const c_char, *mut c_int, *mut c_int, *mut c_int) -> c_int>>,
    sqlite3_load_extension: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, *const c_char, *mut *mut c_char) -> c_int>>,
    sqlite3_enable_load_extension: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_int) -> c_int>>,
    sqlite3_wal_autocheckpoint: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, c_int) -> c_int>>,
    sqlite3_wal_checkpoint: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char) -> c_int>>,
    sqlite3_wal_checkpoint_v2: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int, *mut c_int, *mut c_int) -> c_int>>,
    sqlite3_overload_function: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int) -> c_int>>,
    sqlite3_drop_modules: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *mut *const c_char) -> c_int>>,
    sqlite3_declare_vtab: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char) -> c_int>>,
    sqlite3_vtab_on_conflict: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> c_int>>,
    sqlite3_serialize: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, *mut c_longlong, c_uint) -> *mut c_uchar>>,
    sqlite3_autovacuum_pages: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, Option<unsafe extern "C" fn(*mut c_void, *const c_char, c_uint, c_uint, c_uint) -> c_uint>, *mut c_void, Option<unsafe extern "C" fn(*mut c_void)>) -> c_int>>,
    sqlite3_collation_needed: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *mut c_void, Option<unsafe extern "C" fn(*mut c_void, *mut sqlite3, c_int, *const c_char)>) -> c_int>>,
    sqlite3_db_mutex: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> *mut sqlite3_mutex>>,
    sqlite3_prepare: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int, *mut *mut sqlite3_stmt, *mut *const c_char) -> c_int>>,
    sqlite3_prepare_v2: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int, *mut *mut sqlite3_stmt, *mut *const c_char) -> c_int>>,
    sqlite3_prepare_v3: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int, c_uint, *mut *mut sqlite3_stmt, *mut *const c_char) -> c_int>>,
    sqlite3_prepare16: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_void, c_int, *mut *mut sqlite3_stmt, *mut *const c_void) -> c_int>>,
    sqlite3_prepare16_v2: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_void, c_int, *mut *mut sqlite3_stmt, *mut *const c_void) -> c_int>>,
    sqlite3_prepare16_v3: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_void, c_int, c_uint, *mut *mut sqlite3_stmt, *mut *const c_void) -> c_int>>,
    sqlite3_step: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_reset: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_finalize: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_db_handle: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> *mut sqlite3>>,
    sqlite3_next_stmt: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *mut sqlite3_stmt) -> *mut sqlite3_stmt>>,
    sqlite3_sql: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> *const c_char>>,
    sqlite3_expanded_sql: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> *mut c_char>>,
    sqlite3_stmt_readonly: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_stmt_isexplain: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_stmt_busy: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_stmt_status: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, c_int) -> c_int>>,
    sqlite3_stmt_scanstatus_reset: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt)>>,
    sqlite3_expired: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_transfer_bindings: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, *mut sqlite3_stmt) -> c_int>>,
    sqlite3_bind_parameter_count: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_bind_parameter_name: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *const c_char>>,
    sqlite3_bind_parameter_index: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, *const c_char) -> c_int>>,
    sqlite3_clear_bindings: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_bind_blob: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, *const c_void, c_int, *mut c_void) -> c_int>>,
    sqlite3_bind_blob64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, *const c_void, c_ulonglong, *mut c_void) -> c_int>>,
    sqlite3_bind_double: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, c_double) -> c_int>>,
    sqlite3_bind_int: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, c_int) -> c_int>>,
    sqlite3_bind_int64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, c_longlong) -> c_int>>,
    sqlite3_bind_null: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> c_int>>,
    sqlite3_bind_text: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, *const c_char, c_int, *mut c_void) -> c_int>>,
    sqlite3_bind_text16: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, *const c_void, c_int, *mut c_void) -> c_int>>,
    sqlite3_bind_text64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, *const c_char, c_ulonglong, *mut c_void, c_uchar) -> c_int>>,
    sqlite3_bind_value: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, *const sqlite3_value) -> c_int>>,
    sqlite3_bind_pointer: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, *mut c_void, *const c_char, Option<unsafe extern "C" fn(*mut c_void)>) -> c_int>>,
    sqlite3_bind_zeroblob: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, c_int) -> c_int>>,
    sqlite3_bind_zeroblob64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int, c_ulonglong) -> c_int>>,
    sqlite3_column_count: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_data_count: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt) -> c_int>>,
    sqlite3_column_name: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *const c_char>>,
    sqlite3_column_database_name: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *const c_char>>,
    sqlite3_column_table_name: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *const c_char>>,
    sqlite3_column_origin_name: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *const c_char>>,
    sqlite3_column_decltype: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *const c_char>>,
    sqlite3_column_bytes: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> c_int>>,
    sqlite3_column_bytes16: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> c_int>>,
    sqlite3_column_type: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> c_int>>,
    sqlite3_column_int: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> c_int>>,
    sqlite3_column_int64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> c_longlong>>,
    sqlite3_column_double: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> c_double>>,
    sqlite3_column_text: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *const c_uchar>>,
    sqlite3_column_text16: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *const c_void>>,
    sqlite3_column_blob: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *const c_void>>,
    sqlite3_column_value: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_stmt, c_int) -> *mut sqlite3_value>>,
    sqlite3_blob_open: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, *const c_char, *const c_char, c_longlong, c_int, *mut *mut sqlite3_blob) -> c_int>>,
    sqlite3_blob_reopen: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_blob, c_longlong) -> c_int>>,
    sqlite3_blob_close: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_blob) -> c_int>>,
    sqlite3_blob_bytes: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_blob) -> c_int>>,
    sqlite3_blob_read: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_blob, *mut c_void, c_int, c_int) -> c_int>>,
    sqlite3_blob_write: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_blob, *const c_void, c_int, c_int) -> c_int>>,
    sqlite3_backup_init: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, *mut sqlite3, *const c_char) -> *mut sqlite3_backup>>,
    sqlite3_backup_step: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_backup, c_int) -> c_int>>,
    sqlite3_backup_finish: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_backup) -> c_int>>,
    sqlite3_backup_remaining: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_backup) -> c_int>>,
    sqlite3_backup_pagecount: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_backup) -> c_int>>,
    sqlite3_snapshot_get: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, *mut *mut sqlite3_snapshot) -> c_int>>,
    sqlite3_snapshot_open: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, *mut sqlite3_snapshot) -> c_int>>,
    sqlite3_snapshot_free: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_snapshot)>>,
    sqlite3_snapshot_cmp: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_snapshot, *mut sqlite3_snapshot) -> c_int>>,
    sqlite3_snapshot_recover: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char) -> c_int>>,
    sqlite3_create_function: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int, c_int, *mut c_void, Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, Option<unsafe extern "C" fn(*mut sqlite3_context)>) -> c_int>>,
    sqlite3_create_function_v2: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int, c_int, *mut c_void, Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, Option<unsafe extern "C" fn(*mut sqlite3_context)>, Option<unsafe extern "C" fn(*mut c_void)>) -> c_int>>,
    sqlite3_create_window_function: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int, c_int, *mut c_void, Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, Option<unsafe extern "C" fn(*mut sqlite3_context)>, Option<unsafe extern "C" fn(*mut sqlite3_context)>, Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, Option<unsafe extern "C" fn(*mut c_void)>) -> c_int>>,
    sqlite3_create_collation: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int, *mut c_void, Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_int, *const c_void) -> c_int>) -> c_int>>,
    sqlite3_create_collation_v2: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3, *const c_char, c_int, *mut c_void, Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_int, *const c_void) -> c_int>, Option<unsafe extern "C" fn(*mut c_void)>) -> c_int>>,
    sqlite3_aggregate_count: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context) -> c_int>>,
    sqlite3_user_data: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context) -> *mut c_void>>,
    sqlite3_context_db_handle: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context) -> *mut sqlite3>>,
    sqlite3_vtab_nochange: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context) -> c_int>>,
    sqlite3_value_type: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_int>>,
    sqlite3_value_numeric_type: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_int>>,
    sqlite3_value_nochange: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_int>>,
    sqlite3_value_frombind: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_int>>,
    sqlite3_value_encoding: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_int>>,
    sqlite3_value_subtype: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_uint>>,
    sqlite3_value_bytes: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_int>>,
    sqlite3_value_bytes16: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_int>>,
    sqlite3_value_int: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_int>>,
    sqlite3_value_int64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_longlong>>,
    sqlite3_value_double: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> c_double>>,
    sqlite3_value_text: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> *const c_uchar>>,
    sqlite3_value_blob: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> *const c_void>>,
    sqlite3_value_text16: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> *const c_void>>,
    sqlite3_value_text16le: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> *const c_void>>,
    sqlite3_value_text16be: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value) -> *const c_void>>,
    sqlite3_value_pointer: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value, *const c_char) -> *mut c_void>>,
    sqlite3_value_dup: OnceLock<Symbol<unsafe extern "C" fn(*const sqlite3_value) -> *mut sqlite3_value>>,
    sqlite3_value_free: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_value)>>,
    sqlite3_result_blob: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *const c_void, c_int, *mut c_void)>>,
    sqlite3_result_blob64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *const c_void, c_ulonglong, *mut c_void)>>,
    sqlite3_result_double: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, c_double)>>,
    sqlite3_result_error: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *const c_char, c_int)>>,
    sqlite3_result_error16: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *const c_void, c_int)>>,
    sqlite3_result_error_toobig: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context)>>,
    sqlite3_result_error_nomem: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context)>>,
    sqlite3_result_error_code: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, c_int)>>,
    sqlite3_result_int: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, c_int)>>,
    sqlite3_result_int64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, c_longlong)>>,
    sqlite3_result_null: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context)>>,
    sqlite3_result_text: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *const c_char, c_int, *mut c_void)>>,
    sqlite3_result_text64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *const c_char, c_ulonglong, *mut c_void, c_uchar)>>,
    sqlite3_result_text16: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *const c_void, c_int, *mut c_void)>>,
    sqlite3_result_text16le: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *const c_void, c_int, *mut c_void)>>,
    sqlite3_result_text16be: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *const c_void, c_int, *mut c_void)>>,
    sqlite3_result_value: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, *mut sqlite3_value)>>,
    sqlite3_result_zeroblob: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, c_int)>>,
    sqlite3_result_zeroblob64: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, c_ulonglong) -> c_int>>,
    sqlite3_result_subtype: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_context, c_uint)>>,
    sqlite3_str_new: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3) -> *mut sqlite3_str>>,
    sqlite3_str_finish: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_str) -> *mut c_char>>,
    sqlite3_str_append: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_str, *const c_char, c_int)>>,
    sqlite3_str_appendall: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_str, *const c_char)>>,
    sqlite3_str_appendchar: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_str, c_int, c_char)>>,
    sqlite3_str_reset: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_str)>>,
    sqlite3_str_errcode: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_str) -> c_int>>,
    sqlite3_str_length: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_str) -> c_int>>,
    sqlite3_str_value: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_str) -> *mut c_char>>,
    sqlite3_create_filename: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *const c_char, *const c_char, c_int, *mut *const c_char) -> *const c_char>>,
    sqlite3_free_filename: OnceLock<Symbol<unsafe extern "C" fn(*const c_char)>>,
    sqlite3_uri_parameter: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *const c_char) -> *const c_char>>,
    sqlite3_uri_boolean: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *const c_char, c_int) -> c_int>>,
    sqlite3_uri_int64: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *const c_char, c_longlong) -> c_longlong>>,
    sqlite3_uri_key: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, c_int) -> *const c_char>>,
    sqlite3_filename_database: OnceLock<Symbol<unsafe extern "C" fn(*const c_char) -> *const c_char>>,
    sqlite3_filename_journal: OnceLock<Symbol<unsafe extern "C" fn(*const c_char) -> *const c_char>>,
    sqlite3_filename_wal: OnceLock<Symbol<unsafe extern "C" fn(*const c_char) -> *const c_char>>,
    sqlite3_mutex_alloc: OnceLock<Symbol<extern "C" fn(c_int) -> *mut sqlite3_mutex>>,
    sqlite3_mutex_free: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_mutex)>>,
    sqlite3_mutex_enter: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_mutex)>>,
    sqlite3_mutex_try: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_mutex) -> c_int>>,
    sqlite3_mutex_leave: OnceLock<Symbol<unsafe extern "C" fn(*mut sqlite3_mutex)>>,
}

/// The function, resolved when it is called first.
fn resolved<'s, F: Signature>(
    library: &Library,
    known: &'s OnceLock<Symbol<F>>,
    prototype: &str,
) -> Result<&'s Symbol<F>, Error> {
    match known.get() {
        Some(symbol) => Ok(symbol),
        None => {
            let symbol = library.symbol(prototype)?;
            Ok(known.get_or_init(|| symbol))
        }
    }
}

impl Libsqlite3 {
    /// Opens the library with the configuration's defaults.
    ///
    /// # Errors
    /// As `cosmos::dlopen`.
    pub fn open() -> Result<Libsqlite3, Error> {
        Libsqlite3::open_with(&Options::default())
    }

    /// Opens the library.
    ///
    /// # Errors
    /// As `cosmos::dlopen_with`.
    pub fn open_with(options: &Options) -> Result<Libsqlite3, Error> {
        cosmos::dlopen_with("libsqlite3.so.0", options).map(Libsqlite3::of)
    }

    /// The functions of a library that is open.
    pub fn of(library: Library) -> Libsqlite3 {
        Libsqlite3 {
            library,
            sqlite3_libversion: OnceLock::new(),
            sqlite3_sourceid: OnceLock::new(),
            sqlite3_libversion_number: OnceLock::new(),
            sqlite3_compileoption_used: OnceLock::new(),
            sqlite3_compileoption_get: OnceLock::new(),
            sqlite3_threadsafe: OnceLock::new(),
            sqlite3_initialize: OnceLock::new(),
            sqlite3_shutdown: OnceLock::new(),
            sqlite3_os_init: OnceLock::new(),
            sqlite3_os_end: OnceLock::new(),
            sqlite3_errstr: OnceLock::new(),
            sqlite3_complete: OnceLock::new(),
            sqlite3_sleep: OnceLock::new(),
            sqlite3_enable_shared_cache: OnceLock::new(),
            sqlite3_release_memory: OnceLock::new(),
            sqlite3_soft_heap_limit64: OnceLock::new(),
            sqlite3_hard_heap_limit64: OnceLock::new(),
            sqlite3_soft_heap_limit: OnceLock::new(),
            sqlite3_memory_used: OnceLock::new(),
            sqlite3_memory_highwater: OnceLock::new(),
            sqlite3_randomness: OnceLock::new(),
            sqlite3_keyword_count: OnceLock::new(),
            sqlite3_keyword_name: OnceLock::new(),
            sqlite3_keyword_check: OnceLock::new(),
            sqlite3_status: OnceLock::new(),
            sqlite3_status64: OnceLock::new(),
            sqlite3_stricmp: OnceLock::new(),
            sqlite3_strnicmp: OnceLock::new(),
            sqlite3_strglob: OnceLock::new(),
            sqlite3_strlike: OnceLock::new(),
            sqlite3_reset_auto_extension: OnceLock::new(),
            sqlite3_thread_cleanup: OnceLock::new(),
            sqlite3_global_recover: OnceLock::new(),
            sqlite3_open: OnceLock::new(),
            sqlite3_open_v2: OnceLock::new(),
            sqlite3_close: OnceLock::new(),
            sqlite3_close_v2: OnceLock::new(),
            sqlite3_exec: OnceLock::new(),
            sqlite3_errcode: OnceLock::new(),
            sqlite3_extended_errcode: OnceLock::new(),
            sqlite3_error_offset: OnceLock::new(),
            sqlite3_system_errno: OnceLock::new(),
            sqlite3_errmsg: OnceLock::new(),
            sqlite3_extended_result_codes: OnceLock::new(),
            sqlite3_last_insert_rowid: OnceLock::new(),
            sqlite3_set_last_insert_rowid: OnceLock::new(),
            sqlite3_changes: OnceLock::new(),
            sqlite3_changes64: OnceLock::new(),
            sqlite3_total_changes: OnceLock::new(),
            sqlite3_total_changes64: OnceLock::new(),
            sqlite3_interrupt: OnceLock::new(),
            sqlite3_busy_timeout: OnceLock::new(),
            sqlite3_busy_handler: OnceLock::new(),
            sqlite3_progress_handler: OnceLock::new(),
            sqlite3_set_authorizer: OnceLock::new(),
            sqlite3_commit_hook: OnceLock::new(),
            sqlite3_rollback_hook: OnceLock::new(),
            sqlite3_update_hook: OnceLock::new(),
            sqlite3_wal_hook: OnceLock::new(),
            sqlite3_trace: OnceLock::new(),
            sqlite3_profile: OnceLock::new(),
            sqlite3_trace_v2: OnceLock::new(),
            sqlite3_limit: OnceLock::new(),
            sqlite3_get_autocommit: OnceLock::new(),
            sqlite3_db_name: OnceLock::new(),
            sqlite3_db_filename: OnceLock::new(),
            sqlite3_db_readonly: OnceLock::new(),
            sqlite3_txn_state: OnceLock::new(),
            sqlite3_db_release_memory: OnceLock::new(),
            sqlite3_db_cacheflush: OnceLock::new(),
            sqlite3_db_status: OnceLock::new(),
            sqlite3_table_column_metadata: OnceLock::new(),
            sqlite3_load_extension: OnceLock::new(),
            sqlite3_enable_load_extension: OnceLock::new(),
            sqlite3_wal_autocheckpoint: OnceLock::new(),
            sqlite3_wal_checkpoint: OnceLock::new(),
            sqlite3_wal_checkpoint_v2: OnceLock::new(),
            sqlite3_overload_function: OnceLock::new(),
            sqlite3_drop_modules: OnceLock::new(),
            sqlite3_declare_vtab: OnceLock::new(),
            sqlite3_vtab_on_conflict: OnceLock::new(),
            sqlite3_serialize: OnceLock::new(),
            sqlite3_autovacuum_pages: OnceLock::new(),
            sqlite3_collation_needed: OnceLock::new(),
            sqlite3_db_mutex: OnceLock::new(),
            sqlite3_prepare: OnceLock::new(),
            sqlite3_prepare_v2: OnceLock::new(),
            sqlite3_prepare_v3: OnceLock::new(),
            sqlite3_prepare16: OnceLock::new(),
            sqlite3_prepare16_v2: OnceLock::new(),
            sqlite3_prepare16_v3: OnceLock::new(),
            sqlite3_step: OnceLock::new(),
            sqlite3_reset: OnceLock::new(),
            sqlite3_finalize: OnceLock::new(),
            sqlite3_db_handle: OnceLock::new(),
            sqlite3_next_stmt: OnceLock::new(),
            sqlite3_sql: OnceLock::new(),
            sqlite3_expanded_sql: OnceLock::new(),
            sqlite3_stmt_readonly: OnceLock::new(),
            sqlite3_stmt_isexplain: OnceLock::new(),
            sqlite3_stmt_busy: OnceLock::new(),
            sqlite3_stmt_status: OnceLock::new(),
            sqlite3_stmt_scanstatus_reset: OnceLock::new(),
            sqlite3_expired: OnceLock::new(),
            sqlite3_transfer_bindings: OnceLock::new(),
            sqlite3_bind_parameter_count: OnceLock::new(),
            sqlite3_bind_parameter_name: OnceLock::new(),
            sqlite3_bind_parameter_index: OnceLock::new(),
            sqlite3_clear_bindings: OnceLock::new(),
            sqlite3_bind_blob: OnceLock::new(),
            sqlite3_bind_blob64: OnceLock::new(),
            sqlite3_bind_double: OnceLock::new(),
            sqlite3_bind_int: OnceLock::new(),
            sqlite3_bind_int64: OnceLock::new(),
            sqlite3_bind_null: OnceLock::new(),
            sqlite3_bind_text: OnceLock::new(),
            sqlite3_bind_text16: OnceLock::new(),
            sqlite3_bind_text64: OnceLock::new(),
            sqlite3_bind_value: OnceLock::new(),
            sqlite3_bind_pointer: OnceLock::new(),
            sqlite3_bind_zeroblob: OnceLock::new(),
            sqlite3_bind_zeroblob64: OnceLock::new(),
            sqlite3_column_count: OnceLock::new(),
            sqlite3_data_count: OnceLock::new(),
            sqlite3_column_name: OnceLock::new(),
            sqlite3_column_database_name: OnceLock::new(),
            sqlite3_column_table_name: OnceLock::new(),
            sqlite3_column_origin_name: OnceLock::new(),
            sqlite3_column_decltype: OnceLock::new(),
            sqlite3_column_bytes: OnceLock::new(),
            sqlite3_column_bytes16: OnceLock::new(),
            sqlite3_column_type: OnceLock::new(),
            sqlite3_column_int: OnceLock::new(),
            sqlite3_column_int64: OnceLock::new(),
            sqlite3_column_double: OnceLock::new(),
            sqlite3_column_text: OnceLock::new(),
            sqlite3_column_text16: OnceLock::new(),
            sqlite3_column_blob: OnceLock::new(),
            sqlite3_column_value: OnceLock::new(),
            sqlite3_blob_open: OnceLock::new(),
            sqlite3_blob_reopen: OnceLock::new(),
            sqlite3_blob_close: OnceLock::new(),
            sqlite3_blob_bytes: OnceLock::new(),
            sqlite3_blob_read: OnceLock::new(),
            sqlite3_blob_write: OnceLock::new(),
            sqlite3_backup_init: OnceLock::new(),
            sqlite3_backup_step: OnceLock::new(),
            sqlite3_backup_finish: OnceLock::new(),
            sqlite3_backup_remaining: OnceLock::new(),
            sqlite3_backup_pagecount: OnceLock::new(),
            sqlite3_snapshot_get: OnceLock::new(),
            sqlite3_snapshot_open: OnceLock::new(),
            sqlite3_snapshot_free: OnceLock::new(),
            sqlite3_snapshot_cmp: OnceLock::new(),
            sqlite3_snapshot_recover: OnceLock::new(),
            sqlite3_create_function: OnceLock::new(),
            sqlite3_create_function_v2: OnceLock::new(),
            sqlite3_create_window_function: OnceLock::new(),
            sqlite3_create_collation: OnceLock::new(),
            sqlite3_create_collation_v2: OnceLock::new(),
            sqlite3_aggregate_count: OnceLock::new(),
            sqlite3_user_data: OnceLock::new(),
            sqlite3_context_db_handle: OnceLock::new(),
            sqlite3_vtab_nochange: OnceLock::new(),
            sqlite3_value_type: OnceLock::new(),
            sqlite3_value_numeric_type: OnceLock::new(),
            sqlite3_value_nochange: OnceLock::new(),
            sqlite3_value_frombind: OnceLock::new(),
            sqlite3_value_encoding: OnceLock::new(),
            sqlite3_value_subtype: OnceLock::new(),
            sqlite3_value_bytes: OnceLock::new(),
            sqlite3_value_bytes16: OnceLock::new(),
            sqlite3_value_int: OnceLock::new(),
            sqlite3_value_int64: OnceLock::new(),
            sqlite3_value_double: OnceLock::new(),
            sqlite3_value_text: OnceLock::new(),
            sqlite3_value_blob: OnceLock::new(),
            sqlite3_value_text16: OnceLock::new(),
            sqlite3_value_text16le: OnceLock::new(),
            sqlite3_value_text16be: OnceLock::new(),
            sqlite3_value_pointer: OnceLock::new(),
            sqlite3_value_dup: OnceLock::new(),
            sqlite3_value_free: OnceLock::new(),
            sqlite3_result_blob: OnceLock::new(),
            sqlite3_result_blob64: OnceLock::new(),
            sqlite3_result_double: OnceLock::new(),
            sqlite3_result_error: OnceLock::new(),
            sqlite3_result_error16: OnceLock::new(),
            sqlite3_result_error_toobig: OnceLock::new(),
            sqlite3_result_error_nomem: OnceLock::new(),
            sqlite3_result_error_code: OnceLock::new(),
            sqlite3_result_int: OnceLock::new(),
            sqlite3_result_int64: OnceLock::new(),
            sqlite3_result_null: OnceLock::new(),
            sqlite3_result_text: OnceLock::new(),
            sqlite3_result_text64: OnceLock::new(),
            sqlite3_result_text16: OnceLock::new(),
            sqlite3_result_text16le: OnceLock::new(),
            sqlite3_result_text16be: OnceLock::new(),
            sqlite3_result_value: OnceLock::new(),
            sqlite3_result_zeroblob: OnceLock::new(),
            sqlite3_result_zeroblob64: OnceLock::new(),
            sqlite3_result_subtype: OnceLock::new(),
            sqlite3_str_new: OnceLock::new(),
            sqlite3_str_finish: OnceLock::new(),
            sqlite3_str_append: OnceLock::new(),
            sqlite3_str_appendall: OnceLock::new(),
            sqlite3_str_appendchar: OnceLock::new(),
            sqlite3_str_reset: OnceLock::new(),
            sqlite3_str_errcode: OnceLock::new(),
            sqlite3_str_length: OnceLock::new(),
            sqlite3_str_value: OnceLock::new(),
            sqlite3_create_filename: OnceLock::new(),
            sqlite3_free_filename: OnceLock::new(),
            sqlite3_uri_parameter: OnceLock::new(),
            sqlite3_uri_boolean: OnceLock::new(),
            sqlite3_uri_int64: OnceLock::new(),
            sqlite3_uri_key: OnceLock::new(),
            sqlite3_filename_database: OnceLock::new(),
            sqlite3_filename_journal: OnceLock::new(),
            sqlite3_filename_wal: OnceLock::new(),
            sqlite3_mutex_alloc: OnceLock::new(),
            sqlite3_mutex_free: OnceLock::new(),
            sqlite3_mutex_enter: OnceLock::new(),
            sqlite3_mutex_try: OnceLock::new(),
            sqlite3_mutex_leave: OnceLock::new(),
        }
    }

    /// `const char *__static __null_terminated sqlite3_libversion(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_libversion(&self) -> Result<*const c_char, Error> {
        resolved(&self.library, &self.sqlite3_libversion, "const char *__static __null_terminated sqlite3_libversion(void)")?.try_call()
    }

    /// `const char *__static __null_terminated sqlite3_sourceid(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_sourceid(&self) -> Result<*const c_char, Error> {
        resolved(&self.library, &self.sqlite3_sourceid, "const char *__static __null_terminated sqlite3_sourceid(void)")?.try_call()
    }

    /// `int sqlite3_libversion_number(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_libversion_number(&self) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_libversion_number, "int sqlite3_libversion_number(void)")?.try_call()
    }

    /// `int sqlite3_compileoption_used(const char *__in __null_terminated name)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_compileoption_used(&self, name: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_compileoption_used, "int sqlite3_compileoption_used(const char *__in __null_terminated name)")?.try_call(name) }
    }

    /// `const char *__static __null_terminated sqlite3_compileoption_get(int index)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_compileoption_get(&self, index: c_int) -> Result<*const c_char, Error> {
        resolved(&self.library, &self.sqlite3_compileoption_get, "const char *__static __null_terminated sqlite3_compileoption_get(int index)")?.try_call(index)
    }

    /// `int sqlite3_threadsafe(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_threadsafe(&self) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_threadsafe, "int sqlite3_threadsafe(void)")?.try_call()
    }

    /// `int sqlite3_initialize(void) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_initialize(&self) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_initialize, "int sqlite3_initialize(void) __fail(1)")?.try_call()
    }

    /// `int sqlite3_shutdown(void) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_shutdown(&self) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_shutdown, "int sqlite3_shutdown(void) __fail(1)")?.try_call()
    }

    /// `int sqlite3_os_init(void) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_os_init(&self) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_os_init, "int sqlite3_os_init(void) __fail(1)")?.try_call()
    }

    /// `int sqlite3_os_end(void) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_os_end(&self) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_os_end, "int sqlite3_os_end(void) __fail(1)")?.try_call()
    }

    /// `const char *__static __null_terminated sqlite3_errstr(int code)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_errstr(&self, code: c_int) -> Result<*const c_char, Error> {
        resolved(&self.library, &self.sqlite3_errstr, "const char *__static __null_terminated sqlite3_errstr(int code)")?.try_call(code)
    }

    /// `int sqlite3_complete(const char *__in __null_terminated sql) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_complete(&self, sql: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_complete, "int sqlite3_complete(const char *__in __null_terminated sql) __fail(0)")?.try_call(sql) }
    }

    /// `int sqlite3_sleep(int milliseconds)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_sleep(&self, milliseconds: c_int) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_sleep, "int sqlite3_sleep(int milliseconds)")?.try_call(milliseconds)
    }

    /// `int sqlite3_enable_shared_cache(int on) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_enable_shared_cache(&self, on: c_int) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_enable_shared_cache, "int sqlite3_enable_shared_cache(int on) __fail(1)")?.try_call(on)
    }

    /// `int sqlite3_release_memory(int bytes) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_release_memory(&self, bytes: c_int) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_release_memory, "int sqlite3_release_memory(int bytes) __fail(0)")?.try_call(bytes)
    }

    /// `long long sqlite3_soft_heap_limit64(long long bytes)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_soft_heap_limit64(&self, bytes: c_longlong) -> Result<c_longlong, Error> {
        resolved(&self.library, &self.sqlite3_soft_heap_limit64, "long long sqlite3_soft_heap_limit64(long long bytes)")?.try_call(bytes)
    }

    /// `long long sqlite3_hard_heap_limit64(long long bytes)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_hard_heap_limit64(&self, bytes: c_longlong) -> Result<c_longlong, Error> {
        resolved(&self.library, &self.sqlite3_hard_heap_limit64, "long long sqlite3_hard_heap_limit64(long long bytes)")?.try_call(bytes)
    }

    /// `void sqlite3_soft_heap_limit(int bytes)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_soft_heap_limit(&self, bytes: c_int) -> Result<(), Error> {
        resolved(&self.library, &self.sqlite3_soft_heap_limit, "void sqlite3_soft_heap_limit(int bytes)")?.try_call(bytes)
    }

    /// `long long sqlite3_memory_used(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_memory_used(&self) -> Result<c_longlong, Error> {
        resolved(&self.library, &self.sqlite3_memory_used, "long long sqlite3_memory_used(void)")?.try_call()
    }

    /// `long long sqlite3_memory_highwater(int reset)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_memory_highwater(&self, reset: c_int) -> Result<c_longlong, Error> {
        resolved(&self.library, &self.sqlite3_memory_highwater, "long long sqlite3_memory_highwater(int reset)")?.try_call(reset)
    }

    /// `void sqlite3_randomness(int size, void *__out __sized_by(size) bytes)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_randomness(&self, size: c_int, bytes: *mut c_void) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_randomness, "void sqlite3_randomness(int size, void *__out __sized_by(size) bytes)")?.try_call(size, bytes) }
    }

    /// `int sqlite3_keyword_count(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_keyword_count(&self) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_keyword_count, "int sqlite3_keyword_count(void)")?.try_call()
    }

    /// `int sqlite3_keyword_name(int index, const char *__static __sized_by(*size) *__out __single name, int *__out __single size) __success(return == 0) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_keyword_name(&self, index: c_int, name: *mut *const c_char, size: *mut c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_keyword_name, "int sqlite3_keyword_name(int index, const char *__static __sized_by(*size) *__out __single name, int *__out __single size) __success(return == 0) __fail(1)")?.try_call(index, name, size) }
    }

    /// `int sqlite3_keyword_check(const char *__in __sized_by(size) word, int size) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_keyword_check(&self, word: *const c_char, size: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_keyword_check, "int sqlite3_keyword_check(const char *__in __sized_by(size) word, int size) __fail(0)")?.try_call(word, size) }
    }

    /// `int sqlite3_status(int op, int *__out __single current, int *__out __single highwater, int reset) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_status(&self, op: c_int, current: *mut c_int, highwater: *mut c_int, reset: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_status, "int sqlite3_status(int op, int *__out __single current, int *__out __single highwater, int reset) __fail(1)")?.try_call(op, current, highwater, reset) }
    }

    /// `int sqlite3_status64(int op, long long *__out __single current, long long *__out __single highwater, int reset) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_status64(&self, op: c_int, current: *mut c_longlong, highwater: *mut c_longlong, reset: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_status64, "int sqlite3_status64(int op, long long *__out __single current, long long *__out __single highwater, int reset) __fail(1)")?.try_call(op, current, highwater, reset) }
    }

    /// `int sqlite3_stricmp(const char *__in __null_terminated left, const char *__in __null_terminated right)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_stricmp(&self, left: *const c_char, right: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_stricmp, "int sqlite3_stricmp(const char *__in __null_terminated left, const char *__in __null_terminated right)")?.try_call(left, right) }
    }

    /// `int sqlite3_strnicmp(const char *__in __null_terminated left, const char *__in __null_terminated right, int count)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_strnicmp(&self, left: *const c_char, right: *const c_char, count: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_strnicmp, "int sqlite3_strnicmp(const char *__in __null_terminated left, const char *__in __null_terminated right, int count)")?.try_call(left, right, count) }
    }

    /// `int sqlite3_strglob(const char *__in __null_terminated pattern, const char *__in __null_terminated text)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_strglob(&self, pattern: *const c_char, text: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_strglob, "int sqlite3_strglob(const char *__in __null_terminated pattern, const char *__in __null_terminated text)")?.try_call(pattern, text) }
    }

    /// `int sqlite3_strlike(const char *__in __null_terminated pattern, const char *__in __null_terminated text, unsigned int escape)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_strlike(&self, pattern: *const c_char, text: *const c_char, escape: c_uint) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_strlike, "int sqlite3_strlike(const char *__in __null_terminated pattern, const char *__in __null_terminated text, unsigned int escape)")?.try_call(pattern, text, escape) }
    }

    /// `void sqlite3_reset_auto_extension(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_reset_auto_extension(&self) -> Result<(), Error> {
        resolved(&self.library, &self.sqlite3_reset_auto_extension, "void sqlite3_reset_auto_extension(void)")?.try_call()
    }

    /// `void sqlite3_thread_cleanup(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_thread_cleanup(&self) -> Result<(), Error> {
        resolved(&self.library, &self.sqlite3_thread_cleanup, "void sqlite3_thread_cleanup(void)")?.try_call()
    }

    /// `int sqlite3_global_recover(void) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_global_recover(&self) -> Result<c_int, Error> {
        resolved(&self.library, &self.sqlite3_global_recover, "int sqlite3_global_recover(void) __fail(1)")?.try_call()
    }

    /// `int sqlite3_open(const char *__in __null_terminated filename, struct sqlite3 *__closed_by(sqlite3_close) *__out __single db) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_open(&self, filename: *const c_char, db: *mut *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_open, "int sqlite3_open(const char *__in __null_terminated filename, struct sqlite3 *__closed_by(sqlite3_close) *__out __single db) __fail(1)")?.try_call(filename, db) }
    }

    /// `int sqlite3_open_v2(const char *__in __null_terminated filename, struct sqlite3 *__closed_by(sqlite3_close_v2) *__out __single db, int flags, const char *__in __null_terminated vfs) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_open_v2(&self, filename: *const c_char, db: *mut *mut sqlite3, flags: c_int, vfs: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_open_v2, "int sqlite3_open_v2(const char *__in __null_terminated filename, struct sqlite3 *__closed_by(sqlite3_close_v2) *__out __single db, int flags, const char *__in __null_terminated vfs) __fail(1)")?.try_call(filename, db, flags, vfs) }
    }

    /// `int sqlite3_close(struct sqlite3 *__handle __consume db) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_close(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_close, "int sqlite3_close(struct sqlite3 *__handle __consume db) __fail(1)")?.try_call(db) }
    }

    /// `int sqlite3_close_v2(struct sqlite3 *__handle __consume db) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_close_v2(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_close_v2, "int sqlite3_close_v2(struct sqlite3 *__handle __consume db) __fail(1)")?.try_call(db) }
    }

    /// `int sqlite3_exec(struct sqlite3 *__handle db, const char *__in __null_terminated sql, int (*callback)(void *__opaque arg, int n, char *__in __null_terminated *__in __counted_by(n) values, char *__in __null_terminated *__in __counted_by(n) names), void *__opaque arg, char *__owned(sqlite3_free) __null_terminated *__out __single errmsg) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_exec(&self, db: *mut sqlite3, sql: *const c_char, callback: Option<unsafe extern "C" fn(*mut c_void, c_int, *mut *mut c_char, *mut *mut c_char) -> c_int>, arg: *mut c_void, errmsg: *mut *mut c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_exec, "int sqlite3_exec(struct sqlite3 *__handle db, const char *__in __null_terminated sql, int (*callback)(void *__opaque arg, int n, char *__in __null_terminated *__in __counted_by(n) values, char *__in __null_terminated *__in __counted_by(n) names), void *__opaque arg, char *__owned(sqlite3_free) __null_terminated *__out __single errmsg) __fail(1)")?.try_call(db, sql, callback, arg, errmsg) }
    }

    /// `int sqlite3_errcode(struct sqlite3 *__handle db) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_errcode(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_errcode, "int sqlite3_errcode(struct sqlite3 *__handle db) __fail(1)")?.try_call(db) }
    }

    /// `int sqlite3_extended_errcode(struct sqlite3 *__handle db) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_extended_errcode(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_extended_errcode, "int sqlite3_extended_errcode(struct sqlite3 *__handle db) __fail(1)")?.try_call(db) }
    }

    /// `int sqlite3_error_offset(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_error_offset(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_error_offset, "int sqlite3_error_offset(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `int sqlite3_system_errno(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_system_errno(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_system_errno, "int sqlite3_system_errno(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `const char *__borrowed_from(db) __null_terminated sqlite3_errmsg(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_errmsg(&self, db: *mut sqlite3) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_errmsg, "const char *__borrowed_from(db) __null_terminated sqlite3_errmsg(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `int sqlite3_extended_result_codes(struct sqlite3 *__handle db, int on) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_extended_result_codes(&self, db: *mut sqlite3, on: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_extended_result_codes, "int sqlite3_extended_result_codes(struct sqlite3 *__handle db, int on) __fail(1)")?.try_call(db, on) }
    }

    /// `long long sqlite3_last_insert_rowid(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_last_insert_rowid(&self, db: *mut sqlite3) -> Result<c_longlong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_last_insert_rowid, "long long sqlite3_last_insert_rowid(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `void sqlite3_set_last_insert_rowid(struct sqlite3 *__handle db, long long row)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_set_last_insert_rowid(&self, db: *mut sqlite3, row: c_longlong) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_set_last_insert_rowid, "void sqlite3_set_last_insert_rowid(struct sqlite3 *__handle db, long long row)")?.try_call(db, row) }
    }

    /// `int sqlite3_changes(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_changes(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_changes, "int sqlite3_changes(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `long long sqlite3_changes64(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_changes64(&self, db: *mut sqlite3) -> Result<c_longlong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_changes64, "long long sqlite3_changes64(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `int sqlite3_total_changes(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_total_changes(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_total_changes, "int sqlite3_total_changes(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `long long sqlite3_total_changes64(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_total_changes64(&self, db: *mut sqlite3) -> Result<c_longlong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_total_changes64, "long long sqlite3_total_changes64(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `void sqlite3_interrupt(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_interrupt(&self, db: *mut sqlite3) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_interrupt, "void sqlite3_interrupt(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `int sqlite3_busy_timeout(struct sqlite3 *__handle db, int milliseconds) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_busy_timeout(&self, db: *mut sqlite3, milliseconds: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_busy_timeout, "int sqlite3_busy_timeout(struct sqlite3 *__handle db, int milliseconds) __fail(1)")?.try_call(db, milliseconds) }
    }

    /// `int sqlite3_busy_handler(struct sqlite3 *__handle db, int (*__scope(db) handler)(void *__opaque arg, int count), void *__opaque arg) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_busy_handler(&self, db: *mut sqlite3, handler: Option<unsafe extern "C" fn(*mut c_void, c_int) -> c_int>, arg: *mut c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_busy_handler, "int sqlite3_busy_handler(struct sqlite3 *__handle db, int (*__scope(db) handler)(void *__opaque arg, int count), void *__opaque arg) __fail(1)")?.try_call(db, handler, arg) }
    }

    /// `void sqlite3_progress_handler(struct sqlite3 *__handle db, int steps, int (*__scope(db) handler)(void *__opaque arg), void *__opaque arg)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_progress_handler(&self, db: *mut sqlite3, steps: c_int, handler: Option<unsafe extern "C" fn(*mut c_void) -> c_int>, arg: *mut c_void) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_progress_handler, "void sqlite3_progress_handler(struct sqlite3 *__handle db, int steps, int (*__scope(db) handler)(void *__opaque arg), void *__opaque arg)")?.try_call(db, steps, handler, arg) }
    }

    /// `int sqlite3_set_authorizer(struct sqlite3 *__handle db, int (*__scope(db) authorize)(void *__opaque arg, int action, const char *__in __null_terminated first, const char *__in __null_terminated second, const char *__in __null_terminated database, const char *__in __null_terminated trigger), void *__opaque arg) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_set_authorizer(&self, db: *mut sqlite3, authorize: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char, *const c_char, *const c_char) -> c_int>, arg: *mut c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_set_authorizer, "int sqlite3_set_authorizer(struct sqlite3 *__handle db, int (*__scope(db) authorize)(void *__opaque arg, int action, const char *__in __null_terminated first, const char *__in __null_terminated second, const char *__in __null_terminated database, const char *__in __null_terminated trigger), void *__opaque arg) __fail(1)")?.try_call(db, authorize, arg) }
    }

    /// `void *__opaque sqlite3_commit_hook(struct sqlite3 *__handle db, int (*__scope(db) hook)(void *__opaque arg), void *__opaque arg)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_commit_hook(&self, db: *mut sqlite3, hook: Option<unsafe extern "C" fn(*mut c_void) -> c_int>, arg: *mut c_void) -> Result<*mut c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_commit_hook, "void *__opaque sqlite3_commit_hook(struct sqlite3 *__handle db, int (*__scope(db) hook)(void *__opaque arg), void *__opaque arg)")?.try_call(db, hook, arg) }
    }

    /// `void *__opaque sqlite3_rollback_hook(struct sqlite3 *__handle db, void (*__scope(db) hook)(void *__opaque arg), void *__opaque arg)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_rollback_hook(&self, db: *mut sqlite3, hook: Option<unsafe extern "C" fn(*mut c_void)>, arg: *mut c_void) -> Result<*mut c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_rollback_hook, "void *__opaque sqlite3_rollback_hook(struct sqlite3 *__handle db, void (*__scope(db) hook)(void *__opaque arg), void *__opaque arg)")?.try_call(db, hook, arg) }
    }

    /// `void *__opaque sqlite3_update_hook(struct sqlite3 *__handle db, void (*__scope(db) hook)(void *__opaque arg, int action, const char *__in __null_terminated database, const char *__in __null_terminated table, long long row), void *__opaque arg)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_update_hook(&self, db: *mut sqlite3, hook: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_char, *const c_char, c_longlong)>, arg: *mut c_void) -> Result<*mut c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_update_hook, "void *__opaque sqlite3_update_hook(struct sqlite3 *__handle db, void (*__scope(db) hook)(void *__opaque arg, int action, const char *__in __null_terminated database, const char *__in __null_terminated table, long long row), void *__opaque arg)")?.try_call(db, hook, arg) }
    }

    /// `void *__opaque sqlite3_wal_hook(struct sqlite3 *__handle db, int (*__scope(db) hook)(void *__opaque arg, struct sqlite3 *__handle db, const char *__in __null_terminated name, int pages), void *__opaque arg)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_wal_hook(&self, db: *mut sqlite3, hook: Option<unsafe extern "C" fn(*mut c_void, *mut sqlite3, *const c_char, c_int) -> c_int>, arg: *mut c_void) -> Result<*mut c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_wal_hook, "void *__opaque sqlite3_wal_hook(struct sqlite3 *__handle db, int (*__scope(db) hook)(void *__opaque arg, struct sqlite3 *__handle db, const char *__in __null_terminated name, int pages), void *__opaque arg)")?.try_call(db, hook, arg) }
    }

    /// `void *__opaque sqlite3_trace(struct sqlite3 *__handle db, void (*__scope(db) trace)(void *__opaque arg, const char *__in __null_terminated sql), void *__opaque arg)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_trace(&self, db: *mut sqlite3, trace: Option<unsafe extern "C" fn(*mut c_void, *const c_char)>, arg: *mut c_void) -> Result<*mut c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_trace, "void *__opaque sqlite3_trace(struct sqlite3 *__handle db, void (*__scope(db) trace)(void *__opaque arg, const char *__in __null_terminated sql), void *__opaque arg)")?.try_call(db, trace, arg) }
    }

    /// `void *__opaque sqlite3_profile(struct sqlite3 *__handle db, void (*__scope(db) profile)(void *__opaque arg, const char *__in __null_terminated sql, unsigned long long nanoseconds), void *__opaque arg)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_profile(&self, db: *mut sqlite3, profile: Option<unsafe extern "C" fn(*mut c_void, *const c_char, c_ulonglong)>, arg: *mut c_void) -> Result<*mut c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_profile, "void *__opaque sqlite3_profile(struct sqlite3 *__handle db, void (*__scope(db) profile)(void *__opaque arg, const char *__in __null_terminated sql, unsigned long long nanoseconds), void *__opaque arg)")?.try_call(db, profile, arg) }
    }

    /// `int sqlite3_trace_v2(struct sqlite3 *__handle db, unsigned int mask, int (*__scope(db) trace)(unsigned int event, void *__opaque arg, void *__handle first, void *__handle second), void *__opaque arg) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_trace_v2(&self, db: *mut sqlite3, mask: c_uint, trace: Option<unsafe extern "C" fn(c_uint, *mut c_void, *mut c_void, *mut c_void) -> c_int>, arg: *mut c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_trace_v2, "int sqlite3_trace_v2(struct sqlite3 *__handle db, unsigned int mask, int (*__scope(db) trace)(unsigned int event, void *__opaque arg, void *__handle first, void *__handle second), void *__opaque arg) __fail(1)")?.try_call(db, mask, trace, arg) }
    }

    /// `int sqlite3_limit(struct sqlite3 *__handle db, int id, int value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_limit(&self, db: *mut sqlite3, id: c_int, value: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_limit, "int sqlite3_limit(struct sqlite3 *__handle db, int id, int value)")?.try_call(db, id, value) }
    }

    /// `int sqlite3_get_autocommit(struct sqlite3 *__handle db) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_get_autocommit(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_get_autocommit, "int sqlite3_get_autocommit(struct sqlite3 *__handle db) __fail(0)")?.try_call(db) }
    }

    /// `const char *__borrowed_from(db) __null_terminated sqlite3_db_name(struct sqlite3 *__handle db, int index)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_db_name(&self, db: *mut sqlite3, index: c_int) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_db_name, "const char *__borrowed_from(db) __null_terminated sqlite3_db_name(struct sqlite3 *__handle db, int index)")?.try_call(db, index) }
    }

    /// `const char *__borrowed_from(db) __null_terminated sqlite3_db_filename(struct sqlite3 *__handle db, const char *__in __null_terminated name)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_db_filename(&self, db: *mut sqlite3, name: *const c_char) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_db_filename, "const char *__borrowed_from(db) __null_terminated sqlite3_db_filename(struct sqlite3 *__handle db, const char *__in __null_terminated name)")?.try_call(db, name) }
    }

    /// `int sqlite3_db_readonly(struct sqlite3 *__handle db, const char *__in __null_terminated name)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_db_readonly(&self, db: *mut sqlite3, name: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_db_readonly, "int sqlite3_db_readonly(struct sqlite3 *__handle db, const char *__in __null_terminated name)")?.try_call(db, name) }
    }

    /// `int sqlite3_txn_state(struct sqlite3 *__handle db, const char *__in __null_terminated schema)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_txn_state(&self, db: *mut sqlite3, schema: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_txn_state, "int sqlite3_txn_state(struct sqlite3 *__handle db, const char *__in __null_terminated schema)")?.try_call(db, schema) }
    }

    /// `int sqlite3_db_release_memory(struct sqlite3 *__handle db) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_db_release_memory(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_db_release_memory, "int sqlite3_db_release_memory(struct sqlite3 *__handle db) __fail(1)")?.try_call(db) }
    }

    /// `int sqlite3_db_cacheflush(struct sqlite3 *__handle db) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_db_cacheflush(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_db_cacheflush, "int sqlite3_db_cacheflush(struct sqlite3 *__handle db) __fail(1)")?.try_call(db) }
    }

    /// `int sqlite3_db_status(struct sqlite3 *__handle db, int op, int *__out __single current, int *__out __single highwater, int reset) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_db_status(&self, db: *mut sqlite3, op: c_int, current: *mut c_int, highwater: *mut c_int, reset: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_db_status, "int sqlite3_db_status(struct sqlite3 *__handle db, int op, int *__out __single current, int *__out __single highwater, int reset) __fail(1)")?.try_call(db, op, current, highwater, reset) }
    }

    /// `int sqlite3_table_column_metadata(struct sqlite3 *__handle db, const char *__in __null_terminated database, const char *__in __null_terminated table, const char *__in __null_terminated column, const char *__borrowed_from(db) __null_terminated *__out __single type, const char *__borrowed_from(db) __null_terminated *__out __single collation, int *__out __single not_null, int *__out __single primary_key, int *__out __single autoincrement) __success(return == 0) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_table_column_metadata(&self, db: *mut sqlite3, database: *const c_char, table: *const c_char, column: *const c_char, r#type: *mut *const c_char, collation: *mut *const c_char, not_null: *mut c_int, primary_key: *mut c_int, autoincrement: *mut c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_table_column_metadata, "int sqlite3_table_column_metadata(struct sqlite3 *__handle db, const char *__in __null_terminated database, const char *__in __null_terminated table, const char *__in __null_terminated column, const char *__borrowed_from(db) __null_terminated *__out __single type, const char *__borrowed_from(db) __null_terminated *__out __single collation, int *__out __single not_null, int *__out __single primary_key, int *__out __single autoincrement) __success(return == 0) __fail(1)")?.try_call(db, database, table, column, r#type, collation, not_null, primary_key, autoincrement) }
    }

    /// `int sqlite3_load_extension(struct sqlite3 *__handle db, const char *__in __null_terminated file, const char *__in __null_terminated entry, char *__owned(sqlite3_free) __null_terminated *__out __single errmsg) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_load_extension(&self, db: *mut sqlite3, file: *const c_char, entry: *const c_char, errmsg: *mut *mut c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_load_extension, "int sqlite3_load_extension(struct sqlite3 *__handle db, const char *__in __null_terminated file, const char *__in __null_terminated entry, char *__owned(sqlite3_free) __null_terminated *__out __single errmsg) __fail(1)")?.try_call(db, file, entry, errmsg) }
    }

    /// `int sqlite3_enable_load_extension(struct sqlite3 *__handle db, int on) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_enable_load_extension(&self, db: *mut sqlite3, on: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_enable_load_extension, "int sqlite3_enable_load_extension(struct sqlite3 *__handle db, int on) __fail(1)")?.try_call(db, on) }
    }

    /// `int sqlite3_wal_autocheckpoint(struct sqlite3 *__handle db, int pages) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_wal_autocheckpoint(&self, db: *mut sqlite3, pages: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_wal_autocheckpoint, "int sqlite3_wal_autocheckpoint(struct sqlite3 *__handle db, int pages) __fail(1)")?.try_call(db, pages) }
    }

    /// `int sqlite3_wal_checkpoint(struct sqlite3 *__handle db, const char *__in __null_terminated name) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_wal_checkpoint(&self, db: *mut sqlite3, name: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_wal_checkpoint, "int sqlite3_wal_checkpoint(struct sqlite3 *__handle db, const char *__in __null_terminated name) __fail(1)")?.try_call(db, name) }
    }

    /// `int sqlite3_wal_checkpoint_v2(struct sqlite3 *__handle db, const char *__in __null_terminated name, int mode, int *__out __single log, int *__out __single checkpointed) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_wal_checkpoint_v2(&self, db: *mut sqlite3, name: *const c_char, mode: c_int, log: *mut c_int, checkpointed: *mut c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_wal_checkpoint_v2, "int sqlite3_wal_checkpoint_v2(struct sqlite3 *__handle db, const char *__in __null_terminated name, int mode, int *__out __single log, int *__out __single checkpointed) __fail(1)")?.try_call(db, name, mode, log, checkpointed) }
    }

    /// `int sqlite3_overload_function(struct sqlite3 *__handle db, const char *__in __null_terminated name, int count) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_overload_function(&self, db: *mut sqlite3, name: *const c_char, count: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_overload_function, "int sqlite3_overload_function(struct sqlite3 *__handle db, const char *__in __null_terminated name, int count) __fail(1)")?.try_call(db, name, count) }
    }

    /// `int sqlite3_drop_modules(struct sqlite3 *__handle db, const char *__in __null_terminated *__in __null_terminated keep) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_drop_modules(&self, db: *mut sqlite3, keep: *mut *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_drop_modules, "int sqlite3_drop_modules(struct sqlite3 *__handle db, const char *__in __null_terminated *__in __null_terminated keep) __fail(1)")?.try_call(db, keep) }
    }

    /// `int sqlite3_declare_vtab(struct sqlite3 *__handle db, const char *__in __null_terminated sql) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_declare_vtab(&self, db: *mut sqlite3, sql: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_declare_vtab, "int sqlite3_declare_vtab(struct sqlite3 *__handle db, const char *__in __null_terminated sql) __fail(1)")?.try_call(db, sql) }
    }

    /// `int sqlite3_vtab_on_conflict(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_vtab_on_conflict(&self, db: *mut sqlite3) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_vtab_on_conflict, "int sqlite3_vtab_on_conflict(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `unsigned char *__owned(sqlite3_free) __sized_by(*size) sqlite3_serialize(struct sqlite3 *__handle db, const char *__in __null_terminated schema, long long *__out __single size, unsigned int flags)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_serialize(&self, db: *mut sqlite3, schema: *const c_char, size: *mut c_longlong, flags: c_uint) -> Result<*mut c_uchar, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_serialize, "unsigned char *__owned(sqlite3_free) __sized_by(*size) sqlite3_serialize(struct sqlite3 *__handle db, const char *__in __null_terminated schema, long long *__out __single size, unsigned int flags)")?.try_call(db, schema, size, flags) }
    }

    /// `int sqlite3_autovacuum_pages(struct sqlite3 *__handle db, unsigned int (*__scope(db) pages)(void *__opaque arg, const char *__in __null_terminated schema, unsigned int size, unsigned int free_pages, unsigned int page_size), void *__opaque arg, void (*__scope(db) destroy)(void *__opaque arg)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_autovacuum_pages(&self, db: *mut sqlite3, pages: Option<unsafe extern "C" fn(*mut c_void, *const c_char, c_uint, c_uint, c_uint) -> c_uint>, arg: *mut c_void, destroy: Option<unsafe extern "C" fn(*mut c_void)>) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_autovacuum_pages, "int sqlite3_autovacuum_pages(struct sqlite3 *__handle db, unsigned int (*__scope(db) pages)(void *__opaque arg, const char *__in __null_terminated schema, unsigned int size, unsigned int free_pages, unsigned int page_size), void *__opaque arg, void (*__scope(db) destroy)(void *__opaque arg)) __fail(1)")?.try_call(db, pages, arg, destroy) }
    }

    /// `int sqlite3_collation_needed(struct sqlite3 *__handle db, void *__opaque arg, void (*__scope(db) needed)(void *__opaque arg, struct sqlite3 *__handle db, int encoding, const char *__in __null_terminated name)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_collation_needed(&self, db: *mut sqlite3, arg: *mut c_void, needed: Option<unsafe extern "C" fn(*mut c_void, *mut sqlite3, c_int, *const c_char)>) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_collation_needed, "int sqlite3_collation_needed(struct sqlite3 *__handle db, void *__opaque arg, void (*__scope(db) needed)(void *__opaque arg, struct sqlite3 *__handle db, int encoding, const char *__in __null_terminated name)) __fail(1)")?.try_call(db, arg, needed) }
    }

    /// `struct sqlite3_mutex *__handle sqlite3_db_mutex(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_db_mutex(&self, db: *mut sqlite3) -> Result<*mut sqlite3_mutex, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_db_mutex, "struct sqlite3_mutex *__handle sqlite3_db_mutex(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `int sqlite3_prepare(struct sqlite3 *__handle db, const char *__in __null_terminated sql, int nbyte, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const char *__alias(sql) *__out __single tail) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_prepare(&self, db: *mut sqlite3, sql: *const c_char, nbyte: c_int, stmt: *mut *mut sqlite3_stmt, tail: *mut *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_prepare, "int sqlite3_prepare(struct sqlite3 *__handle db, const char *__in __null_terminated sql, int nbyte, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const char *__alias(sql) *__out __single tail) __fail(1)")?.try_call(db, sql, nbyte, stmt, tail) }
    }

    /// `int sqlite3_prepare_v2(struct sqlite3 *__handle db, const char *__in __null_terminated sql, int nbyte, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const char *__alias(sql) *__out __single tail) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_prepare_v2(&self, db: *mut sqlite3, sql: *const c_char, nbyte: c_int, stmt: *mut *mut sqlite3_stmt, tail: *mut *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_prepare_v2, "int sqlite3_prepare_v2(struct sqlite3 *__handle db, const char *__in __null_terminated sql, int nbyte, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const char *__alias(sql) *__out __single tail) __fail(1)")?.try_call(db, sql, nbyte, stmt, tail) }
    }

    /// `int sqlite3_prepare_v3(struct sqlite3 *__handle db, const char *__in __null_terminated sql, int nbyte, unsigned int flags, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const char *__alias(sql) *__out __single tail) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_prepare_v3(&self, db: *mut sqlite3, sql: *const c_char, nbyte: c_int, flags: c_uint, stmt: *mut *mut sqlite3_stmt, tail: *mut *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_prepare_v3, "int sqlite3_prepare_v3(struct sqlite3 *__handle db, const char *__in __null_terminated sql, int nbyte, unsigned int flags, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const char *__alias(sql) *__out __single tail) __fail(1)")?.try_call(db, sql, nbyte, flags, stmt, tail) }
    }

    /// `int sqlite3_prepare16(struct sqlite3 *__handle db, const void *__in __sized_by(nbyte) sql, int nbyte, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const void *__alias(sql) *__out __single tail) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_prepare16(&self, db: *mut sqlite3, sql: *const c_void, nbyte: c_int, stmt: *mut *mut sqlite3_stmt, tail: *mut *const c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_prepare16, "int sqlite3_prepare16(struct sqlite3 *__handle db, const void *__in __sized_by(nbyte) sql, int nbyte, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const void *__alias(sql) *__out __single tail) __fail(1)")?.try_call(db, sql, nbyte, stmt, tail) }
    }

    /// `int sqlite3_prepare16_v2(struct sqlite3 *__handle db, const void *__in __sized_by(nbyte) sql, int nbyte, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const void *__alias(sql) *__out __single tail) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_prepare16_v2(&self, db: *mut sqlite3, sql: *const c_void, nbyte: c_int, stmt: *mut *mut sqlite3_stmt, tail: *mut *const c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_prepare16_v2, "int sqlite3_prepare16_v2(struct sqlite3 *__handle db, const void *__in __sized_by(nbyte) sql, int nbyte, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const void *__alias(sql) *__out __single tail) __fail(1)")?.try_call(db, sql, nbyte, stmt, tail) }
    }

    /// `int sqlite3_prepare16_v3(struct sqlite3 *__handle db, const void *__in __sized_by(nbyte) sql, int nbyte, unsigned int flags, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const void *__alias(sql) *__out __single tail) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_prepare16_v3(&self, db: *mut sqlite3, sql: *const c_void, nbyte: c_int, flags: c_uint, stmt: *mut *mut sqlite3_stmt, tail: *mut *const c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_prepare16_v3, "int sqlite3_prepare16_v3(struct sqlite3 *__handle db, const void *__in __sized_by(nbyte) sql, int nbyte, unsigned int flags, struct sqlite3_stmt *__closed_by(sqlite3_finalize) *__out __single stmt, const void *__alias(sql) *__out __single tail) __fail(1)")?.try_call(db, sql, nbyte, flags, stmt, tail) }
    }

    /// `int sqlite3_step(struct sqlite3_stmt *__handle stmt) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_step(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_step, "int sqlite3_step(struct sqlite3_stmt *__handle stmt) __fail(1)")?.try_call(stmt) }
    }

    /// `int sqlite3_reset(struct sqlite3_stmt *__handle stmt) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_reset(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_reset, "int sqlite3_reset(struct sqlite3_stmt *__handle stmt) __fail(1)")?.try_call(stmt) }
    }

    /// `int sqlite3_finalize(struct sqlite3_stmt *__handle __consume stmt) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_finalize(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_finalize, "int sqlite3_finalize(struct sqlite3_stmt *__handle __consume stmt) __fail(1)")?.try_call(stmt) }
    }

    /// `struct sqlite3 *__handle sqlite3_db_handle(struct sqlite3_stmt *__handle stmt)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_db_handle(&self, stmt: *mut sqlite3_stmt) -> Result<*mut sqlite3, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_db_handle, "struct sqlite3 *__handle sqlite3_db_handle(struct sqlite3_stmt *__handle stmt)")?.try_call(stmt) }
    }

    /// `struct sqlite3_stmt *__handle sqlite3_next_stmt(struct sqlite3 *__handle db, struct sqlite3_stmt *__handle stmt)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_next_stmt(&self, db: *mut sqlite3, stmt: *mut sqlite3_stmt) -> Result<*mut sqlite3_stmt, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_next_stmt, "struct sqlite3_stmt *__handle sqlite3_next_stmt(struct sqlite3 *__handle db, struct sqlite3_stmt *__handle stmt)")?.try_call(db, stmt) }
    }

    /// `const char *__borrowed_from(stmt) __null_terminated sqlite3_sql(struct sqlite3_stmt *__handle stmt)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_sql(&self, stmt: *mut sqlite3_stmt) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_sql, "const char *__borrowed_from(stmt) __null_terminated sqlite3_sql(struct sqlite3_stmt *__handle stmt)")?.try_call(stmt) }
    }

    /// `char *__owned(sqlite3_free) __null_terminated sqlite3_expanded_sql(struct sqlite3_stmt *__handle stmt)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_expanded_sql(&self, stmt: *mut sqlite3_stmt) -> Result<*mut c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_expanded_sql, "char *__owned(sqlite3_free) __null_terminated sqlite3_expanded_sql(struct sqlite3_stmt *__handle stmt)")?.try_call(stmt) }
    }

    /// `int sqlite3_stmt_readonly(struct sqlite3_stmt *__handle stmt) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_stmt_readonly(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_stmt_readonly, "int sqlite3_stmt_readonly(struct sqlite3_stmt *__handle stmt) __fail(0)")?.try_call(stmt) }
    }

    /// `int sqlite3_stmt_isexplain(struct sqlite3_stmt *__handle stmt) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_stmt_isexplain(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_stmt_isexplain, "int sqlite3_stmt_isexplain(struct sqlite3_stmt *__handle stmt) __fail(0)")?.try_call(stmt) }
    }

    /// `int sqlite3_stmt_busy(struct sqlite3_stmt *__handle stmt) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_stmt_busy(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_stmt_busy, "int sqlite3_stmt_busy(struct sqlite3_stmt *__handle stmt) __fail(0)")?.try_call(stmt) }
    }

    /// `int sqlite3_stmt_status(struct sqlite3_stmt *__handle stmt, int op, int reset)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_stmt_status(&self, stmt: *mut sqlite3_stmt, op: c_int, reset: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_stmt_status, "int sqlite3_stmt_status(struct sqlite3_stmt *__handle stmt, int op, int reset)")?.try_call(stmt, op, reset) }
    }

    /// `void sqlite3_stmt_scanstatus_reset(struct sqlite3_stmt *__handle stmt)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_stmt_scanstatus_reset(&self, stmt: *mut sqlite3_stmt) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_stmt_scanstatus_reset, "void sqlite3_stmt_scanstatus_reset(struct sqlite3_stmt *__handle stmt)")?.try_call(stmt) }
    }

    /// `int sqlite3_expired(struct sqlite3_stmt *__handle stmt)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_expired(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_expired, "int sqlite3_expired(struct sqlite3_stmt *__handle stmt)")?.try_call(stmt) }
    }

    /// `int sqlite3_transfer_bindings(struct sqlite3_stmt *__handle from, struct sqlite3_stmt *__handle to) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_transfer_bindings(&self, from: *mut sqlite3_stmt, to: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_transfer_bindings, "int sqlite3_transfer_bindings(struct sqlite3_stmt *__handle from, struct sqlite3_stmt *__handle to) __fail(1)")?.try_call(from, to) }
    }

    /// `int sqlite3_bind_parameter_count(struct sqlite3_stmt *__handle stmt) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_parameter_count(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_parameter_count, "int sqlite3_bind_parameter_count(struct sqlite3_stmt *__handle stmt) __fail(0)")?.try_call(stmt) }
    }

    /// `const char *__borrowed_from(stmt) __null_terminated sqlite3_bind_parameter_name(struct sqlite3_stmt *__handle stmt, int index)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_parameter_name(&self, stmt: *mut sqlite3_stmt, index: c_int) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_parameter_name, "const char *__borrowed_from(stmt) __null_terminated sqlite3_bind_parameter_name(struct sqlite3_stmt *__handle stmt, int index)")?.try_call(stmt, index) }
    }

    /// `int sqlite3_bind_parameter_index(struct sqlite3_stmt *__handle stmt, const char *__in __null_terminated name) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_parameter_index(&self, stmt: *mut sqlite3_stmt, name: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_parameter_index, "int sqlite3_bind_parameter_index(struct sqlite3_stmt *__handle stmt, const char *__in __null_terminated name) __fail(0)")?.try_call(stmt, name) }
    }

    /// `int sqlite3_clear_bindings(struct sqlite3_stmt *__handle stmt) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_clear_bindings(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_clear_bindings, "int sqlite3_clear_bindings(struct sqlite3_stmt *__handle stmt) __fail(1)")?.try_call(stmt) }
    }

    /// `int sqlite3_bind_blob(struct sqlite3_stmt *__handle stmt, int index, const void *__retained(stmt) __in __sized_by(size) data, int size, void (*__or_const(0, -1) destroy)(void *__opaque arg1)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_blob(&self, stmt: *mut sqlite3_stmt, index: c_int, data: *const c_void, size: c_int, destroy: *mut c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_blob, "int sqlite3_bind_blob(struct sqlite3_stmt *__handle stmt, int index, const void *__retained(stmt) __in __sized_by(size) data, int size, void (*__or_const(0, -1) destroy)(void *__opaque arg1)) __fail(1)")?.try_call(stmt, index, data, size, destroy) }
    }

    /// `int sqlite3_bind_blob64(struct sqlite3_stmt *__handle stmt, int index, const void *__retained(stmt) __in __sized_by(size) data, unsigned long long size, void (*__or_const(0, -1) destroy)(void *__opaque arg1)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_blob64(&self, stmt: *mut sqlite3_stmt, index: c_int, data: *const c_void, size: c_ulonglong, destroy: *mut c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_blob64, "int sqlite3_bind_blob64(struct sqlite3_stmt *__handle stmt, int index, const void *__retained(stmt) __in __sized_by(size) data, unsigned long long size, void (*__or_const(0, -1) destroy)(void *__opaque arg1)) __fail(1)")?.try_call(stmt, index, data, size, destroy) }
    }

    /// `int sqlite3_bind_double(struct sqlite3_stmt *__handle stmt, int index, double value) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_double(&self, stmt: *mut sqlite3_stmt, index: c_int, value: c_double) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_double, "int sqlite3_bind_double(struct sqlite3_stmt *__handle stmt, int index, double value) __fail(1)")?.try_call(stmt, index, value) }
    }

    /// `int sqlite3_bind_int(struct sqlite3_stmt *__handle stmt, int index, int value) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_int(&self, stmt: *mut sqlite3_stmt, index: c_int, value: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_int, "int sqlite3_bind_int(struct sqlite3_stmt *__handle stmt, int index, int value) __fail(1)")?.try_call(stmt, index, value) }
    }

    /// `int sqlite3_bind_int64(struct sqlite3_stmt *__handle stmt, int index, long long value) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_int64(&self, stmt: *mut sqlite3_stmt, index: c_int, value: c_longlong) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_int64, "int sqlite3_bind_int64(struct sqlite3_stmt *__handle stmt, int index, long long value) __fail(1)")?.try_call(stmt, index, value) }
    }

    /// `int sqlite3_bind_null(struct sqlite3_stmt *__handle stmt, int index) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_null(&self, stmt: *mut sqlite3_stmt, index: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_null, "int sqlite3_bind_null(struct sqlite3_stmt *__handle stmt, int index) __fail(1)")?.try_call(stmt, index) }
    }

    /// `int sqlite3_bind_text(struct sqlite3_stmt *__handle stmt, int index, const char *__retained(stmt) __in __sized_by(size) text, int size, void (*__or_const(0, -1) destroy)(void *__opaque arg1)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_text(&self, stmt: *mut sqlite3_stmt, index: c_int, text: *const c_char, size: c_int, destroy: *mut c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_text, "int sqlite3_bind_text(struct sqlite3_stmt *__handle stmt, int index, const char *__retained(stmt) __in __sized_by(size) text, int size, void (*__or_const(0, -1) destroy)(void *__opaque arg1)) __fail(1)")?.try_call(stmt, index, text, size, destroy) }
    }

    /// `int sqlite3_bind_text16(struct sqlite3_stmt *__handle stmt, int index, const void *__retained(stmt) __in __sized_by(size) text, int size, void (*__or_const(0, -1) destroy)(void *__opaque arg1)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_text16(&self, stmt: *mut sqlite3_stmt, index: c_int, text: *const c_void, size: c_int, destroy: *mut c_void) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_text16, "int sqlite3_bind_text16(struct sqlite3_stmt *__handle stmt, int index, const void *__retained(stmt) __in __sized_by(size) text, int size, void (*__or_const(0, -1) destroy)(void *__opaque arg1)) __fail(1)")?.try_call(stmt, index, text, size, destroy) }
    }

    /// `int sqlite3_bind_text64(struct sqlite3_stmt *__handle stmt, int index, const char *__retained(stmt) __in __sized_by(size) text, unsigned long long size, void (*__or_const(0, -1) destroy)(void *__opaque arg1), unsigned char encoding) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_text64(&self, stmt: *mut sqlite3_stmt, index: c_int, text: *const c_char, size: c_ulonglong, destroy: *mut c_void, encoding: c_uchar) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_text64, "int sqlite3_bind_text64(struct sqlite3_stmt *__handle stmt, int index, const char *__retained(stmt) __in __sized_by(size) text, unsigned long long size, void (*__or_const(0, -1) destroy)(void *__opaque arg1), unsigned char encoding) __fail(1)")?.try_call(stmt, index, text, size, destroy, encoding) }
    }

    /// `int sqlite3_bind_value(struct sqlite3_stmt *__handle stmt, int index, const struct sqlite3_value *__handle value) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_value(&self, stmt: *mut sqlite3_stmt, index: c_int, value: *const sqlite3_value) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_value, "int sqlite3_bind_value(struct sqlite3_stmt *__handle stmt, int index, const struct sqlite3_value *__handle value) __fail(1)")?.try_call(stmt, index, value) }
    }

    /// `int sqlite3_bind_pointer(struct sqlite3_stmt *__handle stmt, int index, void *__opaque pointer, const char *__retained(stmt) __in __null_terminated type, void (*__or_const(0) destroy)(void *__opaque arg1)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_pointer(&self, stmt: *mut sqlite3_stmt, index: c_int, pointer: *mut c_void, r#type: *const c_char, destroy: Option<unsafe extern "C" fn(*mut c_void)>) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_pointer, "int sqlite3_bind_pointer(struct sqlite3_stmt *__handle stmt, int index, void *__opaque pointer, const char *__retained(stmt) __in __null_terminated type, void (*__or_const(0) destroy)(void *__opaque arg1)) __fail(1)")?.try_call(stmt, index, pointer, r#type, destroy) }
    }

    /// `int sqlite3_bind_zeroblob(struct sqlite3_stmt *__handle stmt, int index, int size) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_zeroblob(&self, stmt: *mut sqlite3_stmt, index: c_int, size: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_zeroblob, "int sqlite3_bind_zeroblob(struct sqlite3_stmt *__handle stmt, int index, int size) __fail(1)")?.try_call(stmt, index, size) }
    }

    /// `int sqlite3_bind_zeroblob64(struct sqlite3_stmt *__handle stmt, int index, unsigned long long size) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_bind_zeroblob64(&self, stmt: *mut sqlite3_stmt, index: c_int, size: c_ulonglong) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_bind_zeroblob64, "int sqlite3_bind_zeroblob64(struct sqlite3_stmt *__handle stmt, int index, unsigned long long size) __fail(1)")?.try_call(stmt, index, size) }
    }

    /// `int sqlite3_column_count(struct sqlite3_stmt *__handle stmt) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_count(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_count, "int sqlite3_column_count(struct sqlite3_stmt *__handle stmt) __fail(0)")?.try_call(stmt) }
    }

    /// `int sqlite3_data_count(struct sqlite3_stmt *__handle stmt) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_data_count(&self, stmt: *mut sqlite3_stmt) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_data_count, "int sqlite3_data_count(struct sqlite3_stmt *__handle stmt) __fail(0)")?.try_call(stmt) }
    }

    /// `const char *__borrowed_from(stmt) __null_terminated sqlite3_column_name(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_name(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_name, "const char *__borrowed_from(stmt) __null_terminated sqlite3_column_name(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `const char *__borrowed_from(stmt) __null_terminated sqlite3_column_database_name(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_database_name(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_database_name, "const char *__borrowed_from(stmt) __null_terminated sqlite3_column_database_name(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `const char *__borrowed_from(stmt) __null_terminated sqlite3_column_table_name(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_table_name(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_table_name, "const char *__borrowed_from(stmt) __null_terminated sqlite3_column_table_name(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `const char *__borrowed_from(stmt) __null_terminated sqlite3_column_origin_name(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_origin_name(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_origin_name, "const char *__borrowed_from(stmt) __null_terminated sqlite3_column_origin_name(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `const char *__borrowed_from(stmt) __null_terminated sqlite3_column_decltype(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_decltype(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_decltype, "const char *__borrowed_from(stmt) __null_terminated sqlite3_column_decltype(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `int sqlite3_column_bytes(struct sqlite3_stmt *__handle stmt, int column) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_bytes(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_bytes, "int sqlite3_column_bytes(struct sqlite3_stmt *__handle stmt, int column) __fail(0)")?.try_call(stmt, column) }
    }

    /// `int sqlite3_column_bytes16(struct sqlite3_stmt *__handle stmt, int column) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_bytes16(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_bytes16, "int sqlite3_column_bytes16(struct sqlite3_stmt *__handle stmt, int column) __fail(0)")?.try_call(stmt, column) }
    }

    /// `int sqlite3_column_type(struct sqlite3_stmt *__handle stmt, int column) __fail(5)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_type(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_type, "int sqlite3_column_type(struct sqlite3_stmt *__handle stmt, int column) __fail(5)")?.try_call(stmt, column) }
    }

    /// `int sqlite3_column_int(struct sqlite3_stmt *__handle stmt, int column) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_int(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_int, "int sqlite3_column_int(struct sqlite3_stmt *__handle stmt, int column) __fail(0)")?.try_call(stmt, column) }
    }

    /// `long long sqlite3_column_int64(struct sqlite3_stmt *__handle stmt, int column) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_int64(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<c_longlong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_int64, "long long sqlite3_column_int64(struct sqlite3_stmt *__handle stmt, int column) __fail(0)")?.try_call(stmt, column) }
    }

    /// `double sqlite3_column_double(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_double(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<c_double, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_double, "double sqlite3_column_double(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `const unsigned char *__borrowed_from(stmt) __null_terminated sqlite3_column_text(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_text(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<*const c_uchar, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_text, "const unsigned char *__borrowed_from(stmt) __null_terminated sqlite3_column_text(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `const void *__borrowed_from(stmt) __sized_by(sqlite3_column_bytes16(stmt, column)) sqlite3_column_text16(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_text16(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<*const c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_text16, "const void *__borrowed_from(stmt) __sized_by(sqlite3_column_bytes16(stmt, column)) sqlite3_column_text16(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `const void *__borrowed_from(stmt) __sized_by(sqlite3_column_bytes(stmt, column)) sqlite3_column_blob(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_blob(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<*const c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_blob, "const void *__borrowed_from(stmt) __sized_by(sqlite3_column_bytes(stmt, column)) sqlite3_column_blob(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `struct sqlite3_value *__handle sqlite3_column_value(struct sqlite3_stmt *__handle stmt, int column)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_column_value(&self, stmt: *mut sqlite3_stmt, column: c_int) -> Result<*mut sqlite3_value, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_column_value, "struct sqlite3_value *__handle sqlite3_column_value(struct sqlite3_stmt *__handle stmt, int column)")?.try_call(stmt, column) }
    }

    /// `int sqlite3_blob_open(struct sqlite3 *__handle db, const char *__in __null_terminated database, const char *__in __null_terminated table, const char *__in __null_terminated column, long long row, int flags, struct sqlite3_blob *__closed_by(sqlite3_blob_close) *__out __single blob) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_blob_open(&self, db: *mut sqlite3, database: *const c_char, table: *const c_char, column: *const c_char, row: c_longlong, flags: c_int, blob: *mut *mut sqlite3_blob) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_blob_open, "int sqlite3_blob_open(struct sqlite3 *__handle db, const char *__in __null_terminated database, const char *__in __null_terminated table, const char *__in __null_terminated column, long long row, int flags, struct sqlite3_blob *__closed_by(sqlite3_blob_close) *__out __single blob) __fail(1)")?.try_call(db, database, table, column, row, flags, blob) }
    }

    /// `int sqlite3_blob_reopen(struct sqlite3_blob *__handle blob, long long row) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_blob_reopen(&self, blob: *mut sqlite3_blob, row: c_longlong) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_blob_reopen, "int sqlite3_blob_reopen(struct sqlite3_blob *__handle blob, long long row) __fail(1)")?.try_call(blob, row) }
    }

    /// `int sqlite3_blob_close(struct sqlite3_blob *__handle __consume blob) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_blob_close(&self, blob: *mut sqlite3_blob) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_blob_close, "int sqlite3_blob_close(struct sqlite3_blob *__handle __consume blob) __fail(1)")?.try_call(blob) }
    }

    /// `int sqlite3_blob_bytes(struct sqlite3_blob *__handle blob) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_blob_bytes(&self, blob: *mut sqlite3_blob) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_blob_bytes, "int sqlite3_blob_bytes(struct sqlite3_blob *__handle blob) __fail(0)")?.try_call(blob) }
    }

    /// `int sqlite3_blob_read(struct sqlite3_blob *__handle blob, void *__out __sized_by(size) data, int size, int offset) __success(return == 0) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_blob_read(&self, blob: *mut sqlite3_blob, data: *mut c_void, size: c_int, offset: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_blob_read, "int sqlite3_blob_read(struct sqlite3_blob *__handle blob, void *__out __sized_by(size) data, int size, int offset) __success(return == 0) __fail(1)")?.try_call(blob, data, size, offset) }
    }

    /// `int sqlite3_blob_write(struct sqlite3_blob *__handle blob, const void *__in __sized_by(size) data, int size, int offset) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_blob_write(&self, blob: *mut sqlite3_blob, data: *const c_void, size: c_int, offset: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_blob_write, "int sqlite3_blob_write(struct sqlite3_blob *__handle blob, const void *__in __sized_by(size) data, int size, int offset) __fail(1)")?.try_call(blob, data, size, offset) }
    }

    /// `struct sqlite3_backup *__closed_by(sqlite3_backup_finish) sqlite3_backup_init(struct sqlite3 *__handle to, const char *__in __null_terminated to_name, struct sqlite3 *__handle from, const char *__in __null_terminated from_name)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_backup_init(&self, to: *mut sqlite3, to_name: *const c_char, from: *mut sqlite3, from_name: *const c_char) -> Result<*mut sqlite3_backup, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_backup_init, "struct sqlite3_backup *__closed_by(sqlite3_backup_finish) sqlite3_backup_init(struct sqlite3 *__handle to, const char *__in __null_terminated to_name, struct sqlite3 *__handle from, const char *__in __null_terminated from_name)")?.try_call(to, to_name, from, from_name) }
    }

    /// `int sqlite3_backup_step(struct sqlite3_backup *__handle backup, int pages) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_backup_step(&self, backup: *mut sqlite3_backup, pages: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_backup_step, "int sqlite3_backup_step(struct sqlite3_backup *__handle backup, int pages) __fail(1)")?.try_call(backup, pages) }
    }

    /// `int sqlite3_backup_finish(struct sqlite3_backup *__handle __consume backup) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_backup_finish(&self, backup: *mut sqlite3_backup) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_backup_finish, "int sqlite3_backup_finish(struct sqlite3_backup *__handle __consume backup) __fail(1)")?.try_call(backup) }
    }

    /// `int sqlite3_backup_remaining(struct sqlite3_backup *__handle backup) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_backup_remaining(&self, backup: *mut sqlite3_backup) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_backup_remaining, "int sqlite3_backup_remaining(struct sqlite3_backup *__handle backup) __fail(0)")?.try_call(backup) }
    }

    /// `int sqlite3_backup_pagecount(struct sqlite3_backup *__handle backup) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_backup_pagecount(&self, backup: *mut sqlite3_backup) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_backup_pagecount, "int sqlite3_backup_pagecount(struct sqlite3_backup *__handle backup) __fail(0)")?.try_call(backup) }
    }

    /// `int sqlite3_snapshot_get(struct sqlite3 *__handle db, const char *__in __null_terminated schema, struct sqlite3_snapshot *__closed_by(sqlite3_snapshot_free) *__out __single snapshot) __success(return == 0) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_snapshot_get(&self, db: *mut sqlite3, schema: *const c_char, snapshot: *mut *mut sqlite3_snapshot) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_snapshot_get, "int sqlite3_snapshot_get(struct sqlite3 *__handle db, const char *__in __null_terminated schema, struct sqlite3_snapshot *__closed_by(sqlite3_snapshot_free) *__out __single snapshot) __success(return == 0) __fail(1)")?.try_call(db, schema, snapshot) }
    }

    /// `int sqlite3_snapshot_open(struct sqlite3 *__handle db, const char *__in __null_terminated schema, struct sqlite3_snapshot *__handle snapshot) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_snapshot_open(&self, db: *mut sqlite3, schema: *const c_char, snapshot: *mut sqlite3_snapshot) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_snapshot_open, "int sqlite3_snapshot_open(struct sqlite3 *__handle db, const char *__in __null_terminated schema, struct sqlite3_snapshot *__handle snapshot) __fail(1)")?.try_call(db, schema, snapshot) }
    }

    /// `void sqlite3_snapshot_free(struct sqlite3_snapshot *__handle __consume snapshot)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_snapshot_free(&self, snapshot: *mut sqlite3_snapshot) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_snapshot_free, "void sqlite3_snapshot_free(struct sqlite3_snapshot *__handle __consume snapshot)")?.try_call(snapshot) }
    }

    /// `int sqlite3_snapshot_cmp(struct sqlite3_snapshot *__handle one, struct sqlite3_snapshot *__handle other) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_snapshot_cmp(&self, one: *mut sqlite3_snapshot, other: *mut sqlite3_snapshot) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_snapshot_cmp, "int sqlite3_snapshot_cmp(struct sqlite3_snapshot *__handle one, struct sqlite3_snapshot *__handle other) __fail(0)")?.try_call(one, other) }
    }

    /// `int sqlite3_snapshot_recover(struct sqlite3 *__handle db, const char *__in __null_terminated name) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_snapshot_recover(&self, db: *mut sqlite3, name: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_snapshot_recover, "int sqlite3_snapshot_recover(struct sqlite3 *__handle db, const char *__in __null_terminated name) __fail(1)")?.try_call(db, name) }
    }

    /// `int sqlite3_create_function(struct sqlite3 *__handle db, const char *__in __null_terminated name, int count, int encoding, void *__opaque arg, void (*__scope(db) function)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) step)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) final)(struct sqlite3_context *__handle context)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_create_function(&self, db: *mut sqlite3, name: *const c_char, count: c_int, encoding: c_int, arg: *mut c_void, function: Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, step: Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, r#final: Option<unsafe extern "C" fn(*mut sqlite3_context)>) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_create_function, "int sqlite3_create_function(struct sqlite3 *__handle db, const char *__in __null_terminated name, int count, int encoding, void *__opaque arg, void (*__scope(db) function)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) step)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) final)(struct sqlite3_context *__handle context)) __fail(1)")?.try_call(db, name, count, encoding, arg, function, step, r#final) }
    }

    /// `int sqlite3_create_function_v2(struct sqlite3 *__handle db, const char *__in __null_terminated name, int count, int encoding, void *__opaque arg, void (*__scope(db) function)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) step)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) final)(struct sqlite3_context *__handle context), void (*__scope(db) destroy)(void *__opaque arg)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_create_function_v2(&self, db: *mut sqlite3, name: *const c_char, count: c_int, encoding: c_int, arg: *mut c_void, function: Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, step: Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, r#final: Option<unsafe extern "C" fn(*mut sqlite3_context)>, destroy: Option<unsafe extern "C" fn(*mut c_void)>) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_create_function_v2, "int sqlite3_create_function_v2(struct sqlite3 *__handle db, const char *__in __null_terminated name, int count, int encoding, void *__opaque arg, void (*__scope(db) function)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) step)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) final)(struct sqlite3_context *__handle context), void (*__scope(db) destroy)(void *__opaque arg)) __fail(1)")?.try_call(db, name, count, encoding, arg, function, step, r#final, destroy) }
    }

    /// `int sqlite3_create_window_function(struct sqlite3 *__handle db, const char *__in __null_terminated name, int count, int encoding, void *__opaque arg, void (*__scope(db) step)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) final)(struct sqlite3_context *__handle context), void (*__scope(db) value)(struct sqlite3_context *__handle context), void (*__scope(db) inverse)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) destroy)(void *__opaque arg)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_create_window_function(&self, db: *mut sqlite3, name: *const c_char, count: c_int, encoding: c_int, arg: *mut c_void, step: Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, r#final: Option<unsafe extern "C" fn(*mut sqlite3_context)>, value: Option<unsafe extern "C" fn(*mut sqlite3_context)>, inverse: Option<unsafe extern "C" fn(*mut sqlite3_context, c_int, *mut *mut sqlite3_value)>, destroy: Option<unsafe extern "C" fn(*mut c_void)>) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_create_window_function, "int sqlite3_create_window_function(struct sqlite3 *__handle db, const char *__in __null_terminated name, int count, int encoding, void *__opaque arg, void (*__scope(db) step)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) final)(struct sqlite3_context *__handle context), void (*__scope(db) value)(struct sqlite3_context *__handle context), void (*__scope(db) inverse)(struct sqlite3_context *__handle context, int argc, struct sqlite3_value *__handle *__in __counted_by(argc) argv), void (*__scope(db) destroy)(void *__opaque arg)) __fail(1)")?.try_call(db, name, count, encoding, arg, step, r#final, value, inverse, destroy) }
    }

    /// `int sqlite3_create_collation(struct sqlite3 *__handle db, const char *__in __null_terminated name, int encoding, void *__opaque arg, int (*__scope(db) compare)(void *__opaque arg, int left_size, const void *__in __sized_by(left_size) left, int right_size, const void *__in __sized_by(right_size) right)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_create_collation(&self, db: *mut sqlite3, name: *const c_char, encoding: c_int, arg: *mut c_void, compare: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_int, *const c_void) -> c_int>) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_create_collation, "int sqlite3_create_collation(struct sqlite3 *__handle db, const char *__in __null_terminated name, int encoding, void *__opaque arg, int (*__scope(db) compare)(void *__opaque arg, int left_size, const void *__in __sized_by(left_size) left, int right_size, const void *__in __sized_by(right_size) right)) __fail(1)")?.try_call(db, name, encoding, arg, compare) }
    }

    /// `int sqlite3_create_collation_v2(struct sqlite3 *__handle db, const char *__in __null_terminated name, int encoding, void *__opaque arg, int (*__scope(db) compare)(void *__opaque arg, int left_size, const void *__in __sized_by(left_size) left, int right_size, const void *__in __sized_by(right_size) right), void (*__scope(db) destroy)(void *__opaque arg)) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_create_collation_v2(&self, db: *mut sqlite3, name: *const c_char, encoding: c_int, arg: *mut c_void, compare: Option<unsafe extern "C" fn(*mut c_void, c_int, *const c_void, c_int, *const c_void) -> c_int>, destroy: Option<unsafe extern "C" fn(*mut c_void)>) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_create_collation_v2, "int sqlite3_create_collation_v2(struct sqlite3 *__handle db, const char *__in __null_terminated name, int encoding, void *__opaque arg, int (*__scope(db) compare)(void *__opaque arg, int left_size, const void *__in __sized_by(left_size) left, int right_size, const void *__in __sized_by(right_size) right), void (*__scope(db) destroy)(void *__opaque arg)) __fail(1)")?.try_call(db, name, encoding, arg, compare, destroy) }
    }

    /// `int sqlite3_aggregate_count(struct sqlite3_context *__handle context) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_aggregate_count(&self, context: *mut sqlite3_context) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_aggregate_count, "int sqlite3_aggregate_count(struct sqlite3_context *__handle context) __fail(0)")?.try_call(context) }
    }

    /// `void *__opaque sqlite3_user_data(struct sqlite3_context *__handle context)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_user_data(&self, context: *mut sqlite3_context) -> Result<*mut c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_user_data, "void *__opaque sqlite3_user_data(struct sqlite3_context *__handle context)")?.try_call(context) }
    }

    /// `struct sqlite3 *__handle sqlite3_context_db_handle(struct sqlite3_context *__handle context)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_context_db_handle(&self, context: *mut sqlite3_context) -> Result<*mut sqlite3, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_context_db_handle, "struct sqlite3 *__handle sqlite3_context_db_handle(struct sqlite3_context *__handle context)")?.try_call(context) }
    }

    /// `int sqlite3_vtab_nochange(struct sqlite3_context *__handle context) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_vtab_nochange(&self, context: *mut sqlite3_context) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_vtab_nochange, "int sqlite3_vtab_nochange(struct sqlite3_context *__handle context) __fail(0)")?.try_call(context) }
    }

    /// `int sqlite3_value_type(struct sqlite3_value *__handle value) __fail(5)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_type(&self, value: *mut sqlite3_value) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_type, "int sqlite3_value_type(struct sqlite3_value *__handle value) __fail(5)")?.try_call(value) }
    }

    /// `int sqlite3_value_numeric_type(struct sqlite3_value *__handle value) __fail(5)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_numeric_type(&self, value: *mut sqlite3_value) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_numeric_type, "int sqlite3_value_numeric_type(struct sqlite3_value *__handle value) __fail(5)")?.try_call(value) }
    }

    /// `int sqlite3_value_nochange(struct sqlite3_value *__handle value) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_nochange(&self, value: *mut sqlite3_value) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_nochange, "int sqlite3_value_nochange(struct sqlite3_value *__handle value) __fail(0)")?.try_call(value) }
    }

    /// `int sqlite3_value_frombind(struct sqlite3_value *__handle value) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_frombind(&self, value: *mut sqlite3_value) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_frombind, "int sqlite3_value_frombind(struct sqlite3_value *__handle value) __fail(0)")?.try_call(value) }
    }

    /// `int sqlite3_value_encoding(struct sqlite3_value *__handle value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_encoding(&self, value: *mut sqlite3_value) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_encoding, "int sqlite3_value_encoding(struct sqlite3_value *__handle value)")?.try_call(value) }
    }

    /// `unsigned int sqlite3_value_subtype(struct sqlite3_value *__handle value) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_subtype(&self, value: *mut sqlite3_value) -> Result<c_uint, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_subtype, "unsigned int sqlite3_value_subtype(struct sqlite3_value *__handle value) __fail(0)")?.try_call(value) }
    }

    /// `int sqlite3_value_bytes(struct sqlite3_value *__handle value) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_bytes(&self, value: *mut sqlite3_value) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_bytes, "int sqlite3_value_bytes(struct sqlite3_value *__handle value) __fail(0)")?.try_call(value) }
    }

    /// `int sqlite3_value_bytes16(struct sqlite3_value *__handle value) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_bytes16(&self, value: *mut sqlite3_value) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_bytes16, "int sqlite3_value_bytes16(struct sqlite3_value *__handle value) __fail(0)")?.try_call(value) }
    }

    /// `int sqlite3_value_int(struct sqlite3_value *__handle value) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_int(&self, value: *mut sqlite3_value) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_int, "int sqlite3_value_int(struct sqlite3_value *__handle value) __fail(0)")?.try_call(value) }
    }

    /// `long long sqlite3_value_int64(struct sqlite3_value *__handle value) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_int64(&self, value: *mut sqlite3_value) -> Result<c_longlong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_int64, "long long sqlite3_value_int64(struct sqlite3_value *__handle value) __fail(0)")?.try_call(value) }
    }

    /// `double sqlite3_value_double(struct sqlite3_value *__handle value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_double(&self, value: *mut sqlite3_value) -> Result<c_double, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_double, "double sqlite3_value_double(struct sqlite3_value *__handle value)")?.try_call(value) }
    }

    /// `const unsigned char *__borrowed_from(value) __null_terminated sqlite3_value_text(struct sqlite3_value *__handle value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_text(&self, value: *mut sqlite3_value) -> Result<*const c_uchar, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_text, "const unsigned char *__borrowed_from(value) __null_terminated sqlite3_value_text(struct sqlite3_value *__handle value)")?.try_call(value) }
    }

    /// `const void *__borrowed_from(value) __sized_by(sqlite3_value_bytes(value)) sqlite3_value_blob(struct sqlite3_value *__handle value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_blob(&self, value: *mut sqlite3_value) -> Result<*const c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_blob, "const void *__borrowed_from(value) __sized_by(sqlite3_value_bytes(value)) sqlite3_value_blob(struct sqlite3_value *__handle value)")?.try_call(value) }
    }

    /// `const void *__borrowed_from(value) __sized_by(sqlite3_value_bytes16(value)) sqlite3_value_text16(struct sqlite3_value *__handle value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_text16(&self, value: *mut sqlite3_value) -> Result<*const c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_text16, "const void *__borrowed_from(value) __sized_by(sqlite3_value_bytes16(value)) sqlite3_value_text16(struct sqlite3_value *__handle value)")?.try_call(value) }
    }

    /// `const void *__borrowed_from(value) __sized_by(sqlite3_value_bytes16(value)) sqlite3_value_text16le(struct sqlite3_value *__handle value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_text16le(&self, value: *mut sqlite3_value) -> Result<*const c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_text16le, "const void *__borrowed_from(value) __sized_by(sqlite3_value_bytes16(value)) sqlite3_value_text16le(struct sqlite3_value *__handle value)")?.try_call(value) }
    }

    /// `const void *__borrowed_from(value) __sized_by(sqlite3_value_bytes16(value)) sqlite3_value_text16be(struct sqlite3_value *__handle value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_text16be(&self, value: *mut sqlite3_value) -> Result<*const c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_text16be, "const void *__borrowed_from(value) __sized_by(sqlite3_value_bytes16(value)) sqlite3_value_text16be(struct sqlite3_value *__handle value)")?.try_call(value) }
    }

    /// `void *__opaque sqlite3_value_pointer(struct sqlite3_value *__handle value, const char *__in __null_terminated type)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_pointer(&self, value: *mut sqlite3_value, r#type: *const c_char) -> Result<*mut c_void, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_pointer, "void *__opaque sqlite3_value_pointer(struct sqlite3_value *__handle value, const char *__in __null_terminated type)")?.try_call(value, r#type) }
    }

    /// `struct sqlite3_value *__closed_by(sqlite3_value_free) sqlite3_value_dup(const struct sqlite3_value *__handle value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_dup(&self, value: *const sqlite3_value) -> Result<*mut sqlite3_value, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_dup, "struct sqlite3_value *__closed_by(sqlite3_value_free) sqlite3_value_dup(const struct sqlite3_value *__handle value)")?.try_call(value) }
    }

    /// `void sqlite3_value_free(struct sqlite3_value *__handle __consume value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_value_free(&self, value: *mut sqlite3_value) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_value_free, "void sqlite3_value_free(struct sqlite3_value *__handle __consume value)")?.try_call(value) }
    }

    /// `void sqlite3_result_blob(struct sqlite3_context *__handle context, const void *__in __sized_by(size) data, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_blob(&self, context: *mut sqlite3_context, data: *const c_void, size: c_int, destroy: *mut c_void) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_blob, "void sqlite3_result_blob(struct sqlite3_context *__handle context, const void *__in __sized_by(size) data, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))")?.try_call(context, data, size, destroy) }
    }

    /// `void sqlite3_result_blob64(struct sqlite3_context *__handle context, const void *__in __sized_by(size) data, unsigned long long size, void (*__or_const(-1) destroy)(void *__opaque arg1))`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_blob64(&self, context: *mut sqlite3_context, data: *const c_void, size: c_ulonglong, destroy: *mut c_void) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_blob64, "void sqlite3_result_blob64(struct sqlite3_context *__handle context, const void *__in __sized_by(size) data, unsigned long long size, void (*__or_const(-1) destroy)(void *__opaque arg1))")?.try_call(context, data, size, destroy) }
    }

    /// `void sqlite3_result_double(struct sqlite3_context *__handle context, double value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_double(&self, context: *mut sqlite3_context, value: c_double) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_double, "void sqlite3_result_double(struct sqlite3_context *__handle context, double value)")?.try_call(context, value) }
    }

    /// `void sqlite3_result_error(struct sqlite3_context *__handle context, const char *__in __sized_by(size) text, int size)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_error(&self, context: *mut sqlite3_context, text: *const c_char, size: c_int) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_error, "void sqlite3_result_error(struct sqlite3_context *__handle context, const char *__in __sized_by(size) text, int size)")?.try_call(context, text, size) }
    }

    /// `void sqlite3_result_error16(struct sqlite3_context *__handle context, const void *__in __sized_by(size) text, int size)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_error16(&self, context: *mut sqlite3_context, text: *const c_void, size: c_int) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_error16, "void sqlite3_result_error16(struct sqlite3_context *__handle context, const void *__in __sized_by(size) text, int size)")?.try_call(context, text, size) }
    }

    /// `void sqlite3_result_error_toobig(struct sqlite3_context *__handle context)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_error_toobig(&self, context: *mut sqlite3_context) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_error_toobig, "void sqlite3_result_error_toobig(struct sqlite3_context *__handle context)")?.try_call(context) }
    }

    /// `void sqlite3_result_error_nomem(struct sqlite3_context *__handle context)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_error_nomem(&self, context: *mut sqlite3_context) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_error_nomem, "void sqlite3_result_error_nomem(struct sqlite3_context *__handle context)")?.try_call(context) }
    }

    /// `void sqlite3_result_error_code(struct sqlite3_context *__handle context, int code)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_error_code(&self, context: *mut sqlite3_context, code: c_int) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_error_code, "void sqlite3_result_error_code(struct sqlite3_context *__handle context, int code)")?.try_call(context, code) }
    }

    /// `void sqlite3_result_int(struct sqlite3_context *__handle context, int value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_int(&self, context: *mut sqlite3_context, value: c_int) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_int, "void sqlite3_result_int(struct sqlite3_context *__handle context, int value)")?.try_call(context, value) }
    }

    /// `void sqlite3_result_int64(struct sqlite3_context *__handle context, long long value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_int64(&self, context: *mut sqlite3_context, value: c_longlong) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_int64, "void sqlite3_result_int64(struct sqlite3_context *__handle context, long long value)")?.try_call(context, value) }
    }

    /// `void sqlite3_result_null(struct sqlite3_context *__handle context)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_null(&self, context: *mut sqlite3_context) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_null, "void sqlite3_result_null(struct sqlite3_context *__handle context)")?.try_call(context) }
    }

    /// `void sqlite3_result_text(struct sqlite3_context *__handle context, const char *__in __sized_by(size) text, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_text(&self, context: *mut sqlite3_context, text: *const c_char, size: c_int, destroy: *mut c_void) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_text, "void sqlite3_result_text(struct sqlite3_context *__handle context, const char *__in __sized_by(size) text, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))")?.try_call(context, text, size, destroy) }
    }

    /// `void sqlite3_result_text64(struct sqlite3_context *__handle context, const char *__in __sized_by(size) text, unsigned long long size, void (*__or_const(-1) destroy)(void *__opaque arg1), unsigned char encoding)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_text64(&self, context: *mut sqlite3_context, text: *const c_char, size: c_ulonglong, destroy: *mut c_void, encoding: c_uchar) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_text64, "void sqlite3_result_text64(struct sqlite3_context *__handle context, const char *__in __sized_by(size) text, unsigned long long size, void (*__or_const(-1) destroy)(void *__opaque arg1), unsigned char encoding)")?.try_call(context, text, size, destroy, encoding) }
    }

    /// `void sqlite3_result_text16(struct sqlite3_context *__handle context, const void *__in __sized_by(size) text, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_text16(&self, context: *mut sqlite3_context, text: *const c_void, size: c_int, destroy: *mut c_void) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_text16, "void sqlite3_result_text16(struct sqlite3_context *__handle context, const void *__in __sized_by(size) text, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))")?.try_call(context, text, size, destroy) }
    }

    /// `void sqlite3_result_text16le(struct sqlite3_context *__handle context, const void *__in __sized_by(size) text, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_text16le(&self, context: *mut sqlite3_context, text: *const c_void, size: c_int, destroy: *mut c_void) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_text16le, "void sqlite3_result_text16le(struct sqlite3_context *__handle context, const void *__in __sized_by(size) text, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))")?.try_call(context, text, size, destroy) }
    }

    /// `void sqlite3_result_text16be(struct sqlite3_context *__handle context, const void *__in __sized_by(size) text, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_text16be(&self, context: *mut sqlite3_context, text: *const c_void, size: c_int, destroy: *mut c_void) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_text16be, "void sqlite3_result_text16be(struct sqlite3_context *__handle context, const void *__in __sized_by(size) text, int size, void (*__or_const(-1) destroy)(void *__opaque arg1))")?.try_call(context, text, size, destroy) }
    }

    /// `void sqlite3_result_value(struct sqlite3_context *__handle context, struct sqlite3_value *__handle value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_value(&self, context: *mut sqlite3_context, value: *mut sqlite3_value) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_value, "void sqlite3_result_value(struct sqlite3_context *__handle context, struct sqlite3_value *__handle value)")?.try_call(context, value) }
    }

    /// `void sqlite3_result_zeroblob(struct sqlite3_context *__handle context, int size)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_zeroblob(&self, context: *mut sqlite3_context, size: c_int) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_zeroblob, "void sqlite3_result_zeroblob(struct sqlite3_context *__handle context, int size)")?.try_call(context, size) }
    }

    /// `int sqlite3_result_zeroblob64(struct sqlite3_context *__handle context, unsigned long long size) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_zeroblob64(&self, context: *mut sqlite3_context, size: c_ulonglong) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_zeroblob64, "int sqlite3_result_zeroblob64(struct sqlite3_context *__handle context, unsigned long long size) __fail(1)")?.try_call(context, size) }
    }

    /// `void sqlite3_result_subtype(struct sqlite3_context *__handle context, unsigned int subtype)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_result_subtype(&self, context: *mut sqlite3_context, subtype: c_uint) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_result_subtype, "void sqlite3_result_subtype(struct sqlite3_context *__handle context, unsigned int subtype)")?.try_call(context, subtype) }
    }

    /// `struct sqlite3_str *__closed_by(sqlite3_str_finish) sqlite3_str_new(struct sqlite3 *__handle db)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_str_new(&self, db: *mut sqlite3) -> Result<*mut sqlite3_str, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_str_new, "struct sqlite3_str *__closed_by(sqlite3_str_finish) sqlite3_str_new(struct sqlite3 *__handle db)")?.try_call(db) }
    }

    /// `char *__owned(sqlite3_free) __null_terminated sqlite3_str_finish(struct sqlite3_str *__handle __consume text)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_str_finish(&self, text: *mut sqlite3_str) -> Result<*mut c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_str_finish, "char *__owned(sqlite3_free) __null_terminated sqlite3_str_finish(struct sqlite3_str *__handle __consume text)")?.try_call(text) }
    }

    /// `void sqlite3_str_append(struct sqlite3_str *__handle text, const char *__in __sized_by(size) more, int size)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_str_append(&self, text: *mut sqlite3_str, more: *const c_char, size: c_int) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_str_append, "void sqlite3_str_append(struct sqlite3_str *__handle text, const char *__in __sized_by(size) more, int size)")?.try_call(text, more, size) }
    }

    /// `void sqlite3_str_appendall(struct sqlite3_str *__handle text, const char *__in __null_terminated more)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_str_appendall(&self, text: *mut sqlite3_str, more: *const c_char) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_str_appendall, "void sqlite3_str_appendall(struct sqlite3_str *__handle text, const char *__in __null_terminated more)")?.try_call(text, more) }
    }

    /// `void sqlite3_str_appendchar(struct sqlite3_str *__handle text, int count, char letter)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_str_appendchar(&self, text: *mut sqlite3_str, count: c_int, letter: c_char) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_str_appendchar, "void sqlite3_str_appendchar(struct sqlite3_str *__handle text, int count, char letter)")?.try_call(text, count, letter) }
    }

    /// `void sqlite3_str_reset(struct sqlite3_str *__handle text)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_str_reset(&self, text: *mut sqlite3_str) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_str_reset, "void sqlite3_str_reset(struct sqlite3_str *__handle text)")?.try_call(text) }
    }

    /// `int sqlite3_str_errcode(struct sqlite3_str *__handle text) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_str_errcode(&self, text: *mut sqlite3_str) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_str_errcode, "int sqlite3_str_errcode(struct sqlite3_str *__handle text) __fail(1)")?.try_call(text) }
    }

    /// `int sqlite3_str_length(struct sqlite3_str *__handle text) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_str_length(&self, text: *mut sqlite3_str) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_str_length, "int sqlite3_str_length(struct sqlite3_str *__handle text) __fail(0)")?.try_call(text) }
    }

    /// `char *__borrowed_from(text) __null_terminated sqlite3_str_value(struct sqlite3_str *__handle text)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_str_value(&self, text: *mut sqlite3_str) -> Result<*mut c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_str_value, "char *__borrowed_from(text) __null_terminated sqlite3_str_value(struct sqlite3_str *__handle text)")?.try_call(text) }
    }

    /// `const char *__closed_by(sqlite3_free_filename) sqlite3_create_filename(const char *__in __null_terminated database, const char *__in __null_terminated journal, const char *__in __null_terminated wal, int count, const char *__in __null_terminated *__in __counted_by(2 * count) parameters)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_create_filename(&self, database: *const c_char, journal: *const c_char, wal: *const c_char, count: c_int, parameters: *mut *const c_char) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_create_filename, "const char *__closed_by(sqlite3_free_filename) sqlite3_create_filename(const char *__in __null_terminated database, const char *__in __null_terminated journal, const char *__in __null_terminated wal, int count, const char *__in __null_terminated *__in __counted_by(2 * count) parameters)")?.try_call(database, journal, wal, count, parameters) }
    }

    /// `void sqlite3_free_filename(const char *__handle __consume name)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_free_filename(&self, name: *const c_char) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_free_filename, "void sqlite3_free_filename(const char *__handle __consume name)")?.try_call(name) }
    }

    /// `const char *__borrowed_from(name) __null_terminated sqlite3_uri_parameter(const char *__handle name, const char *__in __null_terminated parameter)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_uri_parameter(&self, name: *const c_char, parameter: *const c_char) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_uri_parameter, "const char *__borrowed_from(name) __null_terminated sqlite3_uri_parameter(const char *__handle name, const char *__in __null_terminated parameter)")?.try_call(name, parameter) }
    }

    /// `int sqlite3_uri_boolean(const char *__handle name, const char *__in __null_terminated parameter, int otherwise)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_uri_boolean(&self, name: *const c_char, parameter: *const c_char, otherwise: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_uri_boolean, "int sqlite3_uri_boolean(const char *__handle name, const char *__in __null_terminated parameter, int otherwise)")?.try_call(name, parameter, otherwise) }
    }

    /// `long long sqlite3_uri_int64(const char *__handle name, const char *__in __null_terminated parameter, long long otherwise)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_uri_int64(&self, name: *const c_char, parameter: *const c_char, otherwise: c_longlong) -> Result<c_longlong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_uri_int64, "long long sqlite3_uri_int64(const char *__handle name, const char *__in __null_terminated parameter, long long otherwise)")?.try_call(name, parameter, otherwise) }
    }

    /// `const char *__borrowed_from(name) __null_terminated sqlite3_uri_key(const char *__handle name, int index)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_uri_key(&self, name: *const c_char, index: c_int) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_uri_key, "const char *__borrowed_from(name) __null_terminated sqlite3_uri_key(const char *__handle name, int index)")?.try_call(name, index) }
    }

    /// `const char *__borrowed_from(name) __null_terminated sqlite3_filename_database(const char *__handle name)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_filename_database(&self, name: *const c_char) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_filename_database, "const char *__borrowed_from(name) __null_terminated sqlite3_filename_database(const char *__handle name)")?.try_call(name) }
    }

    /// `const char *__borrowed_from(name) __null_terminated sqlite3_filename_journal(const char *__handle name)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_filename_journal(&self, name: *const c_char) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_filename_journal, "const char *__borrowed_from(name) __null_terminated sqlite3_filename_journal(const char *__handle name)")?.try_call(name) }
    }

    /// `const char *__borrowed_from(name) __null_terminated sqlite3_filename_wal(const char *__handle name)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_filename_wal(&self, name: *const c_char) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_filename_wal, "const char *__borrowed_from(name) __null_terminated sqlite3_filename_wal(const char *__handle name)")?.try_call(name) }
    }

    /// `struct sqlite3_mutex *__closed_by(sqlite3_mutex_free) sqlite3_mutex_alloc(int type)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqlite3_mutex_alloc(&self, r#type: c_int) -> Result<*mut sqlite3_mutex, Error> {
        resolved(&self.library, &self.sqlite3_mutex_alloc, "struct sqlite3_mutex *__closed_by(sqlite3_mutex_free) sqlite3_mutex_alloc(int type)")?.try_call(r#type)
    }

    /// `void sqlite3_mutex_free(struct sqlite3_mutex *__handle __consume mutex)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_mutex_free(&self, mutex: *mut sqlite3_mutex) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_mutex_free, "void sqlite3_mutex_free(struct sqlite3_mutex *__handle __consume mutex)")?.try_call(mutex) }
    }

    /// `void sqlite3_mutex_enter(struct sqlite3_mutex *__handle mutex)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_mutex_enter(&self, mutex: *mut sqlite3_mutex) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_mutex_enter, "void sqlite3_mutex_enter(struct sqlite3_mutex *__handle mutex)")?.try_call(mutex) }
    }

    /// `int sqlite3_mutex_try(struct sqlite3_mutex *__handle mutex) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_mutex_try(&self, mutex: *mut sqlite3_mutex) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_mutex_try, "int sqlite3_mutex_try(struct sqlite3_mutex *__handle mutex) __fail(1)")?.try_call(mutex) }
    }

    /// `void sqlite3_mutex_leave(struct sqlite3_mutex *__handle mutex)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sqlite3_mutex_leave(&self, mutex: *mut sqlite3_mutex) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sqlite3_mutex_leave, "void sqlite3_mutex_leave(struct sqlite3_mutex *__handle mutex)")?.try_call(mutex) }
    }
}

#[derive(Debug)]
#[repr(C)]
pub struct sqlite3 {
    _opaque: [u8; 0],
}

#[derive(Debug)]
#[repr(C)]
pub struct sqlite3_backup {
    _opaque: [u8; 0],
}

#[derive(Debug)]
#[repr(C)]
pub struct sqlite3_blob {
    _opaque: [u8; 0],
}

#[derive(Debug)]
#[repr(C)]
pub struct sqlite3_context {
    _opaque: [u8; 0],
}

#[derive(Debug)]
#[repr(C)]
pub struct sqlite3_mutex {
    _opaque: [u8; 0],
}

#[derive(Debug)]
#[repr(C)]
pub struct sqlite3_snapshot {
    _opaque: [u8; 0],
}

#[derive(Debug)]
#[repr(C)]
pub struct sqlite3_stmt {
    _opaque: [u8; 0],
}

#[derive(Debug)]
#[repr(C)]
pub struct sqlite3_str {
    _opaque: [u8; 0],
}

#[derive(Debug)]
#[repr(C)]
pub struct sqlite3_value {
    _opaque: [u8; 0],
}

// Left out:
// sqlite3_log: Rust has no functions with `...`; use Library::function
// sqlite3_mprintf: Rust has no functions with `...`; use Library::function
// sqlite3_snprintf: Rust has no functions with `...`; use Library::function
// sqlite3_str_appendf: Rust has no functions with `...`; use Library::function
