#include "event/refusal.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* From a copy of its exact size, so that AddressSanitizer sees every over-read. */
static enum refusal read_copy(const char *text, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	enum refusal refusal;

	memcpy(copy, text, size);
	refusal = refusal_read(copy, size);
	free(copy);
	return refusal;
}

#define READ(text) read_copy(text, sizeof(text) - 1)

Test(refusal, the_words_of_each_server)
{
	cr_expect_eq(READ("E\0\0\0\x5fSFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0"),
		     REFUSAL_POSTGRESQL);
	cr_expect_eq(
	    READ("E\0\0\0\x5fSFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0"),
	    REFUSAL_POSTGRESQL_NOT_READY);
	cr_expect_eq(READ("\x17\0\0\0\xff\x10\x04Too many connections"), REFUSAL_MYSQL);
	cr_expect_eq(READ("ERROR Too many open connections\r\n"), REFUSAL_MEMCACHED);
	cr_expect_eq(READ("-ERR max number of clients reached\r\n"), REFUSAL_REDIS);
	cr_expect_eq(READ("Exceeded MaxStartups\r\n"), REFUSAL_SSH);
	cr_expect_eq(READ("421 Too many concurrent SMTP connections; please try again later.\r\n"),
		     REFUSAL_421);
	cr_expect_eq(READ("421 There are too many connected users, please try later.\r\n"),
		     REFUSAL_421);
}

Test(refusal, other_words_are_none)
{
	/* A wrong password; a server that greets; one that shuts down; others' first bytes. */
	cr_expect_eq(READ("E\0\0\0\x5fSFATAL\0VFATAL\0C28P01\0Mpassword authentication failed\0"),
		     REFUSAL_NONE);
	cr_expect_eq(READ("\x4a\0\0\0\x0a"
			  "8.0.36\0"),
		     REFUSAL_NONE);
	cr_expect_eq(READ("\x17\0\0\0\xff\x15\x04"
			  "Access denied"),
		     REFUSAL_NONE);
	cr_expect_eq(READ("421 Service not available, closing transmission channel\r\n"),
		     REFUSAL_NONE);
	cr_expect_eq(READ("220 here ESMTP\r\n"), REFUSAL_NONE);
	cr_expect_eq(READ("SSH-2.0-OpenSSH_9.2p1\r\n"), REFUSAL_NONE);
	cr_expect_eq(READ("HTTP/1.0 301 Moved Permanently\r\n"), REFUSAL_NONE);
	cr_expect_eq(READ("ERROR\r\n"), REFUSAL_NONE);
	cr_expect_eq(READ(""), REFUSAL_NONE);
}

Test(refusal, what_is_cut_off_is_none_or_the_same)
{
	static const char text[] =
	    "E\0\0\0\x5fSFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0";

	for (size_t size = 0; size < sizeof(text); size++) {
		enum refusal refusal = read_copy(text, size);

		cr_expect_eq(refusal, size < 26 ? REFUSAL_NONE : REFUSAL_POSTGRESQL, "%zu", size);
	}
}

Test(refusal, where_they_may_begin)
{
	/* After 'N', to a client that asked for TLS, or for GSSAPI and TLS. */
	for (uint32_t offset = 0; offset <= 2; offset++) {
		cr_expect(refusal_fits(REFUSAL_POSTGRESQL, offset));
		cr_expect(refusal_fits(REFUSAL_POSTGRESQL_NOT_READY, offset));
		cr_expect_eq(refusal_fits(REFUSAL_SSH, offset), offset == 0);
		cr_expect_not(refusal_fits(REFUSAL_NONE, offset));
	}
	cr_expect_not(refusal_fits(REFUSAL_POSTGRESQL, 3));
	cr_expect_not(refusal_fits(REFUSAL_POSTGRESQL, UINT32_MAX)); /* sent again, from before */
}

Test(refusal, each_has_words)
{
	for (int r = REFUSAL_NONE + 1; r < REFUSAL_COUNT; r++)
		cr_expect_not_null(refusal_words((enum refusal)r));
	cr_expect_null(refusal_words(REFUSAL_NONE));
	cr_expect_leq(REFUSAL_COUNT, 8);
}
