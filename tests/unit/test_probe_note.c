#include <criterion/criterion.h>

#include <string.h>

#include "pipeline/recorder/parts.h"

static struct recording_meta meta;

static const char *note(bool entries, bool accepts, bool drops)
{
	meta.entries = entries;
	meta.accepts = accepts;
	meta.drops = drops;
	recorder_note_probe(&meta);
	return meta.sources[SOURCE_BPF].note;
}

Test(probe_note, programs_that_report_all_need_none)
{
	cr_expect_str_eq(note(true, true, true), "");
}

Test(probe_note, it_names_what_is_missing_and_what_that_costs)
{
	for (int i = 0; i < 7; i++) {
		bool entries = i & 1, accepts = i & 2, drops = i & 4;
		const char *text = note(entries, accepts, drops);

		cr_expect_neq(text[0], '\0');
		cr_expect_neq(text[strlen(text) - 1], ';');
		cr_expect_lt(strlen(text), (size_t)RECORDING_TEXT_SIZE - 1, "cut: %s", text);
		cr_expect_eq(!strstr(text, "final ACKs entered"), entries, "%s", text);
		cr_expect_eq(!strstr(text, "accept() times are bounds"), accepts, "%s", text);
		cr_expect_eq(!strstr(text, "packets a full queue dropped"), drops, "%s", text);
	}
}
