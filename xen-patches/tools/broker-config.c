/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The broker's configuration:
 *
 *   # frames are told in MiB
 *   keep = 16
 *   step = 4
 *   idle_age = 8
 *   domain NAME weight=100 min=32 max=128
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "tool.h"

#define FRAMES_OF_MIB(mib) ((mib) << 8)
#define MAX_MIB (1U << 24)
#define SPACE " \t\n"

struct line {
    const char *path;
    unsigned int number;
};

static void __attribute__((noreturn))
wrong(const struct line *line, const char *what, const char *word)
{
    fail(EXIT_USAGE, "%s:%u: %s: %s", line->path, line->number, what, word);
}

static uint64_t value(const struct line *line, const char *word,
                      uint64_t min, uint64_t max)
{
    uint64_t n;
    char *end;

    errno = 0;
    n = strtoull(word, &end, 10);
    if ( !*word || *word == '-' || *end || errno || n < min || n > max )
        wrong(line, "not a number that it can be", word);

    return n;
}

static void take_domain(struct broker_config *config, const struct line *line)
{
    struct broker_domain *d = &config->domains[config->nr];
    char *word = strtok(NULL, SPACE);
    unsigned int i;

    if ( config->nr == BROKER_DOMAINS )
        wrong(line, "too many domains", "32 at most");
    if ( !word || strlen(word) >= sizeof(d->name) )
        wrong(line, "the name of a domain", word ?: "none");
    for ( i = 0; i < config->nr; i++ )
        if ( !strcmp(config->domains[i].name, word) )
            wrong(line, "twice", word);

    strcpy(d->name, word);
    d->weight = 100;
    d->domid = -1;
    while ( (word = strtok(NULL, SPACE)) )
    {
        if ( !strncmp(word, "weight=", 7) )
            d->weight = value(line, word + 7, 1, 10000);
        else if ( !strncmp(word, "min=", 4) )
            d->min = FRAMES_OF_MIB(value(line, word + 4, 0, MAX_MIB));
        else if ( !strncmp(word, "max=", 4) )
            d->max = FRAMES_OF_MIB(value(line, word + 4, 1, MAX_MIB));
        else
            wrong(line, "not of a domain", word);
    }
    if ( d->max && d->max < d->min )
        wrong(line, "max is less than min", d->name);
    config->nr++;
}

static void take_line(struct broker_config *config, char *text,
                      const struct line *line)
{
    char *key, *sign, *word;

    text[strcspn(text, "#")] = '\0';
    key = strtok(text, SPACE);
    if ( !key )
        return;
    if ( !strcmp(key, "domain") )
    {
        take_domain(config, line);
        return;
    }

    sign = strtok(NULL, SPACE);
    word = strtok(NULL, SPACE);
    if ( !sign || strcmp(sign, "=") || !word || strtok(NULL, SPACE) )
        wrong(line, "not KEY = NUMBER, nor domain NAME ...", key);
    if ( !strcmp(key, "keep") )
        config->keep = FRAMES_OF_MIB(value(line, word, 0, MAX_MIB));
    else if ( !strcmp(key, "step") )
        config->step = FRAMES_OF_MIB(value(line, word, 1, 1024));
    else if ( !strcmp(key, "idle_age") )
        config->idle_age = value(line, word, 1, XEN_MEM_COMPRESS_NR_AGES - 1);
    else
        wrong(line, "no such key", key);
}

void broker_load(struct broker_config *config, const char *path)
{
    struct line line = { .path = path };
    FILE *file = fopen(path, "r");
    char text[512];

    *config = (struct broker_config){
        .step = FRAMES_OF_MIB(4),
        .idle_age = 8,
    };
    if ( !file )
        fail(EXIT_USAGE, "%s: %s", path, strerror(errno));
    while ( fgets(text, sizeof(text), file) )
    {
        line.number++;
        take_line(config, text, &line);
    }
    fclose(file);
    if ( config->nr < 2 )
        fail(EXIT_USAGE, "%s: names less than two domains", path);
}
