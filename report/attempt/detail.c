/*
 * The pools of details and marks: arrays that double by need up to their
 * bounds, with a free list each.
 */
#include "report/attempt/detail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pool_detail {
	struct detail detail;
	uint32_t next_free;
};

struct details {
	struct pool_detail *details;
	uint32_t details_count;
	uint32_t details_room;
	uint32_t details_free;
	uint64_t details_refused;
	struct detail_mark *marks;
	uint32_t marks_count;
	uint32_t marks_room;
	uint32_t marks_free;
	uint64_t marks_refused;
};

int details_new(struct details **out)
{
	struct details *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->details_free = DETAIL_NONE;
	d->marks_free = DETAIL_NONE;
	*out = d;
	return 0;
}

void details_free(struct details *details)
{
	if (!details)
		return;
	free(details->details);
	free(details->marks);
	free(details);
}

/* Doubles *array; false when the bound or the memory ends. */
static bool grow(void **array, uint32_t *room, uint32_t max, size_t size)
{
	uint32_t wanted = *room ? *room * 2 : 256;
	void *bigger;

	if (*room == max)
		return false;
	if (wanted > max)
		wanted = max;
	bigger = realloc(*array, wanted * size);
	if (!bigger)
		return false;
	*array = bigger;
	*room = wanted;
	return true;
}

uint32_t details_add(struct details *details)
{
	uint32_t index = details->details_free;

	if (index != DETAIL_NONE) {
		details->details_free = details->details[index].next_free;
	} else {
		if (details->details_count == details->details_room &&
		    !grow((void **)&details->details, &details->details_room, DETAIL_OPENED_MAX,
			  sizeof(*details->details))) {
			details->details_refused++;
			return DETAIL_NONE;
		}
		index = details->details_count++;
	}
	details->details[index].detail = (struct detail){
	    .first_mark = DETAIL_NONE,
	    .last_mark = DETAIL_NONE,
	    .waiting_ns = TIME_UNKNOWN,
	    .entered_ns = TIME_UNKNOWN,
	    .sibling_ns = TIME_UNKNOWN,
	    .accept_ns = TIME_UNKNOWN,
	    .accept_after_ns = TIME_UNKNOWN,
	    .accept_before_ns = TIME_UNKNOWN,
	    .fork_ns = TIME_UNKNOWN,
	    .first_byte_ns = TIME_UNKNOWN,
	    .reply_ns = TIME_UNKNOWN,
	    .close_ns = TIME_UNKNOWN,
	    .exit_ns = TIME_UNKNOWN,
	    .asked_ns = TIME_UNKNOWN,
	    .answer_ns = TIME_UNKNOWN,
	    .queued_before_ns = TIME_UNKNOWN,
	};
	return index;
}

struct detail *details_at(struct details *details, uint32_t index)
{
	return index == DETAIL_NONE ? NULL : &details->details[index].detail;
}

struct detail_mark *details_mark(struct details *details, uint32_t mark)
{
	return mark == DETAIL_NONE ? NULL : &details->marks[mark];
}

void details_remove(struct details *details, uint32_t index)
{
	struct detail *d = details_at(details, index);

	if (!d)
		return;
	if (d->first_mark != DETAIL_NONE) {
		details->marks[d->last_mark].next = details->marks_free;
		details->marks_free = d->first_mark;
	}
	details->details[index].next_free = details->details_free;
	details->details_free = index;
}

uint32_t details_mark_add(struct details *details, uint32_t index, const struct mark *mark)
{
	struct detail *d = details_at(details, index);
	uint32_t m;

	if (!d)
		return DETAIL_NONE;
	if (d->marks == ATTEMPT_MARKS_MAX) {
		d->marks_lost++;
		return DETAIL_NONE;
	}
	m = details->marks_free;
	if (m != DETAIL_NONE) {
		details->marks_free = details->marks[m].next;
	} else {
		if (details->marks_count == details->marks_room &&
		    !grow((void **)&details->marks, &details->marks_room, DETAIL_MARKS_MAX,
			  sizeof(*details->marks))) {
			details->marks_refused++;
			d->marks_lost++;
			return DETAIL_NONE;
		}
		m = details->marks_count++;
		/* The bytes between its members are compared and written with them: attempt_buffer.c. */
		memset(&details->marks[m], 0, sizeof(details->marks[m]));
	}
	details->marks[m] = (struct detail_mark){.mark = *mark, .next = DETAIL_NONE};
	if (d->first_mark == DETAIL_NONE)
		d->first_mark = m;
	else
		details->marks[d->last_mark].next = m;
	d->last_mark = m;
	d->marks++;
	return m;
}

struct detail *details_open(struct details *details, struct open_attempt *attempt)
{
	const struct {
		int64_t time_ns;
		enum mark_kind kind;
	} so_far[] = {{attempt->syn_ns, MARK_SYN},
		      {attempt->synack_ns, MARK_SYN_ACK},
		      {attempt->ack_ns, MARK_ACK}};

	if (attempt->detail == TABLE_NONE) {
		attempt->detail = details_add(details);
		if (attempt->detail == TABLE_NONE)
			return NULL;
		for (size_t i = 0; i < sizeof(so_far) / sizeof(so_far[0]); i++)
			if (so_far[i].time_ns != TIME_UNKNOWN)
				details_mark_add(details, attempt->detail,
						 &(struct mark){
						     .time_ns = so_far[i].time_ns,
						     .kind = so_far[i].kind,
						     .depth = MARK_DEPTH_UNKNOWN,
						 });
	}
	return details_at(details, attempt->detail);
}

uint64_t details_refused(const struct details *details)
{
	return details->details_refused;
}

uint64_t details_marks_refused(const struct details *details)
{
	return details->marks_refused;
}
