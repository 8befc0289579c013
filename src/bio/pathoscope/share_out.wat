;; The innermost loops of the expectation maximisation (see em.ts), as WebAssembly: twice as fast as the same in JavaScript, and the same
;; to the last bit, since both have only the arithmetic of IEEE 754 and sums run in the same order.
(module
  (import "reads" "memory" (memory 0))

  ;; Adds to `shares` what each reference receives when every read is assigned in proportion to factor * weight. All parameters but `count`,
  ;; the number of reads, are addresses; a read has two pairs at least. `products` has room for the pairs of one read.
  (func (export "shareOut")
    (param $count i32) (param $start i32) (param $reference i32) (param $weight i32) (param $best i32)
    (param $factor i32) (param $shares i32) (param $products i32)
    (local $read i32) (local $end i32) (local $pair i32) (local $product i32) (local $share i32)
    (local $value f64) (local $sum f64)
    (block $done
      (loop $reads
        (br_if $done (i32.eq (local.get $read) (local.get $count)))

        ;; $reference and $weight stand at the first pair of the read, $end at the reference of the next one's.
        (local.set $end
          (i32.add
            (local.get $reference)
            (i32.shl
              (i32.sub (i32.load offset=4 (local.get $start)) (i32.load (local.get $start)))
              (i32.const 2))))
        (local.set $start (i32.add (local.get $start) (i32.const 4)))
        (local.set $pair (local.get $reference))
        (local.set $product (local.get $products))
        (local.set $sum (f64.const 0))
        (loop $products_of_read
          (local.set $value
            (f64.mul
              (f64.load (i32.add (local.get $factor) (i32.shl (i32.load (local.get $pair)) (i32.const 3))))
              (f64.load (local.get $weight))))
          (f64.store (local.get $product) (local.get $value))
          (local.set $sum (f64.add (local.get $sum) (local.get $value)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 8)))
          (local.set $product (i32.add (local.get $product) (i32.const 8)))
          (local.set $pair (i32.add (local.get $pair) (i32.const 4)))
          (br_if $products_of_read (i32.lt_u (local.get $pair) (local.get $end))))

        ;; Without any factor above 0 the read is assigned to nothing.
        (if (f64.ne (local.get $sum) (f64.const 0))
          (then
            (local.set $pair (local.get $reference))
            (local.set $product (local.get $products))
            (loop $shares_of_read
              (local.set $share (i32.add (local.get $shares) (i32.shl (i32.load (local.get $pair)) (i32.const 3))))
              (f64.store
                (local.get $share)
                (f64.add
                  (f64.load (local.get $share))
                  (f64.mul
                    (f64.div (f64.load (local.get $product)) (local.get $sum))
                    (f64.load (local.get $best)))))
              (local.set $product (i32.add (local.get $product) (i32.const 8)))
              (local.set $pair (i32.add (local.get $pair) (i32.const 4)))
              (br_if $shares_of_read (i32.lt_u (local.get $pair) (local.get $end))))))

        (local.set $reference (local.get $end))
        (local.set $best (i32.add (local.get $best) (i32.const 8)))
        (local.set $read (i32.add (local.get $read) (i32.const 1)))
        (br $reads)))))
