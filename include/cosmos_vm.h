/*
 * cosmos_vm.h - dlopen, but the code runs in another process.
 *
 *     cosmos_dl *dl = cosmos_dlopen("libm.so.6", NULL);
 *     double (*cosine)(double) = (double (*)(double))cosmos_dlfunc(dl, "double cos(double x)");
 *     printf("%g\n", cosine(0));
 *     cosmos_dlclose(dl);
 *
 * Functions that fail return NULL or -1, set errno and leave an error for their thread: see
 * cosmos_dlerror and cosmos_error. A cosmos_dl and a cosmos_vm are no addresses but numbers that
 * are never given out twice; one that was closed is refused with EBADF, as NULL is. In a child made by fork
 * whatever its parent opened fails with ECOMM, and leaves the parent unharmed; the child may open
 * for itself. A thread that calls a function of a VM for the first time needs 24 KiB of stack for that, and
 * one that opens the first thing in a program 34 KiB: with 40 KiB a thread may do anything here.
 *
 * Generated; do not edit.
 */

#ifndef COSMOS_VM_H
#define COSMOS_VM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** No error. */
#define COSMOS_OK 0

/** No such name in the registry. */
#define COSMOS_ERROR_NO_SUCH_NAME 1
/** The name is registered already. */
#define COSMOS_ERROR_NAME_TAKEN 2
/** Not allowed. */
#define COSMOS_ERROR_NOT_PERMITTED 3
/** A configured limit was reached. */
#define COSMOS_ERROR_LIMIT_REACHED 4
/** No such file, library or program. */
#define COSMOS_ERROR_NO_SUCH_TARGET 5
/** The target is of no format any VM runs. */
#define COSMOS_ERROR_NOT_LOADABLE 6
/** The target is for another machine than any VM here. */
#define COSMOS_ERROR_WRONG_ARCHITECTURE 7
/** A VM could not be started. */
#define COSMOS_ERROR_LAUNCH_FAILED 8
/** The target does not define this symbol. */
#define COSMOS_ERROR_NO_SUCH_SYMBOL 9
/** The prototype was refused; the message has the numbered error and a caret. */
#define COSMOS_ERROR_BAD_PROTOTYPE 10
/** The VM lays the call out in another way than this process. */
#define COSMOS_ERROR_TEMPLATE_MISMATCH 11
/** An argument cannot be carried. */
#define COSMOS_ERROR_BAD_ARGUMENT 12
/** A handle names nothing any more, or something of another VM. */
#define COSMOS_ERROR_STALE_HANDLE 13
/** The VM ended; the message says how. */
#define COSMOS_ERROR_VM_DIED 14
/** The deadline passed. */
#define COSMOS_ERROR_TIMED_OUT 15
/** The VM or a daemon sent what the protocol does not allow. */
#define COSMOS_ERROR_PROTOCOL 16
/** The VM or a daemon speaks another version of the protocol. */
#define COSMOS_ERROR_VERSION 17
/** Larger than one call may be. */
#define COSMOS_ERROR_TOO_LARGE 18
/** The connection ended. */
#define COSMOS_ERROR_DISCONNECTED 19
/** This kind of VM does not do that. */
#define COSMOS_ERROR_UNSUPPORTED 20
/** An operating system call failed; the message names it. */
#define COSMOS_ERROR_SYSTEM 21
/** The configuration is wrong; the message names the key and its origin. */
#define COSMOS_ERROR_CONFIGURATION 22
/** Made by the process that this one was forked from. */
#define COSMOS_ERROR_FORKED 23
/** A function of this process could not be called back, or failed; the message says why. */
#define COSMOS_ERROR_CALLBACK_FAILED 24
/** Another thread ended the call. */
#define COSMOS_ERROR_CANCELLED 25
/** The program that was called crashed; its VM goes on. */
#define COSMOS_ERROR_PROGRAM_DIED 26
/** Another machine cannot be connected to, or has no cosmosd; the message holds what ssh said. */
#define COSMOS_ERROR_UNREACHABLE 27
/** A process has no room for more open files; the message says which. */
#define COSMOS_ERROR_TOO_MANY_FILES 28
/** Something this version has no number for; the message says what. */
#define COSMOS_ERROR_OTHER 255
/** The caller asked for something that cannot be. */
#define COSMOS_BLAME_CALLER 1

/** The code in the VM, or the VM itself, failed. */
#define COSMOS_BLAME_VM 2

/** The machine or its configuration failed. */
#define COSMOS_BLAME_HOST 3

/** The other end of a connection broke the protocol or vanished. */
#define COSMOS_BLAME_PEER 4

/** Bytes of the name of a system call or a limit, with its NUL; none is longer. */
#define COSMOS_CALL_NAME 40

/** Most arguments of a call in place of `...`. */
#define COSMOS_VARIADIC_ARGUMENTS 127

/** For cosmos_options_set_stream: nothing, an empty input or an output that is dropped. */
#define COSMOS_STREAM_NULL -1

/** For cosmos_options_set_stream: an output is kept, and comes with the cosmos_exit. */
#define COSMOS_STREAM_KEEP -2

