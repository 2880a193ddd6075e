# The hot functions of benches/codegen/src/lib.rs for x86_64. `ci/codegen.sh --write` writes this file.
# compiler: rustc 1.95.0 (59807616e 2026-04-14), LLVM 22.1.2

# push_one: 40 instructions; shortest way 27
push_one:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %rbx
    pushq %rax
    movq 80(%rdi), %rbx
    movl 8(%rdi), %ebp
    cmpl %ebp, 12(%rdi)
    je .L3
.L1:
    movl 152(%rdi), %eax
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
    leaq 80(%rdi), %rcx
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
    movq 80(%rdi), %r15
    movl 8(%rdi), %ebp
    xorl %r12d, %r12d
    leaq 8(%rdi), %rbx
    leaq 80(%rdi), %r14
    movq <bare_uring::squeue::Producer>::look@GOTPCREL(%rip), %r13
    xorps %xmm0, %xmm0
.L1:
    cmpl 12(%rdi), %ebp
    je .L3
.L2:
    movl 152(%rdi), %ecx
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
    movq 80(%rdi), %rbx
    movl 152(%rdi), %ebp
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
    leaq 80(%rdi), %rsi
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
    movq 80(%rdi), %r14
    movl 8(%rdi), %ebx
    cmpl %ebx, 12(%rdi)
    je .L3
.L1:
    movl 152(%rdi), %eax
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
    leaq 80(%rdi), %r10
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

# submit: 60 instructions; shortest way 29; with a system call 42
submit:
    pushq %r14
    pushq %rbx
    pushq %rax
    movq %rdi, %rbx
    leaq 72(%rsi), %rdi
    movq (%rsi), %rax
    testq %rax, %rax
    jne .L5
    movl 8(%rsi), %ecx
    movq 160(%rsi), %rax
    movl (%rax), %edx
    movl %ecx, %eax
    subl %edx, %eax
    je .L1
    movq 168(%rsi), %rdx
    movl %ecx, (%rdx)
.L1:
    movq 192(%rsi), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    xorl %r14d, %r14d
    movl %ecx, %edx
    orl %eax, %edx
    je .L2
    xorl %r10d, %r10d
    testl %ecx, %ecx
    setne %r10b
    movslq (%rdi), %rdi
    movl %eax, %esi
    movl $426, %eax
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L6
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
    xorl %edx, %edx
    xorl %ecx, %ecx
    callq *%rax
    testb $1, %al
    je .L7
    movl %edx, 4(%rbx)
    movl $1, %r14d
    jmp .L4
.L6:
    negl %eax
    movl %eax, 4(%rbx)
    movl $1, %r14d
    jmp .L4
.L7:
    movl %edx, %eax
    jmp .L3

# submit_and_wait: 97 instructions; shortest way 28; with a system call 28
submit_and_wait:
    pushq %rbx
    movq %rdi, %rbx
    leaq -1(%rdx), %rax
    movl 20(%rsi), %ecx
    cmpq %rcx, %rax
    jae .L4
.L1:
    movl 8(%rsi), %ecx
    movq 160(%rsi), %rax
    movl (%rax), %eax
    movq 168(%rsi), %rdi
    movl %ecx, (%rdi)
    subl %eax, %ecx
    movl 76(%rsi), %r10d
    movslq 72(%rsi), %rdi
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
    movl 88(%rsi), %ecx
    movq %rdx, %rax
    cmpq %rcx, %rdx
    jae .L6
    leaq 72(%rsi), %rdi
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
    leaq 72(%rsi), %rdi
    movq (%rsi), %r8
    testq %r8, %r8
    jne .L5
.L8:
    testq %rdx, %rdx
    movq %rax, %rdx
    jne .L1
    movl 8(%rsi), %ecx
    movq 160(%rsi), %rax
    movl (%rax), %edx
    movl %ecx, %eax
    subl %edx, %eax
    je .L9
    movq 168(%rsi), %rdx
    movl %ecx, (%rdx)
