// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy as shipped: what the system would kill first is compressed first
 * (oom_score_adj: on Android the cached applications, oldest first), and among
 * equals what did not run for longest. What runs is left alone, and so is what
 * must not be killed.
 */
#include "policy.h"

#include "log.h"

/* Android: an application that nobody sees, and that has nothing to do. */
#define CACHED_ADJ 900

int64_t policy_score(const struct config *config, const struct process *p,
		     const char **why)
{
	int64_t idle = process_idle_ms(p);

	if (p->adj < config->min_adj) {
		*why = "protected";
		return 0;
	}
	if (p->rss_pages < config->min_rss_pages) {
		*why = "small";
		return 0;
	}
	if (idle < config->min_idle_ms) {
		*why = "ran lately";
		return 0;
	}
	if (now_ms() < p->rest_ms) {
		*why = "asked lately";
		return 0;
	}
	/* A day of idleness does not outweigh a step of oom_score_adj. */
	if (idle > 86400000)
		idle = 86400000;
	return (p->adj + 1001) * (int64_t)86400001 + idle;
}

unsigned int policy_min_age(const struct config *config, const struct process *p)
{
	/* Of what nobody sees, whatever was not used since the last sweep. */
	return p->adj >= CACHED_ADJ && config->min_age > 1 ? 1 : config->min_age;
}

bool policy_may_want_back(const struct config *config, const struct process *p)
{
	return p->asked_adj > config->foreground_adj;
}

bool policy_wants_back(const struct config *config, const struct process *p,
		       int adj_now)
{
	return policy_may_want_back(config, p) && adj_now <= config->foreground_adj;
}