/** For cosmos_options_set_stream: a pipe, whose other end cosmos_exec_stream gives. */
#define COSMOS_STREAM_PIPE -3

/** What a function of the program answers a library: see cosmos_functions. */
typedef struct cosmos_answer cosmos_answer;

/** A call that was started. */
typedef struct cosmos_call cosmos_call;

/** An open target. */
typedef struct cosmos_dl cosmos_dl;

/** How a target is to be opened. */
typedef struct cosmos_options cosmos_options;

/** A program that runs. */
typedef struct cosmos_program cosmos_program;

/** A running VM. */
typedef struct cosmos_vm cosmos_vm;

/** A C function of any type; cast it to its own before calling it. */
typedef void (*cosmos_fn)(void);

/** Told of a failed call, with the cookie it was registered with. */
typedef void (*cosmos_error_handler)(void *cookie);

/** A system call that a VM was refused, by the kernel's word. */
typedef struct {
  /**
   * Its name, "connect".
   */
  char call[COSMOS_CALL_NAME];
  /**
   * How often.
   */
  unsigned long times;
} cosmos_denial;

/** A limit of a VM, and what is used of it. */
typedef struct {
  /**
   * Its key in the configuration, below limits: "memory_bytes".
   */
  char limit[COSMOS_CALL_NAME];
  /**
   * The most there can be, in the unit of the key.
   */
  unsigned long most;
  /**
   * What is used or used up, in the same unit, rounded down; 0 where is_counted is 0.
   */
  unsigned long used;
  /**
   * 0: each file, message or thread may have all of it, or nobody counts.
   */
  int is_counted;
} cosmos_limit;

/** One of many calls: see cosmos_call_all. */
typedef struct {
  /**
   * What is called: a pointer that cosmos_dlsym or cosmos_dlfunc gave.
   */
  cosmos_fn function;
  /**
   * A pointer to each argument's value.
   */
  void *const *arguments;
  /**
   * Room for what it returns; NULL: nowhere.
   */
  void *result;
  /**
   * 0 where the call succeeded, else what errno would say of it.
   */
  int error;
} cosmos_step;

/** The functions of a program that calls by values, which it knows by numbers of its own choice. */
typedef struct {
  /**
   * Given to both.
   */
  void *cookie;
  /**
   * Calls the function of a number with values, on the thread that waits for the library. It gives
   * its result, and what it wrote, to cosmos_answer_set; where it does not, the call fails.
   */
  void (*call)(void *cookie,
               unsigned long function,
               const void *values,
               size_t length,
               cosmos_answer *answer);
  /**
   * Told, on any thread, when no library can call the function of a number any more that was passed
   * once.
   */
  void (*release)(void *cookie, unsigned long function);
} cosmos_functions;

/** How a program ended. Give back what is kept with cosmos_exit_free. */
typedef struct {
  /**
   * Its exit code; 0 where a signal ended it.
   */
  int code;
  /**
   * The signal that ended it, or 0.
   */
  int signal;
  /**
   * 1 if it was killed because its time was over, else 0.
   */
  int timed_out;
  /**
   * 1 if it wrote more than was kept, else 0.
   */
  int truncated;
  /**
   * Microseconds from its start to its end.
   */
  unsigned long elapsed;
  /**
   * Microseconds of processor time that it and what it waited for spent in user mode.
   */
  unsigned long user;
  /**
   * Likewise in the kernel.
   */
  unsigned long system;
  /**
   * The most memory that it or one of those had resident, in bytes.
   */
  unsigned long peak;
  /**
   * What was kept of its standard output, NUL-terminated; NULL where nothing was to be kept.
   */
  char *output;
  /**
   * Its length, without the NUL.
   */
  size_t output_length;
  /**
   * Likewise of its standard error.
   */
  char *error;
  /**
   * Its length, without the NUL.
   */
  size_t error_length;
  /**
   * The system calls that programs of its VM were refused until then; NULL where there are none.
   */
  cosmos_denial *denials;
  /**
   * Their number.
   */
  size_t denial_count;
  /**
   * The limit that it was ended for, "limits.cpu_seconds = 1"; empty where it was not.
   */
  char limit[COSMOS_CALL_NAME];
  /**
   * The number of the report that is kept of its crash, for "cosmos crash show"; empty where there is
   * none.
   */
  char crash[COSMOS_CALL_NAME];
} cosmos_exit;

/**
 * The message of this thread's last failure of a cosmos_ function or of a call, or NULL where
 * there was none since this was last called, as with dlerror. The string is this thread's, valid
 * until it calls cosmos_dlerror again; do not free it.
 */
const char *cosmos_dlerror(void);

/**
 * The code of this thread's last failure, COSMOS_ERROR_..., or COSMOS_OK where there was none
 * since cosmos_error_clear. A success does not clear it.
 */
int cosmos_error(void);

/** Forgets this thread's last failure. */
void cosmos_error_clear(void);

/**
 * Its message: what failed, with the names involved, and what to do; NULL where there was no
 * failure. Strings of this and the following functions are this thread's, valid until it calls
 * the same function again; do not free them.
 */
const char *cosmos_error_message(void);

