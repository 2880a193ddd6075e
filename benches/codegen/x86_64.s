# The hot functions of benches/codegen/src/lib.rs for x86_64. `ci/codegen.sh --write` writes this file.
# compiler: rustc 1.95.0 (59807616e 2026-04-14), LLVM 22.1.2

# push_one: 40 instructions; shortest way 27
push_one:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %rbx
    pushq %rax
    movq 72(%rdi), %rbx
    movl 8(%rdi), %ebp
    cmpl %ebp, 12(%rdi)
    je .L3
.L1:
    movl 144(%rdi), %eax
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
    leaq 72(%rdi), %rcx
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
    movq 72(%rdi), %r15
    movl 8(%rdi), %ebp
    xorl %r12d, %r12d
    leaq 8(%rdi), %rbx
    leaq 72(%rdi), %r14
    movq <bare_uring::squeue::Producer>::look@GOTPCREL(%rip), %r13
    xorps %xmm0, %xmm0
.L1:
    cmpl 12(%rdi), %ebp
    je .L3
.L2:
    movl 144(%rdi), %ecx
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

# push_read: 56 instructions; shortest way 35
push_read:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    subq $24, %rsp
    movq 72(%rdi), %r14
    movl 8(%rdi), %ebx
    cmpl %ebx, 12(%rdi)
    je .L3
.L1:
    movl 144(%rdi), %eax
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
    leaq 72(%rdi), %r10
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

# submit: 69 instructions; shortest way 32; with a system call 45
submit:
    pushq %r14
    pushq %rbx
    subq $24, %rsp
    movq %rdi, %rbx
    movl 40(%rsi), %eax
    cmpl 44(%rsi), %eax
    je .L1
    movq 88(%rsi), %rcx
    movl %eax, (%rcx)
    movl %eax, 44(%rsi)
.L1:
    leaq 64(%rsi), %rdi
    movq (%rsi), %rax
    testq %rax, %rax
    jne .L6
    movl 8(%rsi), %ecx
    movq 152(%rsi), %rax
    movl (%rax), %edx
    movl %ecx, %eax
    subl %edx, %eax
    je .L2
    movq 160(%rsi), %rdx
    movl %ecx, (%rdx)
.L2:
    movq 184(%rsi), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    xorl %r14d, %r14d
    movl %ecx, %edx
    orl %eax, %edx
    je .L3
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
    ja .L7
    movl %eax, %eax
    jmp .L4
.L3:
    xorl %eax, %eax
.L4:
    movq %rax, 8(%rbx)
.L5:
    movl %r14d, (%rbx)
    movq %rbx, %rax
    addq $24, %rsp
    popq %rbx
    popq %r14
    retq
.L6:
    xorps %xmm0, %xmm0
    movaps %xmm0, (%rsp)
    movl $0, 16(%rsp)
    xorl %r14d, %r14d
    movq %rsp, %rcx
    xorl %edx, %edx
    callq *%rax
    testb $1, %al
    je .L8
    movl %edx, 4(%rbx)
    movl $1, %r14d
    jmp .L5
.L7:
    negl %eax
    movl %eax, 4(%rbx)
    movl $1, %r14d
    jmp .L5
.L8:
    movl %edx, %eax
    jmp .L4

# submit_and_wait: 95 instructions; shortest way 36; with a system call 38
submit_and_wait:
    pushq %rbx
    subq $32, %rsp
    movq %rdi, %rbx
    movl 40(%rsi), %eax
    cmpl 44(%rsi), %eax
    jne .L4
    movl 80(%rsi), %eax
    cmpq %rax, %rdx
    jae .L5
.L1:
    leaq 64(%rsi), %rdi
    movq (%rsi), %rax
    testq %rax, %rax
    jne .L7
.L2:
    movl 8(%rsi), %ecx
    movq 152(%rsi), %rax
    movl (%rax), %r8d
    movl %ecx, %eax
    subl %r8d, %eax
    je .L3
    movq 160(%rsi), %r8
    movl %ecx, (%r8)
.L3:
    testq %rdx, %rdx
    je .L8
    movl 68(%rsi), %r10d
    movslq 64(%rsi), %rdi
    movl %eax, %esi
    movl $426, %eax
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    jbe .L12
    jmp .L9
