// SPDX-License-Identifier: GPL-2.0-only
/*
 * memload - holds memory with known content, and tells what is in it
 *
 * In a guest `serve` holds the pages and `ctl` makes it fill, read, execute or
 * time them. On the host `expect` and `emit` compute what must be there.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "ask.h"
#include "foreign.h"
#include "pagemap.h"
#include "run.h"
#include "serve.h"

static const char usage[] =
	"memload serve --socket PATH --pages N --class C --seed S [--threads T]\n"
	"              [--corpus DIR] [--detach]\n"
	"memload ctl --socket PATH REQUEST\n"
	"memload expect|expect-exec|emit --class C --seed S --cycle Y --pages A..B\n"
	"              [--corpus DIR] > FILE\n"
	"memload foreign DOMID GFN... > FILE    in dom0: the guest's pages\n"
	"memload run [--result FILE] [--merge] -- PROGRAM ...    what it took, to FILE\n"
	"memload ask --in FIFO --out FIFO -- LINE ...    times until the answer's last line, a dot\n"
	"memload accesses --pattern P --seed S --count N --pages N > FILE\n"
	"                             4 bytes of page number for each access\n"
	"memload pagemap PID > FILE     8 bytes of frame number for each present page\n"
	"\n"
	"classes: zero word text code pointer random code-exec mix\n"
	"patterns: sequential random zipf phase-change idle-then-wake\n"
	"requests:\n"
	"  fill CYCLE        write the content of that cycle to every page\n"
	"  refill CYCLE SEED FROM TO\n"
	"                    the same to pages FROM ... TO - 1 of a shuffled order\n"
	"  digest 0 seq      read every page in order: 8 bytes of digest for each\n"
	"  digest SEED       the same, in shuffled order\n"
	"  exec SEED         call every function of the code-exec pages: 8 bytes each\n"
	"  hypercall SEED    have Xen read each page: 8 bytes of errno each\n"
	"  touch-half SEED   read a word of the first half of the shuffled order\n"
	"  time SEED         read a word of each page: 4 bytes of counter ticks each\n"
	"  access PATTERN COUNT SEED WRITES IDLE_MS\n"
	"                    so many accesses, WRITES percent of them writing:\n"
	"                    struct access_result\n"
	"  work ROUNDS       ticks that reading all of it so often takes\n"
	"  pageout           ask Linux to swap everything out: 8 bytes of ticks it took\n"
	"  spin T            T threads touch pages of the first eighth until `spin 0`\n"
	"  pfns              frame number of each page, 8 bytes each (0: not present)\n"
	"  info              pid, base, pages\n"
	"  exit\n";

enum option_id {
	SOCKET = 1, PAGES, CLASS, SEED, CYCLE, THREADS, CORPUS, DETACH,
	RESULT, MERGE, PATTERN, COUNT, IN, OUT
};

static const struct option options[] = {
	{ "socket", required_argument, NULL, SOCKET },
	{ "pages", required_argument, NULL, PAGES },
	{ "class", required_argument, NULL, CLASS },
	{ "seed", required_argument, NULL, SEED },
	{ "cycle", required_argument, NULL, CYCLE },
	{ "threads", required_argument, NULL, THREADS },
	{ "vcpus", required_argument, NULL, THREADS },
	{ "corpus", required_argument, NULL, CORPUS },
	{ "detach", no_argument, NULL, DETACH },
	{ "result", required_argument, NULL, RESULT },
	{ "merge", no_argument, NULL, MERGE },
	{ "pattern", required_argument, NULL, PATTERN },
	{ "count", required_argument, NULL, COUNT },
	{ "in", required_argument, NULL, IN },
	{ "out", required_argument, NULL, OUT },
	{ NULL, 0, NULL, 0 }
};

static int bad(const char *what)
{
	fprintf(stderr, "memload: %s\n\n%s", what, usage);
	return 2;
}

/* What the host expects of pages [first, last): digests, or the pages. */
static int compute(const struct region *region, const char *verb,
		   uint64_t cycle, uint64_t first, uint64_t last)
{
	uint64_t words[PAGE_WORDS], values[EXEC_FUNCTIONS], sum;

	for (uint64_t i = first; i < last; i++) {
		enum content_class class = class_of_page(region->class, i);
		const void *data = &sum;
		size_t size = sizeof(sum);

		page_fill(words, region->class, region->seed, cycle, i,
			  &region->corpus);
		sum = 0;
		if (!strcmp(verb, "emit")) {
			data = words;
			size = sizeof(words);
		} else if (!strcmp(verb, "expect")) {
			sum = digest(words, PAGE_WORDS);
		} else if (class == CLASS_EXEC) {
			for (unsigned int j = 0; j < EXEC_FUNCTIONS; j++)
				values[j] = exec_value(page_key(class, region->seed,
								cycle, i), j);
			sum = digest(values, EXEC_FUNCTIONS);
		}
		if (fwrite(data, size, 1, stdout) != 1) {
			perror("memload: write");
			return 1;
		}
	}
	return fflush(stdout) ? 1 : 0;
}

