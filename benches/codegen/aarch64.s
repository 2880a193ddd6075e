# The hot functions of benches/codegen/src/lib.rs for aarch64. `ci/codegen.sh --write` writes this file.
# compiler: rustc 1.96.0 (ac68faa20 2026-05-25), LLVM 22.1.8

# push_one: 33 instructions; shortest way 23
push_one:
    stp x29, x30, [sp, #-48]!
    stp x22, x21, [sp, #16]
    stp x20, x19, [sp, #32]
    mov x29, sp
    ldp w19, w8, [x0, #8]
    ldr x20, [x0, #88]
    cmp w8, w19
    b.eq .L3
.L1:
    ldr w8, [x0, #160]
    movi v0.2d, #0000000000000000
    add w9, w19, #1
    and w8, w8, w19
    add x8, x20, x8, lsl #6
    stp q0, q0, [x8]
    stp x1, xzr, [x8, #32]
    stp xzr, xzr, [x8, #48]
    mov w8, #1
    str w9, [x0, #8]
.L2:
    mov w0, w8
    ldp x20, x19, [sp, #32]
    ldp x22, x21, [sp, #16]
    ldp x29, x30, [sp], #48
    ret
.L3:
    mov x21, x0
    add x0, x0, #8
    mov x22, x1
    add x1, x21, #88
    bl <bare_uring::squeue::Producer>::look
    mov x1, x22
    mov w8, w0
    mov x0, x21
    cbnz w8, .L1
    b .L2

# push_batch: 49 instructions; shortest way 3; loop at .L1: 14
push_batch:
    cbz x1, .L5
    stp x29, x30, [sp, #-64]!
    str x23, [sp, #16]
    stp x22, x21, [sp, #32]
    stp x20, x19, [sp, #48]
    mov x29, sp
    movi v0.2d, #0000000000000000
    ldr x19, [x0, #88]
    ldr w20, [x0, #8]
    mov x21, xzr
.L1:
    ldr w8, [x0, #12]
    cmp w20, w8
    b.eq .L3
.L2:
    ldr w8, [x0, #160]
    and w8, w8, w20
    add w20, w20, #1
    add x8, x19, x8, lsl #6
    stp x21, xzr, [x8, #32]
    add x21, x21, #1
    cmp x1, x21
    stp q0, q0, [x8]
    stp xzr, xzr, [x8, #48]
    str w20, [x0, #8]
    b.ne .L1
    b .L4
.L3:
    mov x22, x0
    add x0, x0, #8
    mov x23, x1
    add x1, x22, #88
    bl <bare_uring::squeue::Producer>::look
    movi v0.2d, #0000000000000000
    mov x1, x23
    mov w8, w0
    mov x0, x22
    cbnz w8, .L2
    mov w0, wzr
    ldp x20, x19, [sp, #48]
    ldr x23, [sp, #16]
    ldp x22, x21, [sp, #32]
    ldp x29, x30, [sp], #64
    ret
.L4:
    mov w0, #1
    ldp x20, x19, [sp, #48]
    ldr x23, [sp, #16]
    ldp x22, x21, [sp, #32]
    ldp x29, x30, [sp], #64
    ret
.L5:
    mov w0, #1
    ret

# push_with: 53 instructions; shortest way 30; loop at .L2: 9
push_with:
    stp x29, x30, [sp, #-64]!
    str x23, [sp, #16]
    stp x22, x21, [sp, #32]
    stp x20, x19, [sp, #48]
    mov x29, sp
    ldp w22, w8, [x0, #8]
    sub x9, x1, #1
    ldr x20, [x0, #88]
    ldr w21, [x0, #160]
    mov x19, x1
    sub w8, w8, w22
    cmp x9, x8
    b.hs .L5
.L1:
    and w8, w22, w21
    movi v0.2d, #0000000000000000
    cmp x19, #1
    add x9, x20, x8, lsl #6
    mov w8, #1
    stp x8, xzr, [x9, #32]
    add w8, w22, w19
    stp xzr, xzr, [x9, #48]
    stp q0, q0, [x9]
    b.eq .L3
    add w9, w22, #1
    sub w10, w19, #1
    mov w11, #2
.L2:
    and w12, w9, w21
    subs w10, w10, #1
    add w9, w9, #1
    add x12, x20, x12, lsl #6
    stp x11, xzr, [x12, #32]
    add x11, x11, #1
    stp q0, q0, [x12]
    stp xzr, xzr, [x12, #48]
    b.ne .L2
.L3:
    str w8, [x0, #8]
.L4:
    mov x0, x19
    ldp x20, x19, [sp, #48]
    ldr x23, [sp, #16]
    ldp x22, x21, [sp, #32]
    ldp x29, x30, [sp], #64
    ret
.L5:
    mov x23, x0
    add x0, x0, #8
    add x1, x23, #88
    bl <bare_uring::squeue::Producer>::look
    mov w8, w0
    mov x0, x23
    mov w8, w8
    cmp x19, x8
    csel x19, x19, x8, lo
    cbnz x19, .L1
    b .L4

# push_read: 47 instructions; shortest way 29
push_read:
    stp x29, x30, [sp, #-80]!
    stp x26, x25, [sp, #16]
    stp x24, x23, [sp, #32]
    stp x22, x21, [sp, #48]
    stp x20, x19, [sp, #64]
    mov x29, sp
    ldp w19, w8, [x0, #8]
    ldr x20, [x0, #88]
    cmp w8, w19
    b.eq .L3
.L1:
    ldr w8, [x0, #160]
    mov w9, #22
    and w8, w8, w19
    add x8, x20, x8, lsl #6
    stp w9, w1, [x8]
    add w9, w19, #1
    stp x4, x2, [x8, #8]
    stp w3, wzr, [x8, #24]
    stp x5, xzr, [x8, #32]
    stp xzr, xzr, [x8, #48]
    mov w8, #1
    str w9, [x0, #8]
.L2:
    mov w0, w8
    ldp x20, x19, [sp, #64]
    ldp x22, x21, [sp, #48]
    ldp x24, x23, [sp, #32]
    ldp x26, x25, [sp, #16]
    ldp x29, x30, [sp], #80
    ret
.L3:
    mov x21, x0
    add x0, x0, #8
    mov w22, w1
    add x1, x21, #88
    mov x23, x5
    mov w25, w3
    mov x24, x4
    mov x26, x2
    bl <bare_uring::squeue::Producer>::look
    mov w1, w22
    mov x2, x26
    mov x4, x24
    mov w3, w25
    mov x5, x23
    mov w8, w0
    mov x0, x21
    cbnz w8, .L1
    b .L2

# submit: 61 instructions; shortest way 34; with a system call 42
submit:
    stp d15, d14, [sp, #-96]!
    stp d13, d12, [sp, #16]
    stp d11, d10, [sp, #32]
    stp d9, d8, [sp, #48]
    stp x29, x30, [sp, #64]
    str x19, [sp, #80]
    add x29, sp, #64
    mov x1, x0
    ldr x9, [x0], #80
    mov x19, x8
    cbnz x9, .L6
    ldr x9, [x1, #168]
    ldr w8, [x1, #8]
    ldr w9, [x9]
    cmp w8, w9
    b.eq .L1
    ldr x10, [x1, #176]
    str w8, [x10]
.L1:
    ldr x10, [x1, #200]
    subs w1, w8, w9
    ldr w10, [x10]
    and w8, w10, #0x6
    b.ne .L2
    cbnz w8, .L2
    mov x9, xzr
    b .L3
.L2:
    cmp w8, #0
    ldrsw x0, [x0]
    mov w8, #426
    cset w3, ne
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #1, lsl #12
    b.hi .L8
    mov w9, w0
.L3:
    mov w8, wzr
.L4:
    str x9, [x19, #8]
.L5:
    str w8, [x19]
    ldp x29, x30, [sp, #64]
    ldr x19, [sp, #80]
    ldp d9, d8, [sp, #48]
    ldp d11, d10, [sp, #32]
    ldp d13, d12, [sp, #16]
    ldp d15, d14, [sp], #96
    ret
.L6:
    mov w2, wzr
    mov x3, xzr
    blr x9
    tbz w0, #0, .L7
    str w1, [x19, #4]
    mov w8, #1
    b .L5
.L7:
    mov w8, wzr
    mov w9, w1
    b .L4
.L8:
    neg w8, w0
    str w8, [x19, #4]
    mov w8, #1
    b .L5

# submit_and_wait: 94 instructions; shortest way 38; with a system call 38
submit_and_wait:
    stp d15, d14, [sp, #-96]!
    stp d13, d12, [sp, #16]
    stp d11, d10, [sp, #32]
    stp d9, d8, [sp, #48]
    stp x29, x30, [sp, #64]
    str x19, [sp, #80]
    add x29, sp, #64
    ldr w9, [x0, #20]
    sub x10, x1, #1
    mov x19, x8
    cmp x10, x9
    b.hs .L5
    mov x2, x1
.L1:
    ldp x8, x9, [x0, #168]
    mov x4, xzr
    ldr w10, [x0, #8]
    mov x5, xzr
    ldr w8, [x8]
    str w10, [x9]
    ldp w9, w3, [x0, #80]
    sub w1, w10, w8
    mov w8, #426
    sxtw x9, w9
    mov x0, x9
    svc #0
    cmn x0, #4095
    b.hs .L11
.L2:
    mov w8, w0
.L3:
    mov w9, wzr
    str x8, [x19, #8]
.L4:
    str w9, [x19]
    ldp x29, x30, [sp, #64]
    ldr x19, [sp, #80]
    ldp d9, d8, [sp, #48]
    ldp d11, d10, [sp, #32]
    ldp d13, d12, [sp, #16]
    ldp d15, d14, [sp], #96
    ret
.L5:
    ldr w8, [x0, #96]
    mov x2, x1
    cmp x1, x8
    b.hs .L7
    ldr x8, [x0]
    cbz x8, .L8
.L6:
    mov x1, x0
    add x0, x0, #80
    mov x3, xzr
    blr x8
    tbnz w0, #0, .L12
    mov w8, w1
    b .L3
.L7:
    add w9, w8, #1
    ldrb w10, [x0, #234]
    subs w9, w9, #2
    csel w9, wzr, w9, lo
    cmp w9, #1
    csinc w9, w9, wzr, hi
    tst w10, #0x4
    csinc w8, w9, w8, ne
    cmp x1, x8
    csel x2, x1, x8, lo
    ldr x8, [x0]
    cbnz x8, .L6
.L8:
    cbnz x1, .L1
    ldr x8, [x0, #168]
    ldr w9, [x0, #8]
    ldr w10, [x8]
    cmp w9, w10
    b.eq .L9
    ldr x8, [x0, #176]
    str w9, [x8]
.L9:
    ldr x11, [x0, #200]
    mov x8, x0
    subs w1, w9, w10
    ldr w11, [x11]
    and w9, w11, #0x6
    b.ne .L10
    cbnz w9, .L10
    mov x8, xzr
    b .L3
.L10:
    cmp w9, #0
    ldursw x0, [x8, #80]
    mov w8, #426
    cset w3, ne
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #4095
    b.lo .L2
.L11:
    neg w1, w0
.L12:
    mov w9, #1
    str w1, [x19, #4]
    b .L4

# submit_sqpoll: 91 instructions; shortest way 28; with a system call 45
submit_sqpoll:
    stp d15, d14, [sp, #-96]!
    stp d13, d12, [sp, #16]
    stp d11, d10, [sp, #32]
    stp d9, d8, [sp, #48]
    stp x29, x30, [sp, #64]
    str x19, [sp, #80]
    add x29, sp, #64
    ldrb w9, [x0, #32]
    tbz w9, #0, .L3
    ldr w10, [x0, #8]
    ldr w9, [x0, #24]
    subs w4, w10, w9
    b.eq .L1
    ldr x9, [x0, #176]
    stlr w10, [x9]
.L1:
    dmb ish
    ldr x9, [x0, #200]
    ldr w5, [x9]
    cbnz w5, .L5
    mov w9, wzr
    str w10, [x0, #24]
    str x4, [x8, #8]
.L2:
    str w9, [x8]
    ldp x29, x30, [sp, #64]
    ldr x19, [sp, #80]
    ldp d9, d8, [sp, #48]
    ldp d11, d10, [sp, #32]
    ldp d13, d12, [sp, #16]
    ldp d15, d14, [sp], #96
    ret
.L3:
    ldr x9, [x0]
    cbnz x9, .L9
    ldr x10, [x0, #168]
    ldr w9, [x0, #8]
    ldr w10, [x10]
    cmp w9, w10
    b.eq .L4
    ldr x11, [x0, #176]
    str w9, [x11]
.L4:
    ldr x11, [x0, #200]
    subs w1, w9, w10
    ldr w11, [x11]
    and w10, w11, #0x6
    b.ne .L7
    cbnz w10, .L7
    mov x10, xzr
    b .L8
.L5:
    mov x1, x0
    add x0, x0, #80
    mov w2, wzr
    mov x3, xzr
    mov x19, x8
    bl <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over
    tbz w0, #0, .L10
.L6:
    mov x8, x19
    str w1, [x19, #4]
    mov w9, #1
    b .L2
.L7:
    cmp w10, #0
    ldursw x0, [x0, #80]
    mov x9, x8
    cset w3, ne
    mov w8, #426
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #1, lsl #12
    b.hi .L11
    mov w10, w0
    mov x8, x9
.L8:
    mov w9, wzr
    str x10, [x8, #8]
    b .L2
.L9:
    mov x1, x0
    add x0, x0, #80
    mov w2, wzr
    mov x3, xzr
    mov x19, x8
    blr x9
    tbnz w0, #0, .L6
.L10:
    mov w9, wzr
    mov w10, w1
    mov x8, x19
    str x10, [x19, #8]
    b .L2
.L11:
    neg w10, w0
    mov x8, x9
    str w10, [x9, #4]
    mov w9, #1
    b .L2

# submit_local: 63 instructions; shortest way 33; with a system call 42
submit_local:
    stp d15, d14, [sp, #-96]!
    stp d13, d12, [sp, #16]
    stp d11, d10, [sp, #32]
    stp d9, d8, [sp, #48]
    stp x29, x30, [sp, #64]
    str x19, [sp, #80]
    add x29, sp, #64
    ldr x9, [x0]
    mov x19, x8
    cbnz x9, .L6
    ldr x9, [x0, #168]
    ldr w8, [x0, #8]
    ldr w9, [x9]
    cmp w8, w9
    b.eq .L1
    ldr x10, [x0, #176]
    str w8, [x10]
.L1:
    ldr x10, [x0, #200]
    subs w1, w8, w9
    ldr w10, [x10]
    and w8, w10, #0x6
    b.ne .L2
    cbnz w8, .L2
    mov x9, xzr
    b .L3
.L2:
    cmp w8, #0
    mov w8, #16
    ldrsw x0, [x0, #224]
    cinc x3, x8, ne
    mov w8, #426
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #1, lsl #12
    b.hi .L8
    mov w9, w0
.L3:
    mov w8, wzr
.L4:
    str x9, [x19, #8]
.L5:
    str w8, [x19]
    ldp x29, x30, [sp, #64]
    ldr x19, [sp, #80]
    ldp d9, d8, [sp, #48]
    ldp d11, d10, [sp, #32]
    ldp d13, d12, [sp, #16]
    ldp d15, d14, [sp], #96
    ret
.L6:
    mov x1, x0
    add x0, x0, #80
    mov w2, wzr
    mov x3, xzr
    blr x9
    tbz w0, #0, .L7
    str w1, [x19, #4]
    mov w8, #1
    b .L5
.L7:
    mov w8, wzr
    mov w9, w1
    b .L4
.L8:
    neg w8, w0
    str w8, [x19, #4]
    mov w8, #1
    b .L5

# reap_for: 61 instructions; shortest way 27; loop at .L3: 10
reap_for:
    stp x29, x30, [sp, #-48]!
    stp x22, x21, [sp, #16]
    stp x20, x19, [sp, #32]
    mov x29, sp
    mov x8, x0
    mov x0, xzr
    ldr w19, [x8, #40]
    ldr x20, [x8, #144]
    mov w1, w19
    b .L3
.L1:
    mov x21, x0
    add x0, x8, #40
    add x1, x8, #88
    mov x22, x8
    bl <bare_uring::cqueue::Consumer>::look_with_care
    mov w9, w0
    mov x8, x22
    mov x0, x21
    tbz w9, #0, .L6
.L2:
    ldr w9, [x8, #96]
    and w9, w9, w1
    add w1, w1, #1
    ubfiz x9, x9, #4, #32
    ldr x9, [x20, x9]
    str w1, [x8, #40]
    add x0, x9, x0
.L3:
    ldr w9, [x8, #48]
    cmp w1, w9
    b.ne .L2
    ldr w9, [x8, #44]
    subs w10, w19, w9
    b.ne .L5
.L4:
    ldr x9, [x8, #112]
    ldar w2, [x9]
    subs w9, w2, w1
    b.eq .L6
    ldr w10, [x8, #56]
    cmp w9, w10
    b.hi .L1
    ldr w9, [x8, #44]
    cmp w1, w9
    b.ne .L1
    str w2, [x8, #48]
    b .L2
.L5:
    sub w9, w1, w9
    cmp w10, w9
    b.hi .L4
    ldr x9, [x8, #104]
    stlr w19, [x9]
    str w19, [x8, #44]
    b .L4
.L6:
    ldp w9, w10, [x8, #40]
    cmp w9, w10
    b.eq .L7
    ldr x10, [x8, #104]
    stlr w9, [x10]
    str w9, [x8, #44]
.L7:
    ldp x20, x19, [sp, #32]
    ldp x22, x21, [sp, #16]
    ldp x29, x30, [sp], #48
    ret

# reap_fold: 90 instructions; shortest way 20; loop at .L2: 12; loop at .L3: 7; loop at .L8: 12 and 1 call
reap_fold:
    stp x29, x30, [sp, #-48]!
    str x21, [sp, #16]
    stp x20, x19, [sp, #32]
    mov x29, sp
    ldr x8, [x0, #112]
    ldr x20, [x0, #144]
    ldr w11, [x0, #40]
    ldar w8, [x8]
    subs w12, w8, w11
    b.eq .L6
    ldr w9, [x0, #56]
    cmp w12, w9
    b.hi .L7
    ldr w9, [x0, #96]
    cmp w12, #1
    b.hi .L1
    mov x19, xzr
    mov w10, w11
    b .L3
.L1:
    and w15, w12, #0xfffffffe
    mov x13, xzr
    mov x14, xzr
    add w10, w11, w15
    and w16, w12, #0xfffffffe
.L2:
    add w17, w11, #1
    and w18, w11, w9
    subs w16, w16, #2
    and w17, w17, w9
    ubfiz x18, x18, #4, #32
    add w11, w11, #2
    ubfiz x17, x17, #4, #32
    ldr x18, [x20, x18]
    ldr x17, [x20, x17]
    add x13, x18, x13
    add x14, x17, x14
    b.ne .L2
    cmp w12, w15
    add x19, x14, x13
    b.eq .L4
.L3:
    and w11, w10, w9
    add w10, w10, #1
    ubfiz x11, x11, #4, #32
    cmp w8, w10
    ldr x11, [x20, x11]
    add x19, x11, x19
    b.ne .L3
.L4:
    dup v0.4s, w8
    ldr x9, [x0, #104]
    stlr w8, [x9]
    stur q0, [x0, #40]
.L5:
    mov x0, x19
    ldp x20, x19, [sp, #32]
    ldr x21, [sp, #16]
    ldp x29, x30, [sp], #48
    ret
.L6:
    mov x19, xzr
    b .L10
.L7:
    mov x8, x0
    add x0, x0, #40
    add x1, x8, #88
    mov x21, x8
    bl <bare_uring::cqueue::Consumer>::next_place
    mov x19, xzr
    tbz w0, #0, .L9
    mov x0, x21
.L8:
    ldr w8, [x0, #96]
    add w9, w1, #1
    and w8, w8, w1
    ubfiz x8, x8, #4, #32
    ldr x8, [x20, x8]
    str w9, [x0, #40]!
    add x1, x0, #48
    add x19, x8, x19
    bl <bare_uring::cqueue::Consumer>::next_place
    mov w8, w0
    mov x0, x21
    tbnz w8, #0, .L8
    b .L10
.L9:
    mov x0, x21
.L10:
    ldp w8, w9, [x0, #40]
    cmp w8, w9
    b.eq .L5
    ldr x9, [x0, #104]
    stlr w8, [x9]
    str w8, [x0, #44]
    mov x0, x19
    ldp x20, x19, [sp, #32]
    ldr x21, [sp, #16]
    ldp x29, x30, [sp], #48
    ret

# round: 167 instructions; shortest way 41; with a system call 41; loop at .L1: 14; loop at .L9: 10
round:
    stp d15, d14, [sp, #-128]!
    stp d13, d12, [sp, #16]
    stp d11, d10, [sp, #32]
    stp d9, d8, [sp, #48]
    stp x29, x30, [sp, #64]
    str x23, [sp, #80]
    stp x22, x21, [sp, #96]
    stp x20, x19, [sp, #112]
    add x29, sp, #64
    mov x20, x1
    mov x19, x0
    cbz x1, .L4
    movi v0.2d, #0000000000000000
    ldr x21, [x19, #88]
    ldr w22, [x19, #8]
    mov x23, xzr
.L1:
    ldr w8, [x19, #12]
    cmp w22, w8
    b.eq .L3
.L2:
    ldr w8, [x19, #160]
    and w8, w8, w22
    add w22, w22, #1
    add x8, x21, x8, lsl #6
    stp x23, xzr, [x8, #32]
    add x23, x23, #1
    cmp x20, x23
    stp q0, q0, [x8]
    stp xzr, xzr, [x8, #48]
    str w22, [x19, #8]
    b.ne .L1
    b .L4
.L3:
    add x0, x19, #8
    add x1, x19, #88
    bl <bare_uring::squeue::Producer>::look
    movi v0.2d, #0000000000000000
    cbnz w0, .L2
    b .L17
.L4:
    ldr w8, [x19, #20]
    sub x9, x20, #1
    cmp x9, x8
    b.hs .L15
    ldr w8, [x19, #8]
.L5:
    ldp x9, x10, [x19, #168]
    mov x2, x20
    mov x4, xzr
    mov x5, xzr
    ldr w9, [x9]
    str w8, [x10]
    ldp w0, w3, [x19, #80]
    sub w1, w8, w9
    mov w8, #426
    sxtw x0, w0
    svc #0
    cmn x0, #1, lsl #12
    b.hi .L17
.L6:
    ldr w20, [x19, #40]
    ldr x21, [x19, #144]
    mov x1, xzr
    mov w8, w20
    b .L9
.L7:
    add x0, x19, #40
    mov x22, x1
    add x1, x19, #88
    bl <bare_uring::cqueue::Consumer>::look_with_care
    mov w8, w1
    mov x1, x22
    tbz w0, #0, .L12
.L8:
    ldr w9, [x19, #96]
    and w9, w9, w8
    add w8, w8, #1
    ubfiz x9, x9, #4, #32
    ldr x9, [x21, x9]
    str w8, [x19, #40]
    add x1, x9, x1
.L9:
    ldr w9, [x19, #48]
    cmp w8, w9
    b.ne .L8
    ldr w9, [x19, #44]
    subs w10, w20, w9
    b.ne .L11
.L10:
    ldr x9, [x19, #112]
    ldar w2, [x9]
    subs w9, w2, w8
    b.eq .L12
    ldr w10, [x19, #56]
    cmp w9, w10
    b.hi .L7
    ldr w9, [x19, #44]
    cmp w8, w9
    b.ne .L7
    str w2, [x19, #48]
    b .L8
.L11:
    sub w9, w8, w9
    cmp w10, w9
    b.hi .L10
    ldr x9, [x19, #104]
    stlr w20, [x9]
    str w20, [x19, #44]
    b .L10
.L12:
    ldp w8, w9, [x19, #40]
    cmp w8, w9
    b.eq .L13
    ldr x9, [x19, #104]
    stlr w8, [x9]
    str w8, [x19, #44]
.L13:
    mov w0, #1
.L14:
    ldp x20, x19, [sp, #112]
    ldr x23, [sp, #80]
    ldp x22, x21, [sp, #96]
    ldp x29, x30, [sp, #64]
    ldp d9, d8, [sp, #48]
    ldp d11, d10, [sp, #32]
    ldp d13, d12, [sp, #16]
    ldp d15, d14, [sp], #128
    ret
.L15:
    ldr w8, [x19, #96]
    mov x2, x20
    cmp x20, x8
    b.hs .L18
    ldr x8, [x19]
    cbz x8, .L19
.L16:
    add x0, x19, #80
    mov x1, x19
    mov x3, xzr
    blr x8
    tbz w0, #0, .L6
.L17:
    mov x0, xzr
    b .L14
.L18:
    add w9, w8, #1
    ldrb w10, [x19, #234]
    subs w9, w9, #2
    csel w9, wzr, w9, lo
    cmp w9, #1
    csinc w9, w9, wzr, hi
    tst w10, #0x4
    csinc w8, w9, w8, ne
    cmp x20, x8
    csel x2, x20, x8, lo
    ldr x8, [x19]
    cbnz x8, .L16
.L19:
    ldr w8, [x19, #8]
    cbz x20, .L20
    mov x20, x2
    b .L5
.L20:
    ldr x9, [x19, #168]
    ldr w9, [x9]
    cmp w8, w9
    b.eq .L21
    ldr x10, [x19, #176]
    str w8, [x10]
.L21:
    ldr x10, [x19, #200]
    subs w1, w8, w9
    ldr w10, [x10]
    and w8, w10, #0x6
    b.ne .L22
    cbz w8, .L6
.L22:
    cmp w8, #0
    ldursw x0, [x19, #80]
    mov w8, #426
    cset w3, ne
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #1, lsl #12
    b.ls .L6
    b .L17

# round_by_closures: 203 instructions; shortest way 58; with a system call 58; loop at .L2: 9; loop at .L8: 12; loop at .L9: 7; loop at .L18: 13 and 1 call
round_by_closures:
    stp d15, d14, [sp, #-128]!
    stp d13, d12, [sp, #16]
    stp d11, d10, [sp, #32]
    stp d9, d8, [sp, #48]
    stp x29, x30, [sp, #64]
    str x23, [sp, #80]
    stp x22, x21, [sp, #96]
    stp x20, x19, [sp, #112]
    add x29, sp, #64
    ldp w23, w8, [x0, #8]
    sub x9, x1, #1
    ldr x21, [x0, #88]
    ldr w22, [x0, #160]
    mov x20, x1
    mov x19, x0
    sub w8, w8, w23
    cmp x9, x8
    b.hs .L13
.L1:
    and w8, w23, w22
    movi v0.2d, #0000000000000000
    cmp x20, #1
    add x9, x21, x8, lsl #6
    mov w8, #1
    stp x8, xzr, [x9, #32]
    add w8, w23, w20
    stp xzr, xzr, [x9, #48]
    stp q0, q0, [x9]
    b.eq .L3
    add w9, w23, #1
    sub w10, w20, #1
    mov w11, #2
.L2:
    and w12, w9, w22
    subs w10, w10, #1
    add w9, w9, #1
    add x12, x21, x12, lsl #6
    stp x11, xzr, [x12, #32]
    add x11, x11, #1
    stp q0, q0, [x12]
    stp xzr, xzr, [x12, #48]
    b.ne .L2
.L3:
    str w8, [x19, #8]
.L4:
    ldr w8, [x19, #20]
    sub x9, x20, #1
    cmp x9, x8
    b.hs .L14
    ldr w8, [x19, #8]
.L5:
    ldp x9, x10, [x19, #168]
    mov x2, x20
    mov x4, xzr
    mov x5, xzr
    ldr w9, [x9]
    str w8, [x10]
    ldp w0, w3, [x19, #80]
    sub w1, w8, w9
    mov w8, #426
    sxtw x0, w0
    svc #0
    cmn x0, #1, lsl #12
    b.hi .L16
.L6:
    ldr x8, [x19, #112]
    ldr x20, [x19, #144]
    ldr w11, [x19, #40]
    ldar w8, [x8]
    subs w12, w8, w11
    b.eq .L19
    ldr w9, [x19, #56]
    cmp w12, w9
    b.hi .L17
    ldr w9, [x19, #96]
    cmp w12, #1
    b.hi .L7
    mov x1, xzr
    mov w10, w11
    b .L9
.L7:
    and w15, w12, #0xfffffffe
    mov x13, xzr
    mov x14, xzr
    add w10, w11, w15
    and w16, w12, #0xfffffffe
.L8:
    add w17, w11, #1
    and w18, w11, w9
    subs w16, w16, #2
    and w17, w17, w9
    ubfiz x18, x18, #4, #32
    add w11, w11, #2
    ubfiz x17, x17, #4, #32
    ldr x18, [x20, x18]
    ldr x17, [x20, x17]
    add x13, x18, x13
    add x14, x17, x14
    b.ne .L8
    cmp w12, w15
    add x1, x14, x13
    b.eq .L10
.L9:
    and w11, w10, w9
    add w10, w10, #1
    ubfiz x11, x11, #4, #32
    cmp w8, w10
    ldr x11, [x20, x11]
    add x1, x11, x1
    b.ne .L9
.L10:
    dup v0.4s, w8
    ldr x9, [x19, #104]
    stlr w8, [x9]
    stur q0, [x19, #40]
.L11:
    mov w0, #1
.L12:
    ldp x20, x19, [sp, #112]
    ldr x23, [sp, #80]
    ldp x22, x21, [sp, #96]
    ldp x29, x30, [sp, #64]
    ldp d9, d8, [sp, #48]
    ldp d11, d10, [sp, #32]
    ldp d13, d12, [sp, #16]
    ldp d15, d14, [sp], #128
    ret
.L13:
    add x0, x19, #8
    add x1, x19, #88
    bl <bare_uring::squeue::Producer>::look
    mov w8, w0
    cmp x20, x8
    csel x20, x20, x8, lo
    cbnz x20, .L1
    b .L4
.L14:
    ldr w8, [x19, #96]
    mov x2, x20
    cmp x20, x8
    b.hs .L21
    ldr x8, [x19]
    cbz x8, .L22
.L15:
    add x0, x19, #80
    mov x1, x19
    mov x3, xzr
    blr x8
    tbz w0, #0, .L6
.L16:
    mov x0, xzr
    b .L12
.L17:
    add x0, x19, #40
    add x1, x19, #88
    bl <bare_uring::cqueue::Consumer>::next_place
    tbz w0, #0, .L19
    mov w8, w1
    mov x1, xzr
.L18:
    ldr w9, [x19, #96]
    mov x0, x19
    and w9, w9, w8
    add w8, w8, #1
    ubfiz x9, x9, #4, #32
    ldr x9, [x20, x9]
    str w8, [x0, #40]!
    add x21, x9, x1
    add x1, x0, #48
    bl <bare_uring::cqueue::Consumer>::next_place
    mov w8, w1
    mov x1, x21
    tbnz w0, #0, .L18
    b .L20
.L19:
    mov x1, xzr
.L20:
    ldp w8, w9, [x19, #40]
    cmp w8, w9
    b.eq .L11
    ldr x9, [x19, #104]
    stlr w8, [x9]
    str w8, [x19, #44]
    b .L11
.L21:
    add w9, w8, #1
    ldrb w10, [x19, #234]
    subs w9, w9, #2
    csel w9, wzr, w9, lo
    cmp w9, #1
    csinc w9, w9, wzr, hi
    tst w10, #0x4
    csinc w8, w9, w8, ne
    cmp x20, x8
    csel x2, x20, x8, lo
    ldr x8, [x19]
    cbnz x8, .L15
.L22:
    ldr w8, [x19, #8]
    cbz x20, .L23
    mov x20, x2
    b .L5
.L23:
    ldr x9, [x19, #168]
    ldr w9, [x9]
    cmp w8, w9
    b.eq .L24
    ldr x10, [x19, #176]
    str w8, [x10]
.L24:
    ldr x10, [x19, #200]
    subs w1, w8, w9
    ldr w10, [x10]
    and w8, w10, #0x6
    b.ne .L25
    cbz w8, .L6
.L25:
    cmp w8, #0
    ldursw x0, [x19, #80]
    mov w8, #426
    cset w3, ne
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #1, lsl #12
    b.ls .L6
    b .L16

# <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread: 17 instructions; shortest way 14
<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread:
    ldr w8, [x1, #8]
    ldr w9, [x1, #24]
    subs w4, w8, w9
    b.eq .L1
    ldr x9, [x0, #96]
    stlr w8, [x9]
.L1:
    dmb ish
    ldr x9, [x0, #120]
    ldr w5, [x9]
    orr w9, w2, w5
    cbnz w9, .L2
    mov w0, wzr
    mov x9, x1
    mov w1, w4
    str w8, [x9, #24]
    ret
.L2:
    b <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over

# <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over: 165 instructions; shortest way 50; with a system call 50; loop at .L7: 4; loop at .L9: 4
<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over:
    mov w11, w5
    mov w8, w4
    mov x9, x1
    mov x10, x0
    cbz x3, .L1
    ldp x4, x5, [x3]
    ldr w13, [x3, #16]
    ldr w12, [x10, #152]
    mov w14, w8
    tbnz w11, #0, .L2
    b .L3
.L1:
    mov x4, xzr
    mov x5, xzr
    mov w13, wzr
    ldr w12, [x10, #152]
    mov w14, w8
    tbz w11, #0, .L3
.L2:
    mov w14, w8
    tbz w12, #1, .L3
    ldr x14, [x10, #88]
    ldr w15, [x10, #80]
    ldr w14, [x14]
    ldr w16, [x9, #8]
    sub w14, w16, w14
    cmp w14, w15
    csinc w14, w14, w15, ls
.L3:
    stp d15, d14, [sp, #-64]!
    stp d13, d12, [sp, #16]
    stp d11, d10, [sp, #32]
    stp d9, d8, [sp, #48]
    cmp w14, #0
    mov w16, #2
    and w17, w12, #0x3
    cset w14, ne
    and w15, w14, w11
    and w11, w11, #0x6
    orr w11, w11, w2
    tst w15, w12, lsr #1
    csel w16, w16, wzr, ne
    cmp w11, #0
    ccmp w17, #1, #4, eq
    cset w17, eq
    cinc w3, w16, eq
    tst w12, #0x2
    csel w11, w15, w14, ne
    tbnz w17, #0, .L4
    cbz w11, .L5
.L4:
    cbz w2, .L15
    ldp w0, w11, [x10]
    mov w1, w8
    mov w8, #426
    mov w2, w2
    sxtw x0, w0
    orr w11, w13, w11
    orr w3, w11, w3
    svc #0
    mov x8, x0
    cmn x0, #4095
    b.hs .L16
.L5:
    tbnz w12, #20, .L6
    ldr w11, [x9, #8]
    ldr w13, [x9, #28]
    str w11, [x9, #24]
    cbnz w13, .L11
    b .L12
.L6:
    ldr w11, [x10, #80]
    ldr w14, [x9, #8]
    ldrb w16, [x10, #153]
    add w13, w11, #1
    cmp w13, w14
    csinc w15, w14, w11, hs
    ldr x14, [x10, #8]
    subs w11, w15, w8
    csel w11, wzr, w11, lo
    cmp w15, w8
    tbnz w16, #2, .L8
    b.ls .L10
    sub w16, w15, w11
    lsl x15, x11, #3
    ubfiz x16, x16, #6, #32
.L7:
    ldr x17, [x14, x16]
    subs x15, x15, #1
    str x17, [x14], #8
    b.ne .L7
    b .L10
.L8:
    b.ls .L10
    sub w16, w15, w11
    lsl x15, x11, #4
    ubfiz x16, x16, #7, #32
.L9:
    ldr x17, [x14, x16]
    subs x15, x15, #1
    str x17, [x14], #8
    b.ne .L9
.L10:
    stp w11, w13, [x9, #8]
    ldr w13, [x9, #28]
    str w11, [x9, #24]
    cbz w13, .L12
.L11:
    adds w11, w13, w8
    cset w13, vs
    cmp w8, #0
    cset w8, mi
    cmp w8, w13
    b.ne .L17
    asr w8, w11, #31
    and w13, w11, w8
    bic w8, w11, w8
    str w13, [x9, #28]
    tbnz w11, #31, .L14
.L12:
    mov w11, wzr
    tbnz w12, #1, .L18
.L13:
    and w12, w12, #0x1fffff
    adrp x13, <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_any
    add x13, x13, :lo12:<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_any
    ands w12, w12, #0xfff00001
    strb wzr, [x9, #32]
    csel x13, xzr, x13, eq
    str x13, [x9]
    cbnz w12, .L19
    ldr w10, [x10, #16]
    cmp w10, #0
    cset w11, ne
    sub w11, w10, w11
    b .L19
.L14:
    mov w0, wzr
    ldp d9, d8, [sp, #48]
    mov w1, w8
    ldp d11, d10, [sp, #32]
    ldp d13, d12, [sp, #16]
    ldp d15, d14, [sp], #64
    ret
.L15:
    ldrsw x0, [x10]
    mov w1, w8
    mov w8, #426
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    mov x8, x0
    cmn x0, #4095
    b.lo .L5
.L16:
    neg w8, w8
    mov w0, #1
    ldp d9, d8, [sp, #48]
    mov w1, w8
    ldp d11, d10, [sp, #32]
    ldp d13, d12, [sp, #16]
    ldp d15, d14, [sp], #64
    ret
.L17:
    mov w8, #2147483647
    str wzr, [x9, #28]
    mov w11, wzr
    tbz w12, #1, .L13
.L18:
    adrp x10, <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread
    add x10, x10, :lo12:<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread
    str x10, [x9]
    mov w10, #1
    strb w10, [x9, #32]
.L19:
    mov w0, wzr
    str w11, [x9, #20]
    ldp d9, d8, [sp, #48]
    mov w1, w8
    ldp d11, d10, [sp, #32]
    ldp d13, d12, [sp, #16]
    ldp d15, d14, [sp], #64
    ret

# <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_any: 24 instructions; shortest way 10 and 1 call
<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_any:
    ldr w10, [x0, #152]
    ldr w8, [x1, #8]
    tbnz w10, #1, .L2
    ldr x9, [x0, #88]
    ldr w9, [x9]
    tbnz w10, #20, .L1
    cmp w8, w9
    b.eq .L1
    ldr x10, [x0, #96]
    str w8, [x10]
.L1:
    ldr x10, [x0, #120]
    sub w4, w8, w9
    ldr w5, [x10]
    b <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over
.L2:
    ldr w9, [x1, #24]
    cmp w8, w9
    b.eq .L3
    ldr x10, [x0, #96]
    stlr w8, [x10]
.L3:
    dmb ish
    ldr x10, [x0, #120]
    sub w4, w8, w9
    ldr w5, [x10]
    b <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over
