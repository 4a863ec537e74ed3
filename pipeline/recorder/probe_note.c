/*
 * What the BPF programs of a live run do not report, in words.
 */
#include <stdio.h>

#include "pipeline/recorder/parts.h"

void recorder_note_probe(struct recording_meta *meta)
{
	char *note = meta->sources[SOURCE_BPF].note;
	size_t used = 0;

	note[0] = '\0';
	if (meta->entries && meta->accepts && meta->drops)
		return;
	used += (size_t)snprintf(note, RECORDING_TEXT_SIZE,
				 "this kernel does not let BPF programs attach to %s:",
				 meta->entries ? "its functions (fentry, fexit)"
					       : "all that they report");
	if (!meta->entries && used < RECORDING_TEXT_SIZE)
		used += (size_t)snprintf(note + used, RECORDING_TEXT_SIZE - used,
					 " which final ACKs entered an accept queue is inferred;");
	if (!meta->accepts && used < RECORDING_TEXT_SIZE)
		used += (size_t)snprintf(note + used, RECORDING_TEXT_SIZE - used,
					 " accept() times are bounds (--exact-accepts: exact);");
	if (!meta->drops && used < RECORDING_TEXT_SIZE)
		used += (size_t)snprintf(note + used, RECORDING_TEXT_SIZE - used,
					 " which packets a full queue dropped is inferred;");
	if (used < RECORDING_TEXT_SIZE)
		note[used - 1] = '\0';
}
