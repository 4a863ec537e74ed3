/*
 * Clients whose server was ended by a signal while it had them: the kernel closes the connections
 * of a process about when it says that the process ended.
 */
#include "report/queue/sizing/sizing.h"

/*
 * One that is known to have been this process's ended with it. Of others only what is closer: a
 * young child is not told from its parent.
 */
#define WITH_IT_NS  (100 * NS_PER_MS)
#define ABOUT_IT_NS (20 * NS_PER_MS)

static bool is_of(const struct sizing_client *c, const struct sizing_exit *exit)
{
	int64_t apart_ns = exit->time_ns - c->end_ns;
	bool known = c->served_pid && c->served_pid != exit->parent_pid;

	if (known && c->served_pid != exit->pid)
		return false;
	if (apart_ns < 0)
		apart_ns = -apart_ns;
	return apart_ns <= (known ? WITH_IT_NS : ABOUT_IT_NS);
}

/* Who keeps a connection for later, and has asked for nothing yet, was not let down. */
static bool has_asked(const struct sizing_client *c)
{
	return c->unanswered && c->end_ns != TIME_UNKNOWN && (!c->silent || c->turned_away);
}

static void count(struct sizing_ended *ended, const struct sizing_client *c,
		  const struct sizing_exit *exit)
{
	if (!ended->clients) {
		ended->pid = exit->pid;
		ended->signal = exit->signal;
		ended->after_ns = c->accept_ns != TIME_UNKNOWN && c->end_ns >= c->accept_ns
				      ? c->end_ns - c->accept_ns
				      : -1;
	}
	ended->clients++;
	ended->unserved += c->turned_away;
}

struct sizing_ended sizing_ended(const struct sizing *sizing, const struct sizing_exit *exits,
				 size_t exits_count)
{
	struct sizing_ended ended = {.after_ns = -1};

	for (size_t i = 0; i < exits_count; i++) {
		uint64_t before = ended.clients;

		for (size_t j = 0; j < sizing->count; j++) {
			const struct sizing_client *c = &sizing->clients[j];
			bool told = false;

			if (!has_asked(c) || !is_of(c, &exits[i]))
				continue;
			for (size_t k = 0; k < i && !told; k++)
				told = is_of(c, &exits[k]);
			if (!told)
				count(&ended, c, &exits[i]);
		}
		ended.processes += ended.clients > before;
	}
	return ended;
}