/** The function that was called or looked up; NULL where none was. */
const char *cosmos_error_function(void);

/** The VM, as "hostfn-3"; NULL where none was involved. */
const char *cosmos_error_vm(void);

/** The VM's host, "local" for this one; NULL where no VM was involved. */
const char *cosmos_error_host(void);

/** The signal that ended the VM; 0 where none did. */
int cosmos_error_signal(void);

/**
 * The number of the crash report that is kept of it, "c-3f9a0c12", which `cosmos crash show` takes;
 * NULL where there is none.
 */
const char *cosmos_error_crash(void);

/**
 * The innermost calls of the VM when it crashed, one a line; NULL where it did not, or nobody could
 * look.
 */
const char *cosmos_error_backtrace(void);

/** Whose fault it was, COSMOS_BLAME_...; 0 where there was no failure. */
int cosmos_error_blame(void);

/** The errno that went with it; 0 where there was no failure. */
int cosmos_error_errno(void);

/** The version of the library, "0.1.0". The string lives for ever. */
const char *cosmos_version(void);

/**
 * New options, all at their defaults; free them with cosmos_options_free. They are read by
 * cosmos_dlopen, cosmos_vm_open and cosmos_exec and not kept. One thread at a time may use them.
 */
cosmos_options *cosmos_options_new(void);

/**
 * Frees options; NULL is allowed.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new, and not used after.
 */
void cosmos_options_free(cosmos_options *options);

/**
 * How long opening, resolving and each call may take, in milliseconds; 0, as at first: what the
 * configuration says, which by itself sets no limit. A call whose time is up fails with
 * ETIMEDOUT, and its VM is killed unless it is shared. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_set_timeout(cosmos_options *options, unsigned long milliseconds);

/**
 * The machine to run on: "local", or `ssh://[USER@]HOST[:PORT]`. On another one, names and paths are
 * of that machine, and relative ones start in the home directory there. Returns 0, or -1 with errno
 * EINVAL for what is no host; whether it can be reached shows when something is opened.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; host is NULL or a string.
 */
int cosmos_options_set_host(cosmos_options *options,
                            const char *host);

/**
 * How often one call may call functions of the program back, 100 million at first. The time that
 * those take does not count for the timeout, so a VM could put it off for ever by them. Returns 0,
 * or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_set_callbacks(cosmos_options *options, unsigned long most);

/**
 * The least isolation to accept: "none", "limits", "landlock+seccomp" or "namespaces". The
 * configuration may ask for more, never get less. The string is copied. Returns 0, or -1 with
 * errno EINVAL; whether the level can be had shows when something is opened.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; level is NULL or a string.
 */
int cosmos_options_set_isolation(cosmos_options *options, const char *level);

/**
 * An upper bound for the VM: "open_files", "memory_bytes", "processes" or another key of the
 * section "limits" of the configuration; it can only tighten what is configured. The string is
 * copied. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; name is NULL or a string.
 */
int cosmos_options_set_limit(cosmos_options *options, const char *name, unsigned long most);

/**
 * A file, or a directory with all that is in it, that the VM may read; a relative path is one of the
 * current directory. Without grants, a VM at "landlock+seccomp" or above can open its target's own
 * files alone. The string is copied. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; path is NULL or a string.
 */
int cosmos_options_grant_read(cosmos_options *options,
                              const char *path);

/**
 * A file, or a directory with all that is in it, that the VM may read and change. The string is
 * copied. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; path is NULL or a string.
 */
int cosmos_options_grant_write(cosmos_options *options, const char *path);

/**
 * Whether the VM may use the network; 0 at first. With that it may read how names are resolved and
 * which certificates count. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_grant_network(cosmos_options *options, int network);

/**
 * Whether the VM may start the programs that it can read; 0 at first. What it starts is confined as it
 * is. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_grant_programs(cosmos_options *options,
                                  int programs);

/**
 * Whether to start a new VM even where this process has one that fits; 0 at first. Nothing else is
 * opened in it, unless cosmos_options_set_vm names it. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_set_fresh(cosmos_options *options, int fresh);

/**
 * The name of a VM that processes of this user share; it is started if it is not there. The
 * string is copied. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; name is NULL or a string.
 */
int cosmos_options_set_shared(cosmos_options *options, const char *name);

/**
 * A directory of prototype packs (files named SONAME.protos) to look functions up in that are given
 * by name, before those of directories given later, of the configuration and of cosmos itself. The
 * string is copied. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; directory is NULL or a string.
 */
int cosmos_options_add_packs(cosmos_options *options, const char *directory);

/**
 * The VM to open in, and no other; the options keep it running until they are freed. Returns 0,
 * or -1 with errno EINVAL, or EBADF: vm was closed.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_set_vm(cosmos_options *options, cosmos_vm *vm);

/**
 * Starts a VM of a kind ("hostfn"), or joins the running one of a name ("hostfn-3"). Open
 * libraries in it with cosmos_options_set_vm. Close it with cosmos_vm_close.
 *
 * Returns NULL on failure, with errno set: EINVAL the name is NULL or not UTF-8; ENOENT no such kind or name; EACCES it is not this
 * user's; ECOMM it cannot be started or reached. Any thread may call it; the result may be used
 * by all threads.
 *
 * What the caller promises:
 * kind_or_name is NULL or a string; options is NULL or from cosmos_options_new.
 */
