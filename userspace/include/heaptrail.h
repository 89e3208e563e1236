/* SPDX-License-Identifier: FSFAP */
/*
 * Copying and distribution of this file, with or without modification, are permitted in any medium
 * without royalty, provided this notice is preserved. It is offered as it is, without any warranty.
 *
 * What a program can tell whoever records its heap with heaptrail: named moments, and scopes whose
 * allocations are told apart. To be copied, or included from where heaptrail is installed; C and
 * C++, GCC or Clang, x86-64 and arm64. There is nothing to link, and elsewhere nothing happens.
 *
 *	HEAPTRAIL_MARK("loaded");     a moment, which reports list: --time @loaded..
 *	HEAPTRAIL_TAG_BEGIN("a/b");   what this thread allocates from here on has this tag,
 *				      which is below the tag "a",
 *	HEAPTRAIL_TAG_END();	      up to here; then the one before it, if there is one, again
 *	HEAPTRAIL_TAG("a/b");	      C++: from here to the end of the block
 *
 * Where nobody records, each costs the instructions that read the name's first and, of a literal,
 * last byte, and a nop; where somebody does, a trap. A name is any text that ends with a zero byte,
 * and never NULL; of what is longer than 63 bytes, the rest is cut.
 *
 * The places are notes of type 3 and name "stapsdt" (systemtap's static probes, of provider
 * heaptrail), so that perf, bpftrace and gdb find them, too.
 */
#ifndef HEAPTRAIL_H
#define HEAPTRAIL_H

#if defined(__GNUC__) && defined(__ELF__) && defined(__LP64__) && \
	(defined(__x86_64__) || defined(__aarch64__))

/* A nop, and where it is: address, base and semaphore, of which there is none, and three texts. */
#define HEAPTRAIL_POINT_(name, arguments)              \
	"990:	nop\n"                                   \
	"	.pushsection .note.stapsdt,\"?\",\"note\"\n" \
	"	.balign 4\n"                                 \
	"	.4byte 992f-991f, 994f-993f, 3\n"            \
	"991:	.asciz \"stapsdt\"\n"                    \
	"992:	.balign 4\n"                             \
	"993:	.8byte 990b\n"                           \
	"	.8byte 0\n"                                  \
	"	.8byte 0\n"                                  \
	"	.asciz \"heaptrail\"\n"                      \
	"	.asciz \"" name "\"\n"                 \
	"	.asciz \"" arguments "\"\n"            \
	"994:	.balign 4\n"                             \
	"	.popsection\n"

/* Whoever records cannot wait for a page that is not in memory yet: it is read here. */
static inline __attribute__((always_inline)) void heaptrail_read_(const char *name)
{
	(void)*(const volatile char *)name;
	if (__builtin_constant_p(__builtin_strlen(name)))
		(void)((const volatile char *)name)[__builtin_strlen(name)];
}

#if defined(__x86_64__)
#define HEAPTRAIL_NAMED_(point, text)                                \
	do {                                                         \
		const char *heaptrail_name_ = (text);                \
		heaptrail_read_(heaptrail_name_);                    \
		__asm__ __volatile__(HEAPTRAIL_POINT_(point, "8@%0") \
				     :                               \
				     : "r"(heaptrail_name_)          \
				     : "memory");                    \
	} while (0)
#else
#define HEAPTRAIL_NAMED_(point, text)                                                 \
	do {                                                                          \
		const char *heaptrail_text_ = (text);                                 \
		heaptrail_read_(heaptrail_text_);                                     \
		register const char *heaptrail_name_ __asm__("x0") = heaptrail_text_; \
		__asm__ __volatile__(HEAPTRAIL_POINT_(point, "8@x0")                  \
				     :                                                \
				     : "r"(heaptrail_name_)                           \
				     : "memory");                                     \
	} while (0)
#endif

#define HEAPTRAIL_MARK(name)	  HEAPTRAIL_NAMED_("mark", name)
#define HEAPTRAIL_TAG_BEGIN(name) HEAPTRAIL_NAMED_("tag_begin", name)
#define HEAPTRAIL_TAG_END()	  __asm__ __volatile__(HEAPTRAIL_POINT_("tag_end", "") : : : "memory")

#else

#define HEAPTRAIL_MARK(name)	  ((void)(name))
#define HEAPTRAIL_TAG_BEGIN(name) ((void)(name))
#define HEAPTRAIL_TAG_END()	  ((void)0)

#endif

#ifdef __cplusplus
namespace heaptrail
{
class tag
{
      public:
	explicit tag(const char *name)
	{
		HEAPTRAIL_TAG_BEGIN(name);
	}
	~tag()
	{
		HEAPTRAIL_TAG_END();
	}
	tag(const tag &) = delete;
	tag &operator=(const tag &) = delete;
};
} // namespace heaptrail
#define HEAPTRAIL_TAG_NAME_2_(line) heaptrail_tag_##line##_
#define HEAPTRAIL_TAG_NAME_(line)   HEAPTRAIL_TAG_NAME_2_(line)
#define HEAPTRAIL_TAG(name)	    ::heaptrail::tag HEAPTRAIL_TAG_NAME_(__LINE__)(name)
#endif

#endif
