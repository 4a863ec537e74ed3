/*
 * The secret of a hash.
 */
#include "event/hash.h"

#include <errno.h>
#include <sys/random.h>

int hash_secret_new(struct hash_secret *secret)
{
	return getrandom(secret, sizeof(*secret), 0) == (ssize_t)sizeof(*secret) ? 0 : -EIO;
}
