/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzzer guided by coverage, for compilers that bring none of their own.
 *
 *   fuzz_TARGET EXECUTIONS SEED CORPUS [FOUND]
 *
 * Runs all inputs of CORPUS (a line of hexadecimal digits each, # begins a
 * comment), then EXECUTIONS mutations of these and of whatever reached new
 * edges since.  The same arguments do the same again.  With FOUND, the inputs
 * that together reach all edges seen are written there, smallest first.
 *
 * The target's objects are compiled with -fsanitize-coverage=trace-pc, which
 * calls __sanitizer_cov_trace_pc() at every basic block; this file is not.
 * What ends the program prints the input first, as a line for a corpus.
 */

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define EDGES       (1U << 16)
#define MAX_INPUTS  4096U

struct input {
    uint8_t *data;
    size_t size;
};

/* Hits of each edge in the current run; what was ever seen, by how often. */
static uint8_t hits[EDGES], seen[EDGES];
static uintptr_t previous;
/* The edges of the current run, so that nobody looks at all of them. */
static uint32_t touched[EDGES];
static unsigned int nr_touched;

static struct input corpus[MAX_INPUTS];
static unsigned int nr_inputs, nr_from_file;

static uint8_t current[FUZZ_MAX];
static size_t current_size;
static struct rng rng;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_set_death_callback(void (*callback)(void));

void __sanitizer_cov_trace_pc(void)
{
    uintptr_t pc = (uintptr_t)__builtin_return_address(0);
    uint32_t edge = (pc ^ (previous << 1) ^ (pc >> 16)) & (EDGES - 1);

    previous = pc;
    if ( !hits[edge] )
        touched[nr_touched++] = edge;
    if ( hits[edge] != 0xff )
        hits[edge]++;
}

static void print_input(void)
{
    static const char digits[] = "0123456789abcdef";
    char line[2 * FUZZ_MAX + 1];
    size_t i;

    for ( i = 0; i < current_size; i++ )
    {
        line[2 * i] = digits[current[i] >> 4];
        line[2 * i + 1] = digits[current[i] & 15];
    }
    line[2 * i] = '\n';
    if ( write(STDERR_FILENO, "input:\n", 7) < 0 ||
         write(STDERR_FILENO, line, 2 * i + 1) < 0 )
        _exit(1);
}

static void aborted(int sig)
{
    print_input();
    signal(sig, SIG_DFL);
    raise(sig);
}

/* 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more: one bit each. */
static uint8_t how_often(uint8_t n)
{
    static const uint8_t limits[] = { 1, 2, 3, 7, 15, 31, 127 };
    unsigned int bit = 0;

    while ( bit < sizeof(limits) && n > limits[bit] )
        bit++;

    return 1U << bit;
}

/* Run the current input; did it do anything new? */
static bool run(void)
{
    bool fresh = false;

    previous = 0;
    fuzz_one(current, current_size);

    while ( nr_touched )
    {
        uint32_t edge = touched[--nr_touched];
        uint8_t bit = how_often(hits[edge]);

        fresh |= !(seen[edge] & bit);
        seen[edge] |= bit;
        hits[edge] = 0;
    }

    return fresh;
}

static void keep(void)
{
    struct input *in = &corpus[nr_inputs];

    if ( nr_inputs == MAX_INPUTS )
        return;
    in->data = malloc(current_size + 1);
    CHECK(in->data);
    memcpy(in->data, current, current_size);
    in->size = current_size;
    nr_inputs++;
}

static void take(const struct input *in)
{
    memcpy(current, in->data, in->size);
    current_size = in->size;
}

