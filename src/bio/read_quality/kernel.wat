;; What is done with every character of raw reads (see counting_memory.ts), as WebAssembly: three times as fast as the same in JavaScript.
;; All parameters but lengths are addresses; lines may be read up to 15 bytes beyond their end.
(module
  (import "reads" "memory" (memory 0))

  ;; Sum of the bytes of a line.
  (func $sum (param $start i32) (param $end i32) (result i32)
    (local $sums v128) (local $sum i32)
    (block $blocks_done
      (loop $blocks
        (br_if $blocks_done (i32.lt_u (i32.sub (local.get $end) (local.get $start)) (i32.const 16)))
        (local.set $sums
          (i32x4.add
            (local.get $sums)
            (i32x4.extadd_pairwise_i16x8_u (i16x8.extadd_pairwise_i8x16_u (v128.load (local.get $start))))))
        (local.set $start (i32.add (local.get $start) (i32.const 16)))
        (br $blocks)))
    (local.set $sum
      (i32.add
        (i32.add (i32x4.extract_lane 0 (local.get $sums)) (i32x4.extract_lane 1 (local.get $sums)))
        (i32.add (i32x4.extract_lane 2 (local.get $sums)) (i32x4.extract_lane 3 (local.get $sums)))))
    (block $done
      (loop $bytes
        (br_if $done (i32.eq (local.get $start) (local.get $end)))
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $start))))
        (local.set $start (i32.add (local.get $start) (i32.const 1)))
        (br $bytes)))
    (local.get $sum))

  ;; Counts the characters of a line by position: a cell of 128 counters for each position. Gives their sum.
  (func (export "countByPosition") (param $start i32) (param $end i32) (param $cell i32) (result i32)
    (local $at i32) (local $word i32) (local $counter i32)
    (local.set $at (local.get $start))
    (block $words_done
      (loop $words
        (br_if $words_done (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 4)))
        (local.set $word (i32.load (local.get $at)))
        (local.set $counter
          (i32.add (local.get $cell) (i32.and (i32.shl (local.get $word) (i32.const 2)) (i32.const 508))))
        (i32.store (local.get $counter) (i32.add (i32.load (local.get $counter)) (i32.const 1)))
        (local.set $counter
          (i32.add (local.get $cell) (i32.and (i32.shr_u (local.get $word) (i32.const 6)) (i32.const 508))))
        (i32.store offset=512 (local.get $counter) (i32.add (i32.load offset=512 (local.get $counter)) (i32.const 1)))
        (local.set $counter
          (i32.add (local.get $cell) (i32.and (i32.shr_u (local.get $word) (i32.const 14)) (i32.const 508))))
        (i32.store offset=1024 (local.get $counter) (i32.add (i32.load offset=1024 (local.get $counter)) (i32.const 1)))
        (local.set $counter
          (i32.add (local.get $cell) (i32.and (i32.shr_u (local.get $word) (i32.const 22)) (i32.const 508))))
        (i32.store offset=1536 (local.get $counter) (i32.add (i32.load offset=1536 (local.get $counter)) (i32.const 1)))
        (local.set $cell (i32.add (local.get $cell) (i32.const 2048)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $words)))
    (block $done
      (loop $bytes
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (local.set $counter
          (i32.add
            (local.get $cell)
            (i32.and (i32.shl (i32.load8_u (local.get $at)) (i32.const 2)) (i32.const 508))))
        (i32.store (local.get $counter) (i32.add (i32.load (local.get $counter)) (i32.const 1)))
        (local.set $cell (i32.add (local.get $cell) (i32.const 512)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (call $sum (local.get $start) (local.get $end)))

  ;; Counts characters in one cell, whatever their position. Gives their sum.
  (func (export "countTogether") (param $start i32) (param $end i32) (param $cell i32) (result i32)
    (local $at i32) (local $counter i32)
    (local.set $at (local.get $start))
    (block $done
      (loop $bytes
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (local.set $counter
          (i32.add
            (local.get $cell)
            (i32.and (i32.shl (i32.load8_u (local.get $at)) (i32.const 2)) (i32.const 508))))
        (i32.store (local.get $counter) (i32.add (i32.load (local.get $counter)) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (call $sum (local.get $start) (local.get $end)))

  ;; Number of G and C, of either case.
  (func (export "countGc") (param $start i32) (param $end i32) (result i32)
    (local $letters v128) (local $count i32) (local $mask i32)
    (block $done
      (loop $blocks
        (br_if $done (i32.ge_u (local.get $start) (local.get $end)))
        (local.set $letters (v128.and (v128.load (local.get $start)) (i32x4.splat (i32.const 0xdfdfdfdf))))
        (local.set $mask
          (i8x16.bitmask
            (v128.or
              (i8x16.eq (local.get $letters) (i8x16.splat (i32.const 0x47)))
              (i8x16.eq (local.get $letters) (i8x16.splat (i32.const 0x43))))))
        (if (i32.lt_u (i32.sub (local.get $end) (local.get $start)) (i32.const 16))
          (then
            (local.set $mask
              (i32.and
                (local.get $mask)
                (i32.sub
                  (i32.shl (i32.const 1) (i32.sub (local.get $end) (local.get $start)))
                  (i32.const 1))))))
        (local.set $count (i32.add (local.get $count) (i32.popcnt (local.get $mask))))
        (local.set $start (i32.add (local.get $start) (i32.const 16)))
        (br $blocks)))
    (local.get $count))

  ;; The first pair of words of four letters, from $at on, whose bit is set in a map of 65,536 bits; $end when there is none.
  (func (export "findPair") (param $at i32) (param $end i32) (param $map i32) (result i32)
    (local $first i32) (local $second i32) (local $bit i32)
    (local.set $first (i32.and (i32.load (local.get $at)) (i32.const 0xdfdfdfdf)))
    (loop $words
      (if (i32.lt_s (i32.sub (local.get $end) (local.get $at)) (i32.const 8))
        (then (return (local.get $end))))
      (local.set $second (i32.and (i32.load offset=4 (local.get $at)) (i32.const 0xdfdfdfdf)))
      (local.set $bit
        (i32.shr_u
          (i32.mul
            (i32.xor (local.get $first) (i32.mul (local.get $second) (i32.const 0x85ebca6b)))
            (i32.const 0x9e3779b1))
          (i32.const 16)))
      (if
        (i32.and
          (i32.shr_u
            (i32.load8_u (i32.add (local.get $map) (i32.shr_u (local.get $bit) (i32.const 3))))
            (i32.and (local.get $bit) (i32.const 7)))
          (i32.const 1))
        (then (return (local.get $at))))
      (local.set $first (local.get $second))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br $words))
    (unreachable))

  ;; Word number $i / 4 of a read in capitals, without what lies behind the read.
  (func $word (param $start i32) (param $i i32) (param $length i32) (result i32)
    (local $word i32) (local $left i32)
    (local.set $word (i32.and (i32.load (i32.add (local.get $start) (local.get $i))) (i32.const 0xdfdfdfdf)))
    (local.set $left (i32.sub (local.get $length) (local.get $i)))
    (if (i32.lt_u (local.get $left) (i32.const 4))
      (then
        (local.set $word
          (i32.and
            (local.get $word)
            (i32.sub (i32.shl (i32.const 1) (i32.shl (local.get $left) (i32.const 3))) (i32.const 1))))))
    (local.get $word))

  ;; Counts a read in a hash table of $mask + 1 slots (a hash and the address of an entry, or 0): an entry is its count, its length and its
  ;; words. Gives 0 when there is an entry; else it puts a new one at $room, unless that is 0, and gives its end, or -1 without one.
  (func (export "countRepeat")
    (param $start i32) (param $length i32) (param $slots i32) (param $mask i32) (param $room i32) (result i32)
    (local $hash i32) (local $i i32) (local $slot i32) (local $entry i32)
    (local.set $hash (local.get $length))
    (block $hashed
      (loop $words
        (br_if $hashed (i32.ge_u (local.get $i) (local.get $length)))
        (local.set $hash
          (i32.mul
            (i32.xor (local.get $hash) (call $word (local.get $start) (local.get $i) (local.get $length)))
            (i32.const 0x9e3779b1)))
        (local.set $hash (i32.xor (local.get $hash) (i32.shr_u (local.get $hash) (i32.const 15))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $words)))
    (local.set $hash (i32.mul (local.get $hash) (i32.const 0x85ebca6b)))
    (local.set $hash (i32.xor (local.get $hash) (i32.shr_u (local.get $hash) (i32.const 13))))
    (local.set $i (local.get $hash))

    (block $none
      (loop $probe
        (local.set $slot
          (i32.add (local.get $slots) (i32.shl (i32.and (local.get $i) (local.get $mask)) (i32.const 3))))
        (local.set $entry (i32.load offset=4 (local.get $slot)))
        (br_if $none (i32.eqz (local.get $entry)))
        (if (i32.eq (i32.load (local.get $slot)) (local.get $hash))
          (then
            (if (call $isEntry (local.get $start) (local.get $length) (local.get $entry))
              (then
                (i32.store (local.get $entry) (i32.add (i32.load (local.get $entry)) (i32.const 1)))
                (return (i32.const 0))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $probe)))
    (if (i32.eqz (local.get $room)) (then (return (i32.const -1))))

    (i32.store (local.get $slot) (local.get $hash))
    (i32.store offset=4 (local.get $slot) (local.get $room))
    (i32.store (local.get $room) (i32.const 1))
    (i32.store offset=4 (local.get $room) (local.get $length))
    (local.set $room (i32.add (local.get $room) (i32.const 8)))
    (local.set $i (i32.const 0))
    (block $copied
      (loop $words
        (br_if $copied (i32.ge_u (local.get $i) (local.get $length)))
        (i32.store (local.get $room) (call $word (local.get $start) (local.get $i) (local.get $length)))
        (local.set $room (i32.add (local.get $room) (i32.const 4)))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br $words)))
    (local.get $room))

  (func $isEntry (param $start i32) (param $length i32) (param $entry i32) (result i32)
    (local $i i32)
    (if (i32.ne (i32.load offset=4 (local.get $entry)) (local.get $length)) (then (return (i32.const 0))))
    (loop $words
      (if (i32.ge_u (local.get $i) (local.get $length)) (then (return (i32.const 1))))
      (if
        (i32.ne
          (call $word (local.get $start) (local.get $i) (local.get $length))
          (i32.load offset=8 (i32.add (local.get $entry) (local.get $i))))
        (then (return (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (br $words))
    (unreachable)))
