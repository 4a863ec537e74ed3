/*
 * The terminal. Escape sequences are those of ECMA-48 and of xterm that every
 * terminal emulator has; one that does not know synchronized updates ignores them.
 */
#include "cmd/terminal/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Alternate screen (it also saves the cursor), no cursor, no wrapping. And back. */
#define ENTER "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
#define LEAVE "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
/* Before a LEAVE: the frame may have been cut within a sequence. CAN ends it. */
#define CANCEL "\x18\x1b[?2026l"

#define BEGIN_FRAME "\x1b[?2026h\x1b[H"
#define END_FRAME   "\x1b[?2026l"
#define ERASE_LINE  "\x1b[K"
#define ERASE_BELOW "\x1b[J"

/* How long the way back waits for a terminal that takes nothing. */
#define LEAVE_MS 2000

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

void screen_measure(struct screen *screen)
{
	struct winsize size;

	screen->rows = 24;
	screen->columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	if (size.ws_row)
		screen->rows = size.ws_row;
	if (size.ws_col)
		screen->columns = size.ws_col;
}

/*
 * A description of its own for the terminal, since O_NONBLOCK belongs to the
 * description, and standard output's is also the shell's.
 */
static void open_paint(struct screen *screen)
{
	screen->paint_fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	screen->paint_fd_own = screen->paint_fd >= 0;
	if (!screen->paint_fd_own)
		screen->paint_fd = STDOUT_FILENO;
}

/* Keys come one by one and are not shown; Ctrl-C and Ctrl-Z stay signals. */
static void change_modes(struct screen *screen)
{
	struct termios modes;

	screen->modes_fd = screen->keys_fd >= 0 ? screen->keys_fd : STDOUT_FILENO;
	if (tcgetattr(screen->modes_fd, &screen->modes) < 0)
		return;
	modes = screen->modes;
	modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	modes.c_cc[VMIN] = 0;
	modes.c_cc[VTIME] = 0;
	screen->modes_changed = tcsetattr(screen->modes_fd, TCSANOW, &modes) == 0;
}

/* Writes all, waiting for the terminal. 0 or -errno. */
static int write_all(const char *bytes, size_t length)
{
	while (length) {
		struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
		ssize_t n;

		if (poll(&fd, 1, LEAVE_MS) == 0)
			return -ETIMEDOUT;
		n = write(STDOUT_FILENO, bytes, length);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

void screen_init(struct screen *screen)
{
	*screen = (struct screen){.keys_fd = isatty(STDIN_FILENO) ? STDIN_FILENO : -1};
	open_paint(screen);
}

int screen_enter(struct screen *screen)
{
	int rc;

	screen_measure(screen);
	change_modes(screen);
	screen->entered = true;
	rc = write_all(ENTER, strlen(ENTER));
	if (rc)
		screen_leave(screen);
	return rc;
}

void screen_leave(struct screen *screen)
{
	if (!screen->entered)
		return;
	screen->entered = false;
	if (screen_busy(screen) && write_all(CANCEL, strlen(CANCEL)) < 0) {
		/* The terminal is gone, or stands still: nothing more can be done for it. */
	}
	if (write_all(LEAVE, strlen(LEAVE)) < 0) {
		/* Likewise. */
	}
	if (screen->modes_changed)
		tcsetattr(screen->modes_fd, TCSANOW, &screen->modes);
	screen->modes_changed = false;
	screen->frame_length = screen->frame_written = 0;
}

void screen_release(struct screen *screen)
{
	screen_leave(screen);
	if (screen->paint_fd_own)
		close(screen->paint_fd);
	screen->paint_fd_own = false;
	free(screen->frame);
	screen->frame = NULL;
	screen->frame_room = 0;
}

/* The bytes of the line's beginning that take at most columns; *width: what they take. */
static size_t fit(const char *line, size_t length, unsigned columns, unsigned *width)
{
	size_t i = 0;

	*width = 0;
	while (i < length) {
		if (line[i] == '\x1b') {
			/* A control sequence ends with a byte from '@' on. */
			i += i + 1 < length && line[i + 1] == '[' ? 2 : 1;
			while (i < length && (line[i] < '@' || line[i] > '~'))
				i++;
			i += i < length;
			continue;
		}
		if ((line[i] & 0xc0) != 0x80 && (*width)++ == columns) {
			*width = columns;
			break;
		}
		i++;
	}
	return i;
}

static void add(struct screen *screen, const char *bytes, size_t length)
{
	memcpy(screen->frame + screen->frame_length, bytes, length);
	screen->frame_length += length;
}

static void compose(struct screen *screen, const char *text, size_t length)
{
	unsigned row = 0, width;

	screen->frame_length = screen->frame_written = 0;
	add(screen, BEGIN_FRAME, strlen(BEGIN_FRAME));
	while (length && row < screen->rows) {
		const char *end = memchr(text, '\n', length);
		size_t line = end ? (size_t)(end - text) : length;

		if (row++)
			add(screen, "\r\n", 2);
		add(screen, text, fit(text, line, screen->columns, &width));
		/* At the right edge it would erase the last character. Colours end with a cut. */
		if (width < screen->columns)
			add(screen, ERASE_LINE, strlen(ERASE_LINE));
		else
			add(screen, "\x1b[0m", 4);
		line += end != NULL;
		text += line;
		length -= line;
	}
	if (row < screen->rows)
		add(screen, "\r\n" ERASE_BELOW, strlen("\r\n" ERASE_BELOW));
	add(screen, END_FRAME, strlen(END_FRAME));
}

bool screen_busy(const struct screen *screen)
{
	return screen->frame_written < screen->frame_length;
}

int screen_continue(struct screen *screen)
{
	while (screen_busy(screen)) {
		ssize_t n = write(screen->paint_fd, screen->frame + screen->frame_written,
				  screen->frame_length - screen->frame_written);

		if (n >= 0)
			screen->frame_written += (size_t)n;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int screen_paint(struct screen *screen, const char *text, size_t length)
{
	size_t lines = 1, room;
	int rc = screen_continue(screen);

	if (rc || screen_busy(screen))
		return rc;
	for (size_t i = 0; i < length; i++)
		lines += text[i] == '\n';
	room = length + 16 * (lines + 4);
	if (room > screen->frame_room) {
		char *frame = realloc(screen->frame, room);

		if (!frame)
			return -ENOMEM;
		screen->frame = frame;
		screen->frame_room = room;
	}
	compose(screen, text, length);
	return screen_continue(screen);
}

char screen_key(struct screen *screen)
{
	char key = 0;

	if (screen->keys_fd < 0 || read(screen->keys_fd, &key, 1) != 1)
		return 0;
	return key;
}
