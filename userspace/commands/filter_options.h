/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of commands that answer questions about a part of a capture. */
#ifndef HEAPTRAIL_COMMANDS_FILTER_OPTIONS_H
#define HEAPTRAIL_COMMANDS_FILTER_OPTIONS_H

#include <argp.h>
#include <jansson.h>

/* A child parser for argp; its input is a struct filter_options. */
extern const struct argp FILTER_ARGP;

struct filter_options {
	json_t *filter; /* as questions have it; NULL: everything */
};

/* As --time FROM[-TO] does. */
void filter_options_set_time(struct filter_options *options, char *text, struct argp_state *state);

#endif
