//! Ten thousand opens and closes leak nothing.

use cosmos_tests::{World, c, eventually, in_world_for, open_descriptors, resident_bytes};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The counts are the promise, so there are not fewer where a machine is busy; there is more time.
const LONGEST: Duration = Duration::from_secs(600);
const OPENS: usize = 10_000;
const WARM_UP: usize = 500;

/// Memory that allocators, tables and logs may keep, per process.
const SLACK: u64 = 2 << 20;

/// How long what has ended may take to be gone, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is counted, by process name; of several that share one, all of it.
#[derive(Debug, PartialEq)]
struct Figures {
    descriptors: BTreeMap<String, usize>,
    resident: BTreeMap<String, u64>,
    processes: Vec<String>,
}

impl Figures {
    /// Taken at rest: with so many VMs, each beside its launcher, and the launcher that waits for the next one
    /// with the process behind it.
    ///
    /// Those come a moment after a VM has, so that what is there twice in a row is waited for.
    fn at_rest(world: &World, vms: usize) -> Figures {
        let mut last = Figures::of(world);
        let at_rest = eventually(PATIENCE, || {
            std::thread::sleep(Duration::from_millis(50));
            let before = std::mem::replace(&mut last, Figures::of(world));
            (last.processes == at_rest(vms) && last.descriptors == before.descriptors).then_some(())
        });
        assert!(at_rest.is_some(), "{vms} VMs at rest, found {last:#?}");
        last
    }

    /// Those at rest, once no more descriptors are open than before, if that comes: a VM notices the end of a
    /// channel in its own time.
    fn at_rest_again(world: &World, vms: usize, before: &Figures) -> Figures {
        let done = eventually(PATIENCE, || {
            let now = Figures::at_rest(world, vms);
            now.has_no_more_descriptors_than(before).then_some(now)
        });
        done.unwrap_or_else(|| Figures::at_rest(world, vms))
    }

    fn of(world: &World) -> Figures {
        let mut figures = Figures {
            descriptors: BTreeMap::from([("client".to_owned(), open_descriptors())]),
            resident: BTreeMap::from([("client".to_owned(), resident_bytes())]),
            processes: Vec::new(),
        };
        for process in world.processes() {
            let name = || process.name.clone();
            *figures.descriptors.entry(name()).or_default() += process.descriptors().len();
            *figures.resident.entry(name()).or_default() += process.resident();
            figures.processes.push(name());
        }
        figures.processes.sort();
        figures
    }

    fn print(&self, when: &str) {
        for (name, resident) in &self.resident {
            let descriptors = self.descriptors.get(name).copied().unwrap_or_default();
            println!(
                "{when}: {name:14} {descriptors:3} descriptors, {:6} KiB",
                resident / 1024
            );
        }
        println!(
            "{when}: {} processes: {}",
            self.processes.len(),
            self.processes.join(" ")
        );
    }

    /// Fewer are no leak.
    fn has_no_more_descriptors_than(&self, before: &Figures) -> bool {
        before
            .descriptors
            .iter()
            .all(|(name, count)| self.descriptors.get(name).is_some_and(|now| now <= count))
    }

    fn assert_no_more_than(&self, before: &Figures) {
        assert_eq!(self.processes, before.processes);
        assert!(
            self.has_no_more_descriptors_than(before),
            "descriptors: {:?} before, {:?} after",
            before.descriptors,
            self.descriptors
        );
        for (name, bytes) in &before.resident {
            let now = self.resident.get(name).copied().unwrap_or_default();
            assert!(
                now <= bytes + SLACK,
                "{name} grew from {bytes} to {now} bytes"
            );
        }
    }
}

