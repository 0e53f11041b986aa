//! A pointer to a function of up to eight scalars does what the function does here, wherever the
//! registers, or the stack, have its arguments; and so does a function that it is given to call.

use cosmos_tests::{c, in_world};
use std::ffi::{c_char, c_double, c_float, c_int, c_long, c_short, c_uchar, c_uint, c_void};

const TIMES: u64 = 300;

/// Numbers that have all bits in use, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        self.0 ^ self.0 >> 29
    }

    /// One of some thousands, with a fraction.
    fn float(&mut self) -> f64 {
        (self.next() as i16).into()
    }
}

type Turns =
    unsafe extern "C" fn(i8, c_float, u16, c_double, c_int, c_float, c_uint, c_double) -> c_double;
type Floats = unsafe extern "C" fn(
    c_float,
    c_double,
    c_float,
    c_double,
    c_float,
    c_double,
    c_float,
    c_double,
) -> c_float;
type Integers = unsafe extern "C" fn(c_long, c_short, c_uchar, c_int, bool, c_long) -> c_long;
type Stack = unsafe extern "C" fn(c_long, c_short, c_uchar, c_int, bool, c_long, c_short) -> c_long;
type Narrow = unsafe extern "C" fn(c_int, c_int, c_int) -> i8;
type Wide = unsafe extern "C" fn(c_uint, c_float, c_uchar) -> u16;
type Any = unsafe extern "C" fn(c_double, c_int, c_char) -> bool;
type Mix = unsafe extern "C" fn(*mut c_char, usize, *const c_char, c_uchar, *mut c_double) -> usize;
type Compare = extern "C" fn(*const c_int, *const c_int, c_long) -> c_int;
type Add = extern "C" fn(c_float, c_int, c_double, c_short, c_uchar, c_float) -> c_double;
type Each = unsafe extern "C" fn(Compare, Add, c_int) -> c_double;

/// The function behind a prototype in a VM, and the one of this name here.
struct Both<F> {
    far: F,
    near: F,
}

macro_rules! both {
    ($far:expr, $near:expr, $type:ty, $name:literal, $prototype:expr) => {{
        let pointer = $far.function($prototype).expect($prototype).pointer();
        // SAFETY: the library has the function, which is of this type, and stays loaded.
        unsafe {
            Both {
                far: std::mem::transmute::<*const c_void, $type>(pointer),
                near: *$near.get::<$type>($name.as_bytes()).expect($name),
            }
        }
    }};
}

extern "C" fn compare(a: *const c_int, b: *const c_int, more: c_long) -> c_int {
    // SAFETY: the function passes pointers to its own numbers, or copies of these.
    unsafe { *a - *b + more as c_int }
}

extern "C" fn add(
    a: c_float,
    b: c_int,
    c: c_double,
    d: c_short,
    e: c_uchar,
    f: c_float,
) -> c_double {
    f64::from(a) + f64::from(b) + c + f64::from(d) + f64::from(e) + f64::from(f)
}