/* Which pages a plan goes to. */
static int list_accesses(const struct access_plan *plan, uint32_t pages)
{
	uint32_t *table = access_table(plan, pages);

	for (uint64_t n = 0; n < plan->count; n++) {
		uint32_t index = access_page(plan, n, pages, table);

		if (fwrite(&index, sizeof(index), 1, stdout) != 1) {
			perror("memload: write");
			return 1;
		}
	}
	free(table);
	return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct region region = { .threads = 1, .class = CLASS_MIX };
	const char *socket = NULL, *corpus = "/corpus", *result = NULL, *verb;
	const char *in = NULL, *out = NULL;
	struct access_plan plan = { .pattern = ACCESS_SEQUENTIAL };
	uint64_t cycle = 0, first = 0, last = 0;
	bool detach = false, merge = false;
	char *end;
	int id;

	if (argc < 2)
		return bad("no verb");
	verb = argv[1];

	/* The + leaves the words of a request alone. */
	optind = 2;
	while ((id = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (id) {
		case SOCKET:
			socket = optarg;
			break;
		case PAGES:
			last = strtoull(optarg, &end, 0);
			if (!strncmp(end, "..", 2)) {
				first = last;
				last = strtoull(end + 2, &end, 0);
			}
			if (*end || last <= first || last >> 32)
				return bad("--pages wants N, or A..B");
			break;
		case CLASS:
			id = class_by_name(optarg);
			if (id < 0)
				return bad("unknown class");
			region.class = id;
			break;
		case SEED:
			region.seed = strtoull(optarg, NULL, 0);
			break;
		case CYCLE:
			cycle = strtoull(optarg, NULL, 0);
			break;
		case THREADS:
			region.threads = strtoul(optarg, NULL, 0) ?: 1;
			break;
		case CORPUS:
			corpus = optarg;
			break;
		case DETACH:
			detach = true;
			break;
		case RESULT:
			result = optarg;
			break;
		case MERGE:
			merge = true;
			break;
		case PATTERN:
			id = access_by_name(optarg);
			if (id < 0)
				return bad("unknown pattern");
			plan.pattern = id;
			break;
		case IN:
			in = optarg;
			break;
		case OUT:
			out = optarg;
			break;
		case COUNT:
			plan.count = strtoull(optarg, NULL, 0);
			break;
		default:
			return bad("bad option");
		}
	}

	if (!strcmp(verb, "ctl")) {
		if (!socket || optind == argc)
			return bad("ctl wants --socket and a request");
		return ctl(socket, argc - optind, argv + optind);
	}
	if (!strcmp(verb, "run"))
		return optind < argc ? run(result, merge, argv + optind) :
		       bad("which program?");
	if (!strcmp(verb, "ask"))
		return in && out && optind < argc ? ask(in, out, argv + optind) :
		       bad("ask wants --in, --out and lines");
	if (!strcmp(verb, "foreign"))
		return optind + 1 < argc ?
		       foreign_dump(argv[optind], argc - optind - 1, argv + optind + 1) :
		       bad("which domain and gfns?");
	if (!strcmp(verb, "pagemap"))
		return optind < argc ? pagemap_dump(argv[optind]) : bad("which PID?");
	if (!last)
		return bad("--pages is missing");
	if (!strcmp(verb, "accesses")) {
		plan.seed = region.seed;
		return plan.count ? list_accesses(&plan, (uint32_t)last) :
		       bad("--count is missing");
	}
	if (corpus_open(&region.corpus, region.class, corpus))
		return 1;
	if (!strcmp(verb, "serve")) {
		if (!socket)
			return bad("serve wants --socket");
		region.pages = last;
		return region_map(&region) ? 1 : serve(&region, socket, detach);
	}
	if (!strcmp(verb, "expect") || !strcmp(verb, "expect-exec") ||
	    !strcmp(verb, "emit"))
		return compute(&region, verb, cycle, first, last);
	return bad("unknown verb");
}
