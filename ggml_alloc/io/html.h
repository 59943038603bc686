/*
 * html.h - the parts of the page that html.c puts together: lines, NULL at the end
 */
#ifndef GAI_IO_HTML_H
#define GAI_IO_HTML_H

extern const char *const gai_html_style[];
extern const char *const gai_html_script[];

#endif
