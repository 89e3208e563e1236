// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/age_stanza.h"

#include <errno.h>
#include <sodium.h>

#define LINE_CHARACTERS 64 /* of a body's line that another one follows */
#define MAC_PREFIX	"---"
#define BASE64		sodium_base64_VARIANT_ORIGINAL_NO_PADDING

/* The next line, without its newline; false where there is none. */
static bool next_line(struct bytes_reader *reader, struct age_word *line)
{
	const uint8_t *end = memchr(reader->at, '\n', bytes_left(reader));

	if (!end)
		return false;
	*line = (struct age_word) { (const char *)reader->at, (size_t)(end - reader->at) };
	reader->at = end + 1;
	return true;
}

/* Encoded again, as libsodium 1.0.18 also takes 0xaf for '/'. */
static bool decode(const struct age_word *word, uint8_t out[static AGE_BODY_MAX], size_t *size)
{
	char again[LINE_CHARACTERS + 1];

	if (word->length > LINE_CHARACTERS ||
	    sodium_base642bin(out, AGE_BODY_MAX, word->text, word->length, NULL, size, NULL,
			      BASE64))
		return false;
	sodium_bin2base64(again, sizeof(again), out, *size, BASE64);
	return word->length == strlen(again) && memcmp(word->text, again, word->length) == 0;
}

bool age_word_is(const struct age_word *word, const char *text)
{
	return word->length == strlen(text) && memcmp(word->text, text, word->length) == 0;
}

bool age_word_decode(const struct age_word *word, uint8_t *out, size_t size)
{
	uint8_t bytes[AGE_BODY_MAX];
	size_t decoded;
	bool is_right = decode(word, bytes, &decoded) && decoded == size;

	if (is_right)
		memcpy(out, bytes, size);
	sodium_memzero(bytes, sizeof(bytes));
	return is_right;
}

int age_version_read(struct bytes_reader *reader)
{
	size_t size = strlen(AGE_VERSION_LINE);
	const uint8_t *line = bytes_get(reader, size);

	return line && memcmp(line, AGE_VERSION_LINE, size) == 0 ? 0 : -EBADMSG;
}

/* "-> TYPE ARGUMENT...": words of visible ASCII, with one space before each. */
static bool split_words(const struct age_word *line, struct age_stanza *stanza)
{
	const char *at = line->text + 2, *end = line->text + line->length;

	stanza->word_count = 0;
	if (line->length < 2 || memcmp(line->text, "->", 2) != 0)
		return false;
	while (at < end) {
		if (*at++ != ' ')
			return false;
		const char *start = at;
		while (at<end && * at> ' ' && *at < 0x7f)
			at++;
		if (at == start)
			return false;
		if (stanza->word_count < AGE_WORDS_MAX)
			stanza->words[stanza->word_count] = (struct age_word) {
				start, (size_t)(at - start)
			};
		stanza->word_count++;
	}
	return stanza->word_count > 0;
}

int age_stanza_read(struct bytes_reader *reader, struct age_stanza *stanza)
{
	struct age_word line;
	size_t size;

	if (bytes_left(reader) >= strlen(MAC_PREFIX) &&
	    memcmp(reader->at, MAC_PREFIX, strlen(MAC_PREFIX)) == 0)
		return 0;
	if (!next_line(reader, &line) || !split_words(&line, stanza))
		return -EBADMSG;
	stanza->body_size = 0;
	do {
		if (!next_line(reader, &line) || !decode(&line, stanza->body, &size))
			return -EBADMSG;
		stanza->body_size += size;
	} while (line.length == LINE_CHARACTERS);
	return 1;
}

int age_mac_read(struct bytes_reader *reader, uint8_t mac[static 32], size_t *covered)
{
	struct age_word line, text;

	*covered = strlen(MAC_PREFIX);
	if (!next_line(reader, &line) || line.length <= *covered + 1 ||
	    memcmp(line.text, MAC_PREFIX " ", *covered + 1) != 0)
		return -EBADMSG;
	text = (struct age_word) { line.text + *covered + 1, line.length - *covered - 1 };
	return age_word_decode(&text, mac, 32) ? 0 : -EBADMSG;
}
