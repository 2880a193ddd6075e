/* Pushes one NOP and waits for its completion. The exit status is 0 if the completion is right.
 * Linked with -nostdlib against a liburing that needs no C library. */
#include <liburing.h>

#define USER_DATA 0xba5e

static int run(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;

	if (io_uring_queue_init(1, &ring, 0) < 0)
		return 1;
	sqe = io_uring_get_sqe(&ring);
	if (!sqe)
		return 2;
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data64(sqe, USER_DATA);
	if (io_uring_submit_and_wait(&ring, 1) != 1)
		return 3;
	if (io_uring_peek_cqe(&ring, &cqe) != 0)
		return 4;
	return cqe->user_data == USER_DATA && cqe->res == 0 ? 0 : 4;
}

__attribute__((force_align_arg_pointer, used)) void _start(void)
{
	register long status __asm__("rdi") = run();

	__asm__ volatile("syscall" : : "a"(231L), "r"(status) : "rcx", "r11", "memory");
	__builtin_unreachable();
}
