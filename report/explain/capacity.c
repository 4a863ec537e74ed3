/*
 * A longer accept queue, and more workers: what would have been enough, by the replay of the run,
 * and which setting that is. Not why there was too little: see stall.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/explain/parts.h"
#include "report/explain/settings.h"

static void name_of(const struct report_listener *l, char text[ENDPOINT_TEXT_SIZE])
{
	endpoint_format(&l->local, text, ENDPOINT_TEXT_SIZE);
}

/* Which of the two numbers makes the limit. */
enum binding { BINDS_BACKLOG, BINDS_SOMAXCONN, BINDS_UNKNOWN };

static enum binding binding_of(const struct report *r, const struct report_listener *l)
{
	int64_t somaxconn = r->host_known ? r->host.somaxconn : -1;

	if (l->backlog >= 0)
		return l->limit < l->backlog ? BINDS_SOMAXCONN : BINDS_BACKLOG;
	if (somaxconn < 0)
		return BINDS_UNKNOWN;
	if (l->limit == somaxconn)
		return BINDS_SOMAXCONN;
	return BINDS_BACKLOG; /* also a somaxconn that was smaller when listen() was called */
}

static void evidence_of_limit(struct advisor *a, struct advice *advice, const struct report *r,
			      const struct report_listener *l)
{
	if (l->backlog >= 0)
		advise_because(a, advice, "listen() backlog %" PRId64, l->backlog);
	advise_because(a, advice, "limit %" PRId64 ", capacity %" PRId64, l->limit, l->capacity);
	if (r->host_known && r->host.somaxconn >= 0)
		advise_because(a, advice, "somaxconn %" PRId64, r->host.somaxconn);
	if (l->queue_peak >= 0)
		advise_because(a, advice, "peak depth %" PRId64, l->queue_peak);
	advise_because(a, advice, "%" PRIu64 " packets dropped", l->drops);
}

bool advise_backlog_helps(const struct advisor_listener *al)
{
	if (!al->backlog.known)
		return true;
	if ((int64_t)al->backlog.backlog <= al->listener->limit)
		return false;
	return !al->service.known || (al->service.served_then >= al->service.served &&
				      al->service.sooner > al->service.later);
}

static uint64_t helped(const struct advisor_listener *al)
{
	const struct sizing_service *s = &al->service;

	return s->known ? s->sooner : 0;
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

	name_of(al->listener, name);
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

	name_of(al->listener, name);
	if (b->known)
		snprintf(value, sizeof(value), "=%" PRIu64, b->backlog);
	if (al->listener->backlog < 0)
		snprintf(too, sizeof(too),
			 ", and the listen() backlog, if that is not larger%s%s%s",
			 settings && settings->backlog ? " (" : "",
			 settings && settings->backlog ? settings->backlog : "",
			 settings && settings->backlog ? ")" : "");
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

static void advise_limit(struct advisor *a, const struct report *r,
			 const struct advisor_listener *al)
{
	const struct report_listener *l = al->listener;
	const struct sizing_backlog *b = &al->backlog;
	char name[ENDPOINT_TEXT_SIZE];
	struct advice *advice = NULL;

	if (!l->drops || l->limit < 0 || !advise_backlog_helps(al))
		return;
	name_of(l, name);
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
	evidence_of_limit(a, advice, r, l);
	if (b->known)
		advise_because(a, advice,
			       "replay of %s%" PRIu64 " clients: up to %" PRIu64
			       " waiting at the same time",
			       al->left_out ? "the first " : "", b->clients, b->depth_peak);
}

/* It stops accepting at a number of open connections, or has so many workers: which setting. */
static struct advice *advise_more(struct advisor *a, const struct advisor_listener *al,
				  uint64_t clients)
{
	const struct sizing_children *c = &al->children;
	const struct settings *settings = settings_of(al->listener);
	const char *workers = settings ? settings->workers : NULL;
	char name[ENDPOINT_TEXT_SIZE], target[32];

	name_of(al->listener, name);
	advise_duration(c->target_ns, target);
	if (settings && settings->stops)
		return advise(
		    a, "application-limit", clients,
		    "%s: it takes no more than %" PRIu64
		    " connections at a time and leaves the others in the accept queue: its "
		    "own limit (%s). With a limit of %" PRIu64
		    " every wait would have been at most %s; a longer queue alone only "
		    "turns drops into waiting.",
		    name, al->service.concurrent, settings->connections, c->children, target);
	return advise(a, "accept-rate", clients,
		      "%s: connections wait because of slow accept(). With %" PRIu64
		      " worker%s%s%s%s every wait would have been at most %s; a longer queue alone "
		      "only turns drops into waiting.",
		      name, c->children, c->children == 1 ? "" : "s", workers ? " (" : "",
		      workers ? workers : "", workers ? ")" : "", target);
}

void advise_workers(struct advisor *a, const struct advisor_listener *al)
{
	const struct sizing_children *c = &al->children;
	const struct sizing_service *service = &al->service;
	const struct latency_summary *wait = &al->listener->latency[LATENCY_ACCEPT_WAIT];
	uint64_t slow = al->listener->causes[CAUSE_SLOW_ACCEPT];
	char duration[32], p50[32], max[32];
	struct advice *advice;

	/* So many were at work already, or more were taken at other times: more of the same would
	 * have changed nothing. */
	if (!c->known || !slow || c->children <= service->concurrent ||
	    !(service->saturated || service->concurrent <= 1))
		return;
	advice = advise_more(a, al, slow);
	advise_because(a, advice, "wait for accept(): p50 %s, max %s",
		       advise_duration(wait->p50, p50), advise_duration(wait->max, max));
	advise_because(a, advice, "%" PRIu64 " attempts waited in the queue for more than 100 ms",
		       slow);
	advise_because(a, advice, "at most %" PRIu64 " connection%s open at a time",
		       service->concurrent, service->concurrent == 1 ? "" : "s");
	advise_because(a, advice, "service time p50 %s",
		       advise_duration(c->service_p50_ns, duration));
	advise_because(a, advice, "replay of %" PRIu64 " clients in order of arrival", c->clients);
}

void advise_capacity(struct advisor *advisor, const struct report *report,
		     const struct advisor_listener *listener)
{
	advise_limit(advisor, report, listener);
	advise_workers(advisor, listener);
}
