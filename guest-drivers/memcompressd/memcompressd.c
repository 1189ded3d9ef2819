// SPDX-License-Identifier: GPL-2.0-only
/*
 * memcompressd - has idle processes compressed before any is killed
 *
 *	   pressure.c --trigger--> tick --observation--> controller.c: how much
 *	                            |                    policy.c: whom
 *	   processes.c <--look------+----request--> driver.c --> Xen
 *
 * Asleep in poll() until the kernel says that somebody waits for memory; then a
 * tick each tick_ms until nobody does. Without a timeout, unless a process that
 * was compressed may come to the foreground: then it looks each HINT_MS.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "controller.h"
#include "driver.h"
#include "log.h"
#include "policy.h"
#include "pressure.h"
#include "processes.h"

static const char usage[] =
	"memcompressd [-c FILE] [-n]\n"
	"  -c FILE   configuration (default: built-in values)\n"
	"  -n        dry run: say what would be asked for, and ask for nothing\n";

/* So many are asked in one tick at most: each costs a look at its tables. */
#define VICTIMS		4
/* A process that was asked is left alone for so long. */
#define REST_MS		2000
/* One that had little to give, for so long. */
#define DRY_MS		10000
/* Without pressure, so often who is to come back is looked for. */
#define HINT_MS		1000

static struct config config;
static struct pressure pressure;
static struct processes processes;
static struct controller controller;
static unsigned int nr_cpus;
/* Of the last tick. */
static struct driver_numbers before;
static int64_t before_ms;
static unsigned int last_asked;
static int64_t last_gained;
static bool last_nobody;
static const char *last_why;
static bool driver_gone;

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static struct process *best(unsigned int *blocked)
{
	struct process *victim = NULL;
	int64_t highest = 0;

	*blocked = 0;
	for (unsigned int i = 0; i < processes.nr; i++) {
		const char *why;
		int64_t score = policy_score(&config, &processes.list[i], &why);

		if (score > highest) {
			highest = score;
			victim = &processes.list[i];
		}
		*blocked += !score;
	}
	return victim;
}

/* Ask for pages of one process. How many were compressed. */
static unsigned int ask(struct process *p, unsigned int pages, const char *why,
			unsigned int share)
{
	unsigned int age = policy_min_age(&config, p);
	struct driver_numbers was = { 0 }, is;
	int error = 0;
	long long done;

	if (config.dry_run) {
		say("would compress pid %d (%s) adj %d idle %lld ms: %u pages of age %u: %s %u",
		    p->pid, p->name, p->adj, (long long)process_idle_ms(p), pages,
		    age, why, share);
		p->rest_ms = now_ms() + REST_MS;
		return 0;
	}

	driver_read(&was);
	if (driver_compress(p->pid, age, pages))
		error = errno;
	is = was;
	driver_read(&is);
	done = is.compressed - was.compressed;
	p->rest_ms = now_ms() + (done * 8 < pages ? DRY_MS : REST_MS);
	if (done > 0 && !p->asked) {
		p->asked = true;
		p->asked_adj = p->adj;
	}
	say("compressed pid %d (%s) adj %d idle %lld ms: %lld of %u pages, %lld frames: %s %u%s%s",
	    p->pid, p->name, p->adj, (long long)process_idle_ms(p), done, pages,
	    was.held - is.held, why, share, error ? ": " : "", error ? strerror(error) : "");
	/* That a process is gone tells nothing of what asking brings. */
	if (error != ESRCH)
		last_asked += pages;
	last_gained += was.held - is.held;
	return done > 0 ? (unsigned int)done : 0;
}

/* What was freed is for this guest, as far as its slice goes. */
static void grow(unsigned long frames)
{
	long long pages = driver_grow(frames * 4);

	if (pages)
		say("growing: %lld of %lu pages%s%s", pages > 0 ? pages : 0, frames,
		    pages < 0 ? ": " : "", pages < 0 ? strerror(errno) : "");
}

static void compress(unsigned int pages, const char *why, unsigned int share)
{
	unsigned int done = 0, blocked;
	struct process *p;

	processes_look(&processes);
	for (unsigned int i = 0; i < VICTIMS && done < pages; i++) {
		p = best(&blocked);
		if (!p) {
			last_nobody = !i;
			if (!i)
				say("nobody: %u in use, protected, small or resting: %s %u",
				    blocked, why, share);
			break;
		}
		done += ask(p, pages - done, why, share);
	}
	if (config.grow && !config.dry_run && last_gained > 0 && before.grown >= 0)
		grow((unsigned long)last_gained);
}

/*
 * Pages that may come back before anybody has touched them: half of the frames
 * of the slice that are not held. All that a process of Android's has mapped is
 * several times what it uses, and what it uses needs frames, too. More than the
 * slice would only have others compressed.
 */
