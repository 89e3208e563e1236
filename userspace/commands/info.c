// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"
#include "base/units.h"
#include "capture/scan.h"
#include "commands/command.h"
#include "commands/open.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct argp_option OPTIONS[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ 0 },
};

struct arguments {
	bool is_json;
	const char *path;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'j': arguments->is_json = true; return 0;
	case ARGP_KEY_ARG:
		if (arguments->path)
			argp_error(state, "one capture at a time");
		arguments->path = value;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->path)
			argp_error(state, "which capture?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"FILE",
	"What a capture's header tells, without any key and without a record of "
	"it: nothing of the target is in there.",
	NULL,
	NULL,
	NULL
};

static size_t count_slots(int fd, const struct capture_header *header, uint8_t type)
{
	static uint8_t bytes[CAPTURE_SLOTS_MAX];
	const uint8_t *slot;
	struct slots_position at = { 0 };
	struct slots slots;
	size_t size, count = 0;

	if (scan_slots(fd, header, bytes, &slots))
		return 0;
	while (slots_next(&slots, type, &at, &slot, &size) == 0)
		count++;
	return count;
}

static json_t *describe(int fd, const struct capture_header *header,
			const struct capture_verdict *verdict)
{
	char id[33], series[33], host[65], created[32] = "";
	time_t when = (time_t)header->created_unix;
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:b, s:s}", "id",
			 text_hex(id, header->capture_id, 16), "series",
			 text_hex(series, header->series_id, 16), "segment",
			 (json_int_t)header->segment, "created", created, "host_key",
			 text_hex(host, header->host_pk, 32), "version", CAPTURE_VERSION,
			 "key_slots", (json_int_t)count_slots(fd, header, SLOT_AGE), "passphrases",
			 (json_int_t)count_slots(fd, header, SLOT_PASSPHRASE), "chunks",
			 (json_int_t)verdict->chunks, "bytes", (json_int_t)verdict->size,
			 "complete", verdict->state == CAPTURE_COMPLETE, "state", verdict->reason);
}

static void print(const json_t *info)
{
	char size[UNITS_TEXT_MAX];
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)info, key, value)
	{
		if (strcmp(key, "bytes") == 0)
			printf("%-11s %s\n", "size",
			       units_format_size((uint64_t)json_integer_value(value), size));
		else if (json_is_string(value))
			printf("%-11s %s\n", key, json_string_value(value));
		else if (json_is_integer(value))
			printf("%-11s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
	}
}

static int explain(const char *path, int err)
{
	switch (err) {
	case -ENODATA:
		return command_fail(EXIT_FAILED, "%s: is empty or cut inside its header", path);
	case -EBADMSG: return command_fail(EXIT_FAILED, "%s: is not a heaptrail capture", path);
	case -ENOTSUP:
		return command_fail(EXIT_FAILED, "%s: was made by another version of heaptrail",
				    path);
	case -EKEYREJECTED:
		return command_fail(EXIT_INTEGRITY,
				    "%s: was tampered with: the signature of its header is wrong",
				    path);
	}
	return command_fail(EXIT_FAILED, "%s: %s", path, strerror(-err));
}

int info_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct capture_header header;
	struct capture_verdict verdict = { 0 };
	int fd, err;

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	int status = open_file(arguments.path, &fd);
	if (status)
		return status;
	err = capture_header_read(fd, &header);
	if (!err)
		err = capture_verify(fd, &verdict);
	if (err) {
		status = explain(arguments.path, err);
	} else {
		json_t *info = describe(fd, &header, &verdict);
		if (arguments.is_json)
			json_dumpf(info, stdout, JSON_INDENT(2)), putchar('\n');
		else
			print(info);
		json_decref(info);
	}
	close(fd);
	return status;
}