#[test]
fn scalars_are_what_they_are_here() {
    in_world(|world| {
        let path = c::library("registers.c", world.directory());
        let far = cosmos::dlopen(&path.to_string_lossy()).expect("the library in a VM");
        // SAFETY: nothing runs when it is loaded.
        let near = unsafe { libloading::Library::new(&path) }.expect("the library here");
        let turns = both!(
            far,
            near,
            Turns,
            "turns",
            "double turns(signed char a, float b, unsigned short c, \
             double d, int e, float f, unsigned g, double h)"
        );
        let floats = both!(
            far,
            near,
            Floats,
            "floats",
            "float floats(float a, double b, float c, double d, \
             float e, double f, float g, double h)"
        );
        let integers = both!(
            far,
            near,
            Integers,
            "integers",
            "long integers(long a, short b, unsigned char c, \
             int d, _Bool e, long f)"
        );
        let stack = both!(
            far,
            near,
            Stack,
            "stack",
            "long stack(long a, short b, unsigned char c, int d, \
             _Bool e, long f, short g)"
        );
        let narrow = both!(
            far,
            near,
            Narrow,
            "narrow",
            "signed char narrow(int a, int b, int c)"
        );
        let wide = both!(
            far,
            near,
            Wide,
            "wide",
            "unsigned short wide(unsigned a, float b, unsigned char c)"
        );
        let any = both!(far, near, Any, "any", "_Bool any(double a, int b, char c)");
        let mut numbers = Numbers(7);
        for _ in 0..TIMES {
            let mut float = || numbers.float();
            let f: [f64; 8] = std::array::from_fn(|_| float());
            let n: [u64; 8] = std::array::from_fn(|_| numbers.next());
            // SAFETY: functions of numbers.
            unsafe {
                let call = |it: Turns| {
                    it(
                        n[0] as i8,
                        f[0] as f32,
                        n[1] as u16,
                        f[1],
                        n[2] as i32,
                        f[2] as f32,
                        n[3] as u32,
                        f[3],
                    )
                };
                assert_eq!(call(turns.far).to_bits(), call(turns.near).to_bits());
                let call = |it: Floats| {
                    it(
                        f[0] as f32,
                        f[1],
                        f[2] as f32,
                        f[3],
                        f[4] as f32,
                        f[5],
                        f[6] as f32,
                        f[7],
                    )
                };
                assert_eq!(call(floats.far).to_bits(), call(floats.near).to_bits());
                let call = |it: Integers| {
                    it(
                        n[0] as i64,
                        n[1] as i16,
                        n[2] as u8,
                        n[3] as i32,
                        n[4] & 1 == 0,
                        n[5] as i64,
                    )
                };
                assert_eq!(call(integers.far), call(integers.near));
                let call = |it: Stack| {
                    let yes = n[4] & 1 == 0;
                    it(
                        n[0] as i64,
                        n[1] as i16,
                        n[2] as u8,
                        n[3] as i32,
                        yes,
                        n[5] as i64,
                        n[6] as i16,
                    )
                };
                assert_eq!(call(stack.far), call(stack.near));
                let call = |it: Narrow| {
                    let result = it(n[0] as i32 & 0xff, n[1] as i16 as i32, n[2] as i8 as i32);
                    (result, std::io::Error::last_os_error().raw_os_error())
                };
                assert_eq!(call(narrow.far), call(narrow.near));
                let call = |it: Wide| it(n[0] as u32, f[0].abs() as f32, n[1] as u8);
                assert_eq!(call(wide.far), call(wide.near));
                let call = |it: Any| {
                    it(
                        f[0] * f64::from(n[0] & 1 == 0),
                        n[1] as i32 & 1,
                        n[2] as c_char & 1,
                    )
                };
                assert_eq!(call(any.far), call(any.near));
            }
        }
    });
}

#[test]
fn buffers_beside_scalars_come_and_go() {
    in_world(|world| {
        let path = c::library("registers.c", world.directory());
        let far = cosmos::dlopen(&path.to_string_lossy()).expect("the library in a VM");
        // SAFETY: nothing runs when it is loaded.
        let near = unsafe { libloading::Library::new(&path) }.expect("the library here");
        let mix = both!(
            far,
            near,
            Mix,
            "mix",
            "size_t mix(char *__out __sized_by(room) __filled(return) to, \
             size_t room, const char *from, unsigned char step, double *__inout total)"
        );
        let mut numbers = Numbers(11);
        for times in 0..TIMES as usize {
            // From nothing to more than goes in one message of the shared memory's, and what fits into a line.
            let length = if times % 10 == 0 { 40_000 } else { times / 3 };
            let mut text: Vec<u8> = (0..length)
                .map(|_| b'a' + (numbers.next() % 20) as u8)
                .collect();
            text.push(0);
            let (step, room) = (numbers.next() as u8 % 5, text.len() / 2 + times % 7);
            let call = |it: Mix| {
                let (mut to, mut total) = (vec![0u8; room + 1], 0.25);
                // SAFETY: the buffers are as long as is said, and the text ends.
                let written = unsafe {
                    it(
                        to.as_mut_ptr().cast(),
                        room,
                        text.as_ptr().cast(),
                        step,
                        &raw mut total,
                    )
                };
                (written, to, total)
            };
            assert_eq!(call(mix.far), call(mix.near), "{length} bytes");
        }
    });
}

#[test]
fn functions_of_scalars_are_called_back() {
    in_world(|world| {
        let path = c::library("registers.c", world.directory());
        let far = cosmos::dlopen(&path.to_string_lossy()).expect("the library in a VM");
        // SAFETY: nothing runs when it is loaded.
        let near = unsafe { libloading::Library::new(&path) }.expect("the library here");
        let each = both!(
            far,
            near,
            Each,
            "each",
            "double each(int (*compare)(const int *a, const int *b, long more), \
             double (*add)(float a, int b, double c, short d, unsigned char e, float f), int n)"
        );
        for n in [0, 1, 2, 300] {
            // SAFETY: both functions are of the types that it calls.
            let call = |it: Each| unsafe { it(compare, add, n) };
            assert_eq!(call(each.far).to_bits(), call(each.near).to_bits());
        }
    });
}