/// The names of the processes that are there when nothing happens, in order.
fn at_rest(vms: usize) -> Vec<String> {
    let launchers = vec!["cosmos-launch"; vms + 2];
    [
        vec!["cosmos-hostfn"; vms],
        launchers,
        vec!["cosmosd", "cosmosdb"],
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect()
}

/// Opens, resolves, now and then calls, and closes.
fn open_and_close(targets: &[(&str, &str)], rounds: usize) {
    for round in 0..rounds {
        let (target, prototype) = targets[round % targets.len()];
        let library = cosmos::dlopen(target).expect(target);
        if round % 5 == 0 {
            let function = library.function(prototype).expect(prototype);
            let outcome = function.call(&[cosmos::Value::Int(1)]).expect(prototype);
            assert_ne!(outcome.result, cosmos::Value::Void);
        }
        library.close().expect(target);
    }
}

#[test]
fn ten_thousand_opens_and_closes() {
    in_world_for(LONGEST, |world| {
        let own = c::library("misbehave.c", world.directory());
        let own = own.to_str().expect("UTF-8");
        let targets = [
            ("libm.so.6", "double cos(double x)"),
            ("libz.so.1", "uLong compressBound(uLong sourceLen)"),
            ("libc.so.6", "int abs(int number)"),
            (own, "double half(double number)"),
        ];
        // One library stays open, as a program's first one does. What is not of the system has a VM of its own,
        // and both stay until the program ends.
        let kept = cosmos::dlopen("libm.so.6").expect("libm");
        open_and_close(&targets, WARM_UP);
        let before = Figures::at_rest(world, 2);
        before.print("before");
        let begun = Instant::now();
        open_and_close(&targets, OPENS);
        let took = begun.elapsed();
        let after = Figures::at_rest_again(world, 2, &before);
        after.print("after");
        println!(
            "{OPENS} opens and closes took {took:.1?}, {:.0} us each",
            took.as_secs_f64() * 1e6 / OPENS as f64
        );
        after.assert_no_more_than(&before);
        drop(kept);
    });
}

#[test]
fn a_hundred_vms_come_and_go() {
    in_world_for(LONGEST, |world| {
        let round = || {
            let options = cosmos::Options::new().fresh(true);
            let library = cosmos::dlopen_with("libm.so.6", &options).expect("libm");
            let cos = library.function("double cos(double x)").expect("cos");
            assert!(cos.call(&[0.0.into()]).is_ok());
        };
        (0..20).for_each(|_| round());
        let before = Figures::at_rest(world, 0);
        before.print("before");
        let begun = Instant::now();
        (0..100).for_each(|_| round());
        let took = begun.elapsed();
        let after = Figures::at_rest_again(world, 0, &before);
        after.print("after");
        println!(
            "100 VMs took {took:.1?}, {:.1} ms each",
            took.as_secs_f64() * 10.0
        );
        after.assert_no_more_than(&before);
    });
}

#[test]
fn threads_that_end_take_their_channels_along() {
    in_world_for(LONGEST, |world| {
        let library = cosmos::dlopen("libm.so.6").expect("libm");
        let cos = library.function("double cos(double x)").expect("cos");
        let in_a_thread = || {
            std::thread::scope(|scope| {
                scope.spawn(|| assert!(cos.call(&[0.0.into()]).is_ok()));
            });
        };
        (0..50).for_each(|_| in_a_thread());
        let before = Figures::at_rest(world, 1);
        before.print("before");
        (0..1000).for_each(|_| in_a_thread());
        let after = Figures::at_rest_again(world, 1, &before);
        after.print("after");
        after.assert_no_more_than(&before);
    });
}

/// Passes functions that are called back, kept, and let go of.
fn call_back(library: &cosmos::Library, rounds: i32) {
    let resolve = |prototype: &str| library.function(prototype).expect(prototype);
    let sum = resolve(
        "int64_t visit_sum(int count, int (*visit)(void *__opaque cookie, int value), \
         void *__opaque cookie)",
    );
    let open = resolve("struct keeper *__closed_by(keeper_close) keeper_open(void)");
    let set = resolve(
        "void keeper_set(struct keeper *keeper, int (*visit)(void *__opaque cookie, int value) \
         __scope(keeper), void *__opaque cookie)",
    );
    let close = resolve("int keeper_close(struct keeper *__consume keeper)");
    let give =
        resolve("size_t length_of_given(char *__owned(free) (*give)(int number), int number)");
    for round in 0..rounds {
        let visit = cosmos::callback(move |arguments| arguments[1].clone());
        let given = [10.into(), visit.clone(), cosmos::Value::Null];
        assert_eq!(sum.call(&given).expect("a call").result, 45.into());
        let keeper = open.call(&[]).expect("a call").result;
        for _ in 0..2 {
            let given = [keeper.clone(), visit.clone(), round.into()];
            set.call(&given).expect("a call");
        }
        close.call(&[keeper]).expect("a call");
        let gift = cosmos::callback(|_| cosmos::Value::from("x".repeat(1000).as_str()));
        let given = give.call(&[gift, 1.into()]).expect("a call");
        assert_eq!(given.result, 1000.into());
    }
}

#[test]
fn a_hundred_thousand_callbacks() {
    in_world_for(LONGEST, |world| {
        let path = c::library("callbacks.c", world.directory());
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        call_back(&library, 500);
        let before = Figures::at_rest(world, 1);
        before.print("before");
        call_back(&library, 8_300);
        let after = Figures::at_rest_again(world, 1, &before);
        after.print("after");
        after.assert_no_more_than(&before);
    });
}

/// Calls that make things: owned and borrowed copies, objects, what objects keep.
fn make_and_let_go(library: &cosmos::Library, log: &str, rounds: usize) {
    let function = |prototype: &str| library.function(prototype).expect(prototype);
    let open = function("struct box *__closed_by(close_box) open_box(const char *log, int number)");
    let label =
        function("int label_box(struct box *__handle box, const char *__retained(box) text)");
    let label_of = function("const char *__borrowed label_of(struct box *__handle box)");
    let copy = function("char *__owned(free) strdup(const char *text)");
    let double = function(
        "int double_bytes(unsigned char *__owned(free) __sized_by(*count) *__inout bytes,
                          size_t *__inout count)",
    );
    let close = function("int close_box(struct box *__handle box)");
    let text = "kept and copied ".repeat(20);
    for round in 0..rounds {
        let object = open.call(&[log.into(), 1.into()]).expect("a box").result;
        let labelled = label.call(&[object.clone(), text.as_str().into()]);
        assert!(labelled.is_ok(), "{labelled:?}");
        let seen = label_of
            .call(std::slice::from_ref(&object))
            .expect("a label");
        assert_eq!(seen.result, text.as_str().into());
        let copied = copy.call(&[text.as_str().into()]).expect("a copy");
        assert_eq!(copied.result, text.as_str().into());
        if round % 2 == 0 {
            double
                .call(&[cosmos::Value::Out, 16.into()])
                .expect("a buffer");
        }
        close.call(&[object]).expect("closed");
    }
}

#[test]
fn a_hundred_thousand_calls_leave_nothing_behind() {
    in_world_for(LONGEST, |world| {
        let path = c::library("objects.c", world.directory());
        let library = cosmos::dlopen(path.to_str().expect("UTF-8")).expect("the library");
        // Five calls and a half a round; what closing writes goes nowhere.
        make_and_let_go(&library, "/dev/null", 1000);
        let before = Figures::at_rest(world, 1);
        before.print("before");
        let begun = Instant::now();
        make_and_let_go(&library, "/dev/null", 100_000 / 5);
        let took = begun.elapsed();
        let after = Figures::at_rest_again(world, 1, &before);
        after.print("after");
        println!("110000 calls took {took:.1?}");
        after.assert_no_more_than(&before);
    });
}
