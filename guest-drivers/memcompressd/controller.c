// SPDX-License-Identifier: GPL-2.0-only
#include "controller.h"

#define PAUSE_MIN_MS	1000
/* Halved as often before the first pause. */
#define PATIENCE	2
/* A page that brings less than an eighth of a frame is not worth its codec. */
#define GAIN_MIN	8
/* Of so few pages the gain says nothing: the store grows by whole frames. */
#define TELLING		64

void controller_init(struct controller *c, const struct config *config)
{
	*c = (struct controller){ .config = config };
}

static struct decision nothing(const char *why, bool over)
{
	return (struct decision){ .why = why, .over = over };
}

static struct decision cut(struct controller *c, const struct observation *o,
			   const char *less, const char *pause)
{
	c->rate /= 2;
	if (++c->bad <= PATIENCE)
		return nothing(less, false);

	c->pause_ms = c->pause_ms ? 2 * c->pause_ms : PAUSE_MIN_MS;
	if (c->pause_ms > c->config->pause_max_ms)
		c->pause_ms = c->config->pause_max_ms;
	c->pause_until_ms = o->now_ms + c->pause_ms;
	return nothing(pause, false);
}

struct decision controller_tick(struct controller *c, const struct observation *o)
{
	const struct config *config = c->config;
	int64_t ms = c->active ? o->now_ms - c->ticked_ms : config->tick_ms;
	unsigned int more;

	c->ticked_ms = o->now_ms;
	if (!c->active) {
		c->active = true;
		c->rate = config->rate_start;
		c->bad = 0;
	}

	if (o->now_ms < c->pause_until_ms)
		return nothing("pausing", false);

	if (o->stall > config->stall_max)
		return cut(c, o, "restores take too long: less",
			   "backing off: restores take too long");
	if (o->nobody)
		return cut(c, o, "nobody to ask: less",
			   "backing off: there is nobody to ask");
	if (o->asked >= TELLING) {
		if (o->gained * GAIN_MIN < o->asked)
			return cut(c, o, "little gained: less",
				   "backing off: what is asked for gains nothing");
		/* Only what was asked for and did good says that all is well. */
		c->bad = 0;
		c->pause_ms = 0;
	}

	if (o->pressure < config->pressure_target) {
		c->rate /= 2;
		if (c->rate < config->rate_start / 8) {
			c->active = false;
			return nothing("no pressure", true);
		}
		return nothing("pressure falls", false);
	}

	/* In proportion to what is wrong; doubled in a tick at most. */
	more = (unsigned int)((uint64_t)config->rate_start * o->pressure / 1000);
	c->rate += more < c->rate ? more : c->rate;
	if (c->rate < config->rate_start / 4)
		c->rate = config->rate_start / 4;
	if (c->rate > config->rate_max)
		c->rate = config->rate_max;
	if (ms > 2 * (int64_t)config->tick_ms)
		ms = 2 * config->tick_ms;
	return (struct decision){ .pages = (unsigned int)(c->rate * ms / 1000) + 1,
				  .why = "pressure" };
}