.L9:
    movq 192(%rsi), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    movl %ecx, %edx
    orl %eax, %edx
    je .L12
    xorl %r10d, %r10d
    testl %ecx, %ecx
    setne %r10b
    movslq (%rdi), %rdi
    movl %eax, %esi
    movl $426, %eax
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

# submit_sqpoll: 92 instructions; shortest way 29; with a system call 44
submit_sqpoll:
    pushq %r14
    pushq %rbx
    pushq %rax
    movq %rdi, %rbx
    leaq 72(%rsi), %rdi
    cmpb $0, 32(%rsi)
    je .L6
    movl 8(%rsi), %eax
    movl %eax, %r8d
    subl 24(%rsi), %r8d
    je .L1
    movq 168(%rsi), %rcx
    movl %eax, (%rcx)
.L1:
    lock orl $0, -64(%rsp)
    movq 192(%rsi), %rcx
    movl (%rcx), %r9d
    testl %r9d, %r9d
    je .L3
    xorl %edx, %edx
    xorl %ecx, %ecx
    callq *<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over@GOTPCREL(%rip)
    movl %edx, %r8d
    testb $1, %al
    je .L4
.L2:
    movl %r8d, 4(%rbx)
    movl $1, %r14d
    jmp .L5
.L3:
    movl %eax, 24(%rsi)
    xorl %eax, %eax
    testb $1, %al
    jne .L2
.L4:
    movl %r8d, %eax
    movq %rax, 8(%rbx)
    xorl %r14d, %r14d
.L5:
    movl %r14d, (%rbx)
    movq %rbx, %rax
    addq $8, %rsp
    popq %rbx
    popq %r14
    retq
.L6:
    movq (%rsi), %rax
    testq %rax, %rax
    jne .L9
    movl 8(%rsi), %ecx
    movq 160(%rsi), %rax
    movl (%rax), %edx
    movl %ecx, %eax
    subl %edx, %eax
    je .L7
    movq 168(%rsi), %rdx
    movl %ecx, (%rdx)
.L7:
    movq 192(%rsi), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    xorl %r14d, %r14d
    movl %ecx, %edx
    orl %eax, %edx
    je .L8
    xorl %r10d, %r10d
    testl %ecx, %ecx
    setne %r10b
    movslq (%rdi), %rdi
    movl %eax, %esi
    movl $426, %eax
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L10
    movl %eax, %eax
    movq %rax, 8(%rbx)
    jmp .L5
.L8:
    xorl %eax, %eax
    movq %rax, 8(%rbx)
    jmp .L5
.L9:
    xorl %r14d, %r14d
    xorl %edx, %edx
    xorl %ecx, %ecx
    callq *%rax
    testb $1, %al
    je .L11
    movl %edx, 4(%rbx)
    movl $1, %r14d
    jmp .L5
.L10:
    negl %eax
    movl %eax, 4(%rbx)
    movl $1, %r14d
    jmp .L5
.L11:
    movl %edx, %eax
    movq %rax, 8(%rbx)
    jmp .L5

# submit_local: 60 instructions; shortest way 28; with a system call 41
submit_local:
    pushq %r14
    pushq %rbx
    pushq %rax
    movq %rdi, %rbx
    movq (%rsi), %rax
    testq %rax, %rax
    jne .L5
    movl 8(%rsi), %ecx
    movq 160(%rsi), %rax
    movl (%rax), %edx
    movl %ecx, %eax
    subl %edx, %eax
    je .L1
    movq 168(%rsi), %rdx
    movl %ecx, (%rdx)
.L1:
    movq 192(%rsi), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    xorl %r14d, %r14d
    movl %ecx, %edx
    orl %eax, %edx
    je .L2
    cmpl $1, %ecx
    movl $16, %r10d
    sbbq $-1, %r10
    movslq 224(%rsi), %rdi
    movl %eax, %esi
    movl $426, %eax
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L6
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
    leaq 72(%rsi), %rdi
    xorl %r14d, %r14d
    xorl %edx, %edx
    xorl %ecx, %ecx
    callq *%rax
    testb $1, %al
    je .L7
    movl %edx, 4(%rbx)
    movl $1, %r14d
    jmp .L4
