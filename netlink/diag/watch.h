/*
 * Interface for the watched listeners: which of the namespace's listening
 * sockets are wanted, what is known about each, and what changed since the
 * last dump. It asks nobody: dumps are handed to it.
 */
#ifndef NETLINK_DIAG_WATCH_H
#define NETLINK_DIAG_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "netlink/diag/message.h"

struct watched {
	struct listener listener; /* as it was last told */
	uint32_t depth;		  /* of the last sample */
	uint32_t group_size;	  /* listeners with its address, port and interface: 1 when alone */
	uint32_t seen;		  /* number of the dump that showed it last */
	uint16_t remote_port;	  /* a look-up from this port reaches it, and not its siblings */
	bool reachable;		  /* remote_port is known to do so */
	uint32_t drops;		  /* of the last sample */
	int64_t told_ns;	  /* before_ns of the last sample that was delivered */
	int64_t full_ns;	  /* monotonic: it was full; 0: never seen so */
	int64_t found_ns;	  /* monotonic: it was seen first */
};

struct watch {
	struct endpoint *targets;
	size_t targets_count;
	size_t asked_count;	   /* of these, when it began */
	struct watched *listeners; /* sorted by cookie */
	uint32_t *by_port;	   /* indices of listeners, sorted by port, address, interface */
	size_t count;
	size_t capacity;
	uint32_t dumps;
};

/* The targets are copied. See struct sampler_options. 0 or -ENOMEM. */
int watch_init(struct watch *watch, const struct endpoint *targets, size_t count)
    __attribute__((warn_unused_result));
void watch_release(struct watch *watch);

/* Another target, as from the next dump on. Without targets everything is watched. 0 or -ENOMEM. */
int watch_add(struct watch *watch, const struct endpoint *target)
    __attribute__((warn_unused_result));

/*
 * The listener is the watch's own, for the time of the call. A value that is not 0 ends the update.
 */
typedef int (*watch_fn)(void *context, struct watched *watched, enum listener_change change);

/*
 * Takes a dump of LISTEN sockets. Listeners that appeared get LISTENER_SEEN,
 * with defer_accept_s and fastopen -1; those that are gone LISTENER_CLOSED,
 * before they are dropped. Depths and limits are the sampler's to follow.
 * *regrouped says that any came or went. Returns 0, -ENOMEM, or what fn returned.
 */
int watch_update(struct watch *watch, const struct diag_socket *sockets, size_t count, watch_fn fn,
		 void *context, bool *regrouped) __attribute__((warn_unused_result));

/* NULL when it is not watched. */
struct watched *watch_find(const struct watch *watch, uint64_t cookie);

/* Of a connection of which only the packets are known. */
#define WATCH_ANY_DEVICE UINT32_MAX

/*
 * The listener that gets a connection to this local endpoint, NULL when it is
 * not watched. interface: that its socket is bound to, as is that of its listener
 * (inet_request_bound_dev_if()), 0 for none. *alone (may be NULL) is false when others
 * take turns with it: SO_REUSEPORT siblings or, with WATCH_ANY_DEVICE, listeners bound to
 * other interfaces; then it is always the same one of them.
 */
struct watched *watch_match(const struct watch *watch, const struct endpoint *local,
			    uint32_t interface, bool *alone);

#define WATCH_DEVICES_MAX 16

/* What the listeners are bound to that a connection to this endpoint may reach, each once. */
size_t watch_devices(const struct watch *watch, const struct endpoint *local,
		     uint32_t devices[WATCH_DEVICES_MAX]);

/* The only watched listener with IP_TRANSPARENT; NULL: none, or several. */
struct watched *watch_transparent(const struct watch *watch);

/*
 * The ports of the watched listeners, each once, for diag_dump(). Their number; 0: more
 * than a request has room for, ask for all.
 */
size_t watch_ports(const struct watch *watch, uint16_t ports[DIAG_PORTS_MAX]);

#endif