static unsigned int room_for_hint(void)
{
	struct driver_numbers now;

	if (!driver_read(&now))
		return 0;
	if (now.slice <= 0)
		return UINT_MAX; /* nobody grants it one */
	return now.slice > now.held ? (unsigned int)((now.slice - now.held) / 2) : 0;
}

/* Who came to the foreground comes back in bulk. Whether others may yet. */
static bool bring_back(void)
{
	bool waiting = false;

	for (unsigned int i = 0; i < processes.nr; i++) {
		struct process *p = &processes.list[i];
		int adj;

		if (!p->asked || !policy_may_want_back(&config, p))
			continue;
		adj = process_adj(p->pid, 1001);
		if (adj == 1001) {
			p->asked = false; /* gone */
		} else if (policy_wants_back(&config, p, adj)) {
			unsigned int pages = room_for_hint();

			p->asked = false;
			p->ran_ms = now_ms();
			say("restoring pid %d (%s): oom_score_adj %d, was %d; room for %u pages",
			    p->pid, p->name, adj, p->asked_adj, pages);
			if (pages && driver_restore(p->pid, pages))
				say("restoring pid %d (%s): %s", p->pid, p->name,
				    strerror(errno));
		} else {
			waiting = true;
		}
	}
	return waiting;
}

/* Its numbers; that it came or went is said once. Whether it is there. */
static bool look_at_driver(struct driver_numbers *now)
{
	bool there = driver_read(now);

	if (there == driver_gone)
		say(there ? "the driver is there again" :
			    "the driver is gone: nobody is compressed without it");
	driver_gone = !there;
	return there;
}

/*
 * One look at the numbers, and what follows. Whether the pressure is over, or
 * nothing can be done about it.
 */
static bool tick(void)
{
	struct observation o = { .now_ms = now_ms() };
	struct driver_numbers now;
	struct decision d;
	const char *whose;
	int64_t us;

	if (!look_at_driver(&now))
		return true;
	us = (o.now_ms - before_ms) * 1000 * nr_cpus;
	o.pressure = pressure_read(&pressure, &whose);
	o.stall = us > 0 ? (unsigned int)((now.stall_us - before.stall_us) * 1000 / us) : 0;
	o.asked = last_asked;
	o.gained = last_gained;
	o.nobody = last_nobody;
	before = now;
	before_ms = o.now_ms;
	last_asked = 0;
	last_gained = 0;
	last_nobody = false;

	d = controller_tick(&controller, &o);
	/* "pausing" for seconds is one line. */
	if (!d.pages && d.why != last_why)
		say("%s: waiting %u, restoring %u thousandths of the time (%s), rate %u pages/s",
		    d.why, o.pressure, o.stall, whose, controller.rate);
	last_why = d.why;
	if (d.pages)
		compress(d.pages, whose, o.pressure);
	return d.over;
}

/* Signals are held back but where it waits: none comes just before that. */
static void run(const sigset_t *waiting_mask)
{
	bool calm = true, waiting = false;

	while (!ended) {
		int timeout = !calm ? (int)config.tick_ms : waiting ? HINT_MS : -1;
		const char *fired = pressure_wait(&pressure, timeout, waiting_mask);

		if (ended)
			break;
		if (calm && fired) {
			const char *whose;

			if (!look_at_driver(&before))
				continue;
			/* The numbers of the time before are no use. */
			calm = false;
			pressure_read(&pressure, &whose);
			before_ms = now_ms();
			say("pressure: somebody waits for memory (%s)", fired);
			/* The first look; what does not run until the next is idle. */
			processes_look(&processes);
			usleep(config.tick_ms * 1000);
		}
		if (!calm)
			calm = tick();
		waiting = config.hint && bring_back();
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end };
	sigset_t ending, usual;
	const char *path = NULL;
	int option;

	while ((option = getopt(argc, argv, "c:n")) != -1) {
		if (option == 'c') {
			path = optarg;
		} else if (option == 'n') {
			config.dry_run = true;
		} else {
			dprintf(STDERR_FILENO, "%s", usage);
			return 2;
		}
	}
	if (config_load(&config, path))
		return 2;
	log_limit(config.log_kib);
	if (!driver_present()) {
		say("no driver: this guest has no memory compression");
		return 3;
	}
	nr_cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	if (pressure_open(&pressure, &config))
		return 3;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigprocmask(SIG_BLOCK, &ending, &usual);
	controller_init(&controller, &config);
	/* So that the first pressure knows who has not run since. */
	processes_look(&processes);
	say("watching%s", config.dry_run ? ", dry run" : "");
	run(&usual);
	pressure_close(&pressure);
	say("ending");
	return 0;
}
