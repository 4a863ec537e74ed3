/*
 * glibc knows all names since 2.32; elsewhere those that a client of TCP can meet are known.
 */
#include "server/load/error_name.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)

const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "unknown";
}

#else

const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
	    {ECONNREFUSED, "ECONNREFUSED"},
	    {ECONNRESET, "ECONNRESET"},
	    {ETIMEDOUT, "ETIMEDOUT"},
	    {EPIPE, "EPIPE"},
	    {EHOSTUNREACH, "EHOSTUNREACH"},
	    {ENETUNREACH, "ENETUNREACH"},
	    {EADDRNOTAVAIL, "EADDRNOTAVAIL"},
	    {EADDRINUSE, "EADDRINUSE"},
	    {EMFILE, "EMFILE"},
	    {ENFILE, "ENFILE"},
	    {ENOBUFS, "ENOBUFS"},
	    {ENOMEM, "ENOMEM"},
	    {EACCES, "EACCES"},
	    {EPERM, "EPERM"},
	    {EPROTO, "EPROTO"},
	    {EINVAL, "EINVAL"},
	    {EAFNOSUPPORT, "EAFNOSUPPORT"},
	    {ENETDOWN, "ENETDOWN"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			return names[i].name;
	return "unknown";
}

#endif