cosmos_vm *cosmos_vm_open(const char *kind_or_name,
                          const cosmos_options *options);

/**
 * Ends a private VM at once, whatever is open in it: functions of it fail with EOWNERDEAD from
 * now on, their pointers stay valid until cosmos_dlclose. Lets go of a shared one.
 *
 * Returns 0, or -1 with errno set: EBADF vm was closed already, or never was one; EOWNERDEAD it
 * had ended by itself; ECOMM cosmosd did not answer, and the VM ends all the same.
 */
int cosmos_vm_close(cosmos_vm *vm);

/**
 * Carries one request of the protocol (docs/protocol.md) to vm, or to cosmosd where vm is NULL,
 * and its answer back. kind is the request's number; request its request_length bytes, NULL where
 * there are none. At most reply_capacity bytes of the answer go to reply, which may be NULL where
 * that is 0; reply_length, unless NULL, gets the answer's whole length.
 *
 * Returns 0, or -1 with errno set: EINVAL kind is no number of a request, or a pointer is NULL that leads to
 * something; EBADF vm was closed; EMSGSIZE the answer is longer than reply_capacity (its
 * beginning is there, its length in reply_length, and the request was carried out); otherwise
 * what the other side answered. A request that breaks the protocol ends the connection, and with
 * that to cosmosd the VMs of this process. Any thread may call it.
 *
 * What the caller promises:
 * request has request_length bytes, reply room for reply_capacity; reply_length is NULL or valid.
 */
int cosmos_rp_call(cosmos_vm *vm,
                   unsigned int kind,
                   const void *request,
                   size_t request_length,
                   void *reply,
                   size_t reply_capacity,
                   size_t *reply_length);

/**
 * Opens a library in a VM. target is a bare name ("libz.so.1"), searched for as the dynamic
 * linker does, or a path; a relative one starts from the current directory. options may be NULL:
 * the configuration's defaults. Close the result with cosmos_dlclose.
 *
 * Returns NULL on failure, with errno set: EINVAL target is NULL or not UTF-8, or the options or the
 * configuration cannot be; ENOENT no such target; ENOEXEC no VM can run it;
 * ECOMM the daemons or the VM cannot be reached or started; ETIMEDOUT; see cosmos_dlerror for the
 * whole story. Any thread may call it; the result may be used by all threads.
 *
 * What the caller promises:
 * target is NULL or a string; options is NULL or from cosmos_options_new.
 */
cosmos_dl *cosmos_dlopen(const char *target,
                         const cosmos_options *options);

/**
 * Resolves a function from its prototype, a C declaration such as "double cos(double x)", and
 * returns a pointer to it: cast it to the type of the declaration and call it. A name alone, such
 * as "crc32", is looked up in the library's prototype pack. The pointer may be
 * called from any thread, and again while a call of it is under way: from a callback, or from a signal
 * handler, of which the rest of the program is promised nothing that malloc does not promise: it must
 * not interrupt malloc, nor a function of this library. It is valid until cosmos_dlclose; do not free it. Distinct functions have distinct pointers; the
 * same prototype gives the same pointer again.
 *
 * Pointers to functions among the arguments are called back on the calling thread while the call
 * waits; see the prototype language for how long the library may keep them. They must return, and not by
 * longjmp or an exception; pthread_exit in one aborts the program. They may call exit, fork and exec, and
 * any function of this library.
 *
 * A call that cannot be carried returns what the prototype declares with __fail(v), otherwise
 * NULL, -1, all ones for an unsigned type, NaN; it sets errno to ECOMM, ETIMEDOUT, EOWNERDEAD,
 * EPROTO or what else cosmos_error_errno tells, and leaves an error for cosmos_error. Calling
 * cosmos_error_clear before tells such a failure from a value that the function returned.
 *
 * Returns NULL on failure, with errno set: EINVAL the prototype was refused (cosmos_dlerror shows
 * where); ENOSYS no such symbol; EPROTO the VM understood the prototype in another way; EBADF dl
 * was closed. ISO C has no conversion from void * to a function pointer, POSIX does: where that
 * matters use cosmos_dlfunc.
 *
 * What the caller promises:
 * prototype is NULL or a string.
 */
void *cosmos_dlsym(cosmos_dl *dl,
                   const char *prototype);

/**
 * The same as cosmos_dlsym, with a result that ISO C allows to call once it is cast to the
 * function's type.
 *
 * What the caller promises:
 * As cosmos_dlsym.
 */
cosmos_fn cosmos_dlfunc(cosmos_dl *dl, const char *prototype);

/**
 * Closes dl. Calls under way finish; pointers from cosmos_dlsym must not be called any more. A
 * private VM in which nothing is open any more may be kept for the next cosmos_dlopen; it ends
 * with the process at the latest.
 *
 * Returns 0, or -1 with errno set: EBADF dl was closed already, or never was one; EOWNERDEAD and
 * others: dl is closed, but the VM did not close it in good order. Any thread may call it.
 */
