# The hot functions of benches/codegen/src/lib.rs for x86_64. `ci/codegen.sh --write` writes this file.
# compiler: rustc 1.95.0 (59807616e 2026-04-14), LLVM 22.1.2

# push_one: 40 instructions; shortest way 27
push_one:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %rbx
    pushq %rax
    movq 88(%rdi), %rbx
    movl 8(%rdi), %ebp
    cmpl %ebp, 12(%rdi)
    je .L3
.L1:
    movl 160(%rdi), %eax
    andl %ebp, %eax
    shlq $6, %rax
    xorps %xmm0, %xmm0
    movups %xmm0, 16(%rbx,%rax)
    movups %xmm0, (%rbx,%rax)
    movq %rsi, 32(%rbx,%rax)
    incl %ebp
    movups %xmm0, 40(%rbx,%rax)
    movq $0, 56(%rbx,%rax)
    movl %ebp, 8(%rdi)
    movb $1, %al
.L2:
    addq $8, %rsp
    popq %rbx
    popq %r14
    popq %r15
    popq %rbp
    retq
.L3:
    leaq 8(%rdi), %rax
    leaq 88(%rdi), %rcx
    movq %rdi, %r14
    movq %rax, %rdi
    movq %rsi, %r15
    movq %rcx, %rsi
    callq *<bare_uring::squeue::Producer>::look@GOTPCREL(%rip)
    movq %r15, %rsi
    movq %r14, %rdi
    testl %eax, %eax
    jne .L1
    xorl %eax, %eax
    jmp .L2

# push_batch: 54 instructions; shortest way 4; loop at .L1: 15
push_batch:
    movb $1, %al
    testq %rsi, %rsi
    je .L5
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    subq $24, %rsp
    movq 88(%rdi), %r15
    movl 8(%rdi), %ebp
    xorl %r12d, %r12d
    leaq 8(%rdi), %rbx
    leaq 88(%rdi), %r14
    movq <bare_uring::squeue::Producer>::look@GOTPCREL(%rip), %r13
    xorps %xmm0, %xmm0
.L1:
    cmpl 12(%rdi), %ebp
    je .L3
.L2:
    movl 160(%rdi), %ecx
    andl %ebp, %ecx
    shlq $6, %rcx
    movups %xmm0, 16(%r15,%rcx)
    movups %xmm0, (%r15,%rcx)
    movq %r12, 32(%r15,%rcx)
    incl %ebp
    movups %xmm0, 40(%r15,%rcx)
    movq $0, 56(%r15,%rcx)
    movl %ebp, 8(%rdi)
    incq %r12
    cmpq %r12, %rsi
    jne .L1
    jmp .L4
.L3:
    movq %rdi, 16(%rsp)
    movq %rbx, %rdi
    movq %rsi, 8(%rsp)
    movq %r14, %rsi
    callq *%r13
    xorps %xmm0, %xmm0
    movq 16(%rsp), %rdi
    movq 8(%rsp), %rsi
    movl %eax, %ecx
    movb $1, %al
    testl %ecx, %ecx
    jne .L2
    xorl %eax, %eax
.L4:
    addq $24, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
.L5:
    retq

# push_with: 94 instructions; shortest way 33; loop at .L3: 23
push_with:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r12
    pushq %rbx
    movq %rsi, %rax
    movq 88(%rdi), %rbx
    movl 160(%rdi), %ebp
    movl 8(%rdi), %r14d
    movl 12(%rdi), %ecx
    leaq -1(%rsi), %rdx
    subl %r14d, %ecx
    cmpq %rcx, %rdx
    jae .L7
.L1:
    leal (%r14,%rax), %ecx
    movl %r14d, %edx
    andl %ebp, %edx
    shlq $6, %rdx
    xorps %xmm0, %xmm0
    movups %xmm0, 16(%rbx,%rdx)
    movups %xmm0, (%rbx,%rdx)
    movq $1, 32(%rbx,%rdx)
    movups %xmm0, 40(%rbx,%rdx)
    movq $0, 56(%rbx,%rdx)
    cmpq $1, %rax
    je .L5
    cmpl $2, %eax
    jne .L2
    incl %r14d
    movl $1, %edx
    jmp .L4
.L2:
    leal -1(%rax), %esi
    movl %esi, %r8d
    andl $-2, %r8d
    negl %r8d
    movl $1, %edx
.L3:
    leal (%r14,%rdx), %r9d
    leaq 1(%rdx), %r10
    andl %ebp, %r9d
    shlq $6, %r9
    movups %xmm0, 16(%rbx,%r9)
    movups %xmm0, (%rbx,%r9)
    movq %r10, 32(%rbx,%r9)
    movups %xmm0, 40(%rbx,%r9)
    movq $0, 56(%rbx,%r9)
    movl %edx, %r9d
    addq $2, %rdx
    addl %r14d, %r9d
    incl %r9d
    andl %ebp, %r9d
    shlq $6, %r9
    movups %xmm0, 16(%rbx,%r9)
    movups %xmm0, (%rbx,%r9)
    movq %rdx, 32(%rbx,%r9)
    movups %xmm0, 40(%rbx,%r9)
    movq $0, 56(%rbx,%r9)
    leal (%r8,%rdx), %r9d
    cmpl $1, %r9d
    jne .L3
    testb $1, %sil
    je .L5
    addq %rdx, %r14
.L4:
    incq %rdx
    andl %ebp, %r14d
    shlq $6, %r14
    xorps %xmm0, %xmm0
    movups %xmm0, 16(%rbx,%r14)
    movups %xmm0, (%rbx,%r14)
    movq %rdx, 32(%rbx,%r14)
    movups %xmm0, 40(%rbx,%r14)
    movq $0, 56(%rbx,%r14)
