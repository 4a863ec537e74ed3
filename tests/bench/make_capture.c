/*
 * Writes a capture of many connections, for benchmarks: Ethernet, IPv4, each
 * connection a handshake, a request, a reply, and a close, interleaved with its
 * neighbours as on a busy server. Some SYNs are lost and come again.
 *
 *   make_capture FILE CONNECTIONS [PACKETS [RATE START]]
 *
 * With PACKETS, only so many of the nine of each connection: 3 is a handshake that
 * is never closed, the most attempts that a file of its size can have. With RATE, so many
 * connections a second, from START on, in seconds since 1970; else as fast as can be.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_EACH 9
#define AT_ONCE	     64 /* connections that overlap */

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static void write_packet(FILE *out, uint64_t time_ns, uint32_t saddr, uint32_t daddr,
			 uint16_t sport, uint16_t dport, uint32_t seq, uint32_t ack, uint8_t flags,
			 uint32_t payload)
{
	static const uint8_t options[12] = {1, 1, 8, 10};
	uint8_t frame[96] = {0};
	uint32_t whole = 14 + 20 + 32 + payload;
	uint32_t kept = whole < sizeof(frame) ? whole : sizeof(frame);
	uint32_t header[4] = {(uint32_t)(time_ns / 1000000000u), (uint32_t)(time_ns % 1000000000u),
			      kept, whole};

	put16(frame + 12, 0x0800);
	frame[14] = 0x45;
	put16(frame + 16, 52 + payload);
	put16(frame + 18, next_random() & 0xffff);
	frame[22] = 64;
	frame[23] = 6;
	put32(frame + 26, saddr);
	put32(frame + 30, daddr);
	put16(frame + 34, sport);
	put16(frame + 36, dport);
	put32(frame + 38, seq);
	put32(frame + 42, ack);
	frame[46] = 0x80;
	frame[47] = flags;
	put16(frame + 48, 0xffff);
	memcpy(frame + 54, options, sizeof(options));
	fwrite(header, sizeof(header), 1, out);
	fwrite(frame, kept, 1, out);
}

enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };

struct connection {
	uint32_t client;
	uint16_t port;
	uint32_t isn;
	uint32_t server_isn;
	int step;
};

static void step(FILE *out, struct connection *c, uint64_t t)
{
	const uint32_t server = 0x0a000001;
	uint32_t s = c->isn, r = c->server_isn;

	switch (c->step++) {
	case 0:
		write_packet(out, t, c->client, server, c->port, 80, s, 0, SYN, 0);
		break;
	case 1:
		write_packet(out, t, server, c->client, 80, c->port, r, s + 1, SYN | ACK, 0);
		break;
	case 2:
		write_packet(out, t, c->client, server, c->port, 80, s + 1, r + 1, ACK, 0);
		break;
	case 3:
		write_packet(out, t, c->client, server, c->port, 80, s + 1, r + 1, PSH | ACK, 120);
		break;
	case 4:
		write_packet(out, t, server, c->client, 80, c->port, r + 1, s + 121, PSH | ACK,
			     900);
		break;
	case 5:
		write_packet(out, t, c->client, server, c->port, 80, s + 121, r + 901, ACK, 0);
		break;
	case 6:
		write_packet(out, t, server, c->client, 80, c->port, r + 901, s + 121, FIN | ACK,
			     0);
		break;
	case 7:
		write_packet(out, t, c->client, server, c->port, 80, s + 121, r + 902, FIN | ACK,
			     0);
		break;
	default:
		write_packet(out, t, server, c->client, 80, c->port, r + 902, s + 122, ACK, 0);
		break;
	}
}

int main(int argc, char **argv)
{
	static const uint32_t header[6] = {0xa1b23c4d, 0x00040002, 0, 0, 96, 1};
	static struct connection open[AT_ONCE];
	uint64_t time_ns = 1700000000000000000u;
	unsigned long count, packets = PACKETS_EACH, begun = 0, done = 0, gap_ns = 2000;
	FILE *out;

	if (argc >= 4)
		packets = strtoul(argv[3], NULL, 10);
	if (argc == 6) {
		gap_ns = 1000000000ul / packets / strtoul(argv[4], NULL, 10) - 500;
		time_ns = strtoull(argv[5], NULL, 10) * 1000000000u;
	}
	if (argc < 3 || argc == 5 || argc > 6 || packets < 3 || packets > PACKETS_EACH)
		return 2;
	count = strtoul(argv[2], NULL, 10);
	out = fopen(argv[1], "wb");
	if (!out) {
		perror(argv[1]);
		return 1;
	}
	fwrite(header, sizeof(header), 1, out);
	for (int i = 0; i < AT_ONCE; i++)
		open[i].step = (int)packets;
	while (done < count) {
		struct connection *c = &open[next_random() % AT_ONCE];

		if (c->step == (int)packets) {
			if (begun == count)
				continue;
			*c = (struct connection){
			    .client = 0x0a010000 + (uint32_t)(begun / 50000),
			    .port = (uint16_t)(1024 + begun % 50000),
			    .isn = next_random(),
			    .server_isn = next_random(),
			};
			begun++;
		}
		time_ns += gap_ns + next_random() % 1000;
		if (c->step == 0 && next_random() % 64 == 0) {
			/* The first SYN is lost behind the capture; it comes again. */
			step(out, c, time_ns);
			c->step = 0;
			time_ns += 1000;
		}
		step(out, c, time_ns);
		done += c->step == (int)packets;
	}
	if (fclose(out) != 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