.L4:
    movq 88(%rsi), %rcx
    movl %eax, (%rcx)
    movl %eax, 44(%rsi)
    movl 80(%rsi), %eax
    cmpq %rax, %rdx
    jb .L1
.L5:
    incl %eax
    testb $4, 226(%rsi)
    je .L6
    xorl %ecx, %ecx
    subl $2, %eax
    cmovbl %ecx, %eax
    cmpl $1, %eax
    adcl $0, %eax
.L6:
    movl %eax, %eax
    cmpq %rdx, %rax
    cmovbq %rax, %rdx
    leaq 64(%rsi), %rdi
    movq (%rsi), %rax
    testq %rax, %rax
    je .L2
.L7:
    xorps %xmm0, %xmm0
    movaps %xmm0, (%rsp)
    movl $0, 16(%rsp)
    movq %rsp, %rcx
    callq *%rax
    movl %eax, %ecx
    movl %edx, %eax
    testb $1, %cl
    jne .L10
    jmp .L12
.L8:
    movq 184(%rsi), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    movl %ecx, %edx
    orl %eax, %edx
    je .L11
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
    jb .L12
.L9:
    negl %eax
.L10:
    movl %eax, 4(%rbx)
    movl $1, %eax
    jmp .L13
.L11:
    xorl %eax, %eax
.L12:
    movl %eax, %eax
    movq %rax, 8(%rbx)
    xorl %eax, %eax
.L13:
    movl %eax, (%rbx)
    movq %rbx, %rax
    addq $32, %rsp
    popq %rbx
    retq

# submit_local: 69 instructions; shortest way 31; with a system call 44
submit_local:
    pushq %r14
    pushq %rbx
    subq $24, %rsp
    movq %rdi, %rbx
    movl 40(%rsi), %eax
    cmpl 44(%rsi), %eax
    je .L1
    movq 88(%rsi), %rcx
    movl %eax, (%rcx)
    movl %eax, 44(%rsi)
.L1:
    movq (%rsi), %rax
    testq %rax, %rax
    jne .L6
    movl 8(%rsi), %ecx
    movq 152(%rsi), %rax
    movl (%rax), %edx
    movl %ecx, %eax
    subl %edx, %eax
    je .L2
    movq 160(%rsi), %rdx
    movl %ecx, (%rdx)
.L2:
    movq 184(%rsi), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    xorl %r14d, %r14d
    movl %ecx, %edx
    orl %eax, %edx
    je .L3
    cmpl $1, %ecx
    movl $16, %r10d
    sbbq $-1, %r10
    movslq 216(%rsi), %rdi
    movl %eax, %esi
    movl $426, %eax
    xorl %edx, %edx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4095, %rax
    jae .L7
    movl %eax, %eax
    jmp .L4
.L3:
    xorl %eax, %eax
.L4:
    movq %rax, 8(%rbx)
.L5:
    movl %r14d, (%rbx)
    movq %rbx, %rax
    addq $24, %rsp
    popq %rbx
    popq %r14
    retq
.L6:
    leaq 64(%rsi), %rdi
    xorps %xmm0, %xmm0
    movaps %xmm0, (%rsp)
    movl $0, 16(%rsp)
    xorl %r14d, %r14d
    movq %rsp, %rcx
    xorl %edx, %edx
    callq *%rax
    testb $1, %al
    je .L8
    movl %edx, 4(%rbx)
    movl $1, %r14d
    jmp .L5
.L7:
    negl %eax
    movl %eax, 4(%rbx)
    movl $1, %r14d
    jmp .L5
.L8:
    movl %edx, %eax
    jmp .L4

# reap_for: 57 instructions; shortest way 32; loop at .L3: 8
reap_for:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    pushq %rax
    movq 128(%rdi), %r15
    movl 40(%rdi), %edx
    xorl %eax, %eax
    leaq 32(%rdi), %rbx
    leaq 72(%rdi), %r14
    movq <bare_uring::cqueue::Consumer>::look_with_care@GOTPCREL(%rip), %r12
    jmp .L3
.L1:
    movl %ecx, 48(%rdi)
