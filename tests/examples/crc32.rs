//! The Rust face in a few lines, as README.md shows it.

use cosmos::dlopen;

fn main() -> Result<(), cosmos::Error> {
    let zlib = dlopen("libz.so.1")?;
    let crc32 =
        zlib.function("uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)")?;
    let outcome = crc32.call(&[0.into(), b"hello"[..].into(), 5.into()])?;
    println!("{:?}", outcome.result); // Int(907060870)
    Ok(())
}
