/*
 * Interface for the page of the HTML report: report/html/ as one piece, cut
 * where the data goes in. Made at build time by report/html/page/assemble.py.
 */
#ifndef REPORT_HTML_PAGE_H
#define REPORT_HTML_PAGE_H

#include <stddef.h>

/* UTF-8, not NUL-terminated. */
extern const unsigned char html_page_head[];
extern const size_t html_page_head_size;
extern const unsigned char html_page_tail[];
extern const size_t html_page_tail_size;

#endif