.L2:
    movl 80(%rdi), %ecx
    andl %edx, %ecx
    shlq $4, %rcx
    incl %edx
    addq (%r15,%rcx), %rax
    movl %edx, 40(%rdi)
.L3:
    cmpl 48(%rdi), %edx
    jne .L2
    movq 96(%rdi), %rcx
    movl (%rcx), %ecx
    movl %ecx, %esi
    subl %edx, %esi
    je .L4
    movl 52(%rdi), %r8d
    subl %edx, %r8d
    cmpl %r8d, %esi
    jbe .L1
    movq %rdi, %r13
    movq %rbx, %rdi
    movq %r14, %rsi
    xorl %edx, %edx
    movq %rax, %rbp
    callq *%r12
    movq %r13, %rdi
    movl %eax, %ecx
    movq %rbp, %rax
    testb $1, %cl
    jne .L2
.L4:
    movl 40(%rdi), %ecx
    cmpl 44(%rdi), %ecx
    je .L5
    movq 88(%rdi), %rdx
    movl %ecx, (%rdx)
    movl %ecx, 44(%rdi)
.L5:
    addq $8, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq

# reap_fold: 57 instructions; shortest way 32; loop at .L3: 8
reap_fold:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    pushq %rax
    movq 128(%rdi), %r15
    movl 40(%rdi), %edx
    xorl %eax, %eax
    leaq 32(%rdi), %rbx
    leaq 72(%rdi), %r14
    movq <bare_uring::cqueue::Consumer>::look_with_care@GOTPCREL(%rip), %r12
    jmp .L3
.L1:
    movl %ecx, 48(%rdi)
.L2:
    movl 80(%rdi), %ecx
    andl %edx, %ecx
    shlq $4, %rcx
    incl %edx
    addq (%r15,%rcx), %rax
    movl %edx, 40(%rdi)
.L3:
    cmpl 48(%rdi), %edx
    jne .L2
    movq 96(%rdi), %rcx
    movl (%rcx), %ecx
    movl %ecx, %esi
    subl %edx, %esi
    je .L4
    movl 52(%rdi), %r8d
    subl %edx, %r8d
    cmpl %r8d, %esi
    jbe .L1
    movq %rdi, %r13
    movq %rbx, %rdi
    movq %r14, %rsi
    xorl %edx, %edx
    movq %rax, %rbp
    callq *%r12
    movq %r13, %rdi
    movl %eax, %ecx
    movq %rbp, %rax
    testb $1, %cl
    jne .L2
.L4:
    movl 40(%rdi), %ecx
    cmpl 44(%rdi), %ecx
    je .L5
    movq 88(%rdi), %rdx
    movl %ecx, (%rdx)
    movl %ecx, 44(%rdi)
.L5:
    addq $8, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq

# round: 173 instructions; shortest way 51; with a system call 51; loop at .L1: 15; loop at .L16: 8
round:
    pushq %rbp
    pushq %r15
    pushq %r14
    pushq %r13
    pushq %r12
    pushq %rbx
    subq $24, %rsp
    movq %rsi, %r14
    movq %rdi, %rbx
    testq %rsi, %rsi
    je .L4
    movq 72(%rbx), %rbp
    movl 8(%rbx), %r12d
    xorl %r15d, %r15d
    xorps %xmm0, %xmm0
    xorl %r13d, %r13d
.L1:
    cmpl 12(%rbx), %r12d
    je .L3
.L2:
    movl 144(%rbx), %eax
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
    leaq 72(%rbx), %rsi
    callq *<bare_uring::squeue::Producer>::look@GOTPCREL(%rip)
    xorps %xmm0, %xmm0
    testl %eax, %eax
    jne .L2
    jmp .L19
.L4:
    movl 40(%rbx), %eax
    cmpl 44(%rbx), %eax
    jne .L8
    movl 80(%rbx), %eax
    cmpq %rax, %r14
    jae .L9
.L5:
    leaq 64(%rbx), %rdi
    movq (%rbx), %rax
    testq %rax, %rax
    jne .L11
.L6:
    movl 8(%rbx), %ecx
    movq 152(%rbx), %rax
    movl (%rax), %edx
    movl %ecx, %eax
    subl %edx, %eax
    je .L7
    movq 160(%rbx), %rdx
    movl %ecx, (%rdx)
