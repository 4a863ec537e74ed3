/*
 * Which setting limits an accept queue, in words. The limit is min(backlog,
 * somaxconn), fixed by listen().
 */
#include "report/text/text.h"

#include <inttypes.h>

static void add_changed(const struct report *report, struct sentence *sentence)
{
	sentence_add(sentence,
		     ", set by the listen() backlog or by somaxconn, which went from %" PRId64
		     " to %" PRId64 " during the recording",
		     report->host.somaxconn, report->host.somaxconn_end);
}

void text_limit(const struct text *text, const struct report_listener *listener, uint32_t limit,
		struct sentence *sentence)
{
	int64_t backlog = listener ? listener->backlog : -1;
	int64_t somaxconn = -1, highest = -1;

	if (text->report->host_known)
		host_somaxconn(&text->report->host, &somaxconn, &highest);
	sentence_add(sentence, "limit %" PRIu32, limit);
	/* Which of them listen() met is not known. */
	if (somaxconn != highest && backlog != limit && somaxconn <= limit && limit <= highest) {
		add_changed(text->report, sentence);
		return;
	}
	if (backlog == limit && somaxconn > backlog)
		sentence_add(sentence, ", set by the listen() backlog; somaxconn is %" PRId64,
			     somaxconn);
	else if (backlog == limit)
		sentence_add(sentence, ", set by the listen() backlog");
	else if (backlog > limit && somaxconn == limit)
		sentence_add(sentence, ", set by somaxconn; the listen() backlog is %" PRId64,
			     backlog);
	else if (backlog > limit)
		sentence_add(sentence,
			     ", set by somaxconn at the time of listen(); the backlog is %" PRId64,
			     backlog);
	else if (backlog == -1 && somaxconn > limit)
		sentence_add(sentence, ", set by the listen() backlog, since somaxconn is %" PRId64,
			     somaxconn);
	else if (backlog == -1 && somaxconn == limit)
		sentence_add(sentence, ", set by somaxconn or by an equal listen() backlog");
}

bool text_depth_known(const struct report_listener *listener)
{
	return listener->limit >= 0 && (listener->sampled.count || listener->rebuilt.count ||
					listener->samples || listener->episodes_count);
}