int cosmos_dlclose(cosmos_dl *dl);

/**
 * Has handler called with cookie whenever a call of a function of dl fails, on the thread that
 * called, after errno's value is settled and before the call returns; cosmos_error and its kin
 * tell what failed. It may abort, exit or log; it must return otherwise, and not by longjmp.
 * NULL removes it. Any thread may call it; it holds for calls that begin later.
 *
 * Returns 0, or -1 with errno EBADF.
 *
 * What the caller promises:
 * handler may be called with cookie, on any thread, until it is removed or dl is closed.
 */
int cosmos_dl_onerror(cosmos_dl *dl, cosmos_error_handler handler, void *cookie);

/**
 * The system calls that the VM of dl was refused until now. At most room of them go to denials, which may
 * be NULL where room is 0.
 *
 * Returns how many there are, 0 for a VM that has no walls; or -1 with errno set: EBADF dl was closed
 * already, or never was one; EINVAL denials is NULL. Any thread may call it.
 *
 * What the caller promises:
 * denials has room for room of them.
 */
long cosmos_denials(cosmos_dl *dl,
                    cosmos_denial *denials,
                    size_t room);

/**
 * The limits that the VM of dl has, and what is used of each now. At most room of them go to limits,
 * which may be NULL where room is 0.
 *
 * Returns how many there are, 0 for a VM without limits; or -1 with errno set: EBADF dl was closed
 * already, or never was one; EINVAL limits is NULL though room is not 0; EOWNERDEAD the VM is gone; ECOMM and ETIMEDOUT
 * cosmosd did not answer. Any thread may call it.
 *
 * What the caller promises:
 * limits has room for room of them.
 */
long cosmos_budget(cosmos_dl *dl,
                   cosmos_limit *limits,
                   size_t room);

/**
 * Sets how long each call that this thread makes from now on may take, in milliseconds, and returns
 * what was set before; 0: what the function's prototype says with __timeout(ms), else what the
 * library was opened with, else the configuration. A call that takes longer fails with ETIMEDOUT,
 * and a private VM is killed. Time in callbacks does not count. To limit one call, set the limit
 * before it and put the previous one back after it.
 *
 * It never fails and leaves errno alone.
 */
unsigned long cosmos_thread_timeout(unsigned long milliseconds);

/**
 * Ends the calls of functions of dl that are under way, on whichever threads: they return their
 * failure values with errno ECANCELED. A private VM is killed with that, whatever else is open in
 * it; in a shared one what the functions do goes on, and nobody waits for it. Any thread may call
 * it, but no signal handler.
 *
 * Returns how many calls there were (0: nothing was ended), or -1 with errno set: EBADF dl was
 * closed; EOWNERDEAD its VM is gone already.
 */
int cosmos_cancel(cosmos_dl *dl);

/**
 * Starts a call of a function, a pointer that cosmos_dlsym or cosmos_dlfunc gave, and returns at
 * once. arguments has a pointer to each argument's value, result leads to room for what the function
 * returns (NULL: nowhere); all of that, and what the arguments lead to, stays as it is until
 * cosmos_call_wait has returned. The call is made by another thread, on which callbacks run, as soon
 * as one is free: 64 calls run at once. The limit of cosmos_thread_timeout goes with it. cosmos_cancel
 * ends it as any other, and cosmos_dlclose lets it finish if it is under way.
 *
 * Give every call that was started to cosmos_call_wait. Returns NULL on failure, with errno set:
 * EINVAL function is none of cosmos's, or its prototype ends with '...', or arguments is NULL and it has
 * some; ECOMM there is no thread.
 *
 * What the caller promises:
 * As a call of function with these arguments.
 */
cosmos_call *cosmos_call_start(cosmos_fn function,
                               void *result,
                               void *const *arguments);

/**
 * Starts count calls, each VM's in the order of their steps on a thread of their own, together as
 * cosmos_call_all makes them; those of several VMs run side by side. calls has room for count calls, and
 * gets them in the order of the steps, each to be given to cosmos_call_wait. A call has ended when its
 * message has come back, which may be before others are made. Arguments and results stay where they are
 * as with cosmos_call_start; the steps themselves need not, and their errors are left alone.
 *
 * Returns 0, or -1 with errno set: EINVAL a function is none of cosmos's, or its prototype ends with '...',
 * or what has to lead somewhere is NULL, and no call was made; ECOMM there is no thread, and those of some VMs may have been made and have ended.
 *
 * What the caller promises:
 * steps leads to count steps, each as a call of its function with its arguments; calls to room for count.
 */
int cosmos_call_start_all(const cosmos_step *steps,
                          size_t count,
                          cosmos_call **calls);

/**
 * Waits for the end of count calls and releases them. Returns 0 if all succeeded; else -1 with errno as
 * of the first that failed, and failed, unless it is NULL, gets 0 or errno for each. EBADF is that of a call
 * that was waited for already, or never was one. EINVAL: calls is NULL, and nothing was waited for.
 *
 * What the caller promises:
 * calls leads to count calls, failed to room for count numbers, or is NULL.
 */