.L5:
    movl %ecx, 8(%rdi)
.L6:
    popq %rbx
    popq %r12
    popq %r14
    popq %r15
    popq %rbp
    retq
.L7:
    leaq 8(%rdi), %rcx
    leaq 88(%rdi), %rsi
    movq %rdi, %r12
    movq %rcx, %rdi
    movq %rax, %r15
    callq *<bare_uring::squeue::Producer>::look@GOTPCREL(%rip)
    movq %r12, %rdi
    movl %eax, %ecx
    movq %r15, %rax
    movl %ecx, %ecx
    cmpq %r15, %rcx
    cmovbq %rcx, %rax
    testq %rax, %rax
    jne .L1
    xorl %eax, %eax
    jmp .L6

# push_read: 56 instructions; shortest way 35
push_read:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    subq $24, %rsp
    movq 88(%rdi), %r14
    movl 8(%rdi), %ebx
    cmpl %ebx, 12(%rdi)
    je .L3
.L1:
    movl 160(%rdi), %eax
    andl %ebx, %eax
    shlq $6, %rax
    movl $22, (%r14,%rax)
    movl %esi, 4(%r14,%rax)
    movq %r8, 8(%r14,%rax)
    movq %rdx, 16(%r14,%rax)
    movl %ecx, 24(%r14,%rax)
    movl $0, 28(%r14,%rax)
    movq %r9, 32(%r14,%rax)
    xorps %xmm0, %xmm0
    movups %xmm0, 40(%r14,%rax)
    movq $0, 56(%r14,%rax)
    incl %ebx
    movl %ebx, 8(%rdi)
    movb $1, %al
.L2:
    addq $24, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq
.L3:
    leaq 8(%rdi), %rax
    leaq 88(%rdi), %r10
    movq %rdi, 16(%rsp)
    movq %rax, %rdi
    movl %esi, 12(%rsp)
    movq %r10, %rsi
    movq %r9, %r13
    movl %ecx, %r15d
    movq %r8, %r12
    movq %rdx, %rbp
    callq *<bare_uring::squeue::Producer>::look@GOTPCREL(%rip)
    movl 12(%rsp), %esi
    movq %rbp, %rdx
    movq %r12, %r8
    movl %r15d, %ecx
    movq %r13, %r9
    movq 16(%rsp), %rdi
    testl %eax, %eax
    jne .L1
    xorl %eax, %eax
    jmp .L2

# submit: 62 instructions; shortest way 31; with a system call 43
submit:
    pushq %r14
    pushq %rbx
    pushq %rax
    movq %rsi, %rax
    movq %rdi, %rbx
    leaq 80(%rsi), %rdi
    movq (%rsi), %r8
    testq %r8, %r8
    jne .L5
    movl 8(%rax), %ecx
    movq 168(%rax), %rdx
    movl (%rdx), %edx
    movl %ecx, %esi
    subl %edx, %esi
    je .L1
    movq 176(%rax), %r8
    movl %ecx, (%r8)
.L1:
    movq 200(%rax), %rax
    movl (%rax), %eax
    xorl %edx, %ecx
    movl %eax, %edx
    andl $6, %edx
    xorl %r14d, %r14d
    orl %ecx, %edx
    je .L2
    xorl %r10d, %r10d
    testb $6, %al
    setne %r10b
    movslq (%rdi), %rdi
    movl $426, %eax
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L7
    movl %eax, %eax
    jmp .L3
.L2:
    xorl %eax, %eax
.L3:
    movq %rax, 8(%rbx)
.L4:
    movl %r14d, (%rbx)
    movq %rbx, %rax
    addq $8, %rsp
    popq %rbx
    popq %r14
    retq
.L5:
    xorl %r14d, %r14d
    movq %rax, %rsi
    xorl %edx, %edx
    xorl %ecx, %ecx
    callq *%r8
    testb $1, %al
    je .L6
    movl %edx, 4(%rbx)
    movl $1, %r14d
    jmp .L4
.L6:
    movl %edx, %eax
    jmp .L3
.L7:
    negl %eax
    movl %eax, 4(%rbx)
    movl $1, %r14d
    jmp .L4

# submit_and_wait: 98 instructions; shortest way 28; with a system call 28
submit_and_wait:
    pushq %rbx
    movq %rdi, %rbx
    leaq -1(%rdx), %rax
    movl 20(%rsi), %ecx
    cmpq %rcx, %rax
    jae .L4
.L1:
    movl 8(%rsi), %ecx
    movq 168(%rsi), %rax
    movl (%rax), %eax
    movq 176(%rsi), %rdi
    movl %ecx, (%rdi)
    subl %eax, %ecx
    movl 84(%rsi), %r10d
    movslq 80(%rsi), %rdi
    movl $426, %eax
    movq %rcx, %rsi
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4095, %rax
    jae .L10
.L2:
    movl %eax, %eax
.L3:
    movq %rax, 8(%rbx)
    xorl %eax, %eax
    movl %eax, (%rbx)
    movq %rbx, %rax
    popq %rbx
    retq
.L4:
    movl 96(%rsi), %ecx
    movq %rdx, %rax
    cmpq %rcx, %rdx
    jae .L6
    leaq 80(%rsi), %rdi
    movq (%rsi), %r8
    testq %r8, %r8
    je .L8
