//! Calls as futures, which begin when they are first awaited and are given up when they are dropped.

use crate::error::Error;
use crate::function::Function;
use crate::started::{Started, begin};
use crate::timeout;
use crate::value::{Outcome, Value};
use cosmos_rpc::{Fault, FaultCode};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// A call that is awaited: see [`Function::call_async`].
#[derive(Debug)]
#[must_use = "a call that nobody awaits is not made"]
pub struct Calling {
    state: State,
    /// Whether anybody still wants it.
    wanted: Arc<AtomicBool>,
}

#[derive(Debug)]
enum State {
    /// Not begun, and what it is to be.
    Fresh {
        function: Function,
        arguments: Vec<Value>,
        limit: Duration,
    },
    Begun(Started),
    Over,
}

impl Function {
    /// A call with these values, as a future of any executor. It is made by a thread of the library's,
    /// from the first time that it is polled on; until it has ended, no thread of the executor's waits.
    /// Any number may be under way: 64 run at a time, and the others wait for their turn.
    ///
    /// A call that is dropped before its turn is not made. One that runs already goes on in its VM, for
    /// C code cannot be stopped in the middle, and nobody hears of it; a time limit ends it, and so does
    /// [`Library::cancel`](crate::Library::cancel). The limit of [`within`](crate::within) holds where this
    /// is called in it.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), cosmos::Error> {
    /// let pow = cosmos::dlopen("libm.so.6")?.function("double pow(double x, double y)")?;
    /// let eight = pow.call_async([2.0.into(), 3.0.into()]).await?;
    /// assert_eq!(eight.result, cosmos::Value::Float(8.0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_async(&self, arguments: impl Into<Vec<Value>>) -> Calling {
        Calling {
            state: State::Fresh {
                function: self.clone(),
                arguments: arguments.into(),
                limit: timeout::of_thread().unwrap_or(Duration::ZERO),
            },
            wanted: Arc::new(AtomicBool::new(true)),
        }
    }
}

impl Future for Calling {
    type Output = Result<Outcome, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let State::Fresh { .. } = &this.state
            && let State::Fresh {
                function,
                arguments,
                limit,
            } = std::mem::replace(&mut this.state, State::Over)
        {
            let wanted = Arc::clone(&this.wanted);
            let call = move || match wanted.load(Ordering::Acquire) {
                true => function.call(&arguments),
                false => Err(Fault::caller(FaultCode::Cancelled, "nobody awaits it").into()),
            };
            match timeout::within(limit, || begin(call)) {
                Ok(underway) => this.state = State::Begun(Started(underway)),
                Err(fault) => return Poll::Ready(Err(fault.into())),
            }
        }
        match &mut this.state {
            State::Begun(started) => Pin::new(started).poll(context),
            State::Fresh { .. } | State::Over => {
                let message = "the call was begun, failed to, and is awaited once more";
                Poll::Ready(Err(Fault::caller(FaultCode::BadArgument, message).into()))
            }
        }
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Release);
    }
}
