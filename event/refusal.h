/*
 * Interface for refusals: what known servers say to a client that is one too many, or that comes
 * before they are ready, before they close the connection. They say it first of all, in the clear,
 * and nothing else begins so.
 */
#ifndef EVENT_REFUSAL_H
#define EVENT_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At most 8: struct open_attempt has three bits for it. */
enum refusal {
	REFUSAL_NONE,
	REFUSAL_POSTGRESQL, /* ErrorResponse with SQLSTATE 53300, too_many_connections */
	REFUSAL_MYSQL,	    /* ERR packet 1040, ER_CON_COUNT_ERROR */
	REFUSAL_MEMCACHED,
	REFUSAL_REDIS,
	REFUSAL_SSH,
	REFUSAL_421, /* of SMTP (RFC 5321 section 3.8) and FTP (RFC 959 section 4.2.2) */
	REFUSAL_POSTGRESQL_NOT_READY, /* SQLSTATE 57P03, cannot_connect_now: no limit was reached */
	REFUSAL_COUNT,
};

/* By the first bytes of data that a server sent, size of them known. */
enum refusal refusal_read(const uint8_t *data, size_t size);

/*
 * Where that data may begin, in bytes from the start of the stream: PostgreSQL answers an
 * encryption request (SSLRequest, GSSENCRequest) with one byte, 'N', before it goes on in the
 * clear.
 */
bool refusal_fits(enum refusal refusal, uint32_t offset);

/* What its log or client calls it: "sorry, too many clients already"; NULL for REFUSAL_NONE. */
const char *refusal_words(enum refusal refusal);

#endif
