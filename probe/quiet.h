/*
 * Interface inside probe/ for what libbpf says: only cmd/ prints, so that it comes
 * back as an errno.
 */
#ifndef PROBE_QUIET_H
#define PROBE_QUIET_H

#include <errno.h>
#include <stdarg.h>

#include <bpf/libbpf.h>

static inline int probe_say_nothing(enum libbpf_print_level level, const char *format,
				    va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* What says that this kernel cannot, whatever the reason, is one answer. */
static inline int probe_error(int error)
{
	switch (error) {
	case -EPERM:
		return -EPERM;
	case -EINVAL:
	case -ENOENT:
	case -ESRCH:
	case -EOPNOTSUPP:
		return -ENOTSUP;
	default:
		return error;
	}
}

#endif
