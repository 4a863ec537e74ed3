/*
 * Which attempts match, and the filter in words.
 */
#include "report/attempt/filter.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

_Static_assert(OUTCOME_COUNT <= 32 && CAUSE_COUNT <= 32, "a bit each");

bool filter_is_set(const struct filter *filter)
{
	return filter->listeners_count || filter->clients_count || filter->outcomes ||
	       filter->causes || filter->timed;
}

static bool is_at(const struct endpoint *listener, const struct endpoint *server)
{
	if (listener->port != server->port)
		return false;
	/* 0.0.0.0 takes no IPv6; :: is what a port alone is, and may take both. */
	if (address_is_any(&listener->address))
		return !address_is_ipv4(&listener->address) || address_is_ipv4(&server->address);
	return endpoint_equal(listener, server);
}

/* What NAT made of it is as good as what the client asked for. */
static bool listener_matches(const struct filter *filter, const struct attempt *a)
{
	for (size_t i = 0; i < filter->listeners_count; i++)
		if (is_at(&filter->listeners[i], &a->server) ||
		    (a->destination.port && is_at(&filter->listeners[i], &a->destination)))
			return true;
	return !filter->listeners_count;
}

static bool client_matches(const struct filter *filter, const struct attempt *a)
{
	for (size_t i = 0; i < filter->clients_count; i++)
		if (network_has(&filter->clients[i], &a->client.address))
			return true;
	return !filter->clients_count;
}

static bool cause_matches(const struct filter *filter, const struct attempt *a)
{
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++)
		if (filter->causes & (1u << a->causes[i].cause))
			return true;
	return !filter->causes;
}

/* TIME_UNKNOWN is before all. */
static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t waited_until(const struct attempt *a)
{
	int64_t last_ns = later(later(a->synack_ns, a->ack_ns), a->accept_after_ns);

	if (a->accept_ns != TIME_UNKNOWN)
		return a->accept_ns;
	if (a->accept_before_ns != TIME_UNKNOWN)
		return a->accept_before_ns;
	if (a->outcome == OUTCOME_ACCEPTED || a->outcome == OUTCOME_ESTABLISHED ||
	    a->outcome == OUTCOME_JOINED)
		return last_ns;
	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++)
		last_ns = later(last_ns, a->marks[i].time_ns);
	return last_ns;
}

int64_t filter_duration(const struct attempt *attempt)
{
	int64_t until_ns = waited_until(attempt);

	if (attempt->syn_ns == TIME_UNKNOWN)
		return -1;
	return until_ns > attempt->syn_ns ? clock_since(until_ns, attempt->syn_ns) : 0;
}

bool filter_matches(const struct filter *filter, const struct attempt *attempt)
{
	return (!filter->outcomes || filter->outcomes & (1u << attempt->outcome)) &&
	       cause_matches(filter, attempt) && listener_matches(filter, attempt) &&
	       client_matches(filter, attempt) &&
	       (!filter->timed || filter_duration(attempt) > filter->slower_than_ns);
}

struct words {
	size_t used;
	char *text;
};

static void add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct words *words, const char *format, ...)
{
	size_t room = FILTER_TEXT_SIZE - words->used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(words->text + words->used, room, format, args);
	va_end(args);
	if (n > 0)
		words->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_names(struct words *words, const char *option, uint32_t set, int count,
		      const char *(*name)(int))
{
	const char *before = option;

	for (int i = 0; i < count; i++) {
		if (!(set & (1u << i)))
			continue;
		add(words, "%s%s", before, name(i));
		before = ",";
	}
}

static const char *name_of_outcome(int outcome)
{
	return outcome_name((enum outcome)outcome);
}

static const char *name_of_cause(int cause)
{
	return cause_name((enum cause)cause);
}

/* The longest unit that loses nothing. */
static void add_duration(struct words *words, int64_t ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {{"s", NS_PER_SEC}, {"ms", NS_PER_MS}, {"us", NS_PER_US}, {"ns", 1}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns % units[i].ns)
			continue;
		add(words, " --slower-than %" PRId64 "%s", ns / units[i].ns, units[i].name);
		return;
	}
}

const char *filter_format(const struct filter *filter, char out[FILTER_TEXT_SIZE])
{
	struct words words = {.text = out};
	char text[ENDPOINT_TEXT_SIZE + NETWORK_TEXT_SIZE];

	out[0] = '\0';
	for (size_t i = 0; i < filter->listeners_count; i++) {
		const struct endpoint *listener = &filter->listeners[i];

		if (address_is_any(&listener->address) && !address_is_ipv4(&listener->address)) {
			add(&words, " --listener %u", (unsigned)listener->port);
			continue;
		}
		endpoint_format(listener, text, sizeof(text));
		add(&words, " --listener %s", text);
	}
	for (size_t i = 0; i < filter->clients_count; i++)
		add(&words, " --client %s", network_format(&filter->clients[i], text));
	add_names(&words, " --outcome ", filter->outcomes, OUTCOME_COUNT, name_of_outcome);
	add_names(&words, " --cause ", filter->causes, CAUSE_COUNT, name_of_cause);
	if (filter->timed)
		add_duration(&words, filter->slower_than_ns);
	return out[0] ? out + 1 : out;
}
