// SPDX-License-Identifier: GPL-2.0-or-later
/* One line of the audit log. */
#include "audit/record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t KEY[AUDIT_KEY_BYTES];
	const char *line = (const char *)data;
	struct audit_handover handover;
	struct audit_time time;
	uint8_t previous[AUDIT_HASH_BYTES];

	if (audit_record_handover(line, size, &handover) == 0)
		require(memchr(handover.wrapped, 0, sizeof(handover.wrapped)));
	if (audit_record_time(line, size, &time))
		require(memchr(time.boot, 0, sizeof(time.boot)));
	audit_record_has_operation(line, size, "open.grant");
	bool is_record = audit_record_is(line, size);
	require(!is_record ||
		(audit_record_segment(line, size) > 0 && audit_record_sequence(line, size) > 0));
	if (is_record) {
		audit_record_previous(line, size, previous);
		require(audit_record_follows(line, size, previous));
		audit_record_is_sealed(line, size, KEY);
	}
	return 0;
}
