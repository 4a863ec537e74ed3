/*
 * Interface for the screen: the terminal on standard output as a full-screen
 * display. It uses the alternate screen, so that what was on the terminal comes
 * back, and never makes the program wait: a terminal that is slow, or was
 * stopped by Ctrl-S, misses frames.
 */
#ifndef CMD_TERMINAL_SCREEN_H
#define CMD_TERMINAL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct screen {
	unsigned rows;
	unsigned columns;
	int keys_fd; /* readable when a key was pressed; -1: standard input is no terminal */
	/* Below: screen.c's own. */
	int paint_fd;
	bool paint_fd_own;
	bool entered;
	bool modes_changed;
	int modes_fd;
	struct termios modes;
	char *frame;
	size_t frame_room;
	size_t frame_length;
	size_t frame_written;
};

/* True when standard output is a terminal that can be drawn on. */
bool screen_possible(void);

/*
 * Opens the terminal, before privileges are given up. The screen is released by screen_release().
 */
void screen_init(struct screen *screen);

/* Leaves, and closes. */
void screen_release(struct screen *screen);

/* Takes the terminal over. 0 or -errno, and then it is as it was. */
int screen_enter(struct screen *screen) __attribute__((warn_unused_result));

/* Gives the terminal back as it was found; it may be entered again. Legal at any time. */
void screen_leave(struct screen *screen);

/* After SIGWINCH: asks for the size. */
void screen_measure(struct screen *screen);

/*
 * Shows these lines, each ending with a newline; what goes beyond the size is cut.
 * One write for a frame; while the frame before it is still under way, none. 0, or
 * -errno: the terminal is gone.
 */
int screen_paint(struct screen *screen, const char *text, size_t length)
    __attribute__((warn_unused_result));

/* True while a frame is not written to its end: screen_continue() goes on. */
bool screen_busy(const struct screen *screen);
int screen_continue(struct screen *screen) __attribute__((warn_unused_result));

/* The next key that was pressed, or 0. */
char screen_key(struct screen *screen);

#endif
