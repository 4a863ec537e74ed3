/*
 * The reference: what libpcap itself needs to read a capture, with a callback
 * that does nothing.
 */
#include <pcap/pcap.h>
#include <stdio.h>

static void nothing(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
	(void)user;
	(void)header;
	(void)bytes;
}

int main(int argc, char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;
	int rc;

	if (argc != 2)
		return 2;
	pcap = pcap_open_offline(argv[1], error);
	if (!pcap) {
		fprintf(stderr, "%s\n", error);
		return 1;
	}
	rc = pcap_loop(pcap, -1, nothing, NULL);
	pcap_close(pcap);
	return rc < 0;
}
