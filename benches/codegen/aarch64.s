# The hot functions of benches/codegen/src/lib.rs for aarch64. `ci/codegen.sh --write` writes this file.
# compiler: rustc 1.96.0 (ac68faa20 2026-05-25), LLVM 22.1.8

# push_one: 33 instructions; shortest way 23
push_one:
    stp x29, x30, [sp, #-48]!
    stp x22, x21, [sp, #16]
    stp x20, x19, [sp, #32]
    mov x29, sp
    ldp w19, w8, [x0, #8]
    ldr x20, [x0, #72]
    cmp w8, w19
    b.eq .L3
.L1:
    ldr w8, [x0, #144]
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
    add x1, x21, #72
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
    ldr x19, [x0, #72]
    ldr w20, [x0, #8]
    mov x21, xzr
.L1:
    ldr w8, [x0, #12]
    cmp w20, w8
    b.eq .L3
.L2:
    ldr w8, [x0, #144]
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
    add x1, x22, #72
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

# push_read: 47 instructions; shortest way 29
push_read:
    stp x29, x30, [sp, #-80]!
    stp x26, x25, [sp, #16]
    stp x24, x23, [sp, #32]
    stp x22, x21, [sp, #48]
    stp x20, x19, [sp, #64]
    mov x29, sp
    ldp w19, w8, [x0, #8]
    ldr x20, [x0, #72]
    cmp w8, w19
    b.eq .L3
.L1:
    ldr w8, [x0, #144]
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
    add x1, x21, #72
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

# submit: 71 instructions; shortest way 36; with a system call 47
submit:
    sub sp, sp, #128
    stp d15, d14, [sp, #32]
    stp d13, d12, [sp, #48]
    stp d11, d10, [sp, #64]
    stp d9, d8, [sp, #80]
    stp x29, x30, [sp, #96]
    str x19, [sp, #112]
    add x29, sp, #96
    ldp w9, w10, [x0, #40]
    mov x19, x8
    cmp w9, w10
    b.eq .L1
    ldr x8, [x0, #88]
    stlr w9, [x8]
    str w9, [x0, #44]
.L1:
    ldr x8, [x0]
    cbnz x8, .L7
    ldr x9, [x0, #152]
    ldr w8, [x0, #8]
    ldr w9, [x9]
    subs w1, w8, w9
    b.eq .L2
    ldr x9, [x0, #160]
    str w8, [x9]
.L2:
    ldr x8, [x0, #184]
    ldr w8, [x8]
    and w8, w8, #0x6
    orr w9, w8, w1
    cbz w9, .L3
    cmp w8, #0
    ldursw x0, [x0, #64]
    mov w8, #426
    cset w3, ne
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #1, lsl #12
    b.hi .L8
    mov w9, w0
    b .L4
.L3:
    mov x9, xzr
.L4:
    mov w8, wzr
.L5:
    str x9, [x19, #8]
.L6:
    str w8, [x19]
    ldp x29, x30, [sp, #96]
    ldr x19, [sp, #112]
    ldp d9, d8, [sp, #80]
    ldp d11, d10, [sp, #64]
    ldp d13, d12, [sp, #48]
    ldp d15, d14, [sp, #32]
    add sp, sp, #128
    ret
.L7:
    mov x1, x0
    add x0, x0, #64
    add x3, sp, #8
    mov w2, wzr
    stp xzr, xzr, [sp, #8]
    str wzr, [sp, #24]
    blr x8
    tbz w0, #0, .L9
    str w1, [x19, #4]
    mov w8, #1
    b .L6
.L8:
    neg w8, w0
    str w8, [x19, #4]
    mov w8, #1
    b .L6
.L9:
    mov w8, wzr
    mov w9, w1
    b .L5

# submit_and_wait: 95 instructions; shortest way 42; with a system call 45
submit_and_wait:
    sub sp, sp, #128
    stp d15, d14, [sp, #32]
    stp d13, d12, [sp, #48]
    stp d11, d10, [sp, #64]
    stp d9, d8, [sp, #80]
    stp x29, x30, [sp, #96]
    str x19, [sp, #112]
    add x29, sp, #96
    ldp w9, w10, [x0, #40]
    mov x2, x1
    mov x19, x8
    cmp w9, w10
    b.ne .L4
    ldr w8, [x0, #80]
    cmp x2, x8
    b.hs .L5
.L1:
    ldr x8, [x0]
    cbnz x8, .L6
.L2:
    ldr x9, [x0, #152]
    ldr w8, [x0, #8]
    ldr w9, [x9]
    subs w1, w8, w9
    b.eq .L3
    ldr x9, [x0, #160]
    str w8, [x9]
.L3:
    cbz x2, .L7
    ldp w9, w3, [x0, #64]
    mov w8, #426
    mov x4, xzr
    mov x5, xzr
    sxtw x9, w9
    mov x0, x9
    svc #0
    cmn x0, #1, lsl #12
    b.ls .L11
    b .L8
.L4:
    ldr x8, [x0, #88]
    stlr w9, [x8]
    str w9, [x0, #44]
    ldr w8, [x0, #80]
    cmp x2, x8
    b.lo .L1
.L5:
    add w9, w8, #1
    ldrb w10, [x0, #226]
    subs w9, w9, #2
    csel w9, wzr, w9, lo
    cmp w9, #1
    csinc w9, w9, wzr, hi
    tst w10, #0x4
    csinc w8, w9, w8, ne
    cmp x2, x8
    csel x2, x2, x8, lo
    ldr x8, [x0]
    cbz x8, .L2
.L6:
    mov x1, x0
    add x0, x0, #64
    add x3, sp, #8
    stp xzr, xzr, [sp, #8]
    str wzr, [sp, #24]
    blr x8
    tbnz w0, #0, .L9
    mov w9, w1
    b .L12
.L7:
    ldr x8, [x0, #184]
    ldr w8, [x8]
    and w8, w8, #0x6
    orr w9, w8, w1
    cbz w9, .L10
    cmp w8, #0
    ldursw x0, [x0, #64]
    mov w8, #426
    cset w3, ne
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #4095
    b.lo .L11
.L8:
    neg w1, w0
.L9:
    str w1, [x19, #4]
    mov w8, #1
    b .L13
.L10:
    mov x0, xzr
.L11:
    mov w9, w0
.L12:
    mov w8, wzr
    str x9, [x19, #8]
.L13:
    str w8, [x19]
    ldp x29, x30, [sp, #96]
    ldr x19, [sp, #112]
    ldp d9, d8, [sp, #80]
    ldp d11, d10, [sp, #64]
    ldp d13, d12, [sp, #48]
    ldp d15, d14, [sp, #32]
    add sp, sp, #128
    ret

# submit_local: 72 instructions; shortest way 36; with a system call 48
submit_local:
    sub sp, sp, #128
    stp d15, d14, [sp, #32]
    stp d13, d12, [sp, #48]
    stp d11, d10, [sp, #64]
    stp d9, d8, [sp, #80]
    stp x29, x30, [sp, #96]
    str x19, [sp, #112]
    add x29, sp, #96
    ldp w9, w10, [x0, #40]
    mov x19, x8
    cmp w9, w10
    b.eq .L1
    ldr x8, [x0, #88]
    stlr w9, [x8]
    str w9, [x0, #44]
.L1:
    ldr x8, [x0]
    cbnz x8, .L7
    ldr x9, [x0, #152]
    ldr w8, [x0, #8]
    ldr w9, [x9]
    subs w1, w8, w9
    b.eq .L2
    ldr x9, [x0, #160]
    str w8, [x9]
.L2:
    ldr x8, [x0, #184]
    ldr w8, [x8]
    and w8, w8, #0x6
    orr w9, w8, w1
    cbz w9, .L3
    cmp w8, #0
    mov w8, #16
    ldrsw x0, [x0, #216]
    cinc x3, x8, ne
    mov w8, #426
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #4095
    b.hs .L8
    mov w9, w0
    b .L4
.L3:
    mov x9, xzr
.L4:
    mov w8, wzr
.L5:
    str x9, [x19, #8]
.L6:
    str w8, [x19]
    ldp x29, x30, [sp, #96]
    ldr x19, [sp, #112]
    ldp d9, d8, [sp, #80]
    ldp d11, d10, [sp, #64]
    ldp d13, d12, [sp, #48]
    ldp d15, d14, [sp, #32]
    add sp, sp, #128
    ret
.L7:
    mov x1, x0
    add x0, x0, #64
    add x3, sp, #8
    mov w2, wzr
    stp xzr, xzr, [sp, #8]
    str wzr, [sp, #24]
    blr x8
    tbz w0, #0, .L9
    str w1, [x19, #4]
    mov w8, #1
    b .L6
.L8:
    neg w8, w0
    str w8, [x19, #4]
    mov w8, #1
    b .L6
.L9:
    mov w8, wzr
    mov w9, w1
    b .L5

# reap_for: 48 instructions; shortest way 23; loop at .L3: 10
reap_for:
    stp x29, x30, [sp, #-48]!
    str x21, [sp, #16]
    stp x20, x19, [sp, #32]
    mov x29, sp
    ldr x19, [x0, #128]
    ldr w1, [x0, #40]
    mov x8, xzr
    b .L3
.L1:
    str w3, [x0, #48]
.L2:
    ldr w9, [x0, #80]
    and w9, w9, w1
    add w1, w1, #1
    ubfiz x9, x9, #4, #32
    ldr x9, [x19, x9]
    str w1, [x0, #40]
    add x8, x9, x8
.L3:
    ldr w9, [x0, #48]
    cmp w1, w9
    b.ne .L2
    ldr x9, [x0, #96]
    ldar w3, [x9]
    subs w9, w3, w1
    b.eq .L4
    ldr w10, [x0, #52]
    sub w10, w10, w1
    cmp w9, w10
    b.ls .L1
    mov x20, x0
    add x0, x0, #32
    mov w2, wzr
    add x1, x20, #72
    mov x21, x8
    bl <bare_uring::cqueue::Consumer>::look_with_care
    mov w9, w0
    mov x8, x21
    mov x0, x20
    tbnz w9, #0, .L2
.L4:
    ldp w9, w10, [x0, #40]
    cmp w9, w10
    b.eq .L5
    ldr x10, [x0, #88]
    stlr w9, [x10]
    str w9, [x0, #44]
.L5:
    mov x0, x8
    ldp x20, x19, [sp, #32]
    ldr x21, [sp, #16]
    ldp x29, x30, [sp], #48
    ret

# reap_fold: 48 instructions; shortest way 23; loop at .L3: 10
reap_fold:
    stp x29, x30, [sp, #-48]!
    str x21, [sp, #16]
    stp x20, x19, [sp, #32]
    mov x29, sp
    ldr x19, [x0, #128]
    ldr w1, [x0, #40]
    mov x8, xzr
    b .L3
.L1:
    str w3, [x0, #48]
.L2:
    ldr w9, [x0, #80]
    and w9, w9, w1
    add w1, w1, #1
    ubfiz x9, x9, #4, #32
    ldr x9, [x19, x9]
    str w1, [x0, #40]
    add x8, x9, x8
.L3:
    ldr w9, [x0, #48]
    cmp w1, w9
    b.ne .L2
    ldr x9, [x0, #96]
    ldar w3, [x9]
    subs w9, w3, w1
    b.eq .L4
    ldr w10, [x0, #52]
    sub w10, w10, w1
    cmp w9, w10
    b.ls .L1
    mov x20, x0
    add x0, x0, #32
    mov w2, wzr
    add x1, x20, #72
    mov x21, x8
    bl <bare_uring::cqueue::Consumer>::look_with_care
    mov w9, w0
    mov x8, x21
    mov x0, x20
    tbnz w9, #0, .L2
.L4:
    ldp w9, w10, [x0, #40]
    cmp w9, w10
    b.eq .L5
    ldr x10, [x0, #88]
    stlr w9, [x10]
    str w9, [x0, #44]
.L5:
    mov x0, x8
    ldp x20, x19, [sp, #32]
    ldr x21, [sp, #16]
    ldp x29, x30, [sp], #48
    ret

# round: 156 instructions; shortest way 49; with a system call 49; loop at .L1: 14; loop at .L15: 10
round:
    sub sp, sp, #160
    stp d15, d14, [sp, #32]
    stp d13, d12, [sp, #48]
    stp d11, d10, [sp, #64]
    stp d9, d8, [sp, #80]
    stp x29, x30, [sp, #96]
    str x23, [sp, #112]
    stp x22, x21, [sp, #128]
    stp x20, x19, [sp, #144]
    add x29, sp, #96
    mov x20, x1
    mov x19, x0
    cbz x1, .L4
    movi v0.2d, #0000000000000000
    ldr x21, [x19, #72]
    ldr w22, [x19, #8]
    mov x23, xzr
.L1:
    ldr w8, [x19, #12]
    cmp w22, w8
    b.eq .L3
.L2:
    ldr w8, [x19, #144]
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
    add x1, x19, #72
    bl <bare_uring::squeue::Producer>::look
    movi v0.2d, #0000000000000000
    cbnz w0, .L2
    b .L19
.L4:
    ldp w8, w9, [x19, #40]
    cmp w8, w9
    b.ne .L8
    ldr w8, [x19, #80]
    cmp x20, x8
    b.hs .L9
.L5:
    ldr x8, [x19]
    cbnz x8, .L10
.L6:
    ldr x9, [x19, #152]
    ldr w8, [x19, #8]
    ldr w9, [x9]
    subs w1, w8, w9
    b.eq .L7
    ldr x9, [x19, #160]
    str w8, [x9]
.L7:
    cbz x20, .L11
    ldp w0, w3, [x19, #64]
    mov w8, #426
    mov x2, x20
    mov x4, xzr
    sxtw x0, w0
    mov x5, xzr
    svc #0
    cmn x0, #1, lsl #12
    b.ls .L12
    b .L19
.L8:
    ldr x9, [x19, #88]
    stlr w8, [x9]
    str w8, [x19, #44]
    ldr w8, [x19, #80]
    cmp x20, x8
    b.lo .L5
.L9:
    add w9, w8, #1
    ldrb w10, [x19, #226]
    subs w9, w9, #2
    csel w9, wzr, w9, lo
    cmp w9, #1
    csinc w9, w9, wzr, hi
    tst w10, #0x4
    csinc w8, w9, w8, ne
    cmp x20, x8
    csel x20, x20, x8, lo
    ldr x8, [x19]
    cbz x8, .L6
.L10:
    add x0, x19, #64
    add x3, sp, #8
    mov x1, x19
    mov w2, w20
    stp xzr, xzr, [sp, #8]
    str wzr, [sp, #24]
    blr x8
    tbz w0, #0, .L12
    b .L19
.L11:
    ldr x8, [x19, #184]
    ldr w8, [x8]
    and w8, w8, #0x6
    orr w9, w8, w1
    cbz w9, .L12
    cmp w8, #0
    ldursw x0, [x19, #64]
    mov w8, #426
    cset w3, ne
    mov x2, xzr
    mov x4, xzr
    mov x5, xzr
    svc #0
    cmn x0, #1, lsl #12
    b.hi .L19
.L12:
    ldr x20, [x19, #128]
    ldr w8, [x19, #40]
    mov x1, xzr
    b .L15
.L13:
    str w3, [x19, #48]
.L14:
    ldr w9, [x19, #80]
    and w9, w9, w8
    add w8, w8, #1
    ubfiz x9, x9, #4, #32
    ldr x9, [x20, x9]
    str w8, [x19, #40]
    add x1, x9, x1
.L15:
    ldr w9, [x19, #48]
    cmp w8, w9
    b.ne .L14
    ldr x9, [x19, #96]
    ldar w3, [x9]
    subs w9, w3, w8
    b.eq .L16
    ldr w10, [x19, #52]
    sub w10, w10, w8
    cmp w9, w10
    b.ls .L13
    add x0, x19, #32
    mov x21, x1
    add x1, x19, #72
    mov w2, wzr
    bl <bare_uring::cqueue::Consumer>::look_with_care
    mov w8, w1
    mov x1, x21
    tbnz w0, #0, .L14
.L16:
    ldp w8, w9, [x19, #40]
    cmp w8, w9
    b.eq .L17
    ldr x9, [x19, #88]
    stlr w8, [x9]
    str w8, [x19, #44]
.L17:
    mov w0, #1
.L18:
    ldp x20, x19, [sp, #144]
    ldr x23, [sp, #112]
    ldp x22, x21, [sp, #128]
    ldp x29, x30, [sp, #96]
    ldp d9, d8, [sp, #80]
    ldp d11, d10, [sp, #64]
    ldp d13, d12, [sp, #48]
    ldp d15, d14, [sp, #32]
    add sp, sp, #160
    ret
.L19:
    mov x0, xzr
    b .L18

# <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread: 18 instructions; shortest way 15
<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread:
    ldr w8, [x1, #8]
    ldr w9, [x1, #20]
    subs w4, w8, w9
    b.eq .L1
    ldr x9, [x0, #96]
    stlr w8, [x9]
.L1:
    dmb ish
    ldr x8, [x0, #120]
    ldr w5, [x8]
    orr w8, w2, w5
    cbnz w8, .L2
    ldr w8, [x1, #8]
    mov w0, wzr
    mov x9, x1
    mov w1, w4
    str w8, [x9, #20]
    ret
.L2:
    b <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over
