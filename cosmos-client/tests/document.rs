//! What docs/many-calls.md shows of Rust, run.

use cosmos_tests::in_world;
use std::time::Duration;

async fn powers() -> Result<Vec<cosmos::Value>, cosmos::Error> {
    let pow = cosmos::dlopen("libm.so.6")?.function("double pow(double x, double y)")?;
    // Tasks of tokio, which run side by side in the VM.
    let calls: Vec<_> = (1..=100)
        .map(|n| tokio::spawn(pow.call_async([f64::from(n).into(), 2.0.into()])))
        .collect();
    let mut squares = Vec::new();
    for call in calls {
        squares.push(call.await.expect("no panic")?.result);
    }
    // A call that is not over in time is given up: dropped.
    let patience = Duration::from_secs(60);
    let call = pow.call_async([2.0.into(), 10.0.into()]);
    if let Ok(outcome) = tokio::time::timeout(patience, call).await {
        squares.push(outcome?.result);
    }
    Ok(squares)
}

fn cosines() -> Result<Vec<f64>, cosmos::Error> {
    let library = cosmos::dlopen("libm.so.6")?;
    let cos = library.symbol::<extern "C" fn(f64) -> f64>("double cos(double x)")?;
    let angles: Vec<(f64,)> = (0..1000).map(|n| (f64::from(n) / 100.0,)).collect();
    cos.call_all(&angles).into_iter().collect()
}

fn several() -> Result<usize, cosmos::Error> {
    let (math, text) = (cosmos::dlopen("libm.so.6")?, cosmos::dlopen("libc.so.6")?);
    let pow = math.function("double pow(double x, double y)")?;
    let strlen = text.function("size_t strlen(const char *s)")?;
    let mut batch = cosmos::Batch::new();
    for n in 0..100 {
        batch.add(&pow, [f64::from(n).into(), 0.5.into()]);
    }
    batch.add(&strlen, ["four".into()]);
    // Each call has an end of its own, at its place.
    let outcomes = batch.run();
    Ok(outcomes.iter().filter(|outcome| outcome.is_ok()).count())
}

#[test]
fn what_the_document_shows_works() {
    in_world(|_| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let executor = builder.worker_threads(2).enable_time().build();
        let squares = executor.expect("an executor").block_on(powers());
        let expected = (1..=100).map(|n| f64::from(n * n)).chain([1024.0]);
        let expected: Vec<_> = expected.map(cosmos::Value::Float).collect();
        assert_eq!(squares.expect("calls"), expected);

        let cosines = cosines().expect("calls");
        for (n, cosine) in (0..1000).zip(cosines) {
            assert!((cosine - (f64::from(n) / 100.0).cos()).abs() < 1e-12);
        }
        assert_eq!(several().expect("two libraries"), 101);
    });
}