int cosmos_call_wait_all(cosmos_call *const *calls,
                         size_t count,
                         int *failed);

/**
 * Whether a call has ended: 1 yes, cosmos_call_wait does not wait; 0 no; -1 with errno EBADF: call was
 * waited for already, or never was one.
 */
int cosmos_call_poll(cosmos_call *call);

/**
 * A descriptor that becomes readable when a call has ended, for poll and its kin. Do not read or close
 * it: cosmos_call_wait closes it. Returns -1 on failure, with errno set: EBADF as above; EMFILE there
 * is no room for more open files; ECOMM there is no descriptor.
 */
int cosmos_call_fd(cosmos_call *call);

/**
 * Waits until one of count calls has ended, and returns which. It is to be given to cosmos_call_wait
 * still. Returns -1 with errno set: EBADF as above; EINVAL count is 0, or calls is NULL.
 *
 * What the caller promises:
 * calls leads to count calls.
 */
int cosmos_call_wait_any(cosmos_call *const *calls,
                         size_t count);

/**
 * Waits for the end of a call and releases it. Returns 0 with errno as the function left it, its result
 * and outputs being where they belong; or -1 where the call failed, as calls through the pointer do:
 * errno says how, cosmos_error tells more, and result has the failure value. EBADF: call was waited
 * for already, or never was one.
 */
int cosmos_call_wait(cosmos_call *call);

/**
 * Makes count calls, in order, on this thread. Those that follow each other and are of functions of one
 * library that take and return a few numbers (16 bytes of each) travel together, in few messages there and
 * back, which costs far less than a call each; others are made at their place. A call that fails leaves
 * the others alone: its step's error says how, and its result has the failure value. Where the VM dies,
 * every call of a message that was under way fails. A time limit holds for a message.
 *
 * Arguments may be read before the calls in front of theirs are made: no step's argument may be what
 * another step returns.
 *
 * Returns 0 if all calls succeeded, else -1 with errno as of the first that failed. EINVAL: a function is
 * none of cosmos's, or its prototype ends with '...', or what has to lead somewhere is NULL; nothing was
 * called then.
 *
 * What the caller promises:
 * steps leads to count steps, each as a call of its function with its arguments.
 */
int cosmos_call_all(cosmos_step *steps,
                    size_t count);

/**
 * Tells what a call of a function with `...` takes there: its prototype says so by a format, a NULL
 * at the end of a list, or a table. named has the address of the value of each named parameter.
 *
 * Writes one letter for each argument, and a NUL: i int, l long, q long long, d double, D long
 * double, p a pointer; s, which is the last: pointers to text up to and with a NULL. Take each with
 * va_arg and give their addresses to cosmos_variadic_call. capacity is that of types.
 *
 * Returns the number of letters, or -1 with errno set: EINVAL the format is none, nothing is there for
 * the tag, or the prototype has no such `...`; EMSGSIZE more than fit; and what cosmos_dlsym sets.
 *
 * What the caller promises:
 * prototype is NULL or a string; named leads to as many addresses as it has named parameters, each of
 * a value of its type; types is writable for capacity bytes.
 */
int cosmos_variadic_types(cosmos_dl *dl,
                          const char *prototype,
                          void *const *named,
                          char *types,
                          size_t capacity);

/**
 * Calls a function with `...`. arguments has the address of the value of each named parameter, then
 * of count more in place of `...`, of the types that cosmos_variadic_types tells. What it returns is
 * written to result, which may be NULL.
 *
 * errno is the function's afterwards. A call that cannot be carried leaves there what it does after a
 * call through a pointer of cosmos_dlsym, and writes the failure value; one whose prototype cannot be
 * resolved writes nothing. Either way it returns -1, else 0.
 *
 * What the caller promises:
 * prototype is NULL or a string; arguments leads to as many addresses, each of a value of its type,
 * and what pointers among them lead to is as the prototype says; result is NULL or has room for a
 * value of the type of the result.
 */
int cosmos_variadic_call(cosmos_dl *dl,
                         const char *prototype,
                         void *const *arguments,
                         int count,
                         void *result);

/**
 * Calls a function by values: length bytes that docs/python.md of cosmos_vm describes, one value for
 * each parameter, then those in place of `...`. Parameters that do nothing but say how large a buffer is
 * that goes in may be left out, all of them together, and so may those that only come back. functions
 * may be NULL where no function is among the values.
 *
 * reply gets what the function returned, what it wrote, and errno as it left it, in reply_length bytes to
 * be freed by cosmos_values_free. Unlike a call through a pointer, a failed one has no result.
 *
 * Returns 0, or -1 with errno set as cosmos_dlsym and calls through its pointers do; EINVAL also where
 * the values are none, or do not fit the prototype. Any thread may call it.
 *
 * What the caller promises:
 * prototype is NULL or a string; values leads to length bytes; functions is NULL or leads to functions
 * that may be called with its cookie, on any thread, until the release of each number; reply and
 * reply_length are writable.
 */
int cosmos_call_values(cosmos_dl *dl,
                       const char *prototype,
                       const void *values,
                       size_t length,
                       const cosmos_functions *functions,
                       void **reply,
                       size_t *reply_length);