.L5:
    movl %eax, %edx
    xorl %ecx, %ecx
    callq *%r8
    movl %eax, %ecx
    movl %edx, %eax
    testb $1, %cl
    je .L2
    jmp .L11
.L6:
    incl %ecx
    testb $4, 234(%rsi)
    je .L7
    xorl %eax, %eax
    subl $2, %ecx
    cmovbl %eax, %ecx
    cmpl $1, %ecx
    adcl $0, %ecx
.L7:
    movl %ecx, %eax
    cmpq %rdx, %rax
    cmovaeq %rdx, %rax
    leaq 80(%rsi), %rdi
    movq (%rsi), %r8
    testq %r8, %r8
    jne .L5
.L8:
    testq %rdx, %rdx
    movq %rax, %rdx
    jne .L1
    movl 8(%rsi), %eax
    movq 168(%rsi), %rcx
    movl (%rcx), %edx
    movl %eax, %ecx
    subl %edx, %ecx
    je .L9
    movq 176(%rsi), %r8
    movl %eax, (%r8)
.L9:
    movq 200(%rsi), %rsi
    movl (%rsi), %esi
    xorl %edx, %eax
    movl %esi, %edx
    andl $6, %edx
    orl %eax, %edx
    je .L12
    xorl %r10d, %r10d
    testb $6, %sil
    setne %r10b
    movslq (%rdi), %rdi
    movl $426, %eax
    movq %rcx, %rsi
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4095, %rax
    jb .L2
.L10:
    negl %eax
.L11:
    movl %eax, 4(%rbx)
    movl $1, %eax
    movl %eax, (%rbx)
    movq %rbx, %rax
    popq %rbx
    retq
.L12:
    xorl %eax, %eax
    jmp .L3

# submit_sqpoll: 94 instructions; shortest way 25; with a system call 46
submit_sqpoll:
    pushq %r14
    pushq %rbx
    pushq %rax
    movq %rdi, %rax
    leaq 80(%rsi), %rdi
    cmpb $0, 32(%rsi)
    je .L3
    movl 8(%rsi), %ecx
    movl %ecx, %r8d
    subl 24(%rsi), %r8d
    je .L1
    movq 176(%rsi), %rdx
    movl %ecx, (%rdx)
.L1:
    lock orl $0, -64(%rsp)
    movq 200(%rsi), %rdx
    movl (%rdx), %r9d
    testl %r9d, %r9d
    jne .L5
    movl %ecx, 24(%rsi)
    movl %r8d, %ecx
    movq %rcx, 8(%rax)
    xorl %ebx, %ebx
.L2:
    movl %ebx, (%rax)
    addq $8, %rsp
    popq %rbx
    popq %r14
    retq
.L3:
    movq (%rsi), %r8
    testq %r8, %r8
    jne .L8
    movl 8(%rsi), %edx
    movq 168(%rsi), %rcx
    movl (%rcx), %r8d
    movl %edx, %ecx
    subl %r8d, %ecx
    je .L4
    movq 176(%rsi), %r9
    movl %edx, (%r9)
.L4:
    movq 200(%rsi), %rsi
    movl (%rsi), %esi
    xorl %r8d, %edx
    movl %esi, %r8d
    andl $6, %r8d
    xorl %ebx, %ebx
    orl %edx, %r8d
    je .L7
    movq %rax, %r14
    xorl %r10d, %r10d
    testb $6, %sil
    setne %r10b
    movslq (%rdi), %rdi
    movl $426, %eax
    movq %rcx, %rsi
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L10
    movl %eax, %ecx
    movq %r14, %rax
    movq %rcx, 8(%r14)
    jmp .L2
.L5:
    movq %rax, %r14
    xorl %ebx, %ebx
    xorl %edx, %edx
    xorl %ecx, %ecx
    callq *<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over@GOTPCREL(%rip)
    testb $1, %al
    je .L9
.L6:
    movq %r14, %rax
    movl %edx, 4(%r14)
    movl $1, %ebx
    jmp .L2
.L7:
    xorl %ecx, %ecx
    movq %rcx, 8(%rax)
    jmp .L2
.L8:
    movq %rax, %r14
    xorl %ebx, %ebx
    xorl %edx, %edx
    xorl %ecx, %ecx
    callq *%r8
    testb $1, %al
    jne .L6
.L9:
    movl %edx, %ecx
    movq %r14, %rax
    movq %rcx, 8(%r14)
    jmp .L2
.L10:
    negl %eax
    movq %rax, %rcx
    movq %r14, %rax
    movl %ecx, 4(%r14)
    movl $1, %ebx
    jmp .L2

# submit_local: 60 instructions; shortest way 28; with a system call 41
submit_local:
    pushq %r14
    pushq %rbx
    pushq %rax
    movq %rdi, %rbx
    movq (%rsi), %rax
    testq %rax, %rax
    jne .L5
    movl 8(%rsi), %eax
    movq 168(%rsi), %rcx
    movl (%rcx), %edx
    movl %eax, %ecx
    subl %edx, %ecx
    je .L1
    movq 176(%rsi), %rdi
    movl %eax, (%rdi)
.L1:
    movq 200(%rsi), %rdi
    movl (%rdi), %edi
    xorl %edx, %eax
    andl $6, %edi
    xorl %r14d, %r14d
    orl %edi, %eax
    je .L2
    cmpl $1, %edi
    movl $16, %r10d
    sbbq $-1, %r10
    movslq 224(%rsi), %rdi
    movl $426, %eax
    movq %rcx, %rsi
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L7
    movl %eax, %eax
    jmp .L3
.L2:
    xorl %eax, %eax
.L3:
    movq %rax, 8(%rbx)
