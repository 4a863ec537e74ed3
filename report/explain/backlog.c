/*
 * A longer accept queue: what would have been long enough, by the replay of the run, and which
 * setting limits it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/explain/parts.h"
#include "report/explain/settings.h"

/* Which of the two numbers makes the limit. */
enum binding { BINDS_BACKLOG, BINDS_SOMAXCONN, BINDS_UNKNOWN };

static enum binding binding_of(const struct report *r, const struct report_listener *l)
{
	int64_t somaxconn = -1, highest = -1;

	if (r->host_known)
		host_somaxconn(&r->host, &somaxconn, &highest);
	if (l->backlog >= 0)
		return l->limit < l->backlog ? BINDS_SOMAXCONN : BINDS_BACKLOG;
	if (somaxconn < 0)
		return BINDS_UNKNOWN;
	/* Changed during the recording: which of them listen() met is not known. */
	if (somaxconn != highest && somaxconn <= l->limit && l->limit <= highest)
		return BINDS_UNKNOWN;
	if (l->limit == somaxconn)
		return BINDS_SOMAXCONN;
	return BINDS_BACKLOG; /* also a somaxconn that was smaller when listen() was called */
}

static void because_of_somaxconn(struct advisor *a, struct advice *advice, const struct host *host)
{
	int64_t lowest, highest;

	host_somaxconn(host, &lowest, &highest);
	if (lowest == highest)
		advise_because(a, advice, "somaxconn %" PRId64, host->somaxconn);
	else
		advise_because(a, advice,
			       "somaxconn went from %" PRId64 " to %" PRId64
			       " during the recording",
			       host->somaxconn, host->somaxconn_end);
}

void advise_because_of_limit(struct advisor *a, struct advice *advice, const struct report *r,
			     const struct report_listener *l)
{
	if (l->backlog >= 0)
		advise_because(a, advice, "listen() backlog %" PRId64, l->backlog);
	advise_because(a, advice, "limit %" PRId64 ", capacity %" PRId64, l->limit, l->capacity);
	if (r->host_known && r->host.somaxconn >= 0)
		because_of_somaxconn(a, advice, &r->host);
	for (size_t i = 1; i < l->limits_count && i < 3; i++)
		advise_because(a, advice, "its limit went from %" PRId64 " to %" PRId64,
			       (int64_t)l->limits[i - 1].limit, (int64_t)l->limits[i].limit);
	if (l->queue_peak >= 0)
		advise_because(a, advice, "peak depth %" PRId64, l->queue_peak);
	advise_because(a, advice, "%" PRIu64 " packets dropped", l->drops);
}

/* Where clients leave before accept() a longer queue keeps more of them: one or two of many that
 * might be served sooner are within what the replay has to assume. */
static bool is_worth_it(const struct advisor_listener *al)
{
	uint64_t gone = al->listener->causes[CAUSE_CLIENT_LEFT];

	return gone * 10 < al->listener->attempts ||
	       (al->backlog.sooner - al->backlog.later) * 10 >= al->backlog.clients;
}

bool advise_backlog_helps(const struct advisor_listener *al)
{
	if (!al->backlog.known)
		return true;
	if ((int64_t)al->backlog.backlog <= al->listener->limit)
		return false;
	/* How many more came, or would come, is not known: no queue may have been long enough. */
	if (al->overload.began || al->overload.ended)
		return false;
	if (!al->service.known)
		return true;
	return al->backlog.served_then >= al->backlog.served &&
	       al->backlog.sooner > al->backlog.later && is_worth_it(al);
}

static uint64_t helped(const struct advisor_listener *al)
{
	return al->service.known ? al->backlog.sooner : 0;
}

#define SETTING_SIZE 320

/* " Set the backlog= parameter of listen (default 511), then reload it.", or what holds for all. */
static const char *backlog_setting(const struct report_listener *l, char text[SETTING_SIZE])
{
	const struct settings *settings = settings_of(l);

	if (settings && settings->backlog)
		snprintf(text, SETTING_SIZE, " The setting is %s; %s.", settings->backlog,
			 settings->apply);
	else
		snprintf(
		    text, SETTING_SIZE,
		    " A new backlog takes effect when the server calls listen() again: restart "
		    "it.");
	return text;
}

static struct advice *advise_backlog(struct advisor *a, const struct advisor_listener *al,
				     int64_t somaxconn)
{
	const struct sizing_backlog *b = &al->backlog;
	char name[ENDPOINT_TEXT_SIZE], setting[SETTING_SIZE], first[96] = "";

	report_listener_format(al->listener, name);
	backlog_setting(al->listener, setting);
	if (!b->known)
		return advise(a, "backlog-binds", helped(al),
			      "%s: the listen() backlog limits the accept queue. Raise it; raising "
			      "somaxconn has no effect.%s",
			      name, setting);
	if (somaxconn >= 0 && (int64_t)b->backlog > somaxconn)
		snprintf(first, sizeof(first),
			 " (first raise net.core.somaxconn, which caps it, to that value)");
	return advise(a, "backlog-binds", helped(al),
		      "%s: the listen() backlog limits the accept queue. With a backlog of %" PRIu64
		      "%s nothing would have been dropped.%s",
		      name, b->backlog, first, setting);
}