.L6:
    negl %eax
    movl %eax, 4(%rbx)
    movl $1, %r14d
    jmp .L4
.L7:
    movl %edx, %eax
    jmp .L3

# reap_for: 81 instructions; shortest way 36; loop at .L3: 8
reap_for:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    subq $24, %rsp
    movq 136(%rdi), %r12
    movl 48(%rdi), %ebx
    xorl %eax, %eax
    leaq 40(%rdi), %r14
    leaq 80(%rdi), %r15
    movq <bare_uring::cqueue::Consumer>::look_with_care@GOTPCREL(%rip), %r13
    movq <bare_uring::cqueue::Consumer>::give_back_older@GOTPCREL(%rip), %r8
    movl %ebx, %ebp
    jmp .L3
.L1:
    movl %ecx, 56(%rdi)
.L2:
    movl 88(%rdi), %ecx
    andl %ebp, %ecx
    shlq $4, %rcx
    incl %ebp
    addq (%r12,%rcx), %rax
    movl %ebp, 48(%rdi)
.L3:
    cmpl 56(%rdi), %ebp
    jne .L2
    cmpl 52(%rdi), %ebx
    jne .L7
.L4:
    movq 104(%rdi), %rcx
    movl (%rcx), %ecx
    movl %ecx, %esi
    subl %ebp, %esi
    je .L8
    cmpl 52(%rdi), %ebp
    sete %dl
    cmpl 60(%rdi), %esi
    ja .L6
    testb %dl, %dl
    jne .L1
.L5:
    movq %rdi, 16(%rsp)
    movq %r14, %rdi
    movq %r15, %rsi
    xorl %edx, %edx
    movq %rax, 8(%rsp)
    movq %r8, %rbp
    callq *%r13
    movq 16(%rsp), %rdi
    movl %eax, %ecx
    movq 8(%rsp), %rax
    testb $1, %cl
    je .L8
    movq %rbp, %r8
    movl %edx, %ebp
    jmp .L2
.L6:
    xorl %edx, %edx
    testb %dl, %dl
    jne .L1
    jmp .L5
.L7:
    movq %rdi, 16(%rsp)
    movq %r14, %rdi
    movq %r15, %rsi
    movl %ebx, %edx
    movq %rax, 8(%rsp)
    callq *<bare_uring::cqueue::Consumer>::give_back_older@GOTPCREL(%rip)
    movq <bare_uring::cqueue::Consumer>::give_back_older@GOTPCREL(%rip), %r8
    movq 8(%rsp), %rax
    movq 16(%rsp), %rdi
    jmp .L4
.L8:
    movl 48(%rdi), %ecx
    cmpl 52(%rdi), %ecx
    je .L9
    movq 96(%rdi), %rdx
    movl %ecx, (%rdx)
    movl %ecx, 52(%rdi)
.L9:
    addq $24, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq

# reap_fold: 104 instructions; shortest way 27; loop at .L5: 19; loop at .L6: 7; loop at .L11: 16 and 1 call
reap_fold:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    pushq %rax
    movq 136(%rdi), %r15
    movl 48(%rdi), %edx
    movq 104(%rdi), %rax
    movl (%rax), %ecx
    movl %ecx, %r9d
    subl %edx, %r9d
    jne .L3
.L1:
    xorl %eax, %eax
.L2:
    movl 48(%rdi), %ecx
    cmpl 52(%rdi), %ecx
    jne .L8
    jmp .L9
.L3:
    cmpl 60(%rdi), %r9d
    ja .L10
    movl %ecx, 56(%rdi)
    movl 88(%rdi), %esi
    movl %r9d, %r8d
    andl $3, %r8d
    movl %edx, %eax
    subl %ecx, %eax
    cmpl $-4, %eax
    jbe .L4
    xorl %eax, %eax
    jmp .L6
.L4:
    andl $-4, %r9d
    xorl %eax, %eax
