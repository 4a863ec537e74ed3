/*
 * Attempts that are alike, and the worst of each kind: a listener at its limit
 * drops hundreds of them in the same way, and one paragraph says it for all.
 */
#include "report/text/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "event/array.h"
#include "report/measure/worst.h"

static uint64_t mix(uint64_t key, uint64_t value)
{
	/* FNV-1a over the bytes of value: two kinds in 2^64 may meet, which costs a paragraph. */
	for (int i = 0; i < 8; i++)
		key = (key ^ ((value >> (8 * i)) & 0xff)) * UINT64_C(0x100000001b3);
	return key;
}

static uint64_t key_of(const struct attempt *a)
{
	uint64_t key = UINT64_C(0xcbf29ce484222325), causes = 0;

	key = mix(key, (uint64_t)(int64_t)a->listener);
	if (a->listener < 0)
		key = mix(key, a->server.port);
	key = mix(key, (uint64_t)a->outcome << 16 | (uint64_t)a->role << 8 |
			   (uint64_t)a->ghost << 1 | a->evicted);
	/* Whatever order they were found in. */
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++)
		causes += mix(0, (uint64_t)a->causes[i].cause << 8 | a->causes[i].confidence);
	/* Why a SYN was retransmitted is known from its cause, or not at all. */
	return mix(mix(key, causes), !causes && a->syns > 1);
}

static struct text_kind *find(struct text_kinds *kinds, uint64_t key)
{
	for (size_t i = 0; i < kinds->count; i++)
		if (kinds->kinds[i].key == key)
			return &kinds->kinds[i];
	return NULL;
}

static int make_room(struct text_kinds *kinds)
{
	struct text_kind *larger;

	if (kinds->count < kinds->room)
		return 0;
	larger = array_grow(kinds->kinds, &kinds->room, sizeof(*larger), 8, ARRAY_UNBOUNDED);
	if (!larger)
		return -ENOMEM;
	kinds->kinds = larger;
	return 0;
}

int text_kinds_add(struct text_kinds *kinds, const struct attempt *a)
{
	uint64_t key = key_of(a);
	struct text_kind *kind = find(kinds, key);
	int64_t score = worst_score(a);

	if (!kind && kinds->count == TEXT_KINDS_MAX) {
		kinds->others++;
		return 0;
	}
	if (!kind) {
		int rc = make_room(kinds);

		if (rc)
			return rc;
		kind = &kinds->kinds[kinds->count++];
		*kind = (struct text_kind){
		    .key = key, .first_ns = TIME_UNKNOWN, .last_ns = TIME_UNKNOWN};
	}
	kind->count++;
	if (a->syn_ns != TIME_UNKNOWN) {
		if (kind->first_ns == TIME_UNKNOWN || a->syn_ns < kind->first_ns)
			kind->first_ns = a->syn_ns;
		if (a->syn_ns > kind->last_ns)
			kind->last_ns = a->syn_ns;
	}
	if (kind->count == 1 || score > kind->score) {
		kind->score = score;
		kind->worst = *a;
	}
	return 0;
}

void text_kinds_release(struct text_kinds *kinds)
{
	free(kinds->kinds);
	*kinds = (struct text_kinds){0};
}

/* The worst first; of equal ones the earlier. */
static int compare(const void *left, const void *right)
{
	const struct text_kind *a = left, *b = right;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return (a->worst.number > b->worst.number) - (a->worst.number < b->worst.number);
}

/* Nothing was lost and nothing was late: of interest only where nothing else is. */
static bool is_healthy(const struct text_kind *kind)
{
	return !kind->worst.causes_count && kind->worst.syns <= 1 &&
	       (kind->worst.outcome == OUTCOME_ACCEPTED ||
		kind->worst.outcome == OUTCOME_ESTABLISHED);
}

static void put_like_it(const struct text *text, const struct text_kind *kind)
{
	char count[TEXT_VALUE_SIZE], first[TEXT_VALUE_SIZE], last[TEXT_VALUE_SIZE];
	struct sentence sentence;

	if (kind->count == 1)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence, "%s attempts like this", text_count((int64_t)kind->count, count));
	text_when(text, kind->first_ns, first);
	text_when(text, kind->last_ns, last);
	if (kind->first_ns != TIME_UNKNOWN && strcmp(first, last) == 0)
		sentence_add(&sentence, ", all started at %s", first);
	else if (kind->first_ns != TIME_UNKNOWN)
		sentence_add(&sentence, ", started from %s to %s", first, last);
	sentence_add(&sentence, ".");
	text_begin_colour(text, TEXT_BOLD);
	text_paragraph(text, "  ", 2, sentence.text);
	text_end_colour(text, TEXT_BOLD);
}

void text_put_kinds(const struct text *text, struct text_kinds *kinds, unsigned count)
{
	const struct attempt *shown[TEXT_KINDS_MAX];
	uint64_t left = kinds->others;
	size_t n = 0;

	if (!kinds->count)
		return;
	qsort(kinds->kinds, kinds->count, sizeof(*kinds->kinds), compare);
	text_heading(text, kinds->count == 1 && kinds->kinds[0].count == 1
			       ? "The attempt"
			       : "The worst attempts, one of each kind");
	for (size_t i = 0; i < kinds->count; i++) {
		const struct text_kind *kind = &kinds->kinds[i];

		if (n && is_healthy(kind))
			continue;
		if (n == count) {
			left += kind->count;
			continue;
		}
		text_put_verdict(text, &kind->worst, shown, n);
		shown[n++] = &kind->worst;
		put_like_it(text, kind);
	}
	if (left)
		fprintf(text->out, "%" PRIu64 " attempts of other kinds are not shown.\n", left);
	text_put_doubts(text, shown, n);
}
