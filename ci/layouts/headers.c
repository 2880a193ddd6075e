/*
 * The kernel's structures, as its own headers declare them for user programs. ci/layouts/compare.py reads their layouts
 * out of the debug information.
 */
#include <linux/types.h>
#include <linux/eventpoll.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/io_uring/bpf_filter.h>
#include <linux/io_uring/query.h>
#include <linux/io_uring/zcrx.h>
#include <linux/openat2.h>
#include <linux/socket.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/uio.h>
#include <asm/siginfo.h>

/* Not among the headers for user programs, which have the C library's: include/linux/socket.h of the kernel. */
struct user_msghdr {
	void *msg_name;
	int msg_namelen;
	struct iovec *msg_iov;
	__kernel_size_t msg_iovlen;
	void *msg_control;
	__kernel_size_t msg_controllen;
	unsigned int msg_flags;
};

/* With IORING_SETUP_SQE128 and IORING_SETUP_CQE32, as the comments in linux/io_uring.h say. */
struct io_uring_sqe128 {
	struct io_uring_sqe sqe;
	__u8 rest[64];
};

struct io_uring_cqe32 {
	struct io_uring_cqe cqe;
	__u64 extra[2];
};