.L5:
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
    jne .L5
    testl %r8d, %r8d
    je .L7
.L6:
    movl %edx, %r9d
    andl %esi, %r9d
    shlq $4, %r9
    incl %edx
    addq (%r15,%r9), %rax
    decl %r8d
    jne .L6
.L7:
    movl %ecx, 48(%rdi)
.L8:
    movq 96(%rdi), %rdx
    movl %ecx, (%rdx)
    movl %ecx, 52(%rdi)
.L9:
    addq $8, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq
.L10:
    leaq 40(%rdi), %rbx
    movq %rdi, %r12
    leaq 80(%rdi), %r14
    movq %rbx, %rdi
    movq %r14, %rsi
    xorl %edx, %edx
    callq *<bare_uring::cqueue::Consumer>::next_place@GOTPCREL(%rip)
    testb $1, %al
    je .L12
    xorl %eax, %eax
    movq <bare_uring::cqueue::Consumer>::next_place@GOTPCREL(%rip), %r13
    movq %r12, %rdi
.L11:
    movl 88(%rdi), %ecx
    andl %edx, %ecx
    shlq $4, %rcx
    incl %edx
    addq (%r15,%rcx), %rax
    movl %edx, 48(%rdi)
    movq %rbx, %rdi
    movq %r14, %rsi
    xorl %edx, %edx
    movq %rax, %rbp
    callq *%r13
    movq %r12, %rdi
    movl %eax, %ecx
    movq %rbp, %rax
    testb $1, %cl
    jne .L11
    jmp .L2
.L12:
    movq %r12, %rdi
    jmp .L1

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
    movq 80(%rbx), %rbp
    movl 8(%rbx), %r12d
    xorl %r15d, %r15d
    xorps %xmm0, %xmm0
    xorl %r13d, %r13d
.L1:
    cmpl 12(%rbx), %r12d
    je .L3
.L2:
    movl 152(%rbx), %eax
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
    leaq 80(%rbx), %rsi
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
    movq 160(%rbx), %rax
    movl (%rax), %eax
    movq 168(%rbx), %rcx
    movl %esi, (%rcx)
    subl %eax, %esi
    movl 76(%rbx), %r10d
    movslq 72(%rbx), %rdi
    xorl %r15d, %r15d
    movl $426, %eax
    movq %r14, %rdx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L23
.L6:
    movq 136(%rbx), %r13
    movl 48(%rbx), %ebp
    xorl %edx, %edx
    leaq 40(%rbx), %r14
    leaq 80(%rbx), %r15
    movq <bare_uring::cqueue::Consumer>::look_with_care@GOTPCREL(%rip), %r8
    movl %ebp, %r12d
    jmp .L10
.L7:
    xorl %eax, %eax
    testb %al, %al
    je .L12
.L8:
    movl %ecx, 56(%rbx)
.L9:
    movl 88(%rbx), %eax
    andl %r12d, %eax
    shlq $4, %rax
    incl %r12d
    addq (%r13,%rax), %rdx
    movl %r12d, 48(%rbx)
.L10:
    cmpl 56(%rbx), %r12d
    jne .L9
    cmpl 52(%rbx), %ebp
    jne .L13
.L11:
    movq 104(%rbx), %rax
    movl (%rax), %ecx
    movl %ecx, %esi
    subl %r12d, %esi
    je .L14
    cmpl 52(%rbx), %r12d
    sete %al
    cmpl 60(%rbx), %esi
    ja .L7
    testb %al, %al
    jne .L8
.L12:
    movq %r14, %rdi
    movq %r15, %rsi
    movq %rdx, (%rsp)
    xorl %edx, %edx
    movq %r8, %r12
    callq *%r8
    movq %r12, %r8
    movl %edx, %r12d
    movq (%rsp), %rdx
    testb $1, %al
    jne .L9
    jmp .L14
