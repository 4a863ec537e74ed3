/*
 * A process for each connection: the parent forks and forgets the connection,
 * the child serves it and exits with what became of it.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/model.h"

static void serve_in_child(struct server *server, const struct connection *connection)
    __attribute__((noreturn));

static void serve_in_child(struct server *server, const struct connection *connection)
{
	sigset_t none;

	for (size_t i = 0; i < server->listeners_count; i++)
		close(server->listeners[i].fd);
	close(server->signals.fd);
	/*
	 * There are no handlers to reset: the signals were blocked, and are gathered by signalfd.
	 */
	/* Ctrl-C reaches the whole process group: the server stops, its children finish. */
	signal(SIGINT, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit((int)service_run(&server->service, connection));
}

static int start(struct server *server, const struct connection *connection)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		serve_in_child(server, connection);
	service_report(&server->service, EVENT_FORK, connection, pid, 0);
	close(connection->fd);
	server->active++;
	return 0;
}

static void collect(struct server *server)
{
	for (;;) {
		struct event event = {.kind = EVENT_EXIT, .source = SOURCE_SERVER};
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0)
			return;
		event.time_ns = clock_now_ns();
		event.exit.pid = pid;
		event.exit.status = status;
		if (server->service.writer)
			channel_write(server->service.writer, &event);
		server->active--;
		if (WIFEXITED(status) && WEXITSTATUS(status) < SERVICE_RESULT_COUNT)
			server->stats->results[WEXITSTATUS(status)]++;
		else
			server->stats->killed++;
	}
}

const struct model model_fork = {.name = "fork", .start = start, .collect = collect};
