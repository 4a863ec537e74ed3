/*
 * Interface for addresses and flows.
 *
 * One address type serves both families: an IPv4 address is held as the IPv6
 * address that maps it, ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), which is
 * also how the kernel shows an IPv4 peer of a dual-stack listener.
 *
 * Plain data, copied by value, no ownership. Address bytes are in network
 * order, ports in host order.
 */
#ifndef EVENT_FLOW_H
#define EVENT_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct address {
	uint8_t bytes[16];
};

struct endpoint {
	struct address address;
	uint16_t port;
};

/* The sender is (saddr, sport), as in the headers of one packet. */
struct flow {
	struct address saddr;
	struct address daddr;
	uint16_t sport;
	uint16_t dport;
};

/* Room for "[ffff:...:255.255.255.255]:65535" and its NUL. */
#define ENDPOINT_TEXT_SIZE 72

static inline struct address address_from_ipv4(const uint8_t bytes[4])
{
	struct address a = {.bytes = {[10] = 0xff, [11] = 0xff}};

	memcpy(a.bytes + 12, bytes, 4);
	return a;
}

static inline struct address address_from_ipv6(const uint8_t bytes[16])
{
	struct address a;

	memcpy(a.bytes, bytes, 16);
	return a;
}

static inline bool address_equal(const struct address *a, const struct address *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, 16);
	memcpy(y, b, 16);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && address_equal(&a->address, &b->address);
}

static inline bool flow_equal(const struct flow *a, const struct flow *b)
{
	return a->sport == b->sport && a->dport == b->dport &&
	       address_equal(&a->saddr, &b->saddr) && address_equal(&a->daddr, &b->daddr);
}

/* True when b is a with its ends exchanged. */
static inline bool flow_is_reverse(const struct flow *a, const struct flow *b)
{
	return a->sport == b->dport && a->dport == b->sport &&
	       address_equal(&a->saddr, &b->daddr) && address_equal(&a->daddr, &b->saddr);
}

static inline struct flow flow_reverse(const struct flow *f)
{
	return (struct flow){
	    .saddr = f->daddr, .daddr = f->saddr, .sport = f->dport, .dport = f->sport};
}

static inline struct endpoint flow_source(const struct flow *f)
{
	return (struct endpoint){.address = f->saddr, .port = f->sport};
}

static inline struct endpoint flow_destination(const struct flow *f)
{
	return (struct endpoint){.address = f->daddr, .port = f->dport};
}

/* True for an IPv4 address (one that is held as ::ffff:a.b.c.d). */
bool address_is_ipv4(const struct address *a);

/* True for 0.0.0.0 and for ::, the two addresses that a listener binds to take any. */
bool address_is_any(const struct address *a);

/* 127.0.0.0/8 or ::1. */
bool address_is_loopback(const struct address *a);

/* No other listener fits better than the one of just this address. */
#define ENDPOINT_FITS_BEST 4

/*
 * How well a listener fits the destination of a SYN, as inet_lookup_listener() scores it; 0: it
 * does not. v6only: of a listener of ::, that it takes no IPv4.
 */
int endpoint_fit(const struct endpoint *listener, bool v6only, const struct endpoint *destination);

/*
 * "127.0.0.1" or "::1", RFC 5952; returns the length without the NUL. size >= ENDPOINT_TEXT_SIZE.
 */
size_t address_format(const struct address *a, char *text, size_t size);

/*
 * "127.0.0.1:8080" or "[::1]:8080"; returns the length without the NUL. size >= ENDPOINT_TEXT_SIZE.
 */
size_t endpoint_format(const struct endpoint *e, char *text, size_t size);

/*
 * The same of one that is bound to a device, as ss(8) has it: "0.0.0.0%eth0:8080". interface: its
 * index, 0 for none; device: its name, at most 15 bytes, may be empty.
 */
size_t endpoint_format_on(const struct endpoint *e, uint32_t interface, const char *device,
			  char *text, size_t size);

/*
 * Reads what endpoint_format() writes, and also "8080" and ":8080" (address
 * ::, port 8080), "*:8080" likewise. Host names are not looked up.
 * Returns 0, or -EINVAL.
 */
int endpoint_parse(const char *text, struct endpoint *out) __attribute__((warn_unused_result));

#endif
