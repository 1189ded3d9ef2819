// SPDX-License-Identifier: GPL-2.0-or-later
/* Feeds the daemon's controller from standard input, a tick a line. */
#include <inttypes.h>
#include <stdio.h>

#include "controller.h"

int main(void)
{
	const struct config config = {
		.tick_ms = 250, .pressure_target = 20, .stall_max = 100,
		.rate_start = 2000, .rate_max = 20000, .pause_max_ms = 8000,
	};
	struct controller controller;
	struct observation o = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	controller_init(&controller, &config);
	while (scanf("%" SCNd64 " %u %u %u %" SCNd64, &o.now_ms, &o.pressure, &o.stall,
		     &o.asked, &o.gained) == 5) {
		struct decision d = controller_tick(&controller, &o);

		printf("%u|%d|%s\n", d.pages, d.over, d.why);
	}
	return 0;
}