/**
 * Frees a reply of cosmos_call_values; NULL is allowed.
 *
 * What the caller promises:
 * reply is NULL, or what cosmos_call_values gave, with its length, and not used after.
 */
void cosmos_values_free(void *reply, size_t length);

/**
 * Answers a library: length bytes with the value that the function returns and what it wrote, as
 * docs/python.md of cosmos_vm describes. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * answer is NULL, or what the function was given and has not returned from; values leads to length
 * bytes.
 */
int cosmos_answer_set(cosmos_answer *answer, const void *values, size_t length);

/**
 * Memory in which a library may make an object, and that stands for it in later calls: a number, which
 * is never 0. Give it to cosmos_memory_free.
 */
unsigned long cosmos_memory_new(void);

/**
 * Forgets memory; an object that was made in it and not destroyed stays in its VM until its library is
 * closed. Returns 0, or -1 with errno EBADF: it was forgotten already, or never was.
 */
int cosmos_memory_free(unsigned long memory);

/**
 * Sets a variable of the environment of programs, which is otherwise PATH alone; with value NULL, gives
 * them this process's, if it has it. The strings are copied. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; name is NULL or a string, and so is value.
 */
int cosmos_options_add_env(cosmos_options *options,
                           const char *name,
                           const char *value);

/**
 * Sets the variables that a file lists, one a line: NAME=value, or NAME alone for this process's; '#'
 * begins a line that says nothing. It is read when a program is started. The string is copied. Returns
 * 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; path is NULL or a string.
 */
int cosmos_options_add_env_file(cosmos_options *options,
                                const char *path);

/**
 * The working directory of programs; this process's at first. The string is copied. Returns 0, or -1
 * with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new; directory is NULL or a string.
 */
int cosmos_options_set_directory(cosmos_options *options,
                                 const char *directory);

/**
 * The file mode creation mask of programs; this process's at first. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_set_umask(cosmos_options *options,
                             unsigned int mask);

/**
 * What programs have as standard input (stream 0), output (1) or error (2): the file of a descriptor,
 * which is duplicated here and goes to the program itself; COSMOS_STREAM_NULL; COSMOS_STREAM_KEEP, for
 * outputs; or COSMOS_STREAM_PIPE, for cosmos_exec_start. At first they are this process's. Returns 0, or
 * -1 with errno EINVAL, or ECOMM: the descriptor is not open.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_set_stream(cosmos_options *options,
                              int stream,
                              int descriptor);

/**
 * The most bytes that are kept of each output that is to be kept, 1 MiB at first; the rest is read and
 * dropped. Returns 0, or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_set_kept(cosmos_options *options,
                            size_t most);

/**
 * Gives programs a terminal of this size in place of their streams, for cosmos_exec_start: any of its
 * streams is our end of it then, which is a socket where the program runs on another machine. Returns 0,
 * or -1 with errno EINVAL.
 *
 * What the caller promises:
 * options is NULL or from cosmos_options_new.
 */
int cosmos_options_set_terminal(cosmos_options *options,
                                unsigned int rows,
                                unsigned int columns);

/**
 * Runs a program in a VM to its end. argv begins with its path, or a name that is searched for in PATH; its
 * last is NULL. options say how its VM is isolated, how long it may take, and what it gets; NULL: this
 * process's streams, directory and mask, and PATH. result, unless NULL, says how it ended.
 *
 * Returns 0 when the program ran, however it ended; else -1 with errno set: ENOENT there is no such
 * program; ENOEXEC it cannot be run; EINVAL an argument or its directory; EOWNERDEAD its VM ended; ECOMM
 * it cannot be started or reached. Any thread may call it.
 *
 * What the caller promises:
 * argv is NULL or ends with NULL, its strings are strings; options is NULL or from cosmos_options_new;
 * result is NULL or valid.
 */
int cosmos_exec(const char *const *argv,
                const cosmos_options *options,
                cosmos_exit *result);

/**
 * Starts a program as cosmos_exec does, and does not wait for it. Returns NULL on failure with errno
 * set; that a program cannot be run may show in cosmos_exec_wait only. A program ends when it is waited
 * for or when this process ends.
 *
 * What the caller promises:
 * As with cosmos_exec.
 */
cosmos_program *cosmos_exec_start(const char *const *argv,
                                  const cosmos_options *options);

/**
 * A new descriptor of our end of a stream of program that is a pipe, or of its terminal; close-on-exec,
 * and to be closed by the caller. A program sees the end of its input when all of these are closed and
 * cosmos_exec_close_input or cosmos_exec_wait was called. Returns -1 with errno set: EBADF program was
 * waited for; EINVAL there is no pipe.
 */
int cosmos_exec_stream(cosmos_program *program,
                       int stream);

/**
 * Closes the library's own end of a pipe to program, so that the program sees the end of its input when
 * the descriptors of cosmos_exec_stream are closed; none is given any more. It is for who reads the
 * output to its end before cosmos_exec_wait. Returns 0, also where there is none to close; or -1 with errno
 * set: EBADF program was waited for; EINVAL it has a terminal, whose input ends by a character.
 */
int cosmos_exec_close_input(cosmos_program *program);