static int digit(int c)
{
    return c >= '0' && c <= '9' ? c - '0'
                                : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_corpus(const char *name)
{
    static char line[2 * FUZZ_MAX + 3];
    FILE *f = fopen(name, "r");

    if ( !f )
    {
        perror(name);
        exit(2);
    }
    while ( fgets(line, sizeof(line), f) )
    {
        const char *p;

        if ( line[0] == '#' )
            continue;
        current_size = 0;
        for ( p = line; digit(p[0]) >= 0; p += 2 )
        {
            CHECK(digit(p[1]) >= 0);
            current[current_size++] = digit(p[0]) << 4 | digit(p[1]);
        }
        CHECK(*p == '\n');
        run();
        keep();
    }
    fclose(f);
    nr_from_file = nr_inputs;
}

static void insert(size_t at, const uint8_t *from, size_t n)
{
    if ( n > FUZZ_MAX - current_size )
        n = FUZZ_MAX - current_size;
    memmove(current + at + n, current + at, current_size - at);
    memcpy(current + at, from, n);
    current_size += n;
}

static void mutate_once(void)
{
    static const uint8_t edgy[] = { 0, 1, 2, 3, 15, 16, 17, 31, 32, 63, 64,
                                    127, 128, 239, 240, 254, 255 };
    uint8_t block[64];
    size_t at, n;

    if ( !current_size )
    {
        current[0] = rng_next(&rng);
        current_size = 1;
        return;
    }
    at = rng_below(&rng, current_size);
    n = 1 + rng_below(&rng, 1 + rng_below(&rng, sizeof(block)));
    if ( n > current_size - at )
        n = current_size - at;

    switch ( rng_below(&rng, 9) )
    {
    case 0:
        current[at] ^= 1U << rng_below(&rng, 8);
        break;
    case 1:
        current[at] = rng_next(&rng);
        break;
    case 2:
        current[at] = edgy[rng_below(&rng, sizeof(edgy))];
        break;
    case 3:
        current[at] += rng_between(&rng, 1, 16) - 8;
        break;
    case 4:                     /* cut out */
        memmove(current + at, current + at + n, current_size - at - n);
        current_size -= n;
        break;
    case 5:                     /* cut off */
        current_size = at + 1;
        break;
    case 6:                     /* say it again, somewhere */
        memcpy(block, current + at, n);
        insert(rng_below(&rng, current_size), block, n);
        break;
    case 7:                     /* the same byte some more */
        memset(block, current[at], n);
        insert(at, block, n);
        break;
    default:                    /* something of another input */
    {
        const struct input *other = &corpus[rng_below(&rng, nr_inputs)];
        size_t from;

        if ( !other->size )
            break;
        from = rng_below(&rng, other->size);
        n = 1 + rng_below(&rng, other->size - from);
        if ( rng_below(&rng, 2) )
            insert(at, other->data + from, n);
        else
        {
            if ( n > FUZZ_MAX - at )
                n = FUZZ_MAX - at;
            memcpy(current + at, other->data + from, n);
            if ( at + n > current_size )
                current_size = at + n;
        }
    }
    }
}

static void next_input(void)
{
    unsigned int n = 1 + rng_below(&rng, 1 + rng_below(&rng, 12));

    /* One in sixteen is new; recent finds are more likely than old ones. */
    if ( !nr_inputs || !rng_below(&rng, 16) )
    {
        current_size = fuzz_make(&rng, current);
        n = rng_below(&rng, 3);
    }
    else if ( rng_below(&rng, 2) )
        take(&corpus[rng_below(&rng, nr_inputs)]);
    else
        take(&corpus[nr_inputs - 1 - rng_below(&rng, (nr_inputs + 7) / 8)]);

    while ( n-- )
        mutate_once();
}

static int by_size(const void *a, const void *b)
{
    const struct input *x = a, *y = b;

    return x->size < y->size ? -1 : x->size > y->size;
}

static void write_corpus(const char *name)
{
    FILE *f = fopen(name, "w");
    unsigned int i, written = 0;
    size_t at;

    if ( !f )
    {
        perror(name);
        exit(2);
    }
    fprintf(f, "# SPDX-License-Identifier: GPL-2.0-or-later\n");
    qsort(corpus, nr_inputs, sizeof(*corpus), by_size);
    memset(seen, 0, sizeof(seen));
    for ( i = 0; i < nr_inputs; i++ )
    {
        take(&corpus[i]);
        if ( !run() )
            continue;
        for ( at = 0; at < current_size; at++ )
            fprintf(f, "%02x", current[at]);
        fprintf(f, "\n");
        written++;
    }
    fclose(f);
    printf("%u inputs written to %s\n", written, name);
}

int main(int argc, char **argv)
{
    uint64_t n, executions;
    unsigned int edges = 0, i;

    if ( argc < 4 )
    {
        fprintf(stderr, "%s EXECUTIONS SEED CORPUS [FOUND]\n", argv[0]);
        return 2;
    }
    executions = strtoull(argv[1], NULL, 0);
    rng.state = strtoull(argv[2], NULL, 0);
    signal(SIGABRT, aborted);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_set_death_callback(print_input);
#endif

    read_corpus(argv[3]);
    for ( n = 0; n < executions; n++ )
    {
        next_input();
        if ( run() )
            keep();
    }

    for ( i = 0; i < EDGES; i++ )
        edges += !!seen[i];
    printf("{\"executions\": %llu, \"edges\": %u, \"corpus\": %u, "
           "\"found\": %u, \"outcomes\": {",
           (unsigned long long)(executions + nr_from_file), edges,
           nr_from_file, nr_inputs - nr_from_file);
    for ( i = 0; fuzz_outcomes[i].name; i++ )
        printf("%s\"%s\": %llu", i ? ", " : "", fuzz_outcomes[i].name,
               (unsigned long long)fuzz_outcomes[i].seen);
    printf("}}\n");

    if ( argc > 4 )
        write_corpus(argv[4]);

    return 0;
}