.L4:
    movl %r14d, (%rbx)
    movq %rbx, %rax
    addq $8, %rsp
    popq %rbx
    popq %r14
    retq
.L5:
    leaq 80(%rsi), %rdi
    xorl %r14d, %r14d
    xorl %edx, %edx
    xorl %ecx, %ecx
    callq *%rax
    testb $1, %al
    je .L6
    movl %edx, 4(%rbx)
    movl $1, %r14d
    jmp .L4
.L6:
    movl %edx, %eax
    jmp .L3
.L7:
    negl %eax
    movl %eax, 4(%rbx)
    movl $1, %r14d
    jmp .L4

# reap_for: 76 instructions; shortest way 36; loop at .L3: 8
reap_for:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    pushq %rax
    movq 144(%rdi), %r15
    movl 40(%rdi), %ebp
    xorl %eax, %eax
    leaq 40(%rdi), %rbx
    leaq 88(%rdi), %r14
    movl %ebp, %edx
    jmp .L3
.L1:
    movl %ecx, 48(%rdi)
.L2:
    movl 96(%rdi), %ecx
    andl %edx, %ecx
    shlq $4, %rcx
    incl %edx
    addq (%r15,%rcx), %rax
    movl %edx, 40(%rdi)
.L3:
    cmpl 48(%rdi), %edx
    jne .L2
    movl 44(%rdi), %ecx
    movl %ebp, %esi
    subl %ecx, %esi
    jne .L7
.L4:
    movq 112(%rdi), %rcx
    movl (%rcx), %ecx
    movl %ecx, %r8d
    subl %edx, %r8d
    je .L8
    cmpl 44(%rdi), %edx
    sete %sil
    cmpl 56(%rdi), %r8d
    ja .L6
    testb %sil, %sil
    jne .L1
.L5:
    movq %rdi, %r12
    movq %rbx, %rdi
    movq %r14, %rsi
    movl %ecx, %edx
    movq %rax, %r13
    callq <bare_uring::cqueue::Consumer>::look_with_care
    movq %r12, %rdi
    movl %eax, %ecx
    movq %r13, %rax
    testb $1, %cl
    jne .L2
    jmp .L8
.L6:
    xorl %esi, %esi
    testb %sil, %sil
    jne .L1
    jmp .L5
.L7:
    movl %edx, %r8d
    subl %ecx, %r8d
    cmpl %r8d, %esi
    ja .L4
    movq 104(%rdi), %rcx
    movl %ebp, (%rcx)
    movl %ebp, 44(%rdi)
    jmp .L4
.L8:
    movl 40(%rdi), %ecx
    cmpl 44(%rdi), %ecx
    je .L9
    movq 104(%rdi), %rdx
    movl %ecx, (%rdx)
    movl %ecx, 44(%rdi)
.L9:
    addq $8, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq

# reap_fold: 101 instructions; shortest way 23; loop at .L2: 19; loop at .L3: 7; loop at .L8: 15 and 1 call
reap_fold:
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    movq 144(%rdi), %r15
    movl 40(%rdi), %edx
    movq 112(%rdi), %rax
    movl (%rax), %ecx
    movl %ecx, %r9d
    subl %edx, %r9d
    je .L6
    cmpl 56(%rdi), %r9d
    ja .L7
    movl 96(%rdi), %esi
    movl %r9d, %r8d
    andl $3, %r8d
    movl %edx, %eax
    subl %ecx, %eax
    cmpl $-4, %eax
    jbe .L1
    xorl %eax, %eax
    jmp .L3
.L1:
    andl $-4, %r9d
    xorl %eax, %eax
.L2:
    movl %edx, %r10d
    andl %esi, %r10d
    shlq $4, %r10
    leal 1(%rdx), %r11d
    addq (%r15,%r10), %rax
    andl %esi, %r11d
    shlq $4, %r11
    addq (%r15,%r11), %rax
    leal 2(%rdx), %r10d
    andl %esi, %r10d
    shlq $4, %r10
    addq (%r15,%r10), %rax
    leal 3(%rdx), %r10d
    andl %esi, %r10d
    shlq $4, %r10
    addl $4, %edx
    addq (%r15,%r10), %rax
    addl $-4, %r9d
    jne .L2
    testl %r8d, %r8d
    je .L4
.L3:
    movl %edx, %r9d
    andl %esi, %r9d
    shlq $4, %r9
    incl %edx
    addq (%r15,%r9), %rax
    decl %r8d
    jne .L3
.L4:
    movq 104(%rdi), %rdx
    movl %ecx, (%rdx)
    movd %ecx, %xmm0
    pshufd $0, %xmm0, %xmm0
    movdqu %xmm0, 40(%rdi)
.L5:
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    retq
.L6:
    xorl %eax, %eax
    jmp .L10
.L7:
    leaq 40(%rdi), %rbx
    movq %rdi, %r12
    leaq 88(%rdi), %r14
    movq %rbx, %rdi
    movq %r14, %rsi
    callq <bare_uring::cqueue::Consumer>::next_place
    testb $1, %al
    je .L9
    xorl %eax, %eax
    movq %r12, %rdi
.L8:
    movl 96(%rdi), %ecx
    andl %edx, %ecx
    shlq $4, %rcx
    incl %edx
    addq (%r15,%rcx), %rax
    movl %edx, 40(%rdi)
    movq %rbx, %rdi
    movq %r14, %rsi
    movq %rax, %r13
    callq <bare_uring::cqueue::Consumer>::next_place
    movq %r12, %rdi
    movl %eax, %ecx
    movq %r13, %rax
    testb $1, %cl
    jne .L8
    jmp .L10
