(module
  (import "host" "compare" (func $compare (param i32 i32) (result i32)))
  (memory (export "memory") 80)

  ;; 1 - x^2/2 (1 - x^2/12 (1 - x^2/30 (1 - x^2/56 (1 - x^2/90 (1 - x^2/132 (1 - x^2/182))))))
  (func (export "cos") (param $x f64) (result f64)
    (local $y f64) (local $sum f64) (local $n f64)
    (local.set $y (f64.mul (local.get $x) (local.get $x)))
    (local.set $sum (f64.const 1))
    (local.set $n (f64.const 14))
    (loop $next
      (local.set $sum
        (f64.sub (f64.const 1)
          (f64.div (f64.mul (local.get $y) (local.get $sum))
            (f64.mul (local.get $n) (f64.sub (local.get $n) (f64.const 1))))))
      (local.set $n (f64.sub (local.get $n) (f64.const 2)))
      (br_if $next (f64.gt (local.get $n) (f64.const 1))))
    (local.get $sum))

  (func (export "copy") (param $to i32) (param $from i32) (param $length i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $length)))

  (func $at (param $base i32) (param $index i32) (result i32)
    (i32.add (local.get $base) (i32.shl (local.get $index) (i32.const 2))))

  (func $sink (param $base i32) (param $root i32) (param $count i32)
    (local $child i32) (local $value i32)
    (local.set $value (i32.load (call $at (local.get $base) (local.get $root))))
    (block $done
      (loop $next
        (local.set $child (i32.add (i32.shl (local.get $root) (i32.const 1)) (i32.const 1)))
        (br_if $done (i32.ge_s (local.get $child) (local.get $count)))
        (if (i32.lt_s (i32.add (local.get $child) (i32.const 1)) (local.get $count))
          (then
            (if (i32.lt_s
                  (call $compare
                    (i32.load (call $at (local.get $base) (local.get $child)))
                    (i32.load (call $at (local.get $base) (i32.add (local.get $child) (i32.const 1)))))
                  (i32.const 0))
              (then (local.set $child (i32.add (local.get $child) (i32.const 1)))))))
        (br_if $done
          (i32.ge_s
            (call $compare (local.get $value)
              (i32.load (call $at (local.get $base) (local.get $child))))
            (i32.const 0)))
        (i32.store (call $at (local.get $base) (local.get $root))
          (i32.load (call $at (local.get $base) (local.get $child))))
        (local.set $root (local.get $child))
        (br $next)))
    (i32.store (call $at (local.get $base) (local.get $root)) (local.get $value)))

  (func (export "sort") (param $base i32) (param $count i32)
    (local $index i32) (local $last i32)
    (local.set $index (i32.shr_u (local.get $count) (i32.const 1)))
    (block $built
      (loop $build
        (br_if $built (i32.eqz (local.get $index)))
        (local.set $index (i32.sub (local.get $index) (i32.const 1)))
        (call $sink (local.get $base) (local.get $index) (local.get $count))
        (br $build)))
    (local.set $index (local.get $count))
    (block $sorted
      (loop $take
        (br_if $sorted (i32.le_s (local.get $index) (i32.const 1)))
        (local.set $index (i32.sub (local.get $index) (i32.const 1)))
        (local.set $last (i32.load (call $at (local.get $base) (local.get $index))))
        (i32.store (call $at (local.get $base) (local.get $index)) (i32.load (local.get $base)))
        (i32.store (local.get $base) (local.get $last))
        (call $sink (local.get $base) (i32.const 0) (local.get $index))
        (br $take)))))
