//! A session with SQLite in a VM, its functions by name: a callback for rows, then a statement step by
//! step. What `make demo` shows.

use cosmos::{Error, Library, Outcome, Value, callback, dlopen};

const SQL: &str = "CREATE TABLE planet(name TEXT, moons INTEGER, picture BLOB);
    INSERT INTO planet VALUES('Earth', 1, x'00ff'), ('Mars', 2, NULL), ('Jupiter', 95, x'c0ffee');
    SELECT name, moons FROM planet WHERE moons > 1 ORDER BY moons";
/// What sqlite3_step says of another row.
const ROW: i128 = 100;

fn main() -> Result<(), Error> {
    let sqlite = dlopen("libsqlite3.so.0")?;
    println!("SQLite is open in {}", sqlite.vm());
    let opened = call(&sqlite, "sqlite3_open", &[":memory:".into(), Value::Out])?;
    let db = output(&opened, "db");

    println!("sqlite3_exec, with a callback for each row:");
    let row = callback(|arguments| {
        if let [_, _, values, names] = arguments {
            println!("  {} = {}", shown(names), shown(values));
        }
        0.into()
    });
    let arguments = [db.clone(), SQL.into(), row, Value::Null, Value::Out];
    call(&sqlite, "sqlite3_exec", &arguments)?;

    println!("a statement, row by row:");
    let sql = "SELECT name, picture FROM planet ORDER BY name";
    let arguments = [db.clone(), sql.into(), (-1).into(), Value::Out, Value::Null];
    let prepared = call(&sqlite, "sqlite3_prepare_v2", &arguments)?;
    let statement = output(&prepared, "stmt");
    while call(&sqlite, "sqlite3_step", std::slice::from_ref(&statement))?.result == Value::Int(ROW)
    {
        let name = call(
            &sqlite,
            "sqlite3_column_text",
            &[statement.clone(), 0.into()],
        )?;
        let picture = call(
            &sqlite,
            "sqlite3_column_blob",
            &[statement.clone(), 1.into()],
        )?;
        println!(
            "  {}: picture {}",
            letters(&name.result),
            shown(&picture.result)
        );
    }
    call(
        &sqlite,
        "sqlite3_finalize",
        std::slice::from_ref(&statement),
    )?;

    match call(&sqlite, "sqlite3_step", &[statement]) {
        Ok(_) => println!("a finalized statement can be stepped"),
        Err(error) => println!("after sqlite3_finalize: {error}"),
    }
    let closed = call(&sqlite, "sqlite3_close", &[db])?;
    println!("sqlite3_close: {}", shown(&closed.result));
    Ok(())
}

fn call(library: &Library, name: &str, arguments: &[Value]) -> Result<Outcome, Error> {
    library.function(name)?.call(arguments)
}

fn output(outcome: &Outcome, name: &str) -> Value {
    let found = outcome.outputs.iter().find(|(other, _)| other == name);
    found.map_or(Value::Null, |(_, value)| value.clone())
}

/// A value for people: text as it is, bytes in hexadecimal.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Int(number) => number.to_string(),
        Value::Null => "NULL".to_owned(),
        other => other.kind().to_owned(),
    }
}

/// Bytes as text: sqlite3_column_text leads to unsigned characters.
fn letters(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => shown(other),
    }
}