.L9:
    xorl %eax, %eax
    movq %r12, %rdi
.L10:
    movl 40(%rdi), %ecx
    cmpl 44(%rdi), %ecx
    je .L5
    movq 104(%rdi), %rdx
    movl %ecx, (%rdx)
    movl %ecx, 44(%rdi)
    jmp .L5

# round: 190 instructions; shortest way 41; with a system call 41; loop at .L1: 15; loop at .L10: 8
round:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    pushq %rax
    movq %rsi, %r14
    movq %rdi, %rbx
    testq %rsi, %rsi
    je .L4
    movq 88(%rbx), %rbp
    movl 8(%rbx), %r12d
    xorl %r15d, %r15d
    xorps %xmm0, %xmm0
    xorl %r13d, %r13d
.L1:
    cmpl 12(%rbx), %r12d
    je .L3
.L2:
    movl 160(%rbx), %eax
    andl %r12d, %eax
    shlq $6, %rax
    movups %xmm0, 16(%rbp,%rax)
    movups %xmm0, (%rbp,%rax)
    movq %r13, 32(%rbp,%rax)
    incl %r12d
    movups %xmm0, 40(%rbp,%rax)
    movq $0, 56(%rbp,%rax)
    movl %r12d, 8(%rbx)
    incq %r13
    cmpq %r13, %r14
    jne .L1
    jmp .L4
.L3:
    leaq 8(%rbx), %rdi
    leaq 88(%rbx), %rsi
    callq *<bare_uring::squeue::Producer>::look@GOTPCREL(%rip)
    xorps %xmm0, %xmm0
    testl %eax, %eax
    jne .L2
    jmp .L23
.L4:
    leaq -1(%r14), %rax
    movl 20(%rbx), %ecx
    cmpq %rcx, %rax
    jae .L16
    movl 8(%rbx), %esi
.L5:
    movq 168(%rbx), %rax
    movl (%rax), %eax
    movq 176(%rbx), %rcx
    movl %esi, (%rcx)
    subl %eax, %esi
    movl 84(%rbx), %r10d
    movslq 80(%rbx), %rdi
    xorl %r15d, %r15d
    movl $426, %eax
    movq %r14, %rdx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L23
.L6:
    movq 144(%rbx), %r12
    movl 40(%rbx), %ebp
    xorl %edx, %edx
    leaq 40(%rbx), %r14
    leaq 88(%rbx), %r15
    movl %ebp, %esi
    jmp .L10
.L7:
    xorl %eax, %eax
    testb %al, %al
    je .L12
.L8:
    movl %ecx, 48(%rbx)
.L9:
    movl 96(%rbx), %eax
    andl %esi, %eax
    shlq $4, %rax
    incl %esi
    addq (%r12,%rax), %rdx
    movl %esi, 40(%rbx)
.L10:
    cmpl 48(%rbx), %esi
    jne .L9
    movl 44(%rbx), %eax
    movl %ebp, %ecx
    subl %eax, %ecx
    jne .L13
.L11:
    movq 112(%rbx), %rax
    movl (%rax), %ecx
    movl %ecx, %edi
    subl %esi, %edi
    je .L14
    cmpl 44(%rbx), %esi
    sete %al
    cmpl 56(%rbx), %edi
    ja .L7
    testb %al, %al
    jne .L8
.L12:
    movq %r14, %rdi
    movq %r15, %rsi
    movq %rdx, %r13
    movl %ecx, %edx
    callq <bare_uring::cqueue::Consumer>::look_with_care
    movl %edx, %esi
    movq %r13, %rdx
    testb $1, %al
    jne .L9
    jmp .L14
.L13:
    movl %esi, %edi
    subl %eax, %edi
    cmpl %edi, %ecx
    ja .L11
    movq 104(%rbx), %rax
    movl %ebp, (%rax)
    movl %ebp, 44(%rbx)
    jmp .L11
.L14:
    movl 40(%rbx), %eax
    movl $1, %r15d
    cmpl 44(%rbx), %eax
    je .L15
    movq 104(%rbx), %rcx
    movl %eax, (%rcx)
    movl %eax, 44(%rbx)
.L15:
    movq %r15, %rax
    addq $8, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq
.L16:
    movl 96(%rbx), %eax
    movq %r14, %rdx
    cmpq %rax, %r14
    jae .L18
    leaq 80(%rbx), %rdi
    movq (%rbx), %rax
    testq %rax, %rax
    je .L20
.L17:
    xorl %r15d, %r15d
    movq %rbx, %rsi
    xorl %ecx, %ecx
    callq *%rax
    testb $1, %al
    jne .L15
    jmp .L6
.L18:
    incl %eax
    testb $4, 234(%rbx)
    je .L19
    xorl %ecx, %ecx
    subl $2, %eax
    cmovbl %ecx, %eax
    cmpl $1, %eax
    adcl $0, %eax
.L19:
    movl %eax, %edx
    cmpq %r14, %rdx
    cmovaeq %r14, %rdx
    leaq 80(%rbx), %rdi
    movq (%rbx), %rax
    testq %rax, %rax
    jne .L17
.L20:
    movl 8(%rbx), %esi
    testq %r14, %r14
    je .L21
    movq %rdx, %r14
    jmp .L5
.L21:
    movq 168(%rbx), %rax
    movl (%rax), %eax
    movl %esi, %ecx
    subl %eax, %ecx
    je .L22
    movq 176(%rbx), %rdx
    movl %esi, (%rdx)