.L13:
    movq %r14, %rdi
    movq %r15, %rsi
    movq %rdx, (%rsp)
    movl %ebp, %edx
    callq *<bare_uring::cqueue::Consumer>::give_back_older@GOTPCREL(%rip)
    movq <bare_uring::cqueue::Consumer>::look_with_care@GOTPCREL(%rip), %r8
    movq (%rsp), %rdx
    jmp .L11
.L14:
    movl 48(%rbx), %eax
    movl $1, %r15d
    cmpl 52(%rbx), %eax
    je .L15
    movq 96(%rbx), %rcx
    movl %eax, (%rcx)
    movl %eax, 52(%rbx)
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
    movl 88(%rbx), %eax
    movq %r14, %rdx
    cmpq %rax, %r14
    jae .L18
    leaq 72(%rbx), %rdi
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
    leaq 72(%rbx), %rdi
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
    movq 160(%rbx), %rax
    movl (%rax), %ecx
    movl %esi, %eax
    subl %ecx, %eax
    je .L22
    movq 168(%rbx), %rcx
    movl %esi, (%rcx)
.L22:
    movq 192(%rbx), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    movl %ecx, %edx
    orl %eax, %edx
    je .L6
    xorl %r10d, %r10d
    testl %ecx, %ecx
    setne %r10b
    movslq (%rdi), %rdi
    movl %eax, %esi
    xorl %r15d, %r15d
    movl $426, %eax
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    jbe .L6
.L23:
    jmp .L15

# round_by_closures: 269 instructions; shortest way 60; with a system call 60; loop at .L3: 23; loop at .L13: 19; loop at .L14: 7; loop at .L21: 15 and 1 call
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
    movq 80(%rdi), %r15
    movl 152(%rdi), %ebp
    movl 8(%rdi), %r12d
    movl 12(%rdi), %eax
    leaq -1(%rsi), %rcx
    subl %r12d, %eax
    cmpq %rax, %rcx
    jae .L17
.L1:
    leal (%r12,%r14), %eax
    movl %r12d, %ecx
    andl %ebp, %ecx
    shlq $6, %rcx
    xorps %xmm0, %xmm0
    movups %xmm0, 16(%r15,%rcx)
    movups %xmm0, (%r15,%rcx)
    movq $1, 32(%r15,%rcx)
    movups %xmm0, 40(%r15,%rcx)
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
    movups %xmm0, 16(%r15,%rdi)
    movups %xmm0, (%r15,%rdi)
    movq %r8, 32(%r15,%rdi)
    movups %xmm0, 40(%r15,%rdi)
    movq $0, 56(%r15,%rdi)
    movl %ecx, %edi
    addq $2, %rcx
    addl %r12d, %edi
    incl %edi
    andl %ebp, %edi
    shlq $6, %rdi
    movups %xmm0, 16(%r15,%rdi)
    movups %xmm0, (%r15,%rdi)
    movq %rcx, 32(%r15,%rdi)
    movups %xmm0, 40(%r15,%rdi)
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
    xorps %xmm0, %xmm0
    movups %xmm0, 16(%r15,%r12)
    movups %xmm0, (%r15,%r12)
    movq %rcx, 32(%r15,%r12)
    movups %xmm0, 40(%r15,%r12)
    movq $0, 56(%r15,%r12)
.L5:
    movl %eax, 8(%rbx)
    leaq -1(%r14), %rax
    movl 20(%rbx), %ecx
    cmpq %rcx, %rax
    jae .L18
.L6:
    movl 8(%rbx), %esi
.L7:
    movq 160(%rbx), %rax
    movl (%rax), %eax
    movq 168(%rbx), %rcx
    movl %esi, (%rcx)
    subl %eax, %esi
    movl 76(%rbx), %r10d
    movslq 72(%rbx), %rdi
    xorl %r15d, %r15d
    movl $426, %eax
    movq %r14, %rdx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    ja .L27
.L8:
    movq 136(%rbx), %r12
    movl 48(%rbx), %ecx
    movq 104(%rbx), %rax
    movl (%rax), %eax
    movl %eax, %r8d
    subl %ecx, %r8d
    jne .L11
.L9:
    xorl %edx, %edx
