/*
 * Reads the counters of a network namespace. What they mean is not decided here.
 */
#include "netlink/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* TcpExt alone is 4 KiB of text on a busy host; names grow with kernels. */
#define TEXT_MAX 65536

struct words {
	const char *next;
	const char *end;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool words_next(struct words *words, const char **word, size_t *length)
{
	while (words->next < words->end && is_space(*words->next))
		words->next++;
	*word = words->next;
	while (words->next < words->end && !is_space(*words->next))
		words->next++;
	*length = (size_t)(words->next - *word);
	return *length > 0;
}

static bool word_is(const char *word, size_t length, const char *text)
{
	return strlen(text) == length && memcmp(word, text, length) == 0;
}

static bool word_number(const char *word, size_t length, uint64_t *value)
{
	uint64_t n = 0;

	for (size_t i = 0; i < length; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(word[i] - '0'), &n))
			return false;
	}
	*value = n;
	return length > 0;
}

/*
 * Most of some 500 names are not of interest, forty times a second: a table of hashes that points
 * to the few that are. 0: nothing there; else one more than the counter.
 */
#define PLACES 1024

static uint8_t places[PLACES];

/* Of a few letters: who meets another's place is compared as a whole. */
static uint32_t place_of(const char *name, size_t length)
{
	uint32_t hash = (uint32_t)length;

	hash = hash * 31 + (uint8_t)name[length / 4];
	hash = hash * 31 + (uint8_t)name[length / 2];
	hash = hash * 31 + (uint8_t)name[length * 3 / 4];
	hash = hash * 31 + (uint8_t)name[length - 1];
	return (hash ^ hash >> 10) % PLACES;
}

static void fill_places(void)
{
	static bool filled;

	for (int i = 0; !filled && i < COUNTER_COUNT; i++) {
		const char *name = counter_name((enum counter)i);
		uint32_t place = place_of(name, strlen(name));

		while (places[place])
			place = (place + 1) % PLACES;
		places[place] = (uint8_t)(i + 1);
	}
	filled = true;
}

static void store(const char *group, size_t group_length, const char *name, size_t name_length,
		  uint64_t value, struct counters *counters)
{
	uint32_t place = place_of(name, name_length);

	for (; places[place]; place = (place + 1) % PLACES) {
		enum counter counter = (enum counter)(places[place] - 1);

		if (!word_is(name, name_length, counter_name(counter)) ||
		    !word_is(group, group_length, counter_group(counter)))
			continue;
		counters->value[counter] = value;
		counters->known |= UINT64_C(1) << counter;
		return;
	}
}

/* The first word of a line without its colon, or false when the line has none. */
static bool line_group(struct words *line, const char **group, size_t *length)
{
	if (!words_next(line, group, length) || (*group)[*length - 1] != ':')
		return false;
	*length -= 1;
	return true;
}

static void parse_pair(struct words names, struct words values, struct counters *counters)
{
	const char *group, *group2, *name, *value;
	size_t group_length, group2_length, name_length, value_length;
	uint64_t number;

	if (!line_group(&names, &group, &group_length) ||
	    !line_group(&values, &group2, &group2_length) || group_length != group2_length ||
	    memcmp(group, group2, group_length) != 0)
		return;
	while (words_next(&names, &name, &name_length) &&
	       words_next(&values, &value, &value_length))
		if (word_number(value, value_length, &number))
			store(group, group_length, name, name_length, number, counters);
}

static bool next_line(const char **text, size_t *left, struct words *line)
{
	const char *newline;

	if (*left == 0)
		return false;
	newline = memchr(*text, '\n', *left);
	line->next = *text;
	line->end = newline ? newline : *text + *left;
	*left -= (size_t)(line->end - *text) + (newline ? 1 : 0);
	*text = line->end + (newline ? 1 : 0);
	return true;
}

/* A line of /proc/net/snmp6 or /proc/net/xfrm_stat: its name and its value. */
static bool parse_single(struct words line, struct counters *counters)
{
	const char *name, *value;
	size_t name_length, value_length;
	uint64_t number;

	if (!words_next(&line, &name, &name_length) || !words_next(&line, &value, &value_length) ||
	    !word_number(value, value_length, &number))
		return false;
	store("", 0, name, name_length, number, counters);
	return true;
}

void counters_parse(const char *text, size_t length, struct counters *counters)
{
	struct words line, values;

	fill_places();
	while (next_line(&text, &length, &line))
		if (!parse_single(line, counters) && next_line(&text, &length, &values))
			parse_pair(line, values, counters);
}

static const char *const paths[COUNTERS_FILES] = {
    "/proc/thread-self/net/netstat", "/proc/thread-self/net/snmp",
    "/proc/thread-self/net/snmp6",     /* absent without IPv6 */
    "/proc/thread-self/net/xfrm_stat", /* absent without CONFIG_XFRM_STATISTICS */
};

int counters_reader_init(struct counters_reader *reader)
{
	int error = -ENOENT;

	for (int i = 0; i < COUNTERS_FILES; i++) {
		reader->fds[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (reader->fds[i] >= 0)
			error = 0;
		else if (error)
			error = -errno;
	}
	return error;
}

static int read_file(int fd, struct counters *counters)
{
	char text[TEXT_MAX];
	size_t length = 0;

	if (fd < 0)
		return -EBADF;
	while (length < sizeof(text)) {
		ssize_t n = pread(fd, text + length, sizeof(text) - length, (off_t)length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
		/* Such a file is one record: a read gives all that fits, whole lines at the end. */
		if (length < sizeof(text) && text[length - 1] == '\n')
			break;
	}
	counters_parse(text, length, counters);
	return 0;
}

int counters_read(const struct counters_reader *reader, struct counters *counters,
		  int64_t *after_ns)
{
	int error = -ENOENT;

	counters->known = 0;
	memset(counters->value, 0, sizeof(counters->value));
	counters->before_ns = clock_now_ns();
	for (int i = 0; i < COUNTERS_FILES; i++) {
		int result = read_file(reader->fds[i], counters);

		if (result == 0 || error == -ENOENT)
			error = result;
	}
	*after_ns = clock_now_ns();
	return counters->known ? 0 : error;
}

void counters_reader_release(struct counters_reader *reader)
{
	for (int i = 0; i < COUNTERS_FILES; i++) {
		if (reader->fds[i] >= 0)
			close(reader->fds[i]);
		reader->fds[i] = -1;
	}
}