.L22:
    movq 200(%rbx), %rdx
    movl (%rdx), %edx
    xorl %eax, %esi
    movl %edx, %eax
    andl $6, %eax
    orl %esi, %eax
    je .L6
    xorl %r10d, %r10d
    testb $6, %dl
    setne %r10b
    movslq (%rdi), %rdi
    xorl %r15d, %r15d
    movl $426, %eax
    movq %rcx, %rsi
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    jbe .L6
.L23:
    jmp .L15

# round_by_closures: 267 instructions; shortest way 60; with a system call 60; loop at .L3: 23; loop at .L10: 19; loop at .L11: 7; loop at .L18: 14 and 1 call
round_by_closures:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    pushq %rax
    movq %rsi, %r14
    movq %rdi, %rbx
    movq 88(%rdi), %r15
    movl 160(%rdi), %ebp
    movl 8(%rdi), %r12d
    movl 12(%rdi), %eax
    leaq -1(%rsi), %rcx
    subl %r12d, %eax
    cmpq %rax, %rcx
    jae .L14
.L1:
    leal (%r12,%r14), %eax
    movl %r12d, %ecx
    andl %ebp, %ecx
    shlq $6, %rcx
    pxor %xmm0, %xmm0
    movdqu %xmm0, 16(%r15,%rcx)
    movdqu %xmm0, (%r15,%rcx)
    movq $1, 32(%r15,%rcx)
    movdqu %xmm0, 40(%r15,%rcx)
    movq $0, 56(%r15,%rcx)
    cmpq $1, %r14
    je .L5
    cmpl $2, %r14d
    jne .L2
    incl %r12d
    movl $1, %ecx
    jmp .L4
.L2:
    leal -1(%r14), %edx
    movl %edx, %esi
    andl $-2, %esi
    negl %esi
    movl $1, %ecx
.L3:
    leal (%r12,%rcx), %edi
    leaq 1(%rcx), %r8
    andl %ebp, %edi
    shlq $6, %rdi
    movdqu %xmm0, 16(%r15,%rdi)
    movdqu %xmm0, (%r15,%rdi)
    movq %r8, 32(%r15,%rdi)
    movdqu %xmm0, 40(%r15,%rdi)
    movq $0, 56(%r15,%rdi)
    movl %ecx, %edi
    addq $2, %rcx
    addl %r12d, %edi
    incl %edi
    andl %ebp, %edi
    shlq $6, %rdi
    movdqu %xmm0, 16(%r15,%rdi)
    movdqu %xmm0, (%r15,%rdi)
    movq %rcx, 32(%r15,%rdi)
    movdqu %xmm0, 40(%r15,%rdi)
    movq $0, 56(%r15,%rdi)
    leal (%rsi,%rcx), %edi
    cmpl $1, %edi
    jne .L3
    testb $1, %dl
    je .L5
    addq %rcx, %r12
.L4:
    incq %rcx
    andl %ebp, %r12d
    shlq $6, %r12
    pxor %xmm0, %xmm0
    movdqu %xmm0, 16(%r15,%r12)
    movdqu %xmm0, (%r15,%r12)
    movq %rcx, 32(%r15,%r12)
    movdqu %xmm0, 40(%r15,%r12)
    movq $0, 56(%r15,%r12)
.L5:
    movl %eax, 8(%rbx)
    leaq -1(%r14), %rax
    movl 20(%rbx), %ecx
    cmpq %rcx, %rax
    jae .L15
.L6:
    movl 8(%rbx), %esi
.L7:
    movq 168(%rbx), %rax
    movl (%rax), %eax
    movq 176(%rbx), %rcx
    movl %esi, (%rcx)
    subl %eax, %esi
    movl 84(%rbx), %r10d
    movslq 80(%rbx), %rdi
    xorl %r15d, %r15d
    movl $426, %eax
    movq %r14, %rdx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L26
.L8:
    movq 144(%rbx), %r12
    movl 40(%rbx), %ecx
    movq 112(%rbx), %rax
    movl (%rax), %eax
    movl %eax, %r8d
    subl %ecx, %r8d
    je .L19
    cmpl 56(%rbx), %r8d
    ja .L17
    movl 96(%rbx), %esi
    movl %r8d, %edi
    andl $3, %edi
    movl %ecx, %edx
    subl %eax, %edx
    cmpl $-4, %edx
    jbe .L9
    xorl %edx, %edx
    jmp .L11
.L9:
    andl $-4, %r8d
    xorl %edx, %edx
.L10:
    movl %ecx, %r9d
    andl %esi, %r9d
    shlq $4, %r9
    leal 1(%rcx), %r10d
    addq (%r12,%r9), %rdx
    andl %esi, %r10d
    shlq $4, %r10
    addq (%r12,%r10), %rdx
    leal 2(%rcx), %r9d
    andl %esi, %r9d
    shlq $4, %r9
    addq (%r12,%r9), %rdx
    leal 3(%rcx), %r9d
    andl %esi, %r9d
    shlq $4, %r9
    addl $4, %ecx
    addq (%r12,%r9), %rdx
    addl $-4, %r8d
    jne .L10
    testl %edi, %edi
    je .L12
.L11:
    movl %ecx, %r8d
    andl %esi, %r8d
    shlq $4, %r8
    incl %ecx
    addq (%r12,%r8), %rdx
    decl %edi
    jne .L11
.L12:
    movq 104(%rbx), %rcx
    movl %eax, (%rcx)
    movd %eax, %xmm0
    pshufd $0, %xmm0, %xmm0
    movdqu %xmm0, 40(%rbx)
    movl $1, %r15d
