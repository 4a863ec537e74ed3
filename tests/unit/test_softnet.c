#include "netlink/softnet.h"

#include <criterion/criterion.h>

Test(softnet, the_second_column_of_every_processor_is_summed)
{
	cr_assert_eq(softnet_parse("008d5219 000001d3 00000001 00000000\n"
				   "008471fe 00000045 00000003 00000000\n"),
		     0x1d3 + 0x45);
	cr_assert_eq(softnet_parse("008d5219 000001d3"), 0x1d3);
}

Test(softnet, other_texts_are_nothing)
{
	cr_assert_eq(softnet_parse(""), 0);
	cr_assert_eq(softnet_parse("\n\n"), 0);
	cr_assert_eq(softnet_parse("12345678\n"), 0);
	cr_assert_eq(softnet_parse("no numbers here\n"), 0);
	cr_assert_eq(softnet_parse("12345678\n00000001 00000002"), 2);
}
