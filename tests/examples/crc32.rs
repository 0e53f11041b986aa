//! The Rust face in a few lines, as README.md shows it.

use cosmos::{Symbol, dlopen};

fn main() -> Result<(), cosmos::Error> {
    let libm = dlopen("libm.so.6")?;
    let cos: Symbol<extern "C" fn(f64) -> f64> = libm.symbol("double cos(double x)")?;
    println!("{}", cos.try_call(0.0)?); // 1

    let zlib = dlopen("libz.so.1")?;
    let crc32 =
        zlib.function("uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)")?;
    let outcome = crc32.call(&[0.into(), b"hello"[..].into(), 5.into()])?;
    println!("{:?}", outcome.result); // Int(907060870)
    Ok(())
}