.L13:
    movq %r15, %rax
    addq $8, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq
.L14:
    leaq 8(%rbx), %rdi
    leaq 88(%rbx), %rsi
    callq *<bare_uring::squeue::Producer>::look@GOTPCREL(%rip)
    movl %eax, %eax
    cmpq %r14, %rax
    cmovbq %rax, %r14
    testq %r14, %r14
    jne .L1
    xorl %r14d, %r14d
    leaq -1(%r14), %rax
    movl 20(%rbx), %ecx
    cmpq %rcx, %rax
    jb .L6
.L15:
    movl 96(%rbx), %eax
    movq %r14, %rdx
    cmpq %rax, %r14
    jae .L21
    leaq 80(%rbx), %rdi
    movq (%rbx), %rax
    testq %rax, %rax
    je .L23
.L16:
    xorl %r15d, %r15d
    movq %rbx, %rsi
    xorl %ecx, %ecx
    callq *%rax
    testb $1, %al
    je .L8
    jmp .L13
.L17:
    leaq 40(%rbx), %r14
    leaq 88(%rbx), %r15
    movq %r14, %rdi
    movq %r15, %rsi
    callq <bare_uring::cqueue::Consumer>::next_place
    testb $1, %al
    je .L19
    movl %edx, %ecx
    xorl %edx, %edx
.L18:
    movl 96(%rbx), %eax
    andl %ecx, %eax
    shlq $4, %rax
    incl %ecx
    addq (%r12,%rax), %rdx
    movl %ecx, 40(%rbx)
    movq %r14, %rdi
    movq %r15, %rsi
    movq %rdx, %r13
    callq <bare_uring::cqueue::Consumer>::next_place
    movl %edx, %ecx
    movq %r13, %rdx
    testb $1, %al
    jne .L18
    jmp .L20
.L19:
    xorl %edx, %edx
.L20:
    movl 40(%rbx), %eax
    movl $1, %r15d
    cmpl 44(%rbx), %eax
    je .L13
    movq 104(%rbx), %rcx
    movl %eax, (%rcx)
    movl %eax, 44(%rbx)
    jmp .L13
.L21:
    incl %eax
    testb $4, 234(%rbx)
    je .L22
    xorl %ecx, %ecx
    subl $2, %eax
    cmovbl %ecx, %eax
    cmpl $1, %eax
    adcl $0, %eax
.L22:
    movl %eax, %edx
    cmpq %r14, %rdx
    cmovaeq %r14, %rdx
    leaq 80(%rbx), %rdi
    movq (%rbx), %rax
    testq %rax, %rax
    jne .L16
.L23:
    movl 8(%rbx), %esi
    testq %r14, %r14
    je .L24
    movq %rdx, %r14
    jmp .L7
.L24:
    movq 168(%rbx), %rax
    movl (%rax), %eax
    movl %esi, %ecx
    subl %eax, %ecx
    je .L25
    movq 176(%rbx), %rdx
    movl %esi, (%rdx)
.L25:
    movq 200(%rbx), %rdx
    movl (%rdx), %edx
    xorl %eax, %esi
    movl %edx, %eax
    andl $6, %eax
    orl %esi, %eax
    je .L8
    xorl %r10d, %r10d
    testb $6, %dl
    setne %r10b
    movslq (%rdi), %rdi
    xorl %r15d, %r15d
    movl $426, %eax
    movq %rcx, %rsi
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    jbe .L8
.L26:
    jmp .L13

# <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread: 17 instructions; shortest way 14
<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread:
    movl 8(%rsi), %eax
    movl %eax, %r8d
    subl 24(%rsi), %r8d
    je .L1
    movq 96(%rdi), %r9
    movl %eax, (%r9)
.L1:
    lock orl $0, -64(%rsp)
    movq 120(%rdi), %r9
    movl (%r9), %r9d
    movl %edx, %r10d
    orl %r9d, %r10d
    jne .L2
    movl %eax, 24(%rsi)
    xorl %eax, %eax
    movl %r8d, %edx
    retq
.L2:
    jmpq *<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over@GOTPCREL(%rip)

# <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over: 192 instructions; shortest way 66; with a system call 67; loop at .L7: 11; loop at .L9: 11
<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %rbx
    movl %r9d, %eax
    movl %r8d, %r11d
    movq %rsi, %rbx
    movq %rdi, %r14
    testq %rcx, %rcx
    je .L1
    movl 16(%rcx), %r10d
    movq (%rcx), %r8
    movq 8(%rcx), %r9
    jmp .L2
.L1:
    xorl %r10d, %r10d
    xorl %r9d, %r9d
    xorl %r8d, %r8d
.L2:
    movl 152(%r14), %ebp
    testb $2, %bpl
    sete %cl
    testb $1, %al
    sete %sil
    orb %cl, %sil
    movl %r11d, %esi
    jne .L3
    movl 80(%r14), %ecx
    movq 88(%r14), %rsi
    movl (%rsi), %esi
    movl 8(%rbx), %edi
    subl %esi, %edi
    leal 1(%rcx), %esi
    cmpl %ecx, %edi
    cmovbel %edi, %esi
.L3:
    movl %ebp, %ecx
    shrl %ecx
    andl $1, %ecx
    xorl %edi, %edi
    testl %esi, %esi
    setne %dil
    movl %eax, %esi
    andb %dil, %sil
    movl %ebp, %r15d
    andl $3, %r15d
    cmpl $1, %r15d
    sete %r15b
    andl $6, %eax
    orl %edx, %eax
    setne %al
    orb %r15b, %al
    movzbl %sil, %r15d
    testl %ecx, %ecx
    cmovnel %r15d, %edi
    testb %al, %al
    jne .L4
    testb %dil, %dil
    je .L5
