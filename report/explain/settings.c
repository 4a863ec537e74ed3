/*
 * The table of well-known servers. Each line is from the documentation of that server; where it
 * has no such setting it is left out.
 */
#include "report/explain/settings.h"

#include <string.h>

static const struct settings table[] = {
    /* A socket that systemd made is systemd's, whoever serves it. */
    {"systemd", "Backlog= of its .socket unit",
     "systemctl daemon-reload, then restart the .socket unit", NULL,
     "MaxConnections= of its .socket unit"},
    {"systemd-socket-", NULL, NULL, NULL, NULL},
    {"nginx", "the backlog= parameter of listen (default 511)",
     "nginx -s reload is enough when backlog= changes, a changed somaxconn alone takes a restart",
     "worker_processes", "worker_connections"},
    {"apache2", "ListenBacklog (default 511)", "restart it: a graceful reload keeps the socket",
     "MaxRequestWorkers (and ServerLimit)", "MaxRequestWorkers (and ServerLimit)"},
    {"httpd", "ListenBacklog (default 511)", "restart it: a graceful reload keeps the socket",
     "MaxRequestWorkers (and ServerLimit)", "MaxRequestWorkers (and ServerLimit)"},
    {"postgres",
     "max_connections (PostgreSQL has no setting of its own: its backlog is about twice that)",
     "restart it", NULL, "max_connections"},
    {"gunicorn", "--backlog (default 2048)", "restart it", "--workers or --threads",
     "--worker-connections"},
    {"haproxy", "backlog in the frontend (default: its maxconn)", "restart or reload it",
     "nbthread", "maxconn (global and of the frontend)"},
    {"memcached", "-b (default 1024)", "restart it", "-t", "-c (default 1024)"},
    {"redis-server", "tcp-backlog (default 511)", "restart it", NULL, "maxclients"},
    {"valkey-server", "tcp-backlog (default 511)", "restart it", NULL, "maxclients"},
    {"mysqld", "back_log", "restart it", NULL, "max_connections"},
    {"mariadbd", "back_log", "restart it", NULL, "max_connections"},
    {"php-fpm", "listen.backlog of the pool", "restart it", "pm.max_children of the pool", NULL},
    {"uwsgi", "--listen (default 100)", "restart it", "--processes or --threads", NULL},
    {"lighttpd", "server.listen-backlog (default 1024)", "restart it", NULL,
     "server.max-connections"},
    {"node", "the backlog argument of server.listen() (default 511)", "restart it",
     "the number of processes (the cluster module, or several instances)", "server.maxConnections"},
    {"java", "the backlog of its ServerSocket (Tomcat: acceptCount, default 100)", "restart it",
     "its threads (Tomcat: maxThreads)", "its limit on connections (Tomcat: maxConnections)"},
    {"sshd", NULL, NULL, NULL, "MaxStartups"},
};

static const struct settings *by_comm(const char *comm)
{
	for (size_t i = 0; comm && i < sizeof(table) / sizeof(table[0]); i++) {
		size_t length = strlen(table[i].comm);

		if (strncmp(comm, table[i].comm, length) != 0)
			continue;
		/* "php-fpm8.2", and a name that is cut; but no "nginx-exporter", "systemd-resolve".
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