/* Where both are equal, both may have to be raised. */
static struct advice *advise_somaxconn(struct advisor *a, const struct advisor_listener *al)
{
	const struct settings *settings = settings_of(al->listener);
	const struct sizing_backlog *b = &al->backlog;
	char name[ENDPOINT_TEXT_SIZE], value[32] = "", too[SETTING_SIZE] = "";
	char setting[SETTINGS_ASIDE_SIZE];

	report_listener_format(al->listener, name);
	if (b->known)
		snprintf(value, sizeof(value), "=%" PRIu64, b->backlog);
	if (al->listener->backlog < 0)
		snprintf(too, sizeof(too), ", and the listen() backlog, if that is not larger%s",
			 settings_aside(settings ? settings->backlog : NULL, setting));
	return advise(
	    a, "somaxconn-binds", helped(al),
	    "%s: net.core.somaxconn limits the accept queue%s. Raise it (sysctl -w "
	    "net.core.somaxconn%s)%s, then restart the server: a new somaxconn takes effect at the "
	    "next listen() call. It belongs to the network namespace: of a container, set it there "
	    "(docker run --sysctl; securityContext.sysctls in Kubernetes).",
	    name,
	    al->listener->backlog >= 0 ? "; the listen() backlog is larger"
				       : " (or an equal listen() backlog does)",
	    value, too);
}

bool advise_is_overflow(const struct report_listener *l)
{
	return l->drops &&
	       (l->causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] || l->causes[CAUSE_ACCEPT_QUEUE_FULL_ACK] ||
		l->causes[CAUSE_COOKIE_ACK_DROPPED] ||
		!(l->causes[CAUSE_SYN_QUEUE_FULL] || l->causes[CAUSE_MAX_SYN_BACKLOG_RESERVE]));
}

/* By the clients' own patience, where they showed it. */
static void because_of_served(struct advisor *a, struct advice *advice,
			      const struct sizing_backlog *b)
{
	char wait[32];

	if (b->wait_max_ns == INT64_MAX)
		return;
	advise_duration(b->wait_max_ns, wait);
	if (b->served_least == b->served_most)
		advise_because(a, advice,
			       "%" PRIu64
			       " of them were accepted before they were seen to leave; with it "
			       "%" PRIu64 ", %s after the first SYN at most",
			       b->served, b->served_most, wait);
	else
		advise_because(a, advice,
			       "%" PRIu64
			       " of them were accepted before they were seen to leave; with it "
			       "%" PRIu64 " to %" PRIu64 ", %s after the first SYN at most: how "
			       "long the others would have waited is not known",
			       b->served, b->served_least, b->served_most, wait);
}

/* Nobody called accept(), as far as that can be seen: a longer queue only waits longer. */
static bool is_never_accepted(const struct report_listener *l)
{
	return l->attempts && !l->outcomes[OUTCOME_ACCEPTED] && !l->outcomes[OUTCOME_ESTABLISHED] &&
	       !l->group_attempts;
}

void advise_longer_queue(struct advisor *a, const struct report *r,
			 const struct advisor_listener *al)
{
	const struct report_listener *l = al->listener;
	const struct sizing_backlog *b = &al->backlog;
	char name[ENDPOINT_TEXT_SIZE];
	struct advice *advice = NULL;

	if (!advise_is_overflow(l) || l->limit < 0 || !advise_backlog_helps(al) ||
	    (!b->known && is_never_accepted(l)))
		return;
	report_listener_format(l, name);
	switch (binding_of(r, l)) {
	case BINDS_BACKLOG:
		advice = advise_backlog(a, al, r->host_known ? r->host.somaxconn : -1);
		break;
	case BINDS_SOMAXCONN:
		advice = advise_somaxconn(a, al);
		if (b->known)
			advise_because(a, advice,
				       "with a limit of %" PRIu64
				       " nothing would have been dropped",
				       b->backlog);
		break;
	case BINDS_UNKNOWN:
		advice = advise(
		    a, "limit-binds", helped(al),
		    "%s: the accept queue was full; whether the listen() backlog or somaxconn "
		    "limits it is unknown.",
		    name);
		break;
	}
	advise_because_of_limit(a, advice, r, l);
	if (!b->known)
		return;
	advise_because(a, advice,
		       "replay of %s%" PRIu64 " clients: up to %" PRIu64
		       " waiting at the same time",
		       al->left_out ? "the first " : "", b->clients, b->depth_peak);
	because_of_served(a, advice, b);
}
