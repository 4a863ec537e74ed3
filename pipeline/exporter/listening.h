/*
 * Interface for the listening socket of --metrics-listen.
 */
#ifndef PIPELINE_EXPORTER_LISTENING_H
#define PIPELINE_EXPORTER_LISTENING_H

#define LISTENING_ERROR_SIZE 256

/*
 * Opens what text names: ADDRESS:PORT, [ADDRESS]:PORT, unix:PATH, or systemd, the one socket that
 * systemd passed (sd_listen_fds(3); the environment loses it). A socket file that nobody listens on
 * any more is replaced. 0; or -errno with a line in error: -EINVAL when it is none of these.
 */
int listening_open(const char *text, int *fd, char error[LISTENING_ERROR_SIZE])
    __attribute__((warn_unused_result));

#endif
