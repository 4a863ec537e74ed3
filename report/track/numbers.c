/*
 * Which sequence and acknowledgement numbers fit an attempt. It changes nothing.
 */
#include "report/track/numbers.h"

/* SYN-ACKs acknowledge the data of a Fast Open SYN too. */
#define SYN_DATA_MAX 65535u
/* No window is larger (RFC 7323 section 2.3). */
#define WINDOW_MAX (1u << 30)

/* number stands from first on, within a window. */
static bool is_within(uint32_t number, uint32_t first)
{
	return number - first < WINDOW_MAX;
}

static uint32_t data_max(const struct open_attempt *a)
{
	return open_saw(a, SEEN_SYN_DATA) ? SYN_DATA_MAX : 0;
}

bool numbers_answer_syn(const struct open_attempt *a, const struct segment *s)
{
	return s->ack - a->isn - 1 <= data_max(a);
}

/* The ISN of that SYN-ACK which stands closest before the number. False when none does. */
static bool find_server_isn(const struct open_attempt *a, struct details *details, uint32_t number,
			    uint32_t *isn)
{
	const struct detail *d = details_at(details, a->detail);
	bool found = is_within(number, a->server_isn + 1);

	*isn = a->server_isn;
	for (uint32_t i = 0; d && i < d->other_isns_count; i++) {
		uint32_t other = d->other_isns[i];

		if (!is_within(number, other + 1) || (found && number - other >= number - *isn))
			continue;
		*isn = other;
		found = true;
	}
	return found;
}

bool numbers_of_client(const struct open_attempt *a, struct details *details,
		       const struct segment *s, uint32_t *server_isn)
{
	uint32_t isn;

	if (!a->synacks || !(s->flags & TCP_FLAG_ACK) || !is_within(s->seq, a->isn + 1))
		return false;
	return find_server_isn(a, details, s->ack, server_isn ? server_isn : &isn);
}

bool numbers_of_server(const struct open_attempt *a, struct details *details,
		       const struct segment *s)
{
	uint32_t isn;

	return a->synacks && (s->flags & TCP_FLAG_ACK) && is_within(s->ack, a->isn + 1) &&
	       find_server_isn(a, details, s->seq, &isn);
}

bool numbers_reset(const struct open_attempt *a, struct details *details, const struct segment *s,
		   bool from_client)
{
	bool acknowledges = (s->flags & TCP_FLAG_ACK) && numbers_answer_syn(a, s);
	uint32_t isn;

	if (open_is_acknowledged(a))
		return true;
	/*
	 * Who has no SYN-ACK has sent nothing behind its SYN: another number is of the connection
	 * that answered the SYN (RFC 9293 section 3.10.7.3), and this one goes on.
	 */
	if (from_client && !a->synacks && !open_saw(a, SEEN_UNSEEN_SYNACK))
		return s->seq - a->isn <= 1 + data_max(a);
	if (from_client) /* with no more than what its SYN took, or behind it */
		return s->seq == a->isn || is_within(s->seq, a->isn + 1);
	return acknowledges || (a->synacks && find_server_isn(a, details, s->seq, &isn));
}
