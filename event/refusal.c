/*
 * The words. Each is from the source of that server; the capture keeps some 36 to 60 bytes of a
 * segment's data, so that what is further on is not asked for.
 */
#include "event/refusal.h"

#include <stdbool.h>
#include <string.h>

struct bytes {
	const uint8_t *at;
	size_t size;
};

static bool begins(struct bytes b, const char *text)
{
	size_t length = strlen(text);

	return b.size >= length && memcmp(b.at, text, length) == 0;
}

static bool contains(struct bytes b, const char *text, size_t length)
{
	for (size_t i = 0; i + length <= b.size; i++)
		if (memcmp(b.at + i, text, length) == 0)
			return true;
	return false;
}

/* One for each request of encryption that is refused: TLS, GSSAPI. */
#define POSTGRESQL_OFFSET_MAX 2

/* 'E', length, fields of a letter and a string that ends with NUL: here C, the SQLSTATE. */
static enum refusal read_postgresql(struct bytes b)
{
	static const char full[] = "\0C53300", not_ready[] = "\0C57P03";

	if (!begins(b, "E"))
		return REFUSAL_NONE;
	if (contains(b, full, sizeof(full)))
		return REFUSAL_POSTGRESQL;
	return contains(b, not_ready, sizeof(not_ready)) ? REFUSAL_POSTGRESQL_NOT_READY
							 : REFUSAL_NONE;
}

/* Length (3), sequence number 0, 0xff, error code: low byte first. */
static bool is_mysql(struct bytes b)
{
	return b.size >= 7 && b.at[3] == 0 && b.at[4] == 0xff && b.at[5] == 0x10 && b.at[6] == 0x04;
}

/* Other reasons for a 421 are a server that shuts down, or a client that is idle. */
static bool is_421(struct bytes b)
{
	return begins(b, "421") && contains(b, "oo many", 7);
}

enum refusal refusal_read(const uint8_t *data, size_t size)
{
	struct bytes b = {data, size};

	enum refusal postgresql = read_postgresql(b);

	if (postgresql)
		return postgresql;
	if (is_mysql(b))
		return REFUSAL_MYSQL;
	if (begins(b, "ERROR Too many open connections"))
		return REFUSAL_MEMCACHED;
	if (begins(b, "-ERR max number of clients"))
		return REFUSAL_REDIS;
	if (begins(b, "Exceeded MaxStartups"))
		return REFUSAL_SSH;
	return is_421(b) ? REFUSAL_421 : REFUSAL_NONE;
}

bool refusal_fits(enum refusal refusal, uint32_t offset)
{
	bool postgresql = refusal == REFUSAL_POSTGRESQL || refusal == REFUSAL_POSTGRESQL_NOT_READY;

	return refusal && offset <= (postgresql ? POSTGRESQL_OFFSET_MAX : 0);
}

const char *refusal_words(enum refusal refusal)
{
	switch (refusal) {
	case REFUSAL_NONE:
	case REFUSAL_COUNT:
		break;
	case REFUSAL_POSTGRESQL:
		return "too many clients already (SQLSTATE 53300)";
	case REFUSAL_MYSQL:
		return "Too many connections (error 1040)";
	case REFUSAL_MEMCACHED:
		return "ERROR Too many open connections";
	case REFUSAL_REDIS:
		return "-ERR max number of clients reached";
	case REFUSAL_SSH:
		return "Exceeded MaxStartups";
	case REFUSAL_421:
		return "421 too many connections";
	case REFUSAL_POSTGRESQL_NOT_READY:
		return "the database system is starting up, shutting down or in recovery (SQLSTATE "
		       "57P03)";
	}
	return NULL;
}