.L10:
    movl 48(%rbx), %eax
    movl $1, %r15d
    cmpl 52(%rbx), %eax
    je .L16
    movq 96(%rbx), %rcx
    movl %eax, (%rcx)
    movl %eax, 52(%rbx)
    jmp .L16
.L11:
    cmpl 60(%rbx), %r8d
    ja .L20
    movl %eax, 56(%rbx)
    movl 88(%rbx), %esi
    movl %r8d, %edi
    andl $3, %edi
    movl %ecx, %edx
    subl %eax, %edx
    cmpl $-4, %edx
    jbe .L12
    xorl %edx, %edx
    jmp .L14
.L12:
    andl $-4, %r8d
    xorl %edx, %edx
.L13:
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
    jne .L13
    testl %edi, %edi
    je .L15
.L14:
    movl %ecx, %r8d
    andl %esi, %r8d
    shlq $4, %r8
    incl %ecx
    addq (%r12,%r8), %rdx
    decl %edi
    jne .L14
.L15:
    movl %eax, 48(%rbx)
    movq 96(%rbx), %rcx
    movl %eax, (%rcx)
    movl %eax, 52(%rbx)
    movl $1, %r15d
.L16:
    movq %r15, %rax
    addq $8, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq
.L17:
    leaq 8(%rbx), %rdi
    leaq 80(%rbx), %rsi
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
.L18:
    movl 88(%rbx), %eax
    movq %r14, %rdx
    cmpq %rax, %r14
    jae .L22
    leaq 72(%rbx), %rdi
    movq (%rbx), %rax
    testq %rax, %rax
    je .L24
.L19:
    xorl %r15d, %r15d
    movq %rbx, %rsi
    xorl %ecx, %ecx
    callq *%rax
    testb $1, %al
    je .L8
    jmp .L16
.L20:
    leaq 40(%rbx), %r14
    leaq 80(%rbx), %r15
    movq %r14, %rdi
    movq %r15, %rsi
    xorl %edx, %edx
    callq *<bare_uring::cqueue::Consumer>::next_place@GOTPCREL(%rip)
    testb $1, %al
    je .L9
    movl %edx, %ecx
    xorl %edx, %edx
    movq <bare_uring::cqueue::Consumer>::next_place@GOTPCREL(%rip), %r13
.L21:
    movl 88(%rbx), %eax
    andl %ecx, %eax
    shlq $4, %rax
    incl %ecx
    addq (%r12,%rax), %rdx
    movl %ecx, 48(%rbx)
    movq %r14, %rdi
    movq %r15, %rsi
    movq %rdx, %rbp
    xorl %edx, %edx
    callq *%r13
    movl %edx, %ecx
    movq %rbp, %rdx
    testb $1, %al
    jne .L21
    jmp .L10
.L22:
    incl %eax
    testb $4, 234(%rbx)
    je .L23
    xorl %ecx, %ecx
    subl $2, %eax
    cmovbl %ecx, %eax
    cmpl $1, %eax
    adcl $0, %eax
.L23:
    movl %eax, %edx
    cmpq %r14, %rdx
    cmovaeq %r14, %rdx
    leaq 72(%rbx), %rdi
    movq (%rbx), %rax
    testq %rax, %rax
    jne .L19
.L24:
    movl 8(%rbx), %esi
    testq %r14, %r14
    je .L25
    movq %rdx, %r14
    jmp .L7
.L25:
    movq 160(%rbx), %rax
    movl (%rax), %ecx
    movl %esi, %eax
    subl %ecx, %eax
    je .L26
    movq 168(%rbx), %rcx
    movl %esi, (%rcx)
.L26:
    movq 192(%rbx), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    movl %ecx, %edx
    orl %eax, %edx
    je .L8
    xorl %r10d, %r10d
    testl %ecx, %ecx
    setne %r10b
    movslq (%rdi), %rdi
    movl %eax, %esi
    xorl %r15d, %r15d
    movl $426, %eax
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    jbe .L8
.L27:
    jmp .L16

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