.L7:
    testq %r14, %r14
    je .L12
    movl 68(%rbx), %r10d
    movslq 64(%rbx), %rdi
    movl %eax, %esi
    xorl %r15d, %r15d
    movl $426, %eax
    movq %r14, %rdx
    xorl %r8d, %r8d
    xorl %r9d, %r9d
    syscall
    cmpq $-4096, %rax
    jbe .L13
    jmp .L19
.L8:
    movq 88(%rbx), %rcx
    movl %eax, (%rcx)
    movl %eax, 44(%rbx)
    movl 80(%rbx), %eax
    cmpq %rax, %r14
    jb .L5
.L9:
    incl %eax
    testb $4, 226(%rbx)
    je .L10
    xorl %ecx, %ecx
    subl $2, %eax
    cmovbl %ecx, %eax
    cmpl $1, %eax
    adcl $0, %eax
.L10:
    movl %eax, %eax
    cmpq %r14, %rax
    cmovbq %rax, %r14
    leaq 64(%rbx), %rdi
    movq (%rbx), %rax
    testq %rax, %rax
    je .L6
.L11:
    xorps %xmm0, %xmm0
    movaps %xmm0, (%rsp)
    movl $0, 16(%rsp)
    movq %rsp, %rcx
    movq %rbx, %rsi
    movl %r14d, %edx
    callq *%rax
    testb $1, %al
    je .L13
    xorl %r15d, %r15d
    jmp .L18
.L12:
    movq 184(%rbx), %rcx
    movl (%rcx), %ecx
    andl $6, %ecx
    movl %ecx, %edx
    orl %eax, %edx
    je .L13
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
    ja .L19
.L13:
    movq 128(%rbx), %r12
    movl 40(%rbx), %esi
    xorl %edx, %edx
    leaq 32(%rbx), %r14
    leaq 72(%rbx), %r15
    movq <bare_uring::cqueue::Consumer>::look_with_care@GOTPCREL(%rip), %r13
    jmp .L16
.L14:
    movl %ecx, 48(%rbx)
.L15:
    movl 80(%rbx), %eax
    andl %esi, %eax
    shlq $4, %rax
    incl %esi
    addq (%r12,%rax), %rdx
    movl %esi, 40(%rbx)
.L16:
    cmpl 48(%rbx), %esi
    jne .L15
    movq 96(%rbx), %rax
    movl (%rax), %ecx
    movl %ecx, %eax
    subl %esi, %eax
    je .L17
    movl 52(%rbx), %edi
    subl %esi, %edi
    cmpl %edi, %eax
    jbe .L14
    movq %r14, %rdi
    movq %r15, %rsi
    movq %rdx, %rbp
    xorl %edx, %edx
    callq *%r13
    movl %edx, %esi
    movq %rbp, %rdx
    testb $1, %al
    jne .L15
.L17:
    movl 40(%rbx), %eax
    movl $1, %r15d
    cmpl 44(%rbx), %eax
    je .L18
    movq 88(%rbx), %rcx
    movl %eax, (%rcx)
    movl %eax, 44(%rbx)
.L18:
    movq %r15, %rax
    addq $24, %rsp
    popq %rbx
    popq %r12
    popq %r13
    popq %r14
    popq %r15
    popq %rbp
    retq
.L19:
    jmp .L18

# <bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread: 18 instructions; shortest way 15
<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::submit_to_thread:
    movl 8(%rsi), %eax
    movl %eax, %r8d
    subl 20(%rsi), %r8d
    je .L1
    movq 96(%rdi), %r9
    movl %eax, (%r9)
.L1:
    lock orl $0, -64(%rsp)
    movq 120(%rdi), %rax
    movl (%rax), %r9d
    movl %edx, %eax
    orl %r9d, %eax
    jne .L2
    movl 8(%rsi), %eax
    movl %eax, 20(%rsi)
    xorl %eax, %eax
    movl %r8d, %edx
    retq
.L2:
    jmpq *<bare_uring::submitter::enter::Core<bare_uring::kernel::linux::Linux>>::hand_over@GOTPCREL(%rip)