/**
 * Gives program a signal, by its number; a negative number, to every process of its group. Returns 0, or
 * -1 with errno set: EBADF program was waited for; EINVAL this is no signal; ECOMM it has ended.
 */
int cosmos_exec_signal(cosmos_program *program,
                       int signal);

/**
 * Gives the terminal of program another size, which tells the programs on it by SIGWINCH. Returns 0, or -1
 * with errno set: EBADF program was waited for; EINVAL it has no terminal, or none is so large; ECOMM it has
 * ended.
 */
int cosmos_exec_resize(cosmos_program *program,
                       unsigned int rows,
                       unsigned int columns);

/**
 * Waits for the end of program and forgets it, whatever it returns; result as with cosmos_exec. What was
 * to be kept of its outputs is read meanwhile. Returns as cosmos_exec; EBADF program was waited for.
 *
 * What the caller promises:
 * options is NULL or what program was started with; result is NULL or valid.
 */
int cosmos_exec_wait(cosmos_program *program,
                     const cosmos_options *options,
                     cosmos_exit *result);

/**
 * Frees what was kept; result may be NULL, and may be given again.
 *
 * What the caller promises:
 * result is NULL, zeroed, or was filled by cosmos_exec or cosmos_exec_wait.
 */
void cosmos_exit_free(cosmos_exit *result);

/**
 * Allocates memory that this program and the VM of dl both see, aligned to 64 bytes: the VM's arena.
 * A pointer into it that is passed to a function in that VM is not copied: the function uses the
 * memory where it is, and may keep the pointer. Passed to any other function it is ordinary memory,
 * but for a struct with pointers in it, which is refused there (EINVAL): copy it first.
 * Its contents are not defined at first.
 *
 * A struct in it may hold pointers into it, and numbers, and is used as it is; handles, functions and
 * descriptors in it are refused (EINVAL), and so is a pointer that leads elsewhere.
 *
 * The VM may write all of it at any time. Who checks what is there copies it first, and checks the
 * copy; cosmos_is_shared tells whether a pointer that was found there leads into it.
 *
 * It stays readable and writable until cosmos_free, whatever becomes of dl and the VM. It is not there
 * in a child made by fork: touching it there is a SIGSEGV.
 *
 * Returns NULL on failure, with errno set: EBADF dl was closed; EOWNERDEAD the VM is gone; ENOTSUP its
 * kind shares no memory; EAGAIN there is no memory, or never so much; EMFILE this process or the VM has no
 * room for more open files. Any thread may call it.
 */
void *cosmos_alloc(cosmos_dl *dl,
                   size_t size);

/** The same, in the arena of vm; EBADF vm was closed. */
void *cosmos_vm_alloc(cosmos_vm *vm, size_t size);

/**
 * Frees what cosmos_alloc or cosmos_vm_alloc gave; NULL is fine. A pointer into it that is passed to a
 * call afterwards is refused. Any thread may call it.
 *
 * Returns 0, or -1 with errno set: EINVAL memory is nothing they gave, was freed already, or is the
 * parent's of a child made by fork.
 */
int cosmos_free(void *memory);

/**
 * Whether size bytes from memory on lie in one thing that cosmos_alloc or cosmos_vm_alloc gave and that
 * was not freed: 1 or 0. Nothing is read from there.
 */
int cosmos_is_shared(const void *memory,
                     size_t size);

/**
 * The step that this thread is in, as W3C's trace context writes it, "00-TRACE-SPAN-01", for who is to
 * go on with it: for TRACEPARENT in the environment of a program, or the header traceparent of a request.
 * NULL where steps are not followed (the setting trace), or this thread is in none. The string is this
 * thread's, valid until it calls this again; do not free it.
 */
const char *cosmos_traceparent(void);

/**
 * Makes what this thread does from now on a part of the step that traceparent names, of whichever
 * program, until it is set anew, or the step of cosmos_trace_begin that it was set in ends; NULL: a part of
 * none. Returns 0, also where steps are not followed; or -1 with errno EINVAL: traceparent names no step,
 * and nothing was set.
 *
 * What the caller promises:
 * traceparent is NULL or a string.
 */
int cosmos_traceparent_set(const char *traceparent);

/**
 * Begins a step of the program's own, what being what it is about, or NULL: what this thread does until
 * cosmos_trace_end is a part of it. Where steps are not followed (the setting trace) this does nothing.
 * Returns 0, or -1 with errno EINVAL: name is NULL, or one of both is not UTF-8, and nothing was begun.
 *
 * What the caller promises:
 * name and what are NULL or strings.
 */
int cosmos_trace_begin(const char *name,
                       const char *what);

/**
 * Ends the step that this thread has begun last; failed, unless it is NULL, says why it failed. Returns
 * 0, also where steps are not followed; or -1 with errno EINVAL: this thread is in no step of
 * cosmos_trace_begin, or failed is not UTF-8, and nothing was ended.
 *
 * What the caller promises:
 * failed is NULL or a string.
 */
int cosmos_trace_end(const char *failed);

#ifdef __cplusplus
}
#endif

#endif /* COSMOS_VM_H */
