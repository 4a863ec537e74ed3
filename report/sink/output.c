/*
 * The buffer in front of a sink's file.
 */
#include "report/sink/output.h"

#include <errno.h>

void output_init(struct output *output, FILE *file)
{
	output->file = file;
	output->error = 0;
	output->used = 0;
}

void output_drain(struct output *output)
{
	errno = 0;
	if (output->used && !output->error &&
	    fwrite(output->buffer, 1, output->used, output->file) != output->used)
		output->error = errno ? -errno : -EIO;
	output->used = 0;
}

void output_bytes(struct output *output, const char *bytes, size_t length)
{
	while (length) {
		size_t room = OUTPUT_SIZE - output->used;
		size_t piece = length < room ? length : room;

		memcpy(output->buffer + output->used, bytes, piece);
		output->used += piece;
		bytes += piece;
		length -= piece;
		if (output->used == OUTPUT_SIZE)
			output_drain(output);
	}
}

int output_finish(struct output *output)
{
	output_drain(output);
	errno = 0;
	if (!output->error && (fflush(output->file) != 0 || ferror(output->file)))
		output->error = errno ? -errno : -EIO;
	return output->error;
}
