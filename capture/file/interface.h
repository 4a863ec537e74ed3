/*
 * Interface for interfaces, as a pcapng file describes them: the link type of
 * their packets, and what their stamps mean.
 */
#ifndef CAPTURE_FILE_INTERFACE_H
#define CAPTURE_FILE_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/frame/link.h"

struct interface {
	link_fn decode;	  /* NULL: the link type is not known */
	int linktype;	  /* as libpcap numbers it */
	uint32_t snaplen; /* 0: no limit */
	bool binary;	  /* stamps count 2^-exponent seconds, else 10^-exponent */
	uint8_t exponent;
	int64_t offset_s;      /* added to the stamps */
	bool noted;	       /* that its link type is not known */
	uint64_t system_drops; /* so far, as the last statistics have it */
	uint64_t interface_drops;
};

/* linktype: as files number it. The stamps are microseconds until something else is set. */
void interface_init(struct interface *interface, uint16_t linktype, uint32_t snaplen);

/* False when 64 bits cannot count the interface's units of a second. */
bool interface_can_stamp(const struct interface *interface);

/* Needs interface_can_stamp(). A stamp beyond 2^63 is a negative one: some write such. */
int64_t interface_time_ns(const struct interface *interface, uint64_t stamp);

#endif
