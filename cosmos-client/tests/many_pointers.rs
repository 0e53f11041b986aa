//! There are as many C function pointers as a program asks for, each to its own function, whatever they
//! are made of.

use cosmos_tests::in_world;
use std::collections::HashSet;

/// More than there are thunks in a process.
const MANY: usize = 1100;

#[test]
fn more_functions_than_thunks_have_pointers_that_work() {
    in_world(|_| {
        let library = cosmos::dlopen("libc.so.6").expect("libc");
        // The same function by other names of its parameter is another one.
        let functions: Vec<_> = (0..MANY)
            .map(|number| format!("long labs(long n{number})"))
            .map(|prototype| library.function(&prototype).expect("labs"))
            .collect();
        let pointers: HashSet<_> = functions.iter().map(|it| it.pointer()).collect();
        assert_eq!(pointers.len(), MANY);
        for (number, function) in functions.iter().enumerate() {
            // SAFETY: the prototype is of this type.
            let labs: extern "C" fn(i64) -> i64 =
                unsafe { std::mem::transmute(function.pointer()) };
            assert_eq!(labs(-(number as i64)), number as i64);
        }
        // Those that were given back are there for others.
        drop(functions);
        drop(library);
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = library.function("double cos(double x)").expect("cos");
        // SAFETY: as above.
        let cos: extern "C" fn(f64) -> f64 = unsafe { std::mem::transmute(cos.pointer()) };
        assert_eq!(cos(0.0), 1.0);
    });
}
