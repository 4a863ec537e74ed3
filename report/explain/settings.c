/*
 * The table of well-known servers. Each line is from the documentation of that server; where it
 * has no such setting it is left out.
 */
#include "report/explain/settings.h"

#include <stdio.h>
#include <string.h>

#define RESTART		"restart it"
#define APACHE_WORKERS	"MaxRequestWorkers and ServerLimit"
#define APACHE_TIMEOUTS "KeepAliveTimeout, Timeout"

static const struct settings table[] = {
    /* A socket that systemd made is systemd's, whoever serves it. */
    {.comm = "systemd",
     .backlog = "Backlog= of its .socket unit",
     .apply = "systemctl daemon-reload, then restart the .socket unit",
     .connections = "MaxConnections= of its .socket unit"},
    {.comm = "systemd-socket-"},
    {.comm = "nginx",
     .backlog = "the backlog= parameter of listen (default 511)",
     .apply = "reload it: it calls listen() again when backlog= has changed; a new somaxconn alone "
	      "takes a restart",
     .workers = "worker_processes",
     .connections = "worker_connections",
     .descriptors = "worker_rlimit_nofile"},
    {.comm = "apache2",
     .backlog = "ListenBacklog (default 511)",
     .apply = "restart it: a graceful reload keeps the socket as it is",
     .workers = APACHE_WORKERS,
     .sooner = APACHE_TIMEOUTS},
    {.comm = "httpd",
     .backlog = "ListenBacklog (default 511)",
     .apply = "restart it: a graceful reload keeps the socket as it is",
     .workers = APACHE_WORKERS,
     .sooner = APACHE_TIMEOUTS},
    {.comm = "postgres",
     .backlog = "max_connections, from which PostgreSQL derives its backlog",
     .apply = RESTART,
     .connections = "max_connections"},
    {.comm = "gunicorn",
     .backlog = "--backlog (default 2048)",
     .apply = RESTART,
     .workers = "--workers or --threads",
     .sooner = "--timeout, --keep-alive",
     .connections = "--worker-connections"},
    {.comm = "haproxy",
     .backlog = "backlog in the frontend (default: its maxconn)",
     .apply = "reload or restart it",
     .workers = "nbthread",
     .connections = "maxconn, of the frontend and global",
     .stops = true,
     .descriptors = "maxconn or ulimit-n in the global section"},
    {.comm = "memcached",
     .backlog = "-b (default 1024)",
     .apply = RESTART,
     .connections = "-c, default 1024",
     .stops = true,
     .descriptors = "-c"},
    {.comm = "redis-server",
     .backlog = "tcp-backlog (default 511)",
     .apply = RESTART,
     .connections = "maxclients",
     .descriptors = "maxclients",
     .loop = true},
    {.comm = "valkey-server",
     .backlog = "tcp-backlog (default 511)",
     .apply = RESTART,
     .connections = "maxclients",
     .descriptors = "maxclients",
     .loop = true},
    {.comm = "mysqld",
     .backlog = "back_log",
     .apply = RESTART,
     .connections = "max_connections",
     .descriptors = "open_files_limit"},
    {.comm = "mariadbd",
     .backlog = "back_log",
     .apply = RESTART,
     .connections = "max_connections",
     .descriptors = "open_files_limit"},
    {.comm = "php-fpm",
     .backlog = "listen.backlog of the pool (default 511)",
     .apply = RESTART,
     .workers = "pm.max_children of the pool",
     .sooner = "request_terminate_timeout of the pool",
     .descriptors = "rlimit_files"},
    {.comm = "uwsgi",
     .backlog = "--listen (default 100)",
     .apply = RESTART,
     .workers = "--processes or --threads",
     .sooner = "--harakiri"},
    {.comm = "lighttpd",
     .backlog = "server.listen-backlog (default 1024)",
     .apply = RESTART,
     .connections = "server.max-connections",
     .stops = true,
     .descriptors = "server.max-fds"},
    {.comm = "node",
     .backlog = "the backlog argument of server.listen() (default 511)",
     .apply = RESTART,
     .workers = "the cluster module, or several instances",
     .connections = "server.maxConnections",
     .loop = true},
    {.comm = "java",
     .backlog = "the backlog of its ServerSocket (Tomcat: acceptCount, default 100)",
     .apply = RESTART,
     .workers = "Tomcat: maxThreads",
     .connections = "Tomcat: maxConnections",
     .stops = true},
    {.comm = "sshd", .connections = "MaxStartups"},
};

static const struct settings *by_comm(const char *comm)
{
	for (size_t i = 0; comm && i < sizeof(table) / sizeof(table[0]); i++) {
		size_t length = strlen(table[i].comm);

		if (strncmp(comm, table[i].comm, length) != 0)
			continue;
		/*
		 * "php-fpm8.2", and a name that is cut; but no "nginx-exporter", "systemd-resolve".
		 */
		if (comm[length] == '\0' || (comm[length] >= '0' && comm[length] <= '9') ||
		    (comm[length] == ':' || comm[length - 1] == '-'))
			return &table[i];
	}
	return NULL;
}

const struct settings *settings_of(const struct report_listener *l)
{
	const struct settings *found = NULL;

	for (size_t i = 0; i < l->owners_count; i++) {
		const struct settings *one = by_comm(l->owners[i].comm);

		if (one && one == &table[0])
			return one;
		if (!found)
			found = one;
	}
	return found ? found : by_comm(l->comm);
}

const char *settings_connections(const struct report_listener *l)
{
	const struct settings *settings = settings_of(l);

	return settings && settings->connections
		   ? settings->connections
		   : "such as max_connections, maxconn, MaxStartups, worker_connections";
}

const char *settings_workers(const struct report_listener *l)
{
	const struct settings *settings = settings_of(l);

	return settings ? settings->workers : NULL;
}

const char *settings_aside(const char *setting, char text[SETTINGS_ASIDE_SIZE])
{
	text[0] = '\0';
	if (setting)
		snprintf(text, SETTINGS_ASIDE_SIZE, " (%s)", setting);
	return text;
}