.L4:
    andb %sil, %cl
    movzbl %cl, %ecx
    movzbl %al, %eax
    leal (%rax,%rcx,2), %eax
    testl %edx, %edx
    je .L14
    orl 4(%r14), %r10d
    orl %eax, %r10d
    movslq (%r14), %rdi
    movl %r11d, %esi
    movl %edx, %edx
    movl $426, %eax
    syscall
    movq %rax, %r11
    cmpq $-4095, %rax
    jae .L15
.L5:
    testl $1048576, %ebp
    jne .L6
    movl 8(%rbx), %eax
    movl %eax, 24(%rbx)
    movl 28(%rbx), %ecx
    testl %ecx, %ecx
    jne .L11
    jmp .L12
.L6:
    movl 80(%r14), %ecx
    movl 8(%rbx), %edx
    incl %ecx
    cmpl %edx, %ecx
    cmovbl %ecx, %edx
    xorl %esi, %esi
    movl %edx, %eax
    subl %r11d, %eax
    cmovbl %esi, %eax
    testb $4, 153(%r14)
    movq 8(%r14), %rsi
    jne .L8
    cmpl %r11d, %edx
    jbe .L10
    leaq (,%rax,8), %rdi
    subl %eax, %edx
    shlq $6, %rdx
    addq $24, %rsi
.L7:
    movq -24(%rsi,%rdx), %r8
    movq %r8, -24(%rsi)
    movq -16(%rsi,%rdx), %r8
    movq %r8, -16(%rsi)
    movq -8(%rsi,%rdx), %r8
    movq %r8, -8(%rsi)
    movq (%rsi,%rdx), %r8
    movq %r8, (%rsi)
    addq $32, %rsi
    addq $-4, %rdi
    jne .L7
    jmp .L10
.L8:
    cmpl %r11d, %edx
    jbe .L10
    movq %rax, %rdi
    shlq $4, %rdi
    subl %eax, %edx
    shlq $7, %rdx
    addq $24, %rsi
.L9:
    movq -24(%rsi,%rdx), %r8
    movq %r8, -24(%rsi)
    movq -16(%rsi,%rdx), %r8
    movq %r8, -16(%rsi)
    movq -8(%rsi,%rdx), %r8
    movq %r8, -8(%rsi)
    movq (%rsi,%rdx), %r8
    movq %r8, (%rsi)
    addq $32, %rsi
    addq $-4, %rdi
    jne .L9
.L10:
    movl %eax, 8(%rbx)
    movl %ecx, 12(%rbx)
    movl %eax, 24(%rbx)
    movl 28(%rbx), %ecx
    testl %ecx, %ecx
    je .L12
.L11:
    addl %r11d, %ecx
    seto %al
    testl %r11d, %r11d
    sets %dl
    cmpb %al, %dl
    jne .L16
    xorl %eax, %eax
    testl %ecx, %ecx
    movl $0, %edx
    cmovsl %ecx, %edx
    movl %edx, 28(%rbx)
    cmovlel %eax, %ecx
    movl %ecx, %r11d
    js .L19
.L12:
    testb $2, %bpl
    jne .L17
.L13:
    xorl %eax, %eax
    testl $1048577, %ebp
    leaq <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_any(%rip), %rcx
    movl $0, %edx
    cmovneq %rcx, %rdx
    movq %rdx, (%rbx)
    movb $0, 32(%rbx)
    jne .L18
    movl 16(%r14), %eax
    cmpl $1, %eax
    adcl $-1, %eax
    jmp .L18
.L14:
    movslq (%r14), %rdi
    movl %r11d, %esi
    movl %eax, %r10d
    movl $426, %eax
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    movq %rax, %r11
    cmpq $-4095, %rax
    jb .L5
.L15:
    negl %r11d
    movl $1, %eax
    jmp .L19
.L16:
    movl $0, 28(%rbx)
    movl $2147483647, %r11d
    testb $2, %bpl
    je .L13
.L17:
    leaq <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread(%rip), %rax
    movq %rax, (%rbx)
    movb $1, 32(%rbx)
    xorl %eax, %eax
.L18:
    movl %eax, 20(%rbx)
    xorl %eax, %eax
.L19:
    movl %r11d, %edx
    popq %rbx
    popq %r14
    popq %r15
    popq %rbp
    retq

# <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_any: 28 instructions; shortest way 12 and 1 call
<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_any:
    movl 152(%rdi), %r9d
    movl 8(%rsi), %r8d
    testb $2, %r9b
    jne .L2
    movq 88(%rdi), %rax
    movl (%rax), %eax
    cmpl %eax, %r8d
    sete %r10b
    shrl $20, %r9d
    andl $1, %r9d
    orb %r10b, %r9b
    jne .L1
    movq 96(%rdi), %r9
    movl %r8d, (%r9)
.L1:
    subl %eax, %r8d
    movq 120(%rdi), %rax
    movl (%rax), %r9d
    jmpq *<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over@GOTPCREL(%rip)
.L2:
    movl 24(%rsi), %eax
    cmpl %eax, %r8d
    je .L3
    movq 96(%rdi), %r9
    movl %r8d, (%r9)
.L3:
    lock orl $0, -64(%rsp)
    subl %eax, %r8d
    movq 120(%rdi), %rax
    movl (%rax), %r9d
    jmpq *<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over@GOTPCREL(%rip)
