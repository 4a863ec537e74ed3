/*
 * Interface for the choice of --attempt: which attempts are meant by a client's
 * address, a network, a port or the number of an attempt.
 */
#ifndef REPORT_TEXT_CHOICE_H
#define REPORT_TEXT_CHOICE_H

#include <stdbool.h>

#include "report/attempt/attempt.h"
#include "report/attempt/network.h"

struct choice {
	struct network network; /* of the client; its prefix is 0: any */
	uint16_t port;		/* of the client; 0: any */
	uint64_t number;	/* of the attempt; 0: any */
	bool port_or_number;	/* a number alone can be either */
};

/*
 * "192.0.2.1", "192.0.2.1:40112", "[2001:db8::1]:40112", "2001:db8::/32", ":40112", "#12", or "12",
 * which is the attempt of that number or a client's port. 0 or -EINVAL.
 */
int choice_parse(const char *text, struct choice *choice) __attribute__((warn_unused_result));

bool choice_matches(const struct choice *choice, const struct attempt *attempt);

#endif
